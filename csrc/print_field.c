/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of record data into text, as the table of rdata.h lists them. */
#include <string.h>
#include <time.h>

#include "bytes.h"
#include "name.h"
#include "print_impl.h"

static char *print_type(char *out, uint16_t type)
{
	xd_type_text_any(out, type);
	return out + strlen(out);
}

static char *print_digits(char *out, unsigned value, unsigned count)
{
	for (unsigned i = count; i-- > 0; value /= 10)
		out[i] = (char)('0' + value % 10);
	return out + count;
}

/* YYYYMMDDHHmmSS. Days to a date: the count of days since 1 March of year 0, in eras of 400 years. */
static char *print_time(char *out, uint32_t seconds)
{
	unsigned day = seconds / 86400 + 719468, second = seconds % 86400;
	unsigned era = day / 146097, of_era = day % 146097;
	unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned shifted = (5 * of_year + 2) / 153;
	unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;

	out = print_digits(out, year_of_era + era * 400 + (month <= 2), 4);
	out = print_digits(out, month, 2);
	out = print_digits(out, of_year - (153 * shifted + 2) / 5 + 1, 2);
	out = print_digits(out, second / 3600, 2);
	out = print_digits(out, second / 60 % 60, 2);
	return print_digits(out, second % 60, 2);
}

/* RFC 4034, section 4.1.2. Type 0 is none that text could name. */
static char *print_bitmap(char *out, const uint8_t *data, size_t len)
{
	bool is_first = true;

	for (const uint8_t *end = data + len; data < end; data += 2 + data[1])
		for (unsigned bit = 0; bit < 8u * data[1]; bit++) {
			if (!(data[2 + bit / 8] & 0x80 >> bit % 8))
				continue;
			uint16_t type = (uint16_t)((unsigned)data[0] << 8 | bit);
			if (!type)
				return NULL;
			if (!is_first)
				*out++ = ' ';
			is_first = false;
			out = print_type(out, type);
		}
	return out;
}

/* RFC 5155, section 3.3: base32hex without padding. */
static char *print_base32(char *out, const uint8_t *data, size_t len)
{
	uint32_t bits = 0;
	unsigned count = 0;

	for (; len; len--) {
		bits = bits << 8 | *data++;
		for (count += 8; count >= 5; count -= 5)
			*out++ = "0123456789abcdefghijklmnopqrstuv"[bits >> (count - 5) & 31];
	}
	if (count)
		*out++ = "0123456789abcdefghijklmnopqrstuv"[bits << (5 - count) & 31];
	return out;
}

static char *print_groups(char *out, const uint8_t *data, size_t len, size_t size, char separator)
{
	for (size_t i = 0; i < len; i += size) {
		if (i)
			*out++ = separator;
		out = xd__print_hex(out, data + i, size);
	}
	return out;
}

static char *print_strings(char *out, const uint8_t *data, size_t len)
{
	for (size_t pos = 0; pos < len; pos += data[pos] + 1u) {
		if (pos)
			*out++ = ' ';
		out = xd__print_quoted(out, data + pos + 1, data[pos]);
	}
	return out;
}

/* Octets that the field takes of checked record data. */
static size_t field_size(uint8_t field, const uint8_t *data, size_t len)
{
	const size_t fixed = xd_field_fixed_bytes(field);

	if (fixed)
		return fixed;
	switch (field) {
	case XD_F_NAME:
	case XD_F_NAME_LOWER:
		return xd_name_len(data);
	case XD_F_STRING:
	case XD_F_TAG:
	case XD_F_SALT:
	case XD_F_HASH32:
		return data[0] + 1u;
	default:
		return len;
	}
}

static char *print_field(char *out, uint8_t field, const uint8_t *data, size_t len)
{
	switch (field) {
	case XD_F_U8:
	case XD_F_ALGORITHM:
		return xd__print_number(out, data[0]);
	case XD_F_U16:
		return xd__print_number(out, xd_load_be16(data));
	case XD_F_U32:
	case XD_F_TTL:
		return xd__print_number(out, xd_load_be32(data));
	case XD_F_CERT_TIME:
		return print_time(out, xd_load_be32(data));
	case XD_F_TYPE:
		return print_type(out, xd_load_be16(data));
	case XD_F_NAME:
	case XD_F_NAME_LOWER:
		return out + xd_name_text(out, data);
	case XD_F_IPV4:
		return xd__print_ipv4(out, data);
	case XD_F_IPV6:
		return xd__print_ipv6(out, data);
	case XD_F_STRING:
		return xd__print_quoted(out, data + 1, data[0]);
	case XD_F_STRINGS:
		return print_strings(out, data, len);
	case XD_F_TEXT:
		return xd__print_quoted(out, data, len);
	case XD_F_TAG:
		return xd__print_octets(out, data + 1, data[0]);
	case XD_F_BITMAP:
		return print_bitmap(out, data, len);
	case XD_F_SALT:
		if (!data[0])
			*out++ = '-';
		return xd__print_hex(out, data + 1, data[0]);
	case XD_F_HASH32:
		return print_base32(out, data + 1, data[0]);
	case XD_F_EUI48:
	case XD_F_EUI64:
		return print_groups(out, data, len, 1, '-');
	case XD_F_LOCATOR64:
		return print_groups(out, data, len, 2, ':');
	case XD_F_SVCPARAMS:
		return xd__print_svcparams(out, data, len);
	case XD_F_HEX:
		return xd__print_hex(out, data, len);
	default:
		return xd__print_base64(out, data, len);
	}
}

char *xd__print_fields(char *out, const struct xd_type_info *info, const uint8_t *rdata, size_t len)
{
	char *start = out;

	for (const uint8_t *field = info->fields; *field; field++) {
		size_t size = field_size(*field, rdata, len);
		/* A field that may be empty is not preceded by a blank then. */
		if (out != start && (size || *field == XD_F_TEXT))
			*out++ = ' ';
		out = print_field(out, *field, rdata, size);
		if (!out)
			return NULL;
		rdata += size;
		len -= size;
	}
	return out;
}
