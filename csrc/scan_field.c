/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of rdata from text, as the table of rdata.h lists them. Each reader takes the current token and moves on. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "scan_impl.h"

static int bad(struct xd_scan *scan, const char *what)
{
	char text[64];

	xd__scan_token_text(scan, text);
	return xd__scan_fail(scan, xd__scan_is_end(scan) ? "%s expected, found %s" : "malformed %s %s", what, text);
}

static void put16(struct xd_scan *scan, unsigned value)
{
	*scan->out++ = (uint8_t)(value >> 8);
	*scan->out++ = (uint8_t)value;
}

static void put32(struct xd_scan *scan, uint32_t value)
{
	put16(scan, value >> 16);
	put16(scan, value & 0xffff);
}

static int field_number(struct xd_scan *scan, uint64_t max)
{
	uint64_t value;

	if (!xd__scan_number(&scan->place->token, max, &value))
		return bad(scan, "number");
	if (max > UINT16_MAX)
		put32(scan, (uint32_t)value);
	else if (max > UINT8_MAX)
		put16(scan, (unsigned)value);
	else
		*scan->out++ = (uint8_t)value;
	return XD_OK;
}

static int field_ttl(struct xd_scan *scan)
{
	uint64_t number;
	uint32_t ttl;

	/* A plain number has all 32 bits: SOA timers and original TTLs are not refused for being large. */
	if (xd__scan_number(&scan->place->token, UINT32_MAX, &number))
		ttl = (uint32_t)number;
	else if (!xd__scan_ttl(&scan->place->token, &ttl))
		return bad(scan, "time");
	put32(scan, ttl);
	return XD_OK;
}

static int field_name(struct xd_scan *scan, bool lower)
{
	size_t len;
	int result = xd__scan_name(scan, scan->out, &len, lower);

	if (result < 0)
		return result;
	scan->out += len;
	return XD_OK;
}

static bool read_ipv4(const uint8_t *text, size_t len, uint8_t out[4])
{
	size_t part = 0, digits = 0;
	unsigned value = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned digit = text[i] - (unsigned)'0';
		if (digit <= 9) {
			/* A leading zero would be octal elsewhere: refused as ambiguous. */
			if (digits && !value)
				return false;
			value = value * 10 + digit;
			if (value > 255)
				return false;
			digits++;
		} else if (text[i] == '.' && digits && part < 3) {
			out[part++] = (uint8_t)value;
			value = 0;
			digits = 0;
		} else {
			return false;
		}
	}
	out[part] = (uint8_t)value;
	return part == 3 && digits;
}

static int field_ipv4(struct xd_scan *scan)
{
	const struct xd_token *token = &scan->place->token;

	if (token->kind != XD_TOKEN_WORD || !read_ipv4(token->text, token->len, scan->out))
		return bad(scan, "IPv4 address");
	scan->out += 4;
	return XD_OK;
}

static int field_ipv6(struct xd_scan *scan)
{
	const struct xd_token *token = &scan->place->token;
	char text[INET6_ADDRSTRLEN + 1] = { 0 };

	if (token->kind != XD_TOKEN_WORD || token->len >= sizeof(text))
		return bad(scan, "IPv6 address");
	memcpy(text, token->text, token->len);
	if (inet_pton(AF_INET6, text, scan->out) != 1)
		return bad(scan, "IPv6 address");
	scan->out += 16;
	return XD_OK;
}

int xd__scan_string(struct xd_scan *scan)
{
	const struct xd_token *token = &scan->place->token;

	if (token->kind != XD_TOKEN_WORD && token->kind != XD_TOKEN_QUOTED)
		return bad(scan, "character string");
	ptrdiff_t len = xd_token_octets(token, scan->out + 1, 255);
	if (len < 0)
		return xd__scan_fail(scan, "character string is longer than 255 octets or has a malformed escape");
	*scan->out = (uint8_t)len;
	scan->out += len + 1;
	return XD_OK;
}

