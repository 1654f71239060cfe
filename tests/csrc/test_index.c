/* SPDX-License-Identifier: Apache-2.0 */
/* The index against a plain list: splits, growth, hashes that share all their bits, removal down to nothing. */
#include <unistd.h>

#include "zone_text.h"

#include "index.h"

#define THINGS 5000u

/* What the index is to find; any block will do. */
struct thing {
	uint64_t hash;
	uint64_t number;
};

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

static bool is_wanted(const void *thing, const void *wanted)
{
	return ((const struct thing *)thing)->number == *(const uint64_t *)wanted;
}

static uint64_t rehash(const xd_table *table, uint64_t offset)
{
	return ((const struct thing *)xd_at(table, offset))->hash;
}

static uint64_t make(xd_table *table, uint64_t hash, uint64_t number)
{
	struct thing *thing;
	uint64_t offset;

	NEED(xd_table_alloc(table, sizeof(*thing), &offset, (void **)&thing) == 0);
	*thing = (struct thing){ hash, number };
	return offset;
}

/* Spread over the index, all in one bucket but for the lowest bits, or all the same. */
static uint64_t hash_of(unsigned kind, uint64_t number)
{
	uint64_t mixed = number * UINT64_C(0x9e3779b97f4a7c15);

	return kind == 0 ? mixed : kind == 1 ? UINT64_C(0xabcdef0000000000) | (mixed >> 40) : UINT64_C(0x1234567812345678);
}

static void expect_all(const xd_table *table, uint64_t slot, unsigned kind, const uint64_t *offsets, unsigned count)
{
	for (uint64_t i = 0; i < count; i++)
		EXPECT(xd_index_find(table->base, slot, hash_of(kind, i), is_wanted, &i) == offsets[i], "find");
}

static void test_kind(unsigned kind, unsigned count)
{
	static uint64_t offsets[THINGS];
	static struct xd_index_item items[THINGS];
	xd_table *table;
	uint64_t slot = 0;
	uint64_t built;

	NEED(xd_table_create("test_index.file", &table) == 0 && xd_txn_begin(table) == 0);
	for (unsigned i = 0; i < count; i++) {
		offsets[i] = make(table, hash_of(kind, i), i);
		EXPECT(xd_index_put(table, &slot, hash_of(kind, i), 0, offsets[i], rehash) == 0, "put");
		items[i] = (struct xd_index_item){ hash_of(kind, i), offsets[i] };
		if (i % 331 == 0)
			table->root.generation++;
	}
	expect_all(table, slot, kind, offsets, count);
	EXPECT(xd_index_build(table, items, count, &built) == 0, "build");
	expect_all(table, built, kind, offsets, count);
	for (unsigned i = 0; i < count; i += 2) {
		uint64_t old = offsets[i];

		offsets[i] = make(table, hash_of(kind, i), i);
		EXPECT(xd_index_put(table, &slot, hash_of(kind, i), old, offsets[i], rehash) == 0, "replace");
	}
	expect_all(table, slot, kind, offsets, count);
	for (unsigned i = 0; i < count; i++) {
		EXPECT(xd_index_remove(table, &slot, hash_of(kind, i), offsets[i]) == 0, "remove");
		offsets[i] = 0;
		if (i % 500 == 0)
			expect_all(table, slot, kind, offsets, count);
	}
	expect_all(table, slot, kind, offsets, count);
	xd_txn_abort(table);
	xd_table_close(table);
}

int main(void)
{
	static const unsigned counts[] = { 0, 1, 24, 25, 26, 600 };

	for (unsigned kind = 0; kind < 3; kind++) {
		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
			test_kind(kind, counts[i]);
	}
	test_kind(0, THINGS);
	unlink("test_index.file");
	return failures != 0;
}
