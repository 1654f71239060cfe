/* SPDX-License-Identifier: Apache-2.0 */
#include "rdata.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "name.h"

/* clang-format off */
#define F(...) { __VA_ARGS__ }
/* clang-format on */
#define U8 XD_F_U8
#define U16 XD_F_U16
#define U32 XD_F_U32
#define NAME XD_F_NAME
#define LOWER XD_F_NAME_LOWER
#define STRING XD_F_STRING

/* The commonest first: text is looked up from the top. */
static const struct xd_type_info types[] = {
	{ 2, F(LOWER), "NS" },
	{ 1, F(XD_F_IPV4), "A" },
	{ 28, F(XD_F_IPV6), "AAAA" },
	{ 43, F(U16, XD_F_ALGORITHM, U8, XD_F_HEX), "DS" },
	{ 46, F(XD_F_TYPE, XD_F_ALGORITHM, U8, XD_F_TTL, XD_F_CERT_TIME, XD_F_CERT_TIME, U16, LOWER, XD_F_BASE64), "RRSIG" },
	{ 50, F(U8, U8, U16, XD_F_SALT, XD_F_HASH32, XD_F_BITMAP), "NSEC3" },
	/* RFC 6840, section 5.1: the next name keeps its case. */
	{ 47, F(NAME, XD_F_BITMAP), "NSEC" },
	{ 5, F(LOWER), "CNAME" },
	{ 12, F(LOWER), "PTR" },
	{ 15, F(U16, LOWER), "MX" },
	{ 16, F(XD_F_STRINGS), "TXT" },
	{ 33, F(U16, U16, U16, LOWER), "SRV" },
	{ 6, F(LOWER, LOWER, U32, XD_F_TTL, XD_F_TTL, XD_F_TTL, XD_F_TTL), "SOA" },
	{ 39, F(LOWER), "DNAME" },
	{ 257, F(U8, XD_F_TAG, XD_F_TEXT), "CAA" },
	{ 52, F(U8, U8, U8, XD_F_HEX), "TLSA" },
	{ 44, F(U8, U8, XD_F_HEX), "SSHFP" },
	{ 35, F(U16, U16, STRING, STRING, STRING, LOWER), "NAPTR" },
	{ 64, F(U16, NAME, XD_F_SVCPARAMS), "SVCB" },
	{ 65, F(U16, NAME, XD_F_SVCPARAMS), "HTTPS" },
	{ 48, F(U16, U8, XD_F_ALGORITHM, XD_F_BASE64_MAYBE), "DNSKEY" },
	{ 59, F(U16, XD_F_ALGORITHM, U8, XD_F_HEX), "CDS" },
	{ 60, F(U16, U8, XD_F_ALGORITHM, XD_F_BASE64_MAYBE), "CDNSKEY" },
	{ 51, F(U8, U8, U16, XD_F_SALT), "NSEC3PARAM" },
	{ 99, F(XD_F_STRINGS), "SPF" },
	{ 13, F(STRING, STRING), "HINFO" },
	{ 17, F(LOWER, LOWER), "RP" },
	{ 18, F(U16, LOWER), "AFSDB" },
	{ 25, F(U16, U8, XD_F_ALGORITHM, XD_F_BASE64_MAYBE), "KEY" },
	{ 53, F(U8, U8, U8, XD_F_HEX), "SMIMEA" },
	{ 61, F(XD_F_BASE64), "OPENPGPKEY" },
	{ 62, F(U32, U16, XD_F_BITMAP), "CSYNC" },
	{ 63, F(U32, U8, U8, XD_F_HEX), "ZONEMD" },
	{ 256, F(U16, U16, XD_F_TEXT), "URI" },
	{ 32769, F(U16, XD_F_ALGORITHM, U8, XD_F_HEX), "DLV" },
	{ 108, F(XD_F_EUI48), "EUI48" },
	{ 109, F(XD_F_EUI64), "EUI64" },
	{ 49, F(XD_F_BASE64), "DHCID" },
	{ 104, F(U16, XD_F_LOCATOR64), "NID" },
	{ 105, F(U16, XD_F_IPV4), "L32" },
	{ 106, F(U16, XD_F_LOCATOR64), "L64" },
	{ 107, F(U16, NAME), "LP" },
	{ 36, F(U16, LOWER), "KX" },
	{ 21, F(U16, LOWER), "RT" },
	{ 26, F(U16, LOWER, LOWER), "PX" },
	{ 14, F(LOWER, LOWER), "MINFO" },
	{ 7, F(LOWER), "MB" },
	{ 8, F(LOWER), "MG" },
	{ 9, F(LOWER), "MR" },
	{ 3, F(LOWER), "MD" },
	{ 4, F(LOWER), "MF" },
	{ 19, F(STRING), "X25" },
	{ 258, F(XD_F_STRINGS), "AVC" },
	{ 56, F(XD_F_STRINGS), "NINFO" },
	{ 261, F(XD_F_STRINGS), "RESINFO" },
	{ 262, F(XD_F_STRINGS), "WALLET" },
};

