/* SPDX-License-Identifier: Apache-2.0 */
/* Service parameters of SVCB and HTTPS (RFC 9460, sections 2.1 and 7, appendix A). */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "scan_impl.h"
#include "svcb.h"

/* A parameter as it lies behind out_start: sorted by key before it is written for good. */
struct param {
	uint32_t offset;
	uint32_t len;
	uint16_t key;
};

/* A parameter takes 4 octets or more of rdata. */
#define PARAMS_MAX (XD_RDATA_MAX / 4u)

static int bad(struct xd_scan *scan, const char *what)
{
	char text[64];

	return xd__scan_fail(scan, "malformed %s in service parameter %s", what, xd__scan_token_text(scan, text));
}

/* A key's number, or -1. */
static int read_key(const uint8_t *text, size_t len)
{
	unsigned value = 0;

	for (size_t i = 0; i < XD_SVCB_KEYS_COUNT; i++)
		if (len == strlen(xd_svcb_keys[i].text) && !strncasecmp((const char *)text, xd_svcb_keys[i].text, len))
			return xd_svcb_keys[i].key;
	if (len < 4 || len > 8 || strncasecmp((const char *)text, "key", 3) != 0 || (text[3] == '0' && len > 4))
		return -1;
	for (size_t i = 3; i < len; i++) {
		unsigned digit = text[i] - (unsigned)'0';
		if (digit > 9)
			return -1;
		value = value * 10 + digit;
	}
	/* 65535 is reserved (RFC 9460, section 14.3.2). */
	return value < UINT16_MAX ? (int)value : -1;
}

/* Calls `put` for each item between commas; with `escapes`, "\," and "\\" stand for the second character. */
static int each_item(struct xd_scan *scan, const uint8_t *value, size_t len, bool escapes,
                     int (*put)(struct xd_scan *scan, const uint8_t *item, size_t len))
{
	uint8_t item[256];
	size_t used = 0;

	for (size_t pos = 0; pos <= len; pos++) {
		if (pos == len || value[pos] == ',') {
			if (!used)
				return bad(scan, "list");
			int result = put(scan, item, used);
			if (result < 0)
				return result;
			used = 0;
			continue;
		}
		if (escapes && value[pos] == '\\') {
			if (pos + 1 == len)
				return bad(scan, "escape");
			pos++;
		}
		if (used == 255)
			return bad(scan, "list");
		item[used++] = value[pos];
	}
	return XD_OK;
}

static int put_octets(struct xd_scan *scan, const uint8_t *octets, size_t len)
{
	int result = xd__scan_need(scan, len);

	if (result < 0)
		return result;
	memcpy(scan->out, octets, len);
	scan->out += len;
	return XD_OK;
}

static int put_id(struct xd_scan *scan, const uint8_t *item, size_t len)
{
	uint8_t size = (uint8_t)len;
	int result = put_octets(scan, &size, 1);

	return result < 0 ? result : put_octets(scan, item, len);
}

static int put_key(struct xd_scan *scan, const uint8_t *item, size_t len)
{
	int key = read_key(item, len);
	uint8_t octets[2] = { (uint8_t)(key >> 8), (uint8_t)key };

	/* RFC 9460, section 8: "mandatory" itself must not be in the list. */
	return key <= XD_SVCB_MANDATORY ? bad(scan, "key") : put_octets(scan, octets, 2);
}

static int put_address(struct xd_scan *scan, const uint8_t *item, size_t len, int family)
{
	char text[INET6_ADDRSTRLEN + 1] = { 0 };
	uint8_t octets[16];

	if (len >= sizeof(text))
		return bad(scan, "address");
	memcpy(text, item, len);
	if (inet_pton(family, text, octets) != 1)
		return bad(scan, "address");
	return put_octets(scan, octets, family == AF_INET ? 4 : 16);
}

static int put_ipv4(struct xd_scan *scan, const uint8_t *item, size_t len)
{
	return put_address(scan, item, len, AF_INET);
}

static int put_ipv6(struct xd_scan *scan, const uint8_t *item, size_t len)
{
	return put_address(scan, item, len, AF_INET6);
}

static int key_compare(const void *a, const void *b)
{
	const uint8_t *left = a, *right = b;

	return (left[0] << 8 | left[1]) - (right[0] << 8 | right[1]);
}

/* The list of mandatory keys is sorted and has no duplicates. */
static int put_mandatory(struct xd_scan *scan, const uint8_t *value, size_t len)
{
	uint8_t *start = scan->out;
	int result = each_item(scan, value, len, false, put_key);

	if (result < 0)
		return result;
	qsort(start, (size_t)(scan->out - start) / 2, 2, key_compare);
	for (const uint8_t *pos = start + 2; pos < scan->out; pos += 2)
		if (!key_compare(pos - 2, pos))
			return bad(scan, "duplicate key");
	return XD_OK;
}

static int put_port(struct xd_scan *scan, const uint8_t *value, size_t len)
{
	const struct xd_token token = { .text = value, .len = len, .kind = XD_TOKEN_WORD };
	uint64_t port;

	if (!xd__scan_number(&token, UINT16_MAX, &port))
		return bad(scan, "port");
	uint8_t octets[2] = { (uint8_t)(port >> 8), (uint8_t)port };
	return put_octets(scan, octets, 2);
}

static int put_base64(struct xd_scan *scan, const uint8_t *value, size_t len)
{
	struct xd_token *token = &scan->place->token;
	const struct xd_token saved = *token;

	*token = (struct xd_token){ .text = value, .len = len, .line = saved.line, .kind = XD_TOKEN_WORD };
	ptrdiff_t result = xd__scan_base64(scan, XD_RDATA_MAX);
	*token = saved;
	return result < 0 ? (int)result : XD_OK;
}

