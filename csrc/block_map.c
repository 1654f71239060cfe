/* SPDX-License-Identifier: Apache-2.0 */
#include "block_map.h"

#include <stdlib.h>

#include "layout.h"

#define WORD_UNITS 64u

int xd_block_map_init(struct xd_block_map *map, uint64_t bytes)
{
	map->units = bytes / XD_BLOCK_ALIGN;
	map->words = calloc(map->units / WORD_UNITS + 1, sizeof(*map->words));
	return map->words ? 0 : -XD_E_NOMEM;
}

void xd_block_map_uninit(struct xd_block_map *map)
{
	free(map->words);
	map->words = NULL;
	map->units = 0;
}

int xd_block_map_add(struct xd_block_map *map, uint64_t offset, uint64_t bytes)
{
	uint64_t unit = offset / XD_BLOCK_ALIGN;
	uint64_t left = bytes / XD_BLOCK_ALIGN;

	if (offset % XD_BLOCK_ALIGN || unit > map->units || left > map->units - unit)
		return -XD_E_TABLE_CORRUPT;
	while (left) {
		uint64_t bit = unit % WORD_UNITS;
		uint64_t count = left < WORD_UNITS - bit ? left : WORD_UNITS - bit;
		uint64_t mask = UINT64_MAX >> (WORD_UNITS - count) << bit;
		uint64_t *word = &map->words[unit / WORD_UNITS];
		if (*word & mask)
			return -XD_E_TABLE_CORRUPT;
		*word |= mask;
		unit += count;
		left -= count;
	}
	return 0;
}

/* The first unit from `unit` on that is in use, or not, as asked; the number of units when there is none. */
static uint64_t find_unit(const struct xd_block_map *map, uint64_t unit, bool in_use)
{
	const uint64_t flip = in_use ? 0 : UINT64_MAX;

	while (unit < map->units) {
		uint64_t found = (map->words[unit / WORD_UNITS] ^ flip) >> unit % WORD_UNITS;
		if (found) {
			unit += (unsigned)__builtin_ctzll(found);
			return unit < map->units ? unit : map->units;
		}
		unit += WORD_UNITS - unit % WORD_UNITS;
	}
	return map->units;
}

bool xd_block_map_next_gap(const struct xd_block_map *map, uint64_t *offset, uint64_t *bytes)
{
	uint64_t start = find_unit(map, *offset / XD_BLOCK_ALIGN, false);
	uint64_t end = find_unit(map, start, true);

	*offset = start * XD_BLOCK_ALIGN;
	*bytes = (end - start) * XD_BLOCK_ALIGN;
	return start < end;
}
