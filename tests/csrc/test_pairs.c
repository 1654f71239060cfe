/* SPDX-License-Identifier: Apache-2.0 */
/* Store keys: the order of keys is canonical order, the worst name fits LMDB's limit, malformed keys are refused. */
#include <stdio.h>
#include <string.h>

#include "limits.h"
#include "name.h"
#include "pairs.h"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

static size_t make_key(uint8_t *key, const uint8_t *name, uint16_t type)
{
	memset(key, 0, XD_KEY_ZONE_ID_BYTES);
	size_t len = XD_KEY_ZONE_ID_BYTES + xd_key_write_owner(key + XD_KEY_ZONE_ID_BYTES, name);
	key[len++] = 0;
	key[len++] = (uint8_t)(type >> 8);
	key[len++] = (uint8_t)type;
	return len;
}

/* The worst name, every octet to be escaped: exactly 511 octets of key, and back. */
static void test_worst_name(uint8_t fill)
{
	uint8_t name[XD_NAME_MAX], back[XD_NAME_MAX], key[XD_KEY_MAX];
	static const uint8_t sizes[] = { 63, 63, 63, 61 };
	size_t at = 0, len = 0;
	uint16_t type = 0;

	for (size_t i = 0; i < sizeof(sizes); i++) {
		name[at++] = sizes[i];
		memset(name + at, fill, sizes[i]);
		at += sizes[i];
	}
	name[at++] = 0;
	EXPECT(at == XD_NAME_MAX, "worst name");
	EXPECT(make_key(key, name, 65535) == 511, "worst name");
	EXPECT(xd_key_parse(key, 511, back, &len, &type) == 0, "worst name");
	EXPECT(len == at && !memcmp(back, name, at) && type == 65535, "worst name");
	EXPECT(xd_key_parse(key, 510, back, &len, &type) == -XD_E_KEY_ORDER, "worst name cut");
}

/* RFC 4034, section 6.1: the order of its example, with names that need escapes and the root in front. */
static void test_order(void)
{
	static const char *const sorted[] = {
		".",
		"\\000.",
		"\\000\\000.",
		"\\001.",
		"example.",
		"a.example.",
		"yljkjljk.a.example.",
		"Z.a.example.",
		"zABC.a.EXAMPLE.",
		"z.example.",
		"\\001.z.example.",
		"*.z.example.",
		"\\200.z.example.",
		"z\\000.example.",
		"z\\000.z\\000.example.",
		"z\\001.example.",
		"z\\001a.example.",
		"z\\002.example.",
	};
	uint8_t previous[XD_KEY_MAX], key[XD_KEY_MAX], name[XD_NAME_MAX], before[XD_NAME_MAX], back[XD_NAME_MAX];
	size_t previous_len = 0, back_len;
	uint16_t type;

	for (size_t i = 0; i < sizeof(sorted) / sizeof(*sorted); i++) {
		int name_len = xd_name_scan(name, sorted[i], strlen(sorted[i]), NULL);
		EXPECT(name_len > 0, sorted[i]);
		size_t len = make_key(key, name, 65535);
		EXPECT(xd_key_parse(key, len, back, &back_len, &type) == 0, sorted[i]);
		EXPECT(back_len == (size_t)name_len && xd_name_equal(back, name), sorted[i]);
		/* The smallest type of this name sorts behind the largest type of the name before. */
		len = make_key(key, name, 0);
		if (i) {
			size_t shorter = len < previous_len ? len : previous_len;
			int diff = memcmp(previous, key, shorter);
			EXPECT(diff < 0 || (diff == 0 && previous_len < len), sorted[i]);
			EXPECT(xd_name_compare(before, name) < 0 && xd_name_compare(name, before) > 0, sorted[i]);
		}
		previous_len = make_key(previous, name, 65535);
		memcpy(before, name, (size_t)name_len);
	}
}

static void test_malformed(void)
{
	static const struct {
		const char *what;
		const char *key;
		size_t len;
	} cases[] = {
		{ "empty", "", 0 },
		{ "no closing zero", "\0\0\0\1\0\1", 6 },
		{ "closing octet not zero", "\0\0\0\1\2\0\1", 7 },
		{ "label not closed", "\0\0\0\1a\0\0\1", 8 },
		{ "empty label", "\0\0\0\1\0\0\0\1", 8 },
		{ "upper case", "\0\0\0\1A\0\0\0\1", 9 },
		{ "escape of nothing", "\0\0\0\1\1\0\0\0\1", 9 },
		{ "unknown escape", "\0\0\0\1\1\3\0\0\0\1", 10 },
		{ "escape cut by the end", "\0\0\0\1a\0\1\0\0\1", 10 },
	};
	uint8_t name[XD_NAME_MAX];
	size_t len;
	uint16_t type;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		EXPECT(xd_key_parse((const uint8_t *)cases[i].key, cases[i].len, name, &len, &type) == -XD_E_KEY_ORDER,
		       cases[i].what);
	EXPECT(xd_key_parse((const uint8_t *)"\0\0\0\1\0\0\6", 7, name, &len, &type) == 0 && len == 1 && type == 6, "root");
}

/* Labels longer than 63 octets and names longer than 255 are refused, one less is read. */
static void test_limits(void)
{
	uint8_t key[XD_KEY_MAX + 8], name[XD_NAME_MAX];
	size_t len;
	uint16_t type;

	memset(key, 'a', sizeof(key));
	memset(key + 4 + 63, 0, 4);
	EXPECT(xd_key_parse(key, 4 + 63 + 4, name, &len, &type) == 0 && len == 65, "label of 63");
	memset(key, 'a', sizeof(key));
	memset(key + 4 + 64, 0, 4);
	EXPECT(xd_key_parse(key, 4 + 64 + 4, name, &len, &type) == -XD_E_KEY_ORDER, "label of 64");
	for (size_t i = 0; i < 256; i++)
		key[4 + i] = i % 2 ? 0 : 'x';
	memset(key + 4 + 254, 0, 3);
	EXPECT(xd_key_parse(key, 4 + 254 + 3, name, &len, &type) == 0 && len == 255, "127 labels");
	key[4 + 254] = 'x';
	memset(key + 4 + 255, 0, 4);
	EXPECT(xd_key_parse(key, 4 + 256 + 3, name, &len, &type) == -XD_E_KEY_ORDER, "128 labels");
}

/* Sizes of one digit and of the largest value there is, 65535 records of 65535 octets, within the room that is promised. */
static void test_format(void)
{
	static const uint64_t offsets[] = { 7, 16, 26, 537, UINT64_C(4294901768) + 537 };
	char out[2 * XD_PAIRS_FORMAT_BYTES + 1];

	EXPECT(xd_pairs_format(offsets, 2, out) == strlen("9s10s511s4294901768s"), "format");
	EXPECT(strcmp(out, "9s10s511s4294901768s") == 0, "format");
	EXPECT(xd_pairs_format(offsets, 0, out) == 0 && out[0] == 0, "no pairs");
}

int main(void)
{
	test_format();
	test_worst_name(0);
	test_worst_name(1);
	test_order();
	test_malformed();
	test_limits();
	return failures != 0;
}
