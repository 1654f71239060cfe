/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner: wire form of types other readers lack, limits of tokens and rdata, $GENERATE, foreign records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "name.h"
#include "scan.h"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

static const uint8_t origin[] = "\7example";

static xd_scan *scan_text(const char *text, size_t len)
{
	xd_scan *scan = NULL;

	EXPECT(xd_scan_create(origin, 1, 60, &scan) == 0, "create");
	EXPECT(xd_scan_memory(scan, "text", (const uint8_t *)text, len) == 0, "scan");
	return scan;
}

static const char *first_reason(const xd_scan *scan)
{
	const xd_scan_note *note = xd_scan_get_note(scan, 0);

	return note ? note->text : "";
}

/* One record whose data is `wire`. */
static void expect_rdata(const char *text, const void *wire, size_t len)
{
	xd_scan *scan = scan_text(text, strlen(text));
	xd_pairs pairs = { 0 };

	EXPECT(xd_scan_errors(scan) == 0, first_reason(scan));
	EXPECT(xd_scan_finish(scan, &pairs) == 0 && pairs.count == 1, text);
	if (pairs.count == 1) {
		const uint8_t *value = pairs.bytes + pairs.offsets[1];
		EXPECT(pairs.offsets[2] - pairs.offsets[1] == len + 8 && !memcmp(value + 8, wire, len), text);
	}
	xd_pairs_uninit(&pairs);
	xd_scan_free(scan);
}

