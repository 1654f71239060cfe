/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a zone file: owner, TTL, class, type, and what becomes of the record. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scan_impl.h"

static bool is_blank(uint8_t octet)
{
	return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

/* The same owner as in the entry before is often written out again. */
static bool skip_same_owner(struct place *place)
{
	size_t len = place->owner_text_len;
	const uint8_t *pos = place->lexer.pos;

	if (!place->owner_text || (size_t)(place->lexer.end - pos) <= len || !is_blank(pos[len]) ||
	    memcmp(pos, place->owner_text, len) != 0)
		return false;
	place->lexer.pos += len;
	return true;
}

static void warn_outside(struct xd_scan *scan, uint32_t line)
{
	char text[XD_NAME_TEXT_MAX];

	xd_name_text(text, scan->place->owner);
	xd__scan_warn(scan, line, "ignoring out-of-zone data, owner %s", text);
}

static int use_owner(struct xd_scan *scan, uint32_t line)
{
	int result = xd_collector_set_owner(&scan->collector, scan->place->owner);

	if (result == -XD_E_NOMEM)
		return result;
	scan->owner_outside = result != XD_OK;
	scan->owner_set = true;
	if (scan->owner_outside)
		warn_outside(scan, line);
	return XD_OK;
}

static int set_owner(struct xd_scan *scan)
{
	struct place *place = scan->place;
	uint8_t owner[NAME_ROOM];
	size_t len;

	if (place->token.kind != XD_TOKEN_WORD)
		return xd__scan_fail(scan, "owner name expected");
	int result = xd__scan_name(scan, owner, &len, true);
	if (result < 0)
		return result;
	memcpy(place->owner, owner, len);
	place->has_owner = true;
	place->owner_text = place->token.text;
	place->owner_text_len = place->token.len;
	scan->owner_set = false;
	return XD_OK;
}

/* IN, or an error for any other class; XD_OK with *is_class false for a word that is none. */
static int scan_class(struct xd_scan *scan, bool *is_class)
{
	static const char *const foreign[] = { "CH", "HS", "CS", "ANY", "NONE" };
	const struct xd_token *token = &scan->place->token;
	char text[64];

	*is_class = true;
	if (token->len == 2 && (token->text[0] | 0x20) == 'i' && (token->text[1] | 0x20) == 'n')
		return XD_OK;
	*is_class = false;
	/* The types that begin like a class are few: CNAME, CAA, CDS and their like. */
	if (!memchr("CcHhAaNn", token->text[0], 8) || token->len < 2)
		return XD_OK;
	*is_class = true;
	if (xd__scan_token_is(scan, "CLASS1"))
		return XD_OK;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		if (xd__scan_token_is(scan, foreign[i]))
			return xd__scan_fail(scan, "class %s is not served, only IN", foreign[i]);
	if (token->len > 5 && !strncasecmp((const char *)token->text, "CLASS", 5))
		return xd__scan_fail(scan, "class %s is not served, only IN", xd__scan_token_text(scan, text));
	*is_class = false;
	return XD_OK;
}

/* TTL and class, in either order, each at most once. Ends at the type. */
static int scan_ttl_and_class(struct xd_scan *scan, uint32_t *ttl, bool *has_ttl)
{
	bool has_class = false;
	char text[64];

	for (;; xd__scan_advance(scan)) {
		const struct xd_token *token = &scan->place->token;
		if (token->kind != XD_TOKEN_WORD)
			return xd__scan_fail(scan, "record type expected");
		if (token->text[0] >= '0' && token->text[0] <= '9') {
			if (*has_ttl || !xd__scan_ttl(token, ttl))
				return xd__scan_fail(scan, "malformed TTL %s", xd__scan_token_text(scan, text));
			*has_ttl = true;
			continue;
		}
		if (has_class)
			return XD_OK;
		int result = scan_class(scan, &has_class);
		if (result < 0 || !has_class)
			return result;
	}
}

static uint32_t implied_ttl(const struct xd_scan *scan)
{
	const struct place *place = scan->place;

	if (place->has_ttl_directive)
		return place->ttl_directive;
	return place->has_ttl_last ? place->ttl_last : scan->default_ttl;
}

/* One block: the names, then the texts. */
static xd_scan_foreign *foreign_fill(const struct place *place, const struct xd_token *type, const uint8_t *rdata,
                                     size_t rdata_len, unsigned parentheses, xd_scan_foreign *out)
{
	size_t owner_len = xd_name_len(place->owner), origin_len = xd_name_len(place->origin);
	uint8_t *block = malloc(owner_len + origin_len + type->len + 1 + parentheses + rdata_len + 1);

	if (!block)
		return NULL;
	out->owner = memcpy(block, place->owner, owner_len);
	block += owner_len;
	out->origin = memcpy(block, place->origin, origin_len);
	block += origin_len;
	out->type = memcpy(block, type->text, type->len);
	block += type->len;
	*block++ = 0;
	out->rdata = (const char *)block;
	/* Those opened in front of the type are closed inside the rdata. */
	memset(block, '(', parentheses);
	memcpy(block + parentheses, rdata, rdata_len);
	block[parentheses + rdata_len] = 0;
	return out;
}

static int keep_foreign(struct xd_scan *scan, uint32_t line, uint32_t ttl)
{
	struct place *place = scan->place;
	struct foreign_list *list = &scan->foreign;
	const struct xd_token type = place->token;
	const uint8_t *rdata = place->lexer.pos;
	unsigned depth = place->lexer.depth;
	const uint8_t *rdata_end = rdata;

	while (!xd__scan_is_end(scan)) {
		if (place->token.kind == XD_TOKEN_ERROR)
			return xd__scan_fail(scan, "malformed record");
		rdata_end = place->lexer.pos;
		xd__scan_advance(scan);
	}
	/* Closing parentheses may follow the last word. */
	if (place->token.text > rdata_end)
		rdata_end = place->token.text;
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 16;
		xd_scan_foreign *items = realloc(list->items, room * sizeof(*items));
		if (!items)
			return -XD_E_NOMEM;
		list->items = items;
		list->room = room;
	}
	xd_scan_foreign *item = &list->items[list->count];
	*item = (xd_scan_foreign){ .file = place->source->path, .line = line, .ttl = ttl };
	if (!foreign_fill(place, &type, rdata, (size_t)(rdata_end - rdata), depth, item))
		return -XD_E_NOMEM;
	list->count++;
	return XD_OK;
}