static int field_strings(struct xd_scan *scan)
{
	do {
		int result = xd__scan_string(scan);
		/* One string fits behind the limit (XD_COLLECT_SLACK). */
		if (result == XD_OK)
			result = xd__scan_need(scan, 0);
		if (result < 0)
			return result;
		xd__scan_advance(scan);
	} while (!xd__scan_is_end(scan));
	return XD_OK;
}

static int field_text(struct xd_scan *scan)
{
	const struct xd_token *token = &scan->place->token;

	if (token->kind != XD_TOKEN_WORD && token->kind != XD_TOKEN_QUOTED)
		return bad(scan, "text");
	ptrdiff_t len = xd_token_octets(token, scan->out, (size_t)(scan->out_end - scan->out));
	if (len < 0)
		return xd__scan_fail(scan, "text is longer than 65535 octets or has a malformed escape");
	scan->out += len;
	xd__scan_advance(scan);
	return XD_OK;
}

static int field_tag(struct xd_scan *scan)
{
	const uint8_t *start = scan->out;
	int result = xd__scan_string(scan);

	if (result < 0)
		return result;
	for (const uint8_t *pos = start + 1; pos < scan->out; pos++)
		if (!(*pos >= '0' && *pos <= '9') && !((*pos | 0x20) >= 'a' && (*pos | 0x20) <= 'z'))
			return bad(scan, "tag");
	return scan->out > start + 1 ? XD_OK : bad(scan, "tag");
}

static int named_type(const struct xd_token *token)
{
	return token->kind == XD_TOKEN_WORD ? xd_type_scan_any((const char *)token->text, token->len) : -XD_E_NOT_FOUND;
}

static int field_type(struct xd_scan *scan)
{
	const struct xd_token *token = &scan->place->token;
	int type = named_type(token);

	if (type < 0)
		return bad(scan, "record type");
	put16(scan, (unsigned)type);
	return XD_OK;
}

static int field_algorithm(struct xd_scan *scan)
{
	static const struct {
		uint8_t number;
		const char *text;
	} algorithms[] = {
		{ 1, "RSAMD5" },
		{ 2, "DH" },
		{ 3, "DSA" },
		{ 5, "RSASHA1" },
		{ 6, "DSANSEC3SHA1" },
		{ 7, "RSASHA1NSEC3SHA1" },
		{ 8, "RSASHA256" },
		{ 10, "RSASHA512" },
		{ 12, "ECCGOST" },
		{ 13, "ECDSAP256SHA256" },
		{ 14, "ECDSAP384SHA384" },
		{ 15, "ED25519" },
		{ 16, "ED448" },
		{ 252, "INDIRECT" },
		{ 253, "PRIVATEDNS" },
		{ 254, "PRIVATEOID" },
	};

	for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++)
		if (xd__scan_token_is(scan, algorithms[i].text)) {
			*scan->out++ = algorithms[i].number;
			return XD_OK;
		}
	return field_number(scan, UINT8_MAX);
}

/* RFC 4034, section 3.2: YYYYMMDDHHmmSS in UTC, or seconds since 1970; both modulo 2^32. */
static int field_cert_time(struct xd_scan *scan)
{
	const struct xd_token *token = &scan->place->token;
	unsigned parts[7];
	uint64_t number;

	if (token->len != 14)
		return field_number(scan, UINT32_MAX);
	if (!xd__scan_number(token, UINT64_C(99999999999999), &number))
		return bad(scan, "time");
	for (size_t i = 7; i-- > 0; number /= 100)
		parts[i] = (unsigned)(number % 100);
	struct tm time = {
		.tm_year = (int)(parts[0] * 100 + parts[1]) - 1900,
		.tm_mon = (int)parts[2] - 1,
		.tm_mday = (int)parts[3],
		.tm_hour = (int)parts[4],
		.tm_min = (int)parts[5],
		.tm_sec = (int)parts[6],
	};
	struct tm normal = time;
	time_t seconds = timegm(&normal);
	/* timegm carries what is out of range: then the date did not exist. */
	if (normal.tm_mon != time.tm_mon || normal.tm_mday != time.tm_mday || normal.tm_hour != time.tm_hour ||
	    normal.tm_min != time.tm_min || normal.tm_sec != time.tm_sec)
		return bad(scan, "time");
	put32(scan, (uint32_t)seconds);
	return XD_OK;
}

