/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's allocator for blocks of the table file. Its state is in the writer's memory only: free blocks by size,
 * and blocks retired by a generation that readers may still look at. All sizes are rounded up to XD_BLOCK_ALIGN.
 */
#ifndef XD_ALLOC_H
#define XD_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "layout.h"

#define XD_ALLOC_CLASSES 257u

struct xd_block {
	uint64_t offset;
	uint64_t bytes;
};

struct xd_retired {
	struct xd_block block;
	uint64_t generation;
};

struct xd_block_list {
	struct xd_block *blocks;
	size_t count;
	size_t room;
};

struct xd_alloc {
	int fd;
	uint64_t file_bytes; /* the file is that long, its blocks reserved on disk */
	uint64_t end;        /* nothing is allocated from here on */
	uint64_t used_bytes;
	uint64_t retired_bytes;
	struct {
		uint64_t *offsets;
		size_t count;
		size_t room;
	} classes[XD_ALLOC_CLASSES]; /* class c: blocks of exactly c * XD_BLOCK_ALIGN octets */
	struct xd_block_list large;  /* free blocks above the classes */
	struct xd_retired *retired;  /* oldest first, from retired_head on */
	size_t retired_head;
	size_t retired_count;
	size_t retired_room;
	struct xd_block_list fresh;  /* allocated by the open transaction */
	struct xd_block_list doomed; /* to be retired when it commits */
};

static inline uint64_t xd_block_round(uint64_t bytes)
{
	return (bytes + XD_BLOCK_ALIGN - 1) & ~(uint64_t)(XD_BLOCK_ALIGN - 1);
}

/* An allocator over an empty table: everything behind the header page is free. */
void xd_alloc_init(struct xd_alloc *alloc, int fd, uint64_t file_bytes, uint64_t end);
void xd_alloc_uninit(struct xd_alloc *alloc);

/* A new block; *offset is set. XD_E_TABLE_FULL, XD_E_SYSTEM (errno; disk full) or XD_E_NOMEM. */
XD_CHECKED int xd_alloc_block(struct xd_alloc *alloc, uint64_t bytes, uint64_t *offset);

/* Marks a published block as replaced by the open transaction. */
XD_CHECKED int xd_alloc_retire(struct xd_alloc *alloc, uint64_t offset, uint64_t bytes);

/* The open transaction was published as `generation`: its retired blocks wait for readers. Never fails after reserve. */
XD_CHECKED int xd_alloc_reserve_commit(struct xd_alloc *alloc);
void xd_alloc_commit(struct xd_alloc *alloc, uint64_t generation);

/* The open transaction is gone: what it allocated is free again. */
void xd_alloc_abort(struct xd_alloc *alloc);

/* Every reader has seen `generation`: what was retired by it or before is free. */
void xd_alloc_reclaim(struct xd_alloc *alloc, uint64_t generation);

/* Puts a range that nobody looks at into the lists of free blocks. */
XD_CHECKED int xd_alloc_add_free(struct xd_alloc *alloc, uint64_t offset, uint64_t bytes);

/*
 * Start-up: a gap between the blocks of the root of `generation`. What stood there may have been replaced a moment ago by a
 * writer that died, so it waits for readers like any retired block. Generations ascend from call to call.
 */
XD_CHECKED int xd_alloc_add_gap(struct xd_alloc *alloc, uint64_t offset, uint64_t bytes, uint64_t generation);

XD_CHECKED int xd_block_list_push(struct xd_block_list *list, uint64_t offset, uint64_t bytes);

#endif