/* Types that only occur in messages (RFC 6895, section 3.1), and those $GENERATE makes no sense for. */
static int refuse_type(struct xd_scan *scan, uint16_t type)
{
	char text[16];

	xd_type_text(text, type);
	if (type == 0 || type == XD_TYPE_OPT || (type >= 128 && type <= 255))
		return xd__scan_fail(scan, "type %s cannot be in a zone", text);
	if (scan->place->is_generated && (type == XD_TYPE_SOA || type == XD_TYPE_RRSIG || type == XD_TYPE_NSEC ||
	                                  type == XD_TYPE_NSEC3 || type == XD_TYPE_NSEC3PARAM))
		return xd__scan_fail(scan, "type %s cannot be generated", text);
	return XD_OK;
}

static int scan_data(struct xd_scan *scan, const struct xd_type_info *info, uint16_t type)
{
	char text[64];

	xd__scan_advance(scan);
	int result;
	if (scan->place->token.escaped && xd__scan_token_is(scan, "\\#")) {
		xd__scan_advance(scan);
		result = xd__scan_generic(scan, type);
	} else if (info) {
		result = xd__scan_rdata(scan, info);
	} else {
		result = xd__scan_fail(scan, "the data of this type has to be written as \\# LENGTH HEX (RFC 3597)");
	}
	if (result < 0)
		return result;
	if (!xd__scan_is_end(scan))
		return xd__scan_fail(scan, "unexpected %s after the record", xd__scan_token_text(scan, text));
	return XD_OK;
}

/* The current token is the type. */
static int scan_record(struct xd_scan *scan, uint32_t line, uint32_t ttl)
{
	int type = xd_type_scan((const char *)scan->place->token.text, scan->place->token.len);
	int result;

	if (!scan->owner_set) {
		result = use_owner(scan, line);
		if (result < 0)
			return result;
	}
	if (type < 0)
		return scan->owner_outside ? XD_OK : keep_foreign(scan, line, ttl);
	result = refuse_type(scan, (uint16_t)type);
	if (result < 0)
		return result;
	scan->out_start = scan->out = xd_collector_reserve(&scan->collector);
	if (!scan->out)
		return -XD_E_NOMEM;
	scan->out_end = scan->out + XD_RDATA_MAX;
	result = scan_data(scan, xd_type_info((uint16_t)type), (uint16_t)type);
	if (result == XD_OK && !scan->owner_outside)
		xd_collector_commit(&scan->collector, (uint16_t)type, ttl, (size_t)(scan->out - scan->out_start));
	return result;
}

int xd__scan_entry(struct xd_scan *scan)
{
	struct place *place = scan->place;
	uint32_t line = place->lexer.line;
	bool has_ttl = false;
	uint32_t ttl = 0;
	int result;

	bool inherits = is_blank(*place->lexer.pos);
	bool is_same = !inherits && skip_same_owner(place);
	xd__scan_advance(scan);
	if (!inherits && !is_same) {
		if (xd__scan_is_end(scan))
			return XD_OK;
		if (place->token.kind == XD_TOKEN_WORD && place->token.text[0] == '$')
			return xd__scan_directive(scan);
		result = set_owner(scan);
		if (result < 0)
			return result;
		xd__scan_advance(scan);
	}
	if (inherits && xd__scan_is_end(scan))
		return XD_OK;
	if (!place->has_owner)
		return xd__scan_fail(scan, "the first record has no owner");
	result = scan_ttl_and_class(scan, &ttl, &has_ttl);
	if (result < 0)
		return result;
	if (has_ttl) {
		place->ttl_last = ttl;
		place->has_ttl_last = true;
	}
	return scan_record(scan, line, has_ttl ? ttl : implied_ttl(scan));
}

/* Behind what is left of the entry, or, where the text is not to be understood, at the next line. */
static void skip_entry(struct xd_scan *scan)
{
	struct place *place = scan->place;

	while (place->token.kind != XD_TOKEN_END && place->token.kind != XD_TOKEN_ERROR)
		xd__scan_advance(scan);
	if (place->token.kind == XD_TOKEN_ERROR)
		xd_lexer_skip_line(&place->lexer);
}

int xd__scan_text(struct xd_scan *scan, const struct source *source, const uint8_t *text, size_t len)
{
	struct place *outer = scan->place;
	struct place place = *outer;
	int result = XD_OK;

	place.source = source;
	place.parent = outer;
	place.owner_text = NULL;
	place.token = (struct xd_token){ 0 };
	xd_lexer_init(&place.lexer, text, len, place.is_generated ? outer->token.line : 1);
	scan->place = &place;
	scan->owner_set = false;
	while (place.lexer.pos < place.lexer.end && result != -XD_E_NOMEM && scan->notes.errors < XD_ZONE_NOTES_MAX) {
		result = xd__scan_entry(scan);
		if (result < 0 || !xd__scan_is_end(scan))
			skip_entry(scan);
	}
	scan->place = outer;
	scan->owner_set = false;
	return result == -XD_E_NOMEM ? result : XD_OK;
}
