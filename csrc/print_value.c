/* SPDX-License-Identifier: Apache-2.0 */
/* Single values into text: numbers, octets, addresses. */
#include <string.h>

#include "bytes.h"
#include "print_impl.h"

char *xd__print_number(char *out, uint32_t value)
{
	char digits[10];
	size_t count = 0;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (count)
		*out++ = digits[--count];
	return out;
}

char *xd__print_base64(char *out, const uint8_t *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; len >= 3; len -= 3, data += 3) {
		uint32_t bits = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = digits[bits >> 6 & 63];
		*out++ = digits[bits & 63];
	}
	if (len) {
		uint32_t bits = (uint32_t)data[0] << 16 | (len == 2 ? (uint32_t)data[1] << 8 : 0);
		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = len == 2 ? digits[bits >> 6 & 63] : '=';
		*out++ = '=';
	}
	return out;
}

char *xd__print_hex(char *out, const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; len; len--, data++) {
		*out++ = digits[*data >> 4];
		*out++ = digits[*data & 15];
	}
	return out;
}

char *xd__print_octets(char *out, const uint8_t *data, size_t len)
{
	for (; len; len--) {
		uint8_t octet = *data++;
		if (octet < 0x20 || octet > 0x7e) {
			*out++ = '\\';
			*out++ = (char)('0' + octet / 100);
			*out++ = (char)('0' + octet / 10 % 10);
			octet = (uint8_t)('0' + octet % 10);
		} else if (octet == '"' || octet == '\\') {
			*out++ = '\\';
		}
		*out++ = (char)octet;
	}
	return out;
}

char *xd__print_quoted(char *out, const uint8_t *data, size_t len)
{
	*out++ = '"';
	out = xd__print_octets(out, data, len);
	*out++ = '"';
	return out;
}

char *xd__print_ipv4(char *out, const uint8_t *address)
{
	for (size_t i = 0; i < 4; i++) {
		if (i)
			*out++ = '.';
		out = xd__print_number(out, address[i]);
	}
	return out;
}

static char *print_group(char *out, unsigned group)
{
	bool started = false;

	for (int shift = 12; shift >= 0; shift -= 4) {
		unsigned digit = group >> shift & 15;
		started = started || digit || !shift;
		if (started)
			*out++ = "0123456789abcdef"[digit];
	}
	return out;
}

/* The first of the longest runs of two or more zero groups: its start in *start, and its length. */
static size_t find_zero_run(const unsigned groups[8], size_t *start)
{
	size_t best = 1;

	for (size_t i = 0; i < 8; i++) {
		size_t len = 0;
		while (i + len < 8 && !groups[i + len])
			len++;
		if (len > best) {
			best = len;
			*start = i;
		}
		i += len;
	}
	return best > 1 ? best : 0;
}

/* RFC 5952; addresses that embed an IPv4 address end in it (section 5). */
char *xd__print_ipv6(char *out, const uint8_t *address)
{
	unsigned groups[8];
	size_t start = 8;

	for (size_t i = 0; i < 8; i++)
		groups[i] = xd_load_be16(address + 2 * i);
	size_t run = find_zero_run(groups, &start);
	bool is_mapped = run == 5 && start == 0 && groups[5] == 0xffff;
	for (size_t i = 0; i < 8;) {
		if (run && i == start) {
			*out++ = ':';
			*out++ = ':';
			i += run;
			continue;
		}
		if (i && i != start + run)
			*out++ = ':';
		if (is_mapped && i == 6)
			return xd__print_ipv4(out, address + 12);
		out = print_group(out, groups[i++]);
	}
	return out;
}
