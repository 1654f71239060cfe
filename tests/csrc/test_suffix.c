/* SPDX-License-Identifier: Apache-2.0 */
/* Names prepared for lookup: lower case, label boundaries, and a hash of each suffix that is the suffix's own. */
#include <stdio.h>
#include <string.h>

#include "suffix.h"

static int failures;

static const uint64_t seed[2] = { 11, 13 };

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

/* Every suffix of the name, prepared by itself, hashes as it does within the name. */
static void check_name(const uint8_t *wire, size_t len, unsigned labels, const char *what)
{
	struct xd_suffixes whole;
	struct xd_suffixes part;

	xd_suffixes_init(&whole, wire, len, seed);
	EXPECT(whole.labels == labels && whole.len == len, what);
	for (unsigned k = 0; k <= labels; k++) {
		xd_suffixes_init(&part, wire + whole.start[k], len - whole.start[k], seed);
		EXPECT(part.labels == k && part.hash[k] == whole.hash[k], what);
		EXPECT(k == 0 || whole.hash[k] != whole.hash[k - 1], what);
	}
	for (size_t i = 0; i < len; i++) {
		uint8_t lower = (uint8_t)(wire[i] >= 'A' && wire[i] <= 'Z' ? wire[i] + 32 : wire[i]);

		EXPECT(whole.name[i] == lower, what);
	}
}

/* Labels of one size, as many as a name takes, over all octets. */
static void test_sizes(void)
{
	for (unsigned size = 1; size <= 63; size++) {
		uint8_t wire[XD_NAME_MAX + 8] = { 0 };
		unsigned labels = 0;
		size_t at = 0;

		while (at + size + 2 <= XD_NAME_MAX) {
			wire[at++] = (uint8_t)size;
			for (unsigned i = 0; i < size; i++, at++)
				wire[at] = (uint8_t)(at * 7 + size);
			labels++;
			wire[at] = 0;
			check_name(wire, at + 1, labels, "labels of one size");
		}
	}
}

static void test_names(void)
{
	static const uint8_t root[1] = { 0 };
	static const uint8_t upper[] = "\3WWW\7eXAMPLE\3cOm";
	static const uint8_t lower[] = "\3www\7example\3com";
	static const uint8_t other[] = "\3www\7examplf\3com";
	struct xd_suffixes a;
	struct xd_suffixes b;

	check_name(root, 1, 0, "root");
	check_name(upper, sizeof(upper), 3, "case");
	xd_suffixes_init(&a, upper, sizeof(upper), seed);
	xd_suffixes_init(&b, lower, sizeof(lower), seed);
	EXPECT(a.hash[3] == b.hash[3], "names are equal without case");
	xd_suffixes_init(&b, other, sizeof(other), seed);
	EXPECT(a.hash[1] == b.hash[1] && a.hash[2] != b.hash[2] && a.hash[3] != b.hash[3], "one octet differs");
}

static void test_wire_len(void)
{
	EXPECT(xd_wire_name_len((const uint8_t *)"", 0) == 0, "nothing");
	EXPECT(xd_wire_name_len((const uint8_t *)"\0", 1) == 1, "root");
	EXPECT(xd_wire_name_len((const uint8_t *)"\1a", 2) == 0, "no end");
	EXPECT(xd_wire_name_len((const uint8_t *)"\1a\0", 3) == 3, "one label");
	EXPECT(xd_wire_name_len((const uint8_t *)"\x40", 100) == 0, "label type");
	EXPECT(xd_wire_name_len((const uint8_t *)"\xc0\x0c", 2) == 0, "pointer");
}

int main(void)
{
	test_names();
	test_sizes();
	test_wire_len();
	return failures != 0;
}
