/* SPDX-License-Identifier: Apache-2.0 */
/* The printer: what a zone file says of record data, lines of pairs, and what text cannot express. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pairs.h"
#include "print.h"
#include "scan.h"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

#define WIRE(octets) octets, sizeof(octets) - 1

static void expect_text(uint16_t type, const char *wire, size_t len, const char *text)
{
	xd_print print = { 0 };

	EXPECT(xd_print_rdata(&print, type, (const uint8_t *)wire, len) == 0, text);
	EXPECT(print.len == strlen(text) && !memcmp(print.text, text, print.len), text);
	if (print.len != strlen(text) || memcmp(print.text, text, print.len) != 0)
		fprintf(stderr, "  %.*s\n", (int)print.len, print.text);
	xd_print_uninit(&print);
}

static void test_fields(void)
{
	static const struct {
		uint16_t type;
		const char *wire;
		size_t len;
		const char *text;
	} cases[] = {
		{ 1, WIRE("\xff\0\xa\1"), "255.0.10.1" },
		{ 28, WIRE("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "::" },
		{ 28, WIRE("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"), "::1" },
		{ 28, WIRE("\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "2001::" },
		{ 28, WIRE("\x20\1\0\0\0\1\0\1\0\1\0\1\0\1\0\1"), "2001:0:1:1:1:1:1:1" },
		{ 28, WIRE("\x20\1\0\0\0\0\0\1\0\0\0\0\0\0\0\1"), "2001:0:0:1::1" },
		{ 28, WIRE("\x20\1\0\0\0\0\0\1\0\1\0\0\0\0\0\1"), "2001::1:1:0:0:1" },
		{ 28, WIRE("\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4"), "::ffff:1.2.3.4" },
		{ 28, WIRE("\0\0\0\0\0\0\0\0\0\1\xff\xff\1\2\3\4"), "::1:ffff:102:304" },
		{ 2, WIRE("\0"), "." },
		{ 2, WIRE("\4a.\\\"\2\0\xff\0"), "a\\.\\\\\\\".\\000\\255." },
		{ 16, WIRE("\0\3\"\\ \2\x1f\x7f"), "\"\" \"\\\"\\\\ \" \"\\031\\127\"" },
		{ 257, WIRE("\x80\5issuea;b"), "128 issue \"a;b\"" },
		{ 257, WIRE("\0\5issue"), "0 issue \"\"" },
		{ 51, WIRE("\1\0\0\0\0"), "1 0 0 -" },
		{ 50, WIRE("\1\1\0\xc\2\xaa\xbb\1\xff\0\1\x40"), "1 1 12 AABB vs A" },
		{ 48, WIRE("\1\1\3\xd"), "257 3 13" },
		{ 48, WIRE("\1\1\3\xd\1\2\3\4"), "257 3 13 AQIDBA==" },
		{ 47, WIRE("\0\0\1\x40\1\1\x40"), ". A CAA" },
		{ 46, WIRE("\0\1\xd\1\0\0\0\1\0\0\0\0\xff\xff\xff\xff\0\1\0\1"),
		  "A 13 1 1 19700101000000 21060207062815 1 . AQ==" },
		{ 46, WIRE("\0\x1d\xd\1\0\0\0\1\x65\xe0\x13\xff\x38\xbb\x2e\xff\0\1\0\1"),
		  "LOC 13 1 1 20240229051959 20000229022919 1 . AQ==" },
		{ 104, WIRE("\0\1\x20\1\xd\xb8\0\0\xab\xcd"), "1 2001:0DB8:0000:ABCD" },
		{ 108, WIRE("\0\1\2\xfd\xfe\xff"), "00-01-02-FD-FE-FF" },
		{ 64, WIRE("\0\0\0"), "0 ." },
		{ 64, WIRE("\0\1\0\0\0\0\2\0\1\0\1\0\7\2h2\3a,\\"), "1 . mandatory=alpn alpn=\"h2,a\\\\,\\\\\\\\\"" },
		{ 64, WIRE("\0\1\0\0\3\0\2\0\x35\0\4\0\4\1\2\3\4\0\5\0\1\xff\2\x9b\0\2\"\x01"),
		  "1 . port=53 ipv4hint=1.2.3.4 ech=/w== key667=\"\\\"\\001\"" },
		{ 65280, WIRE(""), "\\# 0" },
		{ 65280, WIRE("\xab\0"), "\\# 2 AB00" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_text(cases[i].type, cases[i].wire, cases[i].len, cases[i].text);
}

static void test_what_text_cannot_express(void)
{
	static const struct {
		uint16_t type;
		const char *wire;
		size_t len;
		const char *text;
	} cases[] = {
		{ 1, WIRE("\1\2\3"), "\\# 3 010203" },
		{ 2, WIRE("\1a"), "\\# 2 0161" },
		{ 2, WIRE("\0\0"), "\\# 2 0000" },
		{ 47, WIRE("\0\0\1\x80"), "\\# 4 00000180" },
		{ 64, WIRE("\0\1\0\0\3\0\1\1"), "\\# 8 0001000003000101" },
		{ 64, WIRE("\0\1\0\0\2\0\0"), "\\# 7 00010000020000" },
		{ 64, WIRE("\0\1\0\0\1\0\1\0"), "\\# 8 0001000001000100" },
		{ 64, WIRE("\0\1\0\xff\xff\0\0"), "\\# 7 000100FFFF0000" },
		{ 64, WIRE("\0\1\0\0\0\0\2\0\1"), "\\# 9 000100000000020001" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_text(cases[i].type, cases[i].wire, cases[i].len, cases[i].text);
}

static const char zone[] = "$ORIGIN example.\n"
			   "@ 60 NS ns\n@ 60 NS ns.other.\n"
			   "a 60 RRSIG A 13 1 7 20370101000000 20200101000000 1 @ AAAA\na 60 A 192.0.2.1\n";

static void expect_lines(const xd_pairs *pairs, const uint8_t *skip, unsigned pad, const char *text)
{
	xd_print print = { 0 };

	EXPECT(xd_print_pairs(&print, pairs->bytes, pairs->offsets[2 * pairs->count], skip, pad) == 0, text);
	EXPECT(print.len == strlen(text) && !memcmp(print.text, text, print.len), text);
	size_t lines = 0;
	for (const char *pos = text; *pos; pos++)
		lines += *pos == '\n';
	EXPECT(print.records == lines, text);
	xd_print_uninit(&print);
}

static void test_lines(void)
{
	static const uint8_t origin[] = "\7example";
	uint8_t skip[8192] = { 0 };
	xd_pairs pairs;
	xd_scan *scan;

	EXPECT(xd_scan_create(origin, 1, 60, &scan) == 0, "create");
	EXPECT(xd_scan_memory(scan, "text", (const uint8_t *)zone, sizeof(zone) - 1) == 0, "scan");
	EXPECT(xd_scan_finish(scan, &pairs) == 0, "finish");
	expect_lines(&pairs, NULL, 0,
	             "example.\t60\tNS\tns.other.\nexample.\t60\tNS\tns.example.\na.example.\t60\tA\t192.0.2.1\n"
	             "a.example.\t7\tRRSIG\tA 13 1 7 20370101000000 20200101000000 1 example. AAAA\n");
	skip[0] = 0x80 >> 2;
	skip[46 / 8] = 0x80 >> 46 % 8;
	expect_lines(&pairs, skip, 12, "a.example.  \t60\tA\t192.0.2.1\n");
	for (size_t len = 0; len < pairs.offsets[2 * pairs.count]; len++) {
		xd_print print = { 0 };
		int result = xd_print_pairs(&print, pairs.bytes, len, NULL, 0);
		EXPECT((result == 0) == (len == 0 || len == pairs.offsets[2] || len == pairs.offsets[4]), "cut");
		xd_print_uninit(&print);
	}
	xd_pairs_uninit(&pairs);
	xd_scan_free(scan);
}

int main(void)
{
	test_fields();
	test_what_text_cannot_express();
	test_lines();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