static void test_types(void)
{
	static const struct {
		const char *text;
		const char *wire;
		size_t len;
	} cases[] = {
		{ "a MB Host", "\4host\7example\0", 14 },
		{ "a MG Host.", "\4host\0", 6 },
		{ "a MR .", "\0", 1 },
		{ "a MD @", "\7example\0", 9 },
		{ "a MF X.", "\1x\0", 3 },
		{ "a MINFO A. B.", "\1a\0\1b\0", 6 },
		{ "a LP 1 Kept.Case.", "\0\1\4Kept\4Case\0", 13 },
		{ "a NSEC Kept.", "\4Kept\0", 6 },
		{ "a RESINFO qnamemin", "\10qnamemin", 9 },
		{ "a type1 1.2.3.4", "\1\2\3\4", 4 },
		{ "a in 5m a 1.2.3.4", "\1\2\3\4", 4 },
		{ "a 1W2d3H4m5S CLASS1 A 1.2.3.4", "\1\2\3\4", 4 },
		{ "a TYPE65280 \\# 0", "", 0 },
		{ "a NS \\# 3 014100", "\1a\0", 3 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_rdata(cases[i].text, cases[i].wire, cases[i].len);
}

/* `prefix`, then `count` times `unit`: the errors of such a record. */
static size_t errors_of_repeated(const char *prefix, const char *unit, size_t count)
{
	size_t prefix_len = strlen(prefix), unit_len = strlen(unit);
	char *text = malloc(prefix_len + count * unit_len + 1);

	memcpy(text, prefix, prefix_len);
	for (size_t i = 0; i < count; i++)
		memcpy(text + prefix_len + i * unit_len, unit, unit_len);
	xd_scan *scan = scan_text(text, prefix_len + count * unit_len);
	size_t errors = xd_scan_errors(scan);
	EXPECT(errors || xd_scan_records(scan) == 1, prefix);
	xd_scan_free(scan);
	free(text);
	return errors;
}

/* Record data of 65535 octets is read, one octet more is an error; the length of the text does not matter. */
static void test_limits(void)
{
	EXPECT(errors_of_repeated("a TYPE65280 \\# 65535 ", "00", 65535) == 0, "one word of the most digits");
	EXPECT(errors_of_repeated("a TYPE65280 \\# 65535 (", " 00\n", 65536) == 1, "a line for each octet, one too many");
	EXPECT(errors_of_repeated("a TYPE65280 \\# 65536 ", "00", 65536) == 1, "announced too many");
	EXPECT(errors_of_repeated("a OPENPGPKEY ", "AAAA", 21845) == 0, "base64 of the most octets");
	EXPECT(errors_of_repeated("a OPENPGPKEY ", "AAAA", 21846) == 1, "base64, one group more");
	EXPECT(errors_of_repeated("a TXT", " x", 32767) == 0, "TXT of 65534 octets");
	EXPECT(errors_of_repeated("a TXT", " x", 32768) == 1, "TXT of 65536 octets");
	EXPECT(errors_of_repeated("a URI 1 1 ", "x", 65531) == 0, "URI of the most octets");
	EXPECT(errors_of_repeated("a URI 1 1 ", "x", 65532) == 1, "URI of one more");
	EXPECT(errors_of_repeated("a A 1.2.3.4 ;", "x", 1000000) == 0, "comment of a million octets");
	EXPECT(errors_of_repeated("a A 1.2.3.4", "(", 1000000) == 1, "a million parentheses");
	EXPECT(errors_of_repeated("a A ", "1", 1000000) == 1, "address of a million digits");
	EXPECT(errors_of_repeated("a HTTPS 1 . ", "key7000=", 1) == 0, "empty value of an unknown key");
	EXPECT(errors_of_repeated("a HTTPS 1 . ", "alpn=a ", 70000) == 1, "the same key 70000 times");
}

static void test_generate(void)
{
	static const struct {
		const char *text;
		size_t records;
		const char *last_owner;
	} cases[] = {
		{ "$GENERATE 1-3 h$ A 10.0.0.$", 3, "h3.example." },
		{ "$GENERATE 0-9/4 ${0,3} A 10.0.0.1", 3, "008.example." },
		{ "$GENERATE 9-10 ${-9,2,x}$$ A 10.0.0.1", 2, "01\\$.example." },
		{ "$GENERATE 26-26 ${0,0,X}-${0,4,o}-\\$ A 10.0.0.1", 1, "1A-0032-\\$.example." },
		{ "$GENERATE 26-26 ${0,3,n} PTR x", 1, "a.1.example." },
		{ "$GENERATE 171-171 ${0,7,N}.x PTR x", 1, "B.A.0.0.x.example." },
		{ "$GENERATE 1-2 @ TXT ( \"a $;\" ; $\n b )", 2, "example." },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		xd_scan *scan = scan_text(cases[i].text, strlen(cases[i].text));
		xd_pairs pairs = { 0 };
		uint8_t name[XD_NAME_MAX], expected[XD_NAME_MAX];
		size_t len;
		uint16_t type;
		EXPECT(xd_scan_errors(scan) == 0, first_reason(scan));
		EXPECT(xd_scan_records(scan) == cases[i].records, cases[i].text);
		EXPECT(xd_scan_finish(scan, &pairs) == 0 && pairs.count, cases[i].text);
		if (pairs.count) {
			const uint64_t *at = pairs.offsets + 2 * (pairs.count - 1);
			EXPECT(xd_key_parse(pairs.bytes + at[0], at[1] - at[0], name, &len, &type) == 0, cases[i].text);
			EXPECT(xd_name_scan(expected, cases[i].last_owner, strlen(cases[i].last_owner), NULL) > 0,
			       cases[i].text);
			EXPECT(xd_name_equal(name, expected), cases[i].text);
		}
		xd_pairs_uninit(&pairs);
		xd_scan_free(scan);
	}
}

/* What the scanner does not know is handed out as written, with the names and the TTL that hold there. */
static void test_foreign(void)
{
	static const char text[] = "$ORIGIN x\na 5 ( LOC 1 ; one\n 2 )\n  FOO\n";
	xd_scan *scan = scan_text(text, sizeof(text) - 1);
	const xd_scan_foreign *record = xd_scan_get_foreign(scan, 0);

	EXPECT(record && record->line == 2 && record->ttl == 5 && !strcmp(record->type, "LOC"), "first");
	EXPECT(record && !strcmp(record->rdata, "( 1 ; one\n 2 )"), "data as written, its parenthesis opened");
	EXPECT(record && xd_name_equal(record->owner, (const uint8_t *)"\1a\1x\7example"), "owner");
	EXPECT(record && xd_name_equal(record->origin, (const uint8_t *)"\1x\7example"), "origin");
	record = xd_scan_get_foreign(scan, 1);
	EXPECT(record && record->line == 4 && !strcmp(record->type, "FOO") && !strcmp(record->rdata, ""), "second");
	EXPECT(!xd_scan_get_foreign(scan, 2) && xd_scan_errors(scan) == 0, "no more");
	xd_scan_free(scan);
}

/* Records added in wire form are checked like those that were read. */
static void test_add(void)
{
	xd_scan *scan = scan_text("", 0);

	EXPECT(xd_scan_add(scan, origin, 9, 29, 5, (const uint8_t *)"any", 3) == 0, "opaque type");
	EXPECT(xd_scan_add(scan, origin, 8, 29, 5, NULL, 0) == -XD_E_NAME, "name cut");
	EXPECT(xd_scan_add(scan, (const uint8_t *)"", 1, 29, 5, NULL, 0) == -XD_E_ZONE, "outside");
	EXPECT(xd_scan_add(scan, origin, 9, 1, 5, (const uint8_t *)"any", 3) == -XD_E_RDATA, "address of three octets");
	EXPECT(xd_scan_add(scan, origin, 9, 2, 5, (const uint8_t *)"\300\14", 2) == -XD_E_RDATA, "compressed name");
	EXPECT(xd_scan_records(scan) == 1, "one record");
	xd_scan_free(scan);
}

int main(void)
{
	test_types();
	test_limits();
	test_generate();
	test_foreign();
	test_add();
	return failures != 0;
}