/* RFC 4034, section 4.1.2. */
static int field_bitmap(struct xd_scan *scan)
{
	uint8_t windows[256][32];
	bool used[256] = { false };

	for (; !xd__scan_is_end(scan); xd__scan_advance(scan)) {
		const struct xd_token *token = &scan->place->token;
		int type = named_type(token);
		if (type <= 0)
			return bad(scan, "record type");
		unsigned window = (unsigned)type >> 8, bit = (unsigned)type & 255;
		if (!used[window])
			memset(windows[window], 0, 32);
		used[window] = true;
		windows[window][bit >> 3] |= (uint8_t)(0x80 >> (bit & 7));
	}
	int result = xd__scan_need(scan, 256 * 34);
	if (result < 0)
		return result;
	for (unsigned window = 0; window < 256; window++) {
		if (!used[window])
			continue;
		uint8_t len = 32;
		while (!windows[window][len - 1])
			len--;
		*scan->out++ = (uint8_t)window;
		*scan->out++ = len;
		memcpy(scan->out, windows[window], len);
		scan->out += len;
	}
	return XD_OK;
}

static int field_salt(struct xd_scan *scan)
{
	uint8_t *len = scan->out++;

	*len = 0;
	if (xd__scan_is_end(scan))
		return bad(scan, "salt");
	if (xd__scan_token_is(scan, "-"))
		return XD_OK;
	ptrdiff_t octets = xd__scan_hex(scan, 255);
	if (octets < 0)
		return (int)octets;
	*len = (uint8_t)octets;
	return XD_OK;
}

static int base32_digit(uint8_t octet)
{
	if (octet >= '0' && octet <= '9')
		return octet - '0';
	octet |= 0x20;
	return octet >= 'a' && octet <= 'v' ? octet - 'a' + 10 : -1;
}

/* RFC 5155, section 3.3: base32hex without padding. */
static int field_hash32(struct xd_scan *scan)
{
	const struct xd_token *token = &scan->place->token;
	uint8_t *len = scan->out++;
	uint32_t bits = 0;
	unsigned count = 0;

	if (token->kind != XD_TOKEN_WORD || token->len > 255 * 8 / 5)
		return bad(scan, "hash");
	for (size_t i = 0; i < token->len; i++) {
		int digit = base32_digit(token->text[i]);
		if (digit < 0)
			return bad(scan, "hash");
		bits = bits << 5 | (unsigned)digit;
		count += 5;
		if (count >= 8) {
			count -= 8;
			*scan->out++ = (uint8_t)(bits >> count);
		}
	}
	if (count >= 5 || (bits & ((1u << count) - 1)))
		return bad(scan, "hash");
	*len = (uint8_t)(scan->out - len - 1);
	return *len ? XD_OK : bad(scan, "hash");
}

/* Groups of `digits` hexadecimal digits (leading zeros may be left out when `is_short`). */
static int field_groups(struct xd_scan *scan, size_t groups, size_t digits, char separator, bool is_short)
{
	const struct xd_token *token = &scan->place->token;
	const uint8_t *pos = token->text, *end = pos + token->len;
	static const char what[] = "groups of hexadecimal digits";

	if (token->kind != XD_TOKEN_WORD)
		return bad(scan, what);
	for (size_t group = 0; group < groups; group++) {
		unsigned value = 0;
		size_t count = 0;
		for (; pos < end && count < digits; pos++, count++) {
			unsigned low = *pos | 0x20u;
			if (*pos >= '0' && *pos <= '9')
				value = value << 4 | (*pos - (unsigned)'0');
			else if (low >= 'a' && low <= 'f')
				value = value << 4 | (low - 'a' + 10);
			else
				break;
		}
		bool is_last = group + 1 == groups;
		if (!count || (!is_short && count < digits) ||
		    (is_last ? pos != end : pos == end || *pos++ != (uint8_t)separator))
			return bad(scan, what);
		if (digits == 4)
			put16(scan, value);
		else
			*scan->out++ = (uint8_t)value;
	}
	return XD_OK;
}

