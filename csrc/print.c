/* SPDX-License-Identifier: Apache-2.0 */
#include "print.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "limits.h"
#include "name.h"
#include "pairs.h"
#include "print_impl.h"

#define PAD_MAX 64u
#define CLASS_IN 1u
#define KEY_TAIL 3u /* zero and type */

/* Owner, padding, TTL, type and separators of a line. */
#define LINE_EXTRA (XD_NAME_TEXT_MAX + PAD_MAX + 32u)

/* The owner at hand, printed once for all its records. */
struct owner {
	const uint8_t *key;
	size_t key_len; /* zone id and owner */
	size_t text_len;
	char text[XD_NAME_TEXT_MAX + PAD_MAX];
};

void xd_print_uninit(xd_print *print)
{
	free(print->text);
	*print = (xd_print){ 0 };
}

XD_CHECKED static int reserve(xd_print *print, size_t octets)
{
	if (print->room - print->len >= octets)
		return XD_OK;
	size_t room = print->room * 2 > print->len + octets ? print->room * 2 : print->len + octets;
	char *text = realloc(print->text, room);
	if (!text)
		return -XD_E_NOMEM;
	print->text = text;
	print->room = room;
	return XD_OK;
}

/* RFC 3597, section 5. */
static char *print_generic(char *out, const uint8_t *rdata, size_t len)
{
	memcpy(out, "\\# ", 3);
	out = xd__print_number(out + 3, (uint32_t)len);
	if (len)
		*out++ = ' ';
	return xd__print_hex(out, rdata, len);
}

int xd_print_rdata(xd_print *print, uint16_t type, const uint8_t *rdata, size_t len)
{
	const struct xd_type_info *info = xd_type_info(type);
	char *end = NULL;

	int result = reserve(print, PRINT_RDATA_EXTRA + PRINT_RDATA_FACTOR * len);
	if (result < 0)
		return result;
	char *out = print->text + print->len;
	if (info && xd_rdata_check(type, rdata, len) == XD_OK)
		end = xd__print_fields(out, info, rdata, len);
	if (!end)
		end = print_generic(out, rdata, len);
	print->len += (size_t)(end - out);
	return XD_OK;
}

XD_CHECKED static int set_owner(struct owner *owner, const uint8_t *key, size_t key_len, unsigned pad)
{
	uint8_t name[XD_NAME_MAX];
	size_t name_len;
	uint16_t type;

	if (owner->key && owner->key_len == key_len - KEY_TAIL && !memcmp(owner->key, key, owner->key_len))
		return XD_OK;
	int result = xd_key_parse(key, key_len, name, &name_len, &type);
	if (result < 0)
		return result;
	owner->key = key;
	owner->key_len = key_len - KEY_TAIL;
	owner->text_len = xd_name_text(owner->text, name);
	for (; owner->text_len < pad; owner->text_len++)
		owner->text[owner->text_len] = ' ';
	return XD_OK;
}

/* An RRSIG in the RRset of signatures has the TTL of what it covers, which it tells (RFC 4034, section 3). */
static uint32_t record_ttl(uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t len)
{
	return type == XD_TYPE_RRSIG && len >= 8 ? xd_load_be32(rdata + 4) : ttl;
}

XD_CHECKED static int print_line(xd_print *print, const struct owner *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                                 size_t len)
{
	char name[16];
	int result = reserve(print, LINE_EXTRA);

	if (result < 0)
		return result;
	char *out = print->text + print->len;
	memcpy(out, owner->text, owner->text_len);
	out += owner->text_len;
	*out++ = '\t';
	out = xd__print_number(out, record_ttl(type, ttl, rdata, len));
	*out++ = '\t';
	xd_type_text(name, type);
	size_t name_len = strlen(name);
	memcpy(out, name, name_len);
	out += name_len;
	*out++ = '\t';
	print->len = (size_t)(out - print->text);
	result = xd_print_rdata(print, type, rdata, len);
	if (result == XD_OK)
		result = reserve(print, 1);
	if (result < 0)
		return result;
	print->text[print->len++] = '\n';
	print->records++;
	return XD_OK;
}