#undef F
#undef U8
#undef U16
#undef U32
#undef NAME
#undef LOWER
#undef STRING

#define TYPE_COUNT (sizeof(types) / sizeof(*types))

/* Types whose data is not read here, but which signatures cover and bitmaps list. */
static const struct type_name {
	uint16_t type;
	char text[11];
} other_types[] = {
	{ 10, "NULL" },  { 11, "WKS" },    { 20, "ISDN" },    { 22, "NSAP" },    { 23, "NSAP-PTR" }, { 24, "SIG" },
	{ 27, "GPOS" },  { 29, "LOC" },    { 30, "NXT" },     { 31, "EID" },     { 32, "NIMLOC" },   { 34, "ATMA" },
	{ 37, "CERT" },  { 38, "A6" },     { 40, "SINK" },    { 42, "APL" },     { 45, "IPSECKEY" }, { 55, "HIP" },
	{ 57, "RKEY" },  { 58, "TALINK" }, { 66, "DSYNC" },   { 67, "HHIT" },    { 68, "BRID" },     { 100, "UINFO" },
	{ 101, "UID" },  { 102, "GID" },   { 103, "UNSPEC" }, { 128, "NXNAME" }, { 259, "DOA" },     { 260, "AMTRELAY" },
	{ 32768, "TA" },
};

const struct xd_type_info *xd_type_info(uint16_t type)
{
	for (size_t i = 0; i < TYPE_COUNT; i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

int xd_type_is_known(uint16_t type)
{
	return xd_type_info(type) != NULL;
}

static int scan_generic(const char *text, size_t len)
{
	unsigned value = 0;

	if (len < 5 || len > 9 || strncasecmp(text, "TYPE", 4) != 0)
		return -XD_E_NOT_FOUND;
	for (size_t i = 4; i < len; i++) {
		unsigned digit = (unsigned)text[i] - '0';
		if (digit > 9)
			return -XD_E_NOT_FOUND;
		value = value * 10 + digit;
	}
	return value <= UINT16_MAX ? (int)value : -XD_E_NOT_FOUND;
}

int xd_type_scan(const char *text, size_t len)
{
	char upper[sizeof(types->text)] = { 0 };

	if (len < sizeof(upper)) {
		for (size_t i = 0; i < len; i++)
			upper[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 32 : text[i]);
		for (size_t i = 0; i < TYPE_COUNT; i++)
			if (!memcmp(upper, types[i].text, sizeof(upper)))
				return types[i].type;
	}
	return scan_generic(text, len);
}

int xd_type_scan_any(const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof(other_types) / sizeof(*other_types); i++)
		if (strlen(other_types[i].text) == len && !strncasecmp(text, other_types[i].text, len))
			return other_types[i].type;
	return xd_type_scan(text, len);
}

void xd_type_text(char *out, uint16_t type)
{
	const struct xd_type_info *info = xd_type_info(type);

	if (info)
		memcpy(out, info->text, sizeof(info->text));
	else
		snprintf(out, 16, "TYPE%u", type);
}

void xd_type_text_any(char *out, uint16_t type)
{
	for (size_t i = 0; i < sizeof(other_types) / sizeof(*other_types); i++)
		if (other_types[i].type == type) {
			memcpy(out, other_types[i].text, sizeof(other_types->text));
			return;
		}
	xd_type_text(out, type);
}

size_t xd_field_fixed_bytes(uint8_t field)
{
	switch (field) {
	case XD_F_U8:
	case XD_F_ALGORITHM:
		return 1;
	case XD_F_U16:
	case XD_F_TYPE:
		return 2;
	case XD_F_U32:
	case XD_F_TTL:
	case XD_F_CERT_TIME:
	case XD_F_IPV4:
		return 4;
	case XD_F_EUI48:
		return 6;
	case XD_F_EUI64:
	case XD_F_LOCATOR64:
		return 8;
	case XD_F_IPV6:
		return 16;
	default:
		return 0;
	}
}

/* RFC 4034, section 4.1.2: windows in rising order, 1 to 32 octets each, the last octet not zero. */
static bool check_bitmap(const uint8_t *data, size_t len)
{
	int previous = -1;

	while (len) {
		if (len < 3 || data[0] <= previous || data[1] < 1 || data[1] > 32 || len < 2u + data[1] || !data[data[1] + 1])
			return false;
		previous = data[0];
		len -= 2u + data[1];
		data += 2 + data[1];
	}
	return true;
}

/* RFC 9460, section 2.2: keys in strictly rising order. */
static bool check_svcparams(const uint8_t *data, size_t len)
{
	int previous = -1;

	while (len) {
		if (len < 4)
			return false;
		int key = data[0] << 8 | data[1];
		size_t size = (size_t)(data[2] << 8 | data[3]) + 4;
		if (key <= previous || size > len)
			return false;
		previous = key;
		data += size;
		len -= size;
	}
	return true;
}

static bool check_strings(const uint8_t *data, size_t len)
{
	if (!len)
		return false;
	while (len) {
		size_t size = data[0] + 1u;
		if (size > len)
			return false;
		data += size;
		len -= size;
	}
	return true;
}

static bool check_tag(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((data[i] | 32) >= 'a' && (data[i] | 32) <= 'z') && !(data[i] >= '0' && data[i] <= '9'))
			return false;
	return len != 0;
}

