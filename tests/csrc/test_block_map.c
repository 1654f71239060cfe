/* SPDX-License-Identifier: Apache-2.0 */
/* The map of blocks against an array of octets: overlaps and blocks outside are refused, gaps are found. */
#include <stdio.h>
#include <string.h>

#include "block_map.h"
#include "layout.h"

#define UNITS 700u
#define ROUNDS 300u

static int failures;
static uint32_t state = 7;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

static unsigned roll(unsigned sides)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % sides;
}

static void check_gaps(const struct xd_block_map *map, const bool *in_use, unsigned units)
{
	uint64_t at = 0, bytes;
	unsigned unit = 0;

	for (; xd_block_map_next_gap(map, &at, &bytes); at += bytes) {
		for (; unit < at / XD_BLOCK_ALIGN; unit++)
			EXPECT(in_use[unit], "in front of a gap all is in use");
		for (; unit < (at + bytes) / XD_BLOCK_ALIGN; unit++)
			EXPECT(!in_use[unit], "nothing in a gap is in use");
	}
	for (; unit < units; unit++)
		EXPECT(in_use[unit], "behind the last gap all is in use");
}

static void test_random_blocks(unsigned units)
{
	bool in_use[UNITS] = { false };
	struct xd_block_map map;

	if (xd_block_map_init(&map, (uint64_t)units * XD_BLOCK_ALIGN) != 0) {
		failures++;
		return;
	}
	for (unsigned i = 0; i < 60; i++) {
		unsigned start = roll(units + 2), count = 1 + roll(roll(4) ? 8 : 200);
		bool fits = start + count <= units && !memchr(in_use + start, true, count);
		if (!fits && start < units)
			continue;
		int rc = xd_block_map_add(&map, (uint64_t)start * XD_BLOCK_ALIGN, (uint64_t)count * XD_BLOCK_ALIGN);
		EXPECT(rc == (fits ? 0 : -XD_E_TABLE_CORRUPT), "a block that fits is taken, one outside is not");
		if (fits)
			memset(in_use + start, true, count);
	}
	check_gaps(&map, in_use, units);
	xd_block_map_uninit(&map);
}

static void test_refusals(void)
{
	struct xd_block_map map;

	if (xd_block_map_init(&map, 200 * XD_BLOCK_ALIGN) != 0) {
		failures++;
		return;
	}
	EXPECT(xd_block_map_add(&map, 60 * XD_BLOCK_ALIGN, 10 * XD_BLOCK_ALIGN) == 0, "a block over two words");
	EXPECT(xd_block_map_add(&map, 69 * XD_BLOCK_ALIGN, XD_BLOCK_ALIGN) == -XD_E_TABLE_CORRUPT, "its last unit");
	EXPECT(xd_block_map_add(&map, 50 * XD_BLOCK_ALIGN, 11 * XD_BLOCK_ALIGN) == -XD_E_TABLE_CORRUPT, "its first unit");
	EXPECT(xd_block_map_add(&map, 3, XD_BLOCK_ALIGN) == -XD_E_TABLE_CORRUPT, "an offset between units");
	EXPECT(xd_block_map_add(&map, 199 * XD_BLOCK_ALIGN, 2 * XD_BLOCK_ALIGN) == -XD_E_TABLE_CORRUPT, "over the end");
	EXPECT(xd_block_map_add(&map, 0, UINT64_MAX / XD_BLOCK_ALIGN * XD_BLOCK_ALIGN) == -XD_E_TABLE_CORRUPT, "no end at all");
	EXPECT(xd_block_map_add(&map, 70 * XD_BLOCK_ALIGN, 130 * XD_BLOCK_ALIGN) == 0, "up to the end");
	xd_block_map_uninit(&map);
}

int main(void)
{
	for (unsigned round = 0; round < ROUNDS; round++)
		test_random_blocks(1 + roll(UNITS));
	test_refusals();
	return failures != 0;
}
