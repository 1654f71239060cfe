/* SPDX-License-Identifier: Apache-2.0 */
#include "name.h"

#include <string.h>

/* clang-format off */
const uint8_t xd_lower_table[256] = {
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
	0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
	0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f,
	0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f,
	0x40, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
	0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f,
	0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
	0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f,
	0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f,
	0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f,
	0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
	0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf,
	0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf,
	0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,
	0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef,
	0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff,
};
/* clang-format on */

int xd_name_check(const uint8_t *wire, size_t len)
{
	size_t pos = 0;
	size_t limit = len < XD_NAME_MAX ? len : XD_NAME_MAX;

	while (pos < limit) {
		size_t label = wire[pos];
		if (label == 0)
			return (int)(pos + 1);
		if (label > XD_LABEL_MAX)
			return -XD_E_NAME;
		pos += label + 1;
	}
	return -XD_E_NAME;
}

size_t xd_name_len(const uint8_t *name)
{
	size_t pos = 0;

	while (name[pos])
		pos += name[pos] + 1u;
	return pos + 1;
}

size_t xd_name_labels(const uint8_t *name, uint8_t *starts)
{
	size_t pos = 0;
	size_t count = 0;

	while (name[pos]) {
		if (starts)
			starts[count] = (uint8_t)pos;
		count++;
		pos += name[pos] + 1u;
	}
	return count;
}

void xd_bytes_lower(uint8_t *out, const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = xd_lower_table[in[i]];
}

size_t xd_name_lower(uint8_t *out, const uint8_t *name)
{
	size_t len = xd_name_len(name);

	xd_bytes_lower(out, name, len);
	return len;
}

static bool equal_fold(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (xd_lower_table[a[i]] != xd_lower_table[b[i]])
			return false;
	return true;
}

bool xd_name_equal(const uint8_t *a, const uint8_t *b)
{
	size_t len = xd_name_len(a);

	return len == xd_name_len(b) && equal_fold(a, b, len);
}

bool xd_name_is_within(const uint8_t *name, const uint8_t *apex)
{
	size_t len = xd_name_len(name);
	size_t apex_len = xd_name_len(apex);
	size_t pos = 0;

	if (len < apex_len)
		return false;
	/* The suffix has to start at a label. */
	while (pos < len - apex_len)
		pos += name[pos] + 1u;
	return pos == len - apex_len && equal_fold(name + pos, apex, apex_len);
}

static int label_compare(const uint8_t *a, const uint8_t *b)
{
	size_t shorter = *a < *b ? *a : *b;

	for (size_t i = 1; i <= shorter; i++) {
		int diff = xd_lower_table[a[i]] - xd_lower_table[b[i]];
		if (diff)
			return diff;
	}
	return *a - *b;
}

int xd_name_compare(const uint8_t *a, const uint8_t *b)
{
	uint8_t a_starts[XD_LABELS_MAX], b_starts[XD_LABELS_MAX];
	size_t a_count = xd_name_labels(a, a_starts);
	size_t b_count = xd_name_labels(b, b_starts);

	while (a_count && b_count) {
		int diff = label_compare(a + a_starts[--a_count], b + b_starts[--b_count]);
		if (diff)
			return diff;
	}
	return (a_count > 0) - (b_count > 0);
}

/* 1: written after a backslash, 2: as \DDD, 0: as it is. */
static const uint8_t text_escapes[256] = {
	[0 ... 0x20] = 2, [0x7f ... 0xff] = 2, ['"'] = 1, ['.'] = 1, [';'] = 1,
	['('] = 1,        [')'] = 1,           ['@'] = 1, ['$'] = 1, ['\\'] = 1,
};

static char *text_octet(char *out, uint8_t octet)
{
	if (text_escapes[octet] == 2) {
		*out++ = '\\';
		*out++ = (char)('0' + octet / 100);
		*out++ = (char)('0' + octet / 10 % 10);
		*out++ = (char)('0' + octet % 10);
		return out;
	}
	if (text_escapes[octet])
		*out++ = '\\';
	*out++ = (char)octet;
	return out;
}

size_t xd_name_text(char *out, const uint8_t *name)
{
	char *pos = out;

	if (!*name)
		*pos++ = '.';
	while (*name) {
		size_t label = *name++;
		for (; label; label--)
			pos = text_octet(pos, *name++);
		*pos++ = '.';
	}
	*pos = '\0';
	return (size_t)(pos - out);
}

/* The octet an escape stands for; *pos is behind the backslash and moves behind the escape. Negative: malformed. */
static int scan_escape(const char *text, size_t len, size_t *pos)
{
	if (*pos >= len)
		return -XD_E_NAME;
	uint8_t first = (uint8_t)(text[*pos] - '0');
	if (first > 9)
		return (uint8_t)text[(*pos)++];
	if (len - *pos < 3)
		return -XD_E_NAME;
	uint8_t second = (uint8_t)(text[*pos + 1] - '0'), third = (uint8_t)(text[*pos + 2] - '0');
	int value = first * 100 + second * 10 + third;
	if (second > 9 || third > 9 || value > 255)
		return -XD_E_NAME;
	*pos += 3;
	return value;
}

static int append_origin(uint8_t *out, size_t used, const uint8_t *origin)
{
	if (!origin)
		return -XD_E_NAME;
	size_t len = xd_name_len(origin);
	if (used + len > XD_NAME_MAX)
		return -XD_E_NAME;
	memcpy(out + used, origin, len);
	return (int)(used + len);
}

/* Labels are closed when their dot is seen: `start` is where the length octet of the open one goes. */
int xd_name_scan(uint8_t *out, const char *text, size_t len, const uint8_t *origin)
{
	size_t start = 0, used = 1;

	if (len == 1 && text[0] == '@')
		return append_origin(out, 0, origin);
	if (len == 1 && text[0] == '.') {
		out[0] = 0;
		return 1;
	}
	for (size_t pos = 0; pos < len;) {
		int octet = (uint8_t)text[pos++];
		if (octet == '.') {
			if (used == start + 1)
				return -XD_E_NAME;
			out[start] = (uint8_t)(used - start - 1);
			start = used++;
			continue;
		}
		if (octet == '\\' && (octet = scan_escape(text, len, &pos)) < 0)
			return -XD_E_NAME;
		if (used - start > XD_LABEL_MAX || used >= XD_NAME_MAX)
			return -XD_E_NAME;
		out[used++] = (uint8_t)octet;
	}
	if (used == start + 1) {
		/* A final dot (or no text at all, which is no name). */
		if (start == 0 || used > XD_NAME_MAX)
			return -XD_E_NAME;
		out[start] = 0;
		return (int)used;
	}
	out[start] = (uint8_t)(used - start - 1);
	return append_origin(out, used, origin);
}
