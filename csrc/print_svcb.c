/* SPDX-License-Identifier: Apache-2.0 */
/* Service parameters of SVCB and HTTPS into text (RFC 9460, section 2.1, appendix A). */
#include <string.h>

#include "bytes.h"
#include "print_impl.h"
#include "svcb.h"

static char *print_text(char *out, const char *text)
{
	size_t len = strlen(text);

	memcpy(out, text, len);
	return out + len;
}

static char *print_key(char *out, unsigned key)
{
	if (key < XD_SVCB_KEYS_COUNT)
		return print_text(out, xd_svcb_keys[key].text);
	return xd__print_number(print_text(out, "key"), key);
}

/* Rising, and neither "mandatory" itself nor the reserved key. */
static char *print_keys(char *out, const uint8_t *value, size_t len)
{
	unsigned previous = XD_SVCB_MANDATORY;

	if (len % 2)
		return NULL;
	for (size_t i = 0; i < len; i += 2) {
		unsigned key = xd_load_be16(value + i);
		if (key <= previous || key == UINT16_MAX)
			return NULL;
		if (i)
			*out++ = ',';
		out = print_key(out, key);
		previous = key;
	}
	return out;
}

/* Commas and backslashes are escaped twice: as an item of the list, and as a character of the string. */
static char *print_id(char *out, const uint8_t *id, size_t len)
{
	for (; len; len--, id++) {
		if (*id == ',' || *id == '\\')
			out = print_text(out, "\\\\");
		out = xd__print_octets(out, id, 1);
	}
	return out;
}

static char *print_ids(char *out, const uint8_t *value, size_t len)
{
	const uint8_t *end = value + len;

	*out++ = '"';
	for (const uint8_t *pos = value; pos < end; pos += *pos + 1u) {
		if (!*pos || *pos >= end - pos)
			return NULL;
		if (pos != value)
			*out++ = ',';
		out = print_id(out, pos + 1, *pos);
	}
	*out++ = '"';
	return out;
}

static char *print_addresses(char *out, const uint8_t *value, size_t len, size_t size)
{
	if (len % size)
		return NULL;
	for (size_t i = 0; i < len; i += size) {
		if (i)
			*out++ = ',';
		out = size == 4 ? xd__print_ipv4(out, value + i) : xd__print_ipv6(out, value + i);
	}
	return out;
}

static char *print_value(char *out, uint8_t kind, const uint8_t *value, size_t len)
{
	switch (kind) {
	case XD_SVCB_KEYS:
		return print_keys(out, value, len);
	case XD_SVCB_IDS:
		return print_ids(out, value, len);
	case XD_SVCB_PORT:
		return len == 2 ? xd__print_number(out, xd_load_be16(value)) : NULL;
	case XD_SVCB_IPV4:
		return print_addresses(out, value, len, 4);
	case XD_SVCB_IPV6:
		return print_addresses(out, value, len, 16);
	case XD_SVCB_BASE64:
		return xd__print_base64(out, value, len);
	default:
		return xd__print_quoted(out, value, len);
	}
}

static char *print_param(char *out, unsigned key, const uint8_t *value, size_t len)
{
	uint8_t kind = xd_svcb_key_kind((int)key);

	if (key == UINT16_MAX || (kind == XD_SVCB_NONE && len) || (kind > XD_SVCB_NONE && !len))
		return NULL;
	out = print_key(out, key);
	if (!len)
		return out;
	*out++ = '=';
	return print_value(out, kind, value, len);
}

/* The scanner wants what "mandatory" names to be there, and alpn beside no-default-alpn. */
static bool is_consistent(const uint8_t *data, size_t len)
{
	const uint8_t *wanted = NULL, *wanted_end = NULL;
	bool has_alpn = false;

	for (size_t pos = 0; pos < len; pos += 4u + xd_load_be16(data + pos + 2)) {
		unsigned key = xd_load_be16(data + pos);
		has_alpn = has_alpn || key == XD_SVCB_ALPN;
		if (key == XD_SVCB_NO_DEFAULT_ALPN && !has_alpn)
			return false;
		if (key == XD_SVCB_MANDATORY) {
			wanted = data + pos + 4;
			wanted_end = wanted + xd_load_be16(data + pos + 2);
		} else if (wanted < wanted_end && xd_load_be16(wanted) == key) {
			wanted += 2;
		}
	}
	return wanted == wanted_end;
}

/* `data` passed the check of rdata.h: whole parameters with rising keys. */
char *xd__print_svcparams(char *out, const uint8_t *data, size_t len)
{
	for (size_t pos = 0; pos < len;) {
		size_t size = xd_load_be16(data + pos + 2);
		if (pos)
			*out++ = ' ';
		out = print_param(out, xd_load_be16(data + pos), data + pos + 4, size);
		if (!out)
			return NULL;
		pos += 4 + size;
	}
	return is_consistent(data, len) ? out : NULL;
}
