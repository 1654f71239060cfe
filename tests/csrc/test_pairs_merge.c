/* SPDX-License-Identifier: Apache-2.0 */
/* Merging: parts give what the whole gives; none, empty and equal parts; an RRset that gets too large; a full disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "merge_law.h"
#include "rdata.h"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

static const uint8_t apex[] = "\7example";
static const uint8_t host[] = "\4host\7example";

static void finish(struct merge_law *law, int expected, const char *what)
{
	EXPECT(law_check(law) == expected, what);
	law_end(law);
}

static void test_boundaries(void)
{
	struct merge_law law;

	law_begin(&law);
	finish(&law, XD_OK, "no part");
	law_begin(&law);
	EXPECT(law_cut(&law) && law_cut(&law), "empty parts");
	finish(&law, XD_OK, "empty parts");
	law_begin(&law);
	for (uint32_t part = 0; part < LAW_PARTS_MAX; part++) {
		law_add(&law, apex, 16, 60 + part, (const uint8_t *)"\1a", 2);
		EXPECT(law_cut(&law), "equal parts");
	}
	EXPECT(!law_cut(&law), "too many parts");
	finish(&law, XD_OK, "equal parts, the last TTL");
	law_begin(&law);
	law_add(&law, host, 10, 60, (const uint8_t *)"", 0);
	EXPECT(law_cut(&law), "no data");
	law_add(&law, host, 10, 60, (const uint8_t *)"", 0);
	law_add(&law, host, 10, 60, (const uint8_t *)"x", 1);
	EXPECT(law_cut(&law), "no data");
	finish(&law, XD_OK, "data of no octets");
}

/* A signature has the TTL of what it covers, whichever part is last (RFC 4034, section 3). */
static void test_signatures(void)
{
	uint8_t signature[20] = { 0, 1, 13, 2, 0, 0, 0, 60 };
	struct merge_law law;

	law_begin(&law);
	for (uint8_t part = 0; part < 3; part++) {
		signature[19] = (uint8_t)(3 - part);
		law_add(&law, host, XD_TYPE_RRSIG, 60, signature, sizeof(signature));
		EXPECT(law_cut(&law), "signatures");
	}
	finish(&law, XD_OK, "signatures");
}

/* Names of which some are the start of others, in any parts. */
static void test_any_parts(unsigned seed)
{
	static const char *const owners[] = { "\7example", "\1a\7example", "\1a\1a\7example", "\2a\0\7example",
		                              "\2a\1\7example" };
	static const uint16_t types[] = { 1, 2, 6, 16, 257, 65535 };
	struct merge_law law;

	law_begin(&law);
	for (unsigned number = 0; number < 400; number++) {
		seed = seed * 1664525u + 1013904223u;
		uint8_t rdata[3] = { (uint8_t)(seed >> 24), (uint8_t)(seed >> 16) & 1, 7 };
		const uint8_t *owner = (const uint8_t *)owners[(seed >> 8) % 5];
		law_add(&law, owner, types[(seed >> 11) % 6], seed >> 30, rdata, 1 + (seed >> 14) % 3);
		if (!(seed >> 7 & 63))
			(void)law_cut(&law);
	}
	if (law.count == LAW_PARTS_MAX)
		law_end(&law);
	else if (law_cut(&law))
		finish(&law, XD_OK, "any parts");
}

/* 65535 records in two parts are an RRset; one more is refused. */
static void test_too_many(uint32_t more)
{
	struct merge_law law;

	law_begin(&law);
	for (uint32_t number = 0; number < 65535 + more; number++) {
		uint8_t address[4] = { 10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number };
		law_add(&law, host, 1, 60, address, sizeof(address));
		if (number == 40000)
			EXPECT(law_cut(&law), "large part");
	}
	EXPECT(law_cut(&law), "large part");
	finish(&law, more ? -XD_E_RANGE : XD_OK, "largest RRset");
}

static void test_full_disk(void)
{
	int full = open("/dev/full", O_WRONLY), closed = -1;
	struct merge_law law;
	uint64_t merged;

	law_begin(&law);
	law_add(&law, host, 1, 60, (const uint8_t *)"abcd", 4);
	EXPECT(law_cut(&law), "full disk");
	EXPECT(xd_pairs_merge(law.parts, law.count, full, full, &merged) == -XD_E_SYSTEM && errno == ENOSPC, "full disk");
	EXPECT(xd_pairs_merge(law.parts, law.count, closed, closed, &merged) < 0, "no file");
	law_end(&law);
	close(full);
}

int main(void)
{
	test_boundaries();
	test_signatures();
	for (unsigned seed = 1; seed <= 200; seed++)
		test_any_parts(seed);
	test_too_many(0);
	test_too_many(1);
	test_full_disk();
	return failures != 0;
}