XD_CHECKED static int print_pair(xd_print *print, const struct owner *owner, const struct xd_pair *pair)
{
	uint32_t ttl = xd_load_be32(pair->value);
	int result = XD_OK;

	for (size_t pos = 6; result == XD_OK && pos < pair->value_len;) {
		size_t len = xd_load_be16(pair->value + pos);
		result = print_line(print, owner, pair->type, ttl, pair->value + pos + 2, len);
		pos += 2 + len;
	}
	return result;
}

int xd_print_pairs(xd_print *print, const uint8_t *bytes, size_t len, const uint8_t *skip, unsigned pad)
{
	const uint8_t *end = bytes + len;
	struct owner owner = { 0 };
	struct xd_pair pair;

	pad = pad < PAD_MAX ? pad : PAD_MAX;
	for (; bytes < end; bytes = pair.value + pair.value_len) {
		int result = xd_pair_read(&pair, bytes, (size_t)(end - bytes));
		if (result < 0)
			return result;
		if (skip && skip[pair.type / 8] & 0x80 >> pair.type % 8)
			continue;
		result = set_owner(&owner, pair.key, pair.key_len, pad);
		if (result == XD_OK)
			result = print_pair(print, &owner, &pair);
		if (result < 0)
			return result;
	}
	return XD_OK;
}

/* Type, class, TTL and data of a record behind its owner. */
static uint8_t *put_record(uint8_t *out, uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t len)
{
	xd_store_be16(out, type);
	xd_store_be16(out + 2, CLASS_IN);
	xd_store_be32(out + 4, record_ttl(type, ttl, rdata, len));
	xd_store_be16(out + 8, (uint16_t)len);
	memcpy(out + 10, rdata, len);
	return out + 10 + len;
}

/* RFC 8976, section 3.3.1: not the ZONEMD of the apex, nor its signatures. */
static bool is_digested(const struct xd_pair *pair, const uint8_t *rdata, size_t len, bool is_apex)
{
	if (!is_apex || (pair->type != XD_TYPE_ZONEMD && pair->type != XD_TYPE_RRSIG))
		return true;
	return pair->type == XD_TYPE_RRSIG && (len < 2 || xd_load_be16(rdata) != XD_TYPE_ZONEMD);
}

XD_CHECKED static int write_pair(xd_print *print, const struct xd_pair *pair, const uint8_t *apex)
{
	uint8_t name[XD_NAME_MAX];
	size_t name_len;
	uint16_t type;

	int result = xd_key_parse(pair->key, pair->key_len, name, &name_len, &type);
	if (result < 0)
		return result;
	bool is_apex = xd_name_equal(name, apex);
	for (size_t pos = 6; pos < pair->value_len;) {
		const uint8_t *rdata = pair->value + pos + 2;
		size_t len = xd_load_be16(pair->value + pos);
		pos += 2 + len;
		if (!is_digested(pair, rdata, len, is_apex))
			continue;
		result = reserve(print, name_len + 10 + len);
		if (result < 0)
			return result;
		uint8_t *out = (uint8_t *)print->text + print->len;
		memcpy(out, name, name_len);
		out = put_record(out + name_len, type, xd_load_be32(pair->value), rdata, len);
		print->len = (size_t)(out - (uint8_t *)print->text);
		print->records++;
	}
	return XD_OK;
}

int xd_print_digested(xd_print *print, const uint8_t *bytes, size_t len, const uint8_t *apex)
{
	const uint8_t *end = bytes + len;
	struct xd_pair pair;

	for (; bytes < end; bytes = pair.value + pair.value_len) {
		int result = xd_pair_read(&pair, bytes, (size_t)(end - bytes));
		if (result == XD_OK)
			result = write_pair(print, &pair, apex);
		if (result < 0)
			return result;
	}
	return XD_OK;
}