ptrdiff_t xd_rdata_field_size(uint8_t field, const uint8_t *data, size_t len)
{
	switch (field) {
	case XD_F_NAME:
	case XD_F_NAME_LOWER:
		return xd_name_check(data, len);
	case XD_F_STRING:
	case XD_F_SALT:
	case XD_F_HASH32:
	case XD_F_TAG:
		if (!len || data[0] + 1u > len || (field == XD_F_HASH32 && !data[0]) ||
		    (field == XD_F_TAG && !check_tag(data + 1, data[0])))
			return -1;
		return data[0] + 1;
	case XD_F_STRINGS:
		return check_strings(data, len) ? (ptrdiff_t)len : -1;
	case XD_F_BITMAP:
		return check_bitmap(data, len) ? (ptrdiff_t)len : -1;
	case XD_F_SVCPARAMS:
		return check_svcparams(data, len) ? (ptrdiff_t)len : -1;
	case XD_F_HEX:
	case XD_F_BASE64:
		return len ? (ptrdiff_t)len : -1;
	case XD_F_BASE64_MAYBE:
	case XD_F_TEXT:
		return (ptrdiff_t)len;
	default:
		return xd_field_fixed_bytes(field) <= len ? (ptrdiff_t)xd_field_fixed_bytes(field) : -1;
	}
}

int xd_rdata_check(uint16_t type, const uint8_t *rdata, size_t len)
{
	const struct xd_type_info *info = xd_type_info(type);

	if (!info)
		return XD_OK;
	for (const uint8_t *field = info->fields; *field; field++) {
		ptrdiff_t used = xd_rdata_field_size(*field, rdata, len);
		if (used < 0)
			return -XD_E_RDATA;
		rdata += used;
		len -= (size_t)used;
	}
	return len ? -XD_E_RDATA : XD_OK;
}

int xd_rdata_canonize(uint16_t type, uint8_t *rdata, size_t len)
{
	const struct xd_type_info *info = xd_type_info(type);
	int result = xd_rdata_check(type, rdata, len);

	if (!info || result < 0)
		return result;
	for (const uint8_t *field = info->fields; *field; field++) {
		if (*field == XD_F_NAME_LOWER)
			xd_name_lower(rdata, rdata);
		ptrdiff_t used = xd_rdata_field_size(*field, rdata, len);
		rdata += used;
		len -= (size_t)used;
	}
	return XD_OK;
}