/* Fields that take the rest of the entry leave the end as the current token. */
static int scan_field(struct xd_scan *scan, uint8_t field)
{
	switch (field) {
	case XD_F_U8:
		return field_number(scan, UINT8_MAX);
	case XD_F_U16:
		return field_number(scan, UINT16_MAX);
	case XD_F_U32:
		return field_number(scan, UINT32_MAX);
	case XD_F_TTL:
		return field_ttl(scan);
	case XD_F_NAME:
	case XD_F_NAME_LOWER:
		return field_name(scan, field == XD_F_NAME_LOWER);
	case XD_F_IPV4:
		return field_ipv4(scan);
	case XD_F_IPV6:
		return field_ipv6(scan);
	case XD_F_STRING:
		return xd__scan_string(scan);
	case XD_F_TAG:
		return field_tag(scan);
	case XD_F_TYPE:
		return field_type(scan);
	case XD_F_ALGORITHM:
		return field_algorithm(scan);
	case XD_F_CERT_TIME:
		return field_cert_time(scan);
	case XD_F_SALT:
		return field_salt(scan);
	case XD_F_HASH32:
		return field_hash32(scan);
	case XD_F_EUI48:
		return field_groups(scan, 6, 2, '-', false);
	case XD_F_EUI64:
		return field_groups(scan, 8, 2, '-', false);
	default:
		return field_groups(scan, 4, 4, ':', true);
	}
}

/* The fields that take the rest of the entry: true, with the result. */
static bool scan_rest(struct xd_scan *scan, uint8_t field, int *result)
{
	bool is_needed = field == XD_F_HEX || field == XD_F_BASE64;

	if (is_needed && xd__scan_is_end(scan)) {
		*result = bad(scan, field == XD_F_HEX ? "hexadecimal" : "base64");
		return true;
	}
	switch (field) {
	case XD_F_STRINGS:
		*result = field_strings(scan);
		return true;
	case XD_F_TEXT:
		*result = field_text(scan);
		return true;
	case XD_F_BITMAP:
		*result = field_bitmap(scan);
		return true;
	case XD_F_HEX:
		*result = xd__scan_hex_rest(scan);
		return true;
	case XD_F_BASE64:
	case XD_F_BASE64_MAYBE:
		*result = xd__scan_base64_rest(scan);
		return true;
	case XD_F_SVCPARAMS:
		*result = xd__scan_svcparams(scan);
		return true;
	default:
		return false;
	}
}

/* Every other field is bounded: an entry of ten of them stays below the limit of rdata. */
_Static_assert(XD_RDATA_MAX > XD_FIELDS_MAX * (XD_NAME_MAX + 1u), "fields of bounded size fit");

int xd__scan_rdata(struct xd_scan *scan, const struct xd_type_info *info)
{
	for (const uint8_t *field = info->fields; *field; field++) {
		int result;
		if (scan_rest(scan, *field, &result))
			return result;
		result = scan_field(scan, *field);
		if (result < 0)
			return result;
		xd__scan_advance(scan);
	}
	return XD_OK;
}

int xd__scan_generic(struct xd_scan *scan, uint16_t type)
{
	uint64_t len;

	if (!xd__scan_number(&scan->place->token, XD_RDATA_MAX, &len))
		return bad(scan, "length of record data");
	xd__scan_advance(scan);
	int result = xd__scan_hex_rest(scan);
	if (result < 0)
		return result;
	size_t octets = (size_t)(scan->out - scan->out_start);
	if (octets != len)
		return xd__scan_fail(scan, "record data has %zu octets, not the %zu announced", octets, (size_t)len);
	if (xd_rdata_canonize(type, scan->out_start, octets) != XD_OK)
		return xd__scan_fail(scan, "malformed record data for its type");
	return XD_OK;
}
