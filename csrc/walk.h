/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking a table: every block reachable from a root or a zone, each validated before it is visited, so that what passes
 * can be read without further checks.
 */
#ifndef XD_WALK_H
#define XD_WALK_H

#include "layout.h"
#include "table_writer.h"

enum xd_block_kind {
	XD_BLOCK_ROOT,
	XD_BLOCK_SERVER_INFO,
	XD_BLOCK_ZONE,
	XD_BLOCK_INDEX,
	XD_BLOCK_ORDER,
	XD_BLOCK_NODE,       /* of the index of names */
	XD_BLOCK_NSEC3_NODE, /* of the order of NSEC3 hashes */
	XD_BLOCK_NEGATIVE_SOA,
};

struct xd_walk {
	const uint8_t *base;
	uint64_t end; /* of the table: no block reaches beyond */
	const uint64_t *seed;
	/* Called for every block once; a failure (negated code) ends the walk. */
	int (*visit)(void *context, enum xd_block_kind kind, uint64_t offset, uint64_t bytes);
	void *context;
	const struct xd_zone *zone; /* the walk is in */
	uint64_t visited_bytes; /* blocks do not overlap: more than `end` means that some are reached twice, or without end */
	uint64_t leaf_bytes;    /* likewise, of nodes reached by the NSEC order */
	bool has_met_apex;
};

/* 0, the visitor's failure, or XD_E_TABLE_CORRUPT. */
XD_CHECKED int xd_walk_root(struct xd_walk *walk, uint64_t root);
XD_CHECKED int xd_walk_zone(struct xd_walk *walk, uint64_t zone);

#endif
