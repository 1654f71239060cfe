/* SPDX-License-Identifier: Apache-2.0 */
/* Which parts of a table file are in use: one bit for XD_BLOCK_ALIGN octets. Finds overlaps and gaps without sorting. */
#ifndef XD_BLOCK_MAP_H
#define XD_BLOCK_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct xd_block_map {
	uint64_t *words;
	uint64_t units;
};

/* Of a file of `bytes` octets, a multiple of XD_BLOCK_ALIGN; nothing is in use. 0 or -XD_E_NOMEM. */
XD_CHECKED int xd_block_map_init(struct xd_block_map *map, uint64_t bytes);
void xd_block_map_uninit(struct xd_block_map *map);

/*
 * A block, its size a multiple of XD_BLOCK_ALIGN. -XD_E_TABLE_CORRUPT when it lies outside or another one uses part of it;
 * the map is of no use then.
 */
XD_CHECKED int xd_block_map_add(struct xd_block_map *map, uint64_t offset, uint64_t bytes);

/* The first gap at or behind *offset: sets *offset and *bytes. False when there is none. */
XD_CHECKED bool xd_block_map_next_gap(const struct xd_block_map *map, uint64_t *offset, uint64_t *bytes);

#endif
