/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan_impl.h"

int xd_scan_create(const uint8_t *origin, uint32_t zone_id, uint32_t default_ttl, xd_scan **out)
{
	struct xd_scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return -XD_E_NOMEM;
	xd_collector_init(&scan->collector, origin, zone_id);
	xd_name_lower(scan->apex, origin);
	scan->default_ttl = default_ttl;
	*out = scan;
	return XD_OK;
}

void xd_scan_free(xd_scan *scan)
{
	if (!scan)
		return;
	xd_collector_uninit(&scan->collector);
	for (size_t i = 0; i < scan->notes.count; i++)
		free((char *)(uintptr_t)scan->notes.items[i].text);
	free(scan->notes.items);
	for (size_t i = 0; i < scan->foreign.count; i++)
		free((uint8_t *)(uintptr_t)scan->foreign.items[i].owner);
	free(scan->foreign.items);
	for (struct source *source = scan->sources, *next; source; source = next) {
		next = source->next;
		free(source);
	}
	free(scan);
}

/* A note that finds no memory is lost, but an error still counts. */
static void add_note(struct xd_scan *scan, bool is_error, uint32_t line, const char *format, va_list arguments)
{
	struct note_list *notes = &scan->notes;
	size_t *seen = is_error ? &notes->errors : &notes->warnings;
	char *text;

	if (++*seen > XD_ZONE_NOTES_MAX)
		return;
	if (notes->count == notes->room) {
		size_t room = notes->room ? notes->room * 2 : 8;
		xd_scan_note *items = realloc(notes->items, room * sizeof(*items));
		if (!items)
			return;
		notes->items = items;
		notes->room = room;
	}
	if (vasprintf(&text, format, arguments) < 0)
		return;
	notes->items[notes->count++] = (xd_scan_note){
		.file = scan->place && scan->place->source ? scan->place->source->path : "",
		.text = text,
		.line = line,
		.is_error = is_error,
	};
}

int xd__scan_fail_at(struct xd_scan *scan, uint32_t line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_note(scan, true, line, format, arguments);
	va_end(arguments);
	return -XD_E_SYNTAX;
}

int xd__scan_fail(struct xd_scan *scan, const char *format, ...)
{
	va_list arguments;

	if (scan->place->token.kind == XD_TOKEN_ERROR)
		return xd__scan_fail_at(scan, scan->place->token.line, "%s", scan->place->lexer.error);
	va_start(arguments, format);
	add_note(scan, true, scan->place->token.line, format, arguments);
	va_end(arguments);
	return -XD_E_SYNTAX;
}

void xd__scan_warn(struct xd_scan *scan, uint32_t line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_note(scan, false, line, format, arguments);
	va_end(arguments);
}

const char *xd__scan_token_text(const struct xd_scan *scan, char *out)
{
	const struct xd_token *token = &scan->place->token;
	size_t len = token->len < 60 ? token->len : 60;

	if (token->kind == XD_TOKEN_END)
		return strcpy(out, "end of line");
	for (size_t i = 0; i < len; i++)
		out[i] = token->text[i] >= 0x20 && token->text[i] < 0x7f ? (char)token->text[i] : '?';
	strcpy(out + len, len < token->len ? "..." : "");
	return out;
}

const xd_scan_note *xd_scan_get_note(const xd_scan *scan, size_t n)
{
	return n < scan->notes.count ? &scan->notes.items[n] : NULL;
}

const xd_scan_foreign *xd_scan_get_foreign(const xd_scan *scan, size_t n)
{
	return n < scan->foreign.count ? &scan->foreign.items[n] : NULL;
}

size_t xd_scan_errors(const xd_scan *scan)
{
	return scan->notes.errors;
}

size_t xd_scan_records(const xd_scan *scan)
{
	return scan->collector.record_count;
}

int xd_scan_add(xd_scan *scan, const uint8_t *owner, size_t owner_len, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                size_t rdata_len)
{
	if (xd_name_check(owner, owner_len) != (int)owner_len)
		return -XD_E_NAME;
	if (rdata_len > XD_RDATA_MAX)
		return -XD_E_RDATA;
	scan->owner_set = false;
	int result = xd_collector_set_owner(&scan->collector, owner);
	if (result != XD_OK)
		return result;
	uint8_t *out = xd_collector_reserve(&scan->collector);
	if (!out)
		return -XD_E_NOMEM;
	if (rdata_len)
		memcpy(out, rdata, rdata_len);
	result = xd_rdata_canonize(type, out, rdata_len);
	if (result == XD_OK)
		xd_collector_commit(&scan->collector, type, ttl, rdata_len);
	return result;
}

static void report_finding(void *context, enum xd_collect_finding finding, const uint8_t *key, size_t key_len)
{
	struct xd_scan *scan = context;
	uint8_t owner[XD_NAME_MAX];
	char owner_text[XD_NAME_TEXT_MAX], type_text[16];
	size_t owner_len;
	uint16_t type;

	if (xd_key_parse(key, key_len, owner, &owner_len, &type) != XD_OK)
		return;
	xd_name_text(owner_text, owner);
	xd_type_text(type_text, type);
	if (finding == XD_COLLECT_TTL_DIFFERS)
		xd__scan_warn(scan, 0, "TTL mismatch in the RRset, owner %s, type %s: the last TTL is used", owner_text,
		              type_text);
	else
		xd__scan_fail_at(scan, 0, "more than 65535 records in an RRset, owner %s, type %s", owner_text, type_text);
}

int xd_scan_finish(xd_scan *scan, xd_pairs *pairs)
{
	size_t errors = scan->notes.errors;
	int result = xd_collector_finish(&scan->collector, pairs, report_finding, scan);

	if (result == XD_OK && scan->notes.errors > errors) {
		xd_pairs_uninit(pairs);
		result = -XD_E_ZONE;
	}
	return result;
}