static int put_value(struct xd_scan *scan, int key, const uint8_t *value, size_t len)
{
	uint8_t kind = xd_svcb_key_kind(key);

	if (kind == XD_SVCB_NONE)
		return len ? bad(scan, "value, for there must be none,") : XD_OK;
	if (kind != XD_SVCB_OPAQUE && !len)
		return bad(scan, "empty value");
	switch (kind) {
	case XD_SVCB_KEYS:
		return put_mandatory(scan, value, len);
	case XD_SVCB_IDS:
		return each_item(scan, value, len, true, put_id);
	case XD_SVCB_PORT:
		return put_port(scan, value, len);
	case XD_SVCB_IPV4:
		return each_item(scan, value, len, false, put_ipv4);
	case XD_SVCB_IPV6:
		return each_item(scan, value, len, false, put_ipv6);
	case XD_SVCB_BASE64:
		return put_base64(scan, value, len);
	default:
		return put_octets(scan, value, len);
	}
}

/* key, key=value or key="value": the lexer makes two tokens of the last. The value's escapes are resolved into `value`. */
static ptrdiff_t read_param(struct xd_scan *scan, int *key, uint8_t *value)
{
	struct place *place = scan->place;
	struct xd_token text = place->token;
	const uint8_t *equals = memchr(text.text, '=', text.len);
	size_t key_len = equals ? (size_t)(equals - text.text) : text.len;

	if (text.kind != XD_TOKEN_WORD)
		return bad(scan, "key");
	*key = read_key(text.text, key_len);
	if (*key < 0)
		return bad(scan, "key");
	if (!equals)
		return 0;
	size_t skip = key_len + 1;
	text.text += skip;
	text.len -= skip;
	if (!text.len && *place->lexer.pos == '"') {
		xd__scan_advance(scan);
		text = place->token;
		if (text.kind != XD_TOKEN_QUOTED)
			return bad(scan, "value");
	}
	ptrdiff_t len = xd_token_octets(&text, value, XD_RDATA_MAX);
	return len < 0 ? bad(scan, "value") : len;
}

static int param_compare(const void *a, const void *b)
{
	const struct param *left = a, *right = b;

	return left->key - right->key;
}

/* Every key that "mandatory" names is there, and no-default-alpn only beside alpn (RFC 9460, sections 7.1.1 and 8). */
static bool is_consistent(const uint8_t *base, const struct param *params, size_t count)
{
	bool has_alpn = false, has_no_default = false;

	for (size_t i = 0; i < count; i++) {
		has_alpn |= params[i].key == XD_SVCB_ALPN;
		has_no_default |= params[i].key == XD_SVCB_NO_DEFAULT_ALPN;
	}
	if (has_no_default && !has_alpn)
		return false;
	if (!count || params[0].key != XD_SVCB_MANDATORY)
		return true;
	const uint8_t *wanted = base + params[0].offset;
	for (size_t i = 1; wanted < base + params[0].offset + params[0].len; i++) {
		if (i == count)
			return false;
		if (params[i].key == (wanted[0] << 8 | wanted[1]))
			wanted += 2;
	}
	return true;
}

/* Replaces the values at `start` by the parameters sorted by key; `copy` has room for the values. */
static int write_params(struct xd_scan *scan, uint8_t *start, uint8_t *copy, struct param *params, size_t count)
{
	memcpy(copy, start, (size_t)(scan->out - start));
	qsort(params, count, sizeof(*params), param_compare);
	if (!is_consistent(copy, params, count))
		return xd__scan_fail(scan, "service parameters lack a mandatory key, or alpn beside no-default-alpn");
	scan->out = start;
	for (size_t i = 0; i < count; i++) {
		const uint8_t header[4] = { (uint8_t)(params[i].key >> 8), (uint8_t)params[i].key,
			                    (uint8_t)(params[i].len >> 8), (uint8_t)params[i].len };
		if (i && params[i - 1].key == params[i].key)
			return xd__scan_fail(scan, "service parameter key%u is there twice", params[i].key);
		int result = put_octets(scan, header, sizeof(header));
		if (result == XD_OK)
			result = put_octets(scan, copy + params[i].offset, params[i].len);
		if (result < 0)
			return result;
	}
	return XD_OK;
}

static int read_params(struct xd_scan *scan, uint8_t *value, struct param *params, size_t *count)
{
	const uint8_t *start = scan->out;

	for (*count = 0; !xd__scan_is_end(scan); xd__scan_advance(scan)) {
		int key = 0;
		ptrdiff_t len = read_param(scan, &key, value);
		if (len < 0)
			return (int)len;
		if (*count == PARAMS_MAX)
			return xd__scan_fail(scan, "too many service parameters");
		struct param *param = &params[(*count)++];
		*param = (struct param){ .offset = (uint32_t)(scan->out - start), .key = (uint16_t)key };
		int result = put_value(scan, key, value, (size_t)len);
		if (result < 0)
			return result;
		param->len = (uint32_t)(scan->out - start) - param->offset;
	}
	return XD_OK;
}

int xd__scan_svcparams(struct xd_scan *scan)
{
	uint8_t *start = scan->out;
	size_t count;

	if (xd__scan_is_end(scan))
		return XD_OK;
	uint8_t *value = malloc(XD_RDATA_MAX + 1);
	struct param *params = malloc(PARAMS_MAX * sizeof(*params));
	int result = -XD_E_NOMEM;
	if (value && params)
		result = read_params(scan, value, params, &count);
	if (result == XD_OK)
		result = write_params(scan, start, value, params, count);
	free(params);
	free(value);
	return result;
}
