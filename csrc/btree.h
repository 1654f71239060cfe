/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of the store where they lie: a range of one of its tables, read from the pages of its file.
 *
 * The store's file is LMDB's (format 1, which all of LMDB 0.9 has): pages of a B+ tree, never written again while a snapshot sees
 * them. The caller holds a snapshot, taken by LMDB, and gives the table as that snapshot has it; LMDB itself is not asked for
 * pairs, so reading copies nothing, locks nothing and costs a few dozen instructions for each.
 *
 * No page is believed: what is not as the format has it ends the reading with an error.
 */
#ifndef XD_BTREE_H
#define XD_BTREE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "pairs.h"

/* cdef: begin */

/* Octets of what LMDB keeps of a table, under its name in the main table. */
#define XD_BTREE_TABLE_BYTES 48

typedef struct xd_store_map xd_store_map;
typedef struct xd_btree xd_btree;

/*
 * Maps the store's file, open as `fd`, for reading; `bytes` is the most it may grow to, a multiple of `page_bytes`. The descriptor
 * may be closed afterwards. 0, -XD_E_SYSTEM, -XD_E_NOMEM, or -XD_E_STORE: the file is none of this format and page size.
 */
int xd_store_map_open(int fd, size_t bytes, uint32_t page_bytes, xd_store_map **out);
void xd_store_map_close(xd_store_map *map);

/* What is read: the keys from `from` on and before `to` of a table. */
typedef struct xd_btree_range {
	const uint8_t *table; /* XD_BTREE_TABLE_BYTES octets, as the snapshot has them */
	const uint8_t *from;
	size_t from_len;
	const uint8_t *to;
	size_t to_len;
} xd_btree_range;

/*
 * Begins to read a range. `file_bytes` is the size the file had after the snapshot was taken: no octet behind it is read. The
 * snapshot and the map have to stay until `xd_btree_free`. 0, -XD_E_NOMEM, -XD_E_RANGE (a bound that is no key) or -XD_E_STORE.
 */
int xd_btree_create(const xd_store_map *map, size_t file_bytes, const xd_btree_range *range, xd_btree **out);
void xd_btree_free(xd_btree *tree);

/* The key of the pair at hand and its length; of length 0 when there is none. */
const uint8_t *xd_btree_key(const xd_btree *tree, size_t *len);

/* Room for pairs in the flat form of pairs.h, and what is there. */
typedef struct xd_btree_flat {
	uint8_t *bytes;
	size_t room;
	uint64_t *offsets; /* 2 * most + 1 entries */
	size_t most;       /* pairs */
	size_t used;       /* octets */
	size_t count;      /* pairs */
} xd_btree_flat;

/*
 * Appends further pairs, as many as there is room for. Returns 1 when more are left, 0 at the end of the range, -XD_E_STORE or
 * -XD_E_KEY_ORDER. When 1 comes and nothing was appended, `room` does not hold the next pair.
 */
int xd_btree_copy(xd_btree *tree, xd_btree_flat *flat);

/* cdef: end */

/* Sets *pair to the pair at hand: 1; 0 at the end of the range; -XD_E_STORE or -XD_E_KEY_ORDER. */
XD_CHECKED int xd_btree_pair(const xd_btree *tree, struct xd_pair *pair);

/* Steps over the pair at hand, which `xd_btree_pair` has returned. 0 or -XD_E_STORE. */
XD_CHECKED int xd_btree_step(xd_btree *tree);

#endif
