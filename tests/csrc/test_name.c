/* SPDX-License-Identifier: Apache-2.0 */
/* Names: wire form checks, case, label walk, presentation form there and back. */
#include <stdio.h>
#include <string.h>

#include "name.h"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

static void test_check(void)
{
	static const struct {
		const char *what;
		const char *wire;
		size_t len;
		int result;
	} cases[] = {
		{ "root", "\0", 1, 1 },
		{ "nothing", "", 0, -XD_E_NAME },
		{ "octets behind it", "\1a\0junk", 7, 3 },
		{ "no root label", "\1a", 2, -XD_E_NAME },
		{ "label cut", "\2a", 2, -XD_E_NAME },
		{ "compression pointer", "\300\14", 2, -XD_E_NAME },
		{ "label type 01", "\100a\0", 3, -XD_E_NAME },
	};
	uint8_t longest[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		EXPECT(xd_name_check((const uint8_t *)cases[i].wire, cases[i].len) == cases[i].result, cases[i].what);
	for (size_t i = 0; i < sizeof(longest); i++)
		longest[i] = i % 2 ? 'x' : 1;
	longest[254] = 0;
	EXPECT(xd_name_check(longest, sizeof(longest)) == 255, "255 octets");
	longest[0] = 2;
	memmove(longest + 2, longest + 1, 254);
	EXPECT(xd_name_check(longest, sizeof(longest)) == -XD_E_NAME, "256 octets");
}

static void test_text(void)
{
	static const struct {
		const char *text;
		const char *back; /* NULL: refused */
		int len;
	} cases[] = {
		{ ".", ".", 1 },
		{ "@", "example.", 9 },
		{ "\\@", "\\@.example.", 11 },
		{ "www", "www.example.", 13 },
		{ "www.", "www.", 5 },
		{ "WwW.Example.", "WwW.Example.", 13 },
		{ "a\\.b.", "a\\.b.", 5 },
		{ "a\\046b.", "a\\.b.", 5 },
		{ "\\000\\255.", "\\000\\255.", 4 },
		{ "\\\\.", "\\\\.", 3 },
		{ "a b.", "a\\032b.", 5 },
		{ "", NULL, 0 },
		{ "..", NULL, 0 },
		{ ".a", NULL, 0 },
		{ "a..b", NULL, 0 },
		{ "a\\", NULL, 0 },
		{ "a\\25", NULL, 0 },
		{ "a\\2x5", NULL, 0 },
		{ "a\\256.", NULL, 0 },
	};
	static const uint8_t origin[] = "\7example";
	uint8_t name[XD_NAME_MAX];
	char text[XD_NAME_TEXT_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int len = xd_name_scan(name, cases[i].text, strlen(cases[i].text), origin);
		if (!cases[i].back) {
			EXPECT(len == -XD_E_NAME, cases[i].text);
			continue;
		}
		EXPECT(len == cases[i].len, cases[i].text);
		EXPECT(xd_name_check(name, sizeof(name)) == len, cases[i].text);
		EXPECT(xd_name_text(text, name) == strlen(cases[i].back) && !strcmp(text, cases[i].back), cases[i].text);
	}
	EXPECT(xd_name_scan(name, "www", 3, NULL) == -XD_E_NAME, "relative without origin");
	EXPECT(xd_name_scan(name, "@", 1, NULL) == -XD_E_NAME, "@ without origin");
}

/* One octet more than a label, or a name, may have. */
static void test_text_limits(void)
{
	char text[XD_NAME_TEXT_MAX + 8];
	uint8_t name[XD_NAME_MAX];

	memset(text, 'a', sizeof(text));
	text[63] = '.';
	EXPECT(xd_name_scan(name, text, 64, NULL) == 65, "label of 63");
	text[63] = 'a';
	text[64] = '.';
	EXPECT(xd_name_scan(name, text, 65, NULL) == -XD_E_NAME, "label of 64");
	for (size_t i = 0; i < 256; i++)
		text[i] = i % 2 ? '.' : 'x';
	EXPECT(xd_name_scan(name, text, 254, NULL) == 255, "127 labels");
	EXPECT(xd_name_scan(name, text, 256, NULL) == -XD_E_NAME, "128 labels");
	EXPECT(xd_name_scan(name, text, 253, (const uint8_t *)"") == 255, "127 labels and the root as origin");
	EXPECT(xd_name_scan(name, text, 253, (const uint8_t *)"\1a") == -XD_E_NAME, "127 labels and an origin");
	for (size_t i = 0; i < 1000; i += 4)
		memcpy(text + i, "\\000", 4);
	text[4 * 63] = '.';
	EXPECT(xd_name_scan(name, text, 4 * 63 + 1, NULL) == 65, "63 escapes");
}

static void test_relations(void)
{
	static const uint8_t apex[] = "\7eXample";
	uint8_t starts[XD_LABELS_MAX], lower[XD_NAME_MAX];

	EXPECT(xd_name_is_within((const uint8_t *)"\1a\7Example", apex), "below");
	EXPECT(xd_name_is_within(apex, apex), "itself");
	EXPECT(xd_name_is_within(apex, (const uint8_t *)""), "all is below the root");
	EXPECT(!xd_name_is_within((const uint8_t *)"", apex), "the root is below nothing");
	EXPECT(!xd_name_is_within((const uint8_t *)"\10aExample", apex), "suffix of octets, not of labels");
	EXPECT(!xd_name_is_within((const uint8_t *)"\11a\7eXample", apex), "suffix inside a label");
	EXPECT(!xd_name_equal((const uint8_t *)"\7exampla", apex), "other name");
	EXPECT(xd_name_labels((const uint8_t *)"\1a\7example", starts) == 2 && starts[0] == 0 && starts[1] == 2, "labels");
	EXPECT(xd_name_lower(lower, apex) == 9 && !memcmp(lower, "\7example", 9), "lower case");
	EXPECT(xd_name_compare(apex, lower) == 0, "order has no case");
}

int main(void)
{
	test_check();
	test_text();
	test_text_limits();
	test_relations();
	return failures != 0;
}
