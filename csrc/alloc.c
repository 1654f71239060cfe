/* SPDX-License-Identifier: Apache-2.0 */
#include "alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "huge.h"
#include "limits.h"

#define GROW_MIN_BYTES (UINT64_C(1) << 20)
/* Best fit among that many: bounds the cost of one allocation. */
#define LARGE_SCAN_MAX 64u
#define CLASS_BYTES_MAX ((uint64_t)(XD_ALLOC_CLASSES - 1) * XD_BLOCK_ALIGN)

/* Doubles a vector of `size`-octet elements when it is full. */
static int grow_vector(void **items, size_t *room, size_t count, size_t size)
{
	size_t wanted;
	void *grown;

	if (count < *room)
		return 0;
	wanted = *room ? *room * 2 : 64;
	grown = realloc(*items, wanted * size);
	if (!grown)
		return -XD_E_NOMEM;
	xd_huge_advise(grown, wanted * size);
	*items = grown;
	*room = wanted;
	return 0;
}

int xd_block_list_push(struct xd_block_list *list, uint64_t offset, uint64_t bytes)
{
	int rc = grow_vector((void **)&list->blocks, &list->room, list->count, sizeof(*list->blocks));

	if (rc)
		return rc;
	list->blocks[list->count++] = (struct xd_block){ offset, bytes };
	return 0;
}

void xd_alloc_init(struct xd_alloc *alloc, int fd, uint64_t file_bytes, uint64_t end)
{
	memset(alloc, 0, sizeof(*alloc));
	alloc->fd = fd;
	alloc->file_bytes = file_bytes;
	alloc->end = end;
}

void xd_alloc_uninit(struct xd_alloc *alloc)
{
	for (size_t c = 0; c < XD_ALLOC_CLASSES; c++)
		free(alloc->classes[c].offsets);
	free(alloc->large.blocks);
	free(alloc->fresh.blocks);
	free(alloc->doomed.blocks);
	free(alloc->retired);
	memset(alloc, 0, sizeof(*alloc));
}

/*
 * The disk space is reserved before it is mapped and written: running out of disk is an error here and not a SIGBUS later.
 */
static int grow_file(struct xd_alloc *alloc, uint64_t needed)
{
	uint64_t target = alloc->file_bytes + alloc->file_bytes / 4;
	int err;

	if (needed > XD_TABLE_MAP_BYTES)
		return -XD_E_TABLE_FULL;
	if (target < needed + GROW_MIN_BYTES)
		target = needed + GROW_MIN_BYTES;
	if (target > XD_TABLE_MAP_BYTES)
		target = XD_TABLE_MAP_BYTES;
	err = posix_fallocate(alloc->fd, (off_t)alloc->file_bytes, (off_t)(target - alloc->file_bytes));
	if (err && target > needed + GROW_MIN_BYTES) {
		target = needed + GROW_MIN_BYTES;
		err = posix_fallocate(alloc->fd, (off_t)alloc->file_bytes, (off_t)(target - alloc->file_bytes));
	}
	if (err) {
		/* A failed reservation may have made the file longer; readers go by the root's `end`. */
		if (ftruncate(alloc->fd, (off_t)alloc->file_bytes) != 0 && errno != EINTR)
			err = errno;
		errno = err;
		return -XD_E_SYSTEM;
	}
	alloc->file_bytes = target;
	return 0;
}

static int take_large(struct xd_alloc *alloc, uint64_t bytes, uint64_t *offset)
{
	struct xd_block_list *large = &alloc->large;
	size_t best = SIZE_MAX;

	for (size_t i = large->count > LARGE_SCAN_MAX ? large->count - LARGE_SCAN_MAX : 0; i < large->count; i++) {
		if (large->blocks[i].bytes >= bytes && (best == SIZE_MAX || large->blocks[i].bytes < large->blocks[best].bytes))
			best = i;
	}
	if (best == SIZE_MAX)
		return 0;
	*offset = large->blocks[best].offset;
	large->blocks[best].offset += bytes;
	large->blocks[best].bytes -= bytes;
	if (large->blocks[best].bytes <= CLASS_BYTES_MAX) {
		struct xd_block rest = large->blocks[best];

		large->blocks[best] = large->blocks[--large->count];
		/* Losing track of a remainder wastes it until the next start and breaks nothing. */
		if (rest.bytes && xd_alloc_add_free(alloc, rest.offset, rest.bytes))
			alloc->used_bytes += rest.bytes;
	}
	return 1;
}

static int take_free(struct xd_alloc *alloc, uint64_t bytes, uint64_t *offset)
{
	if (bytes <= CLASS_BYTES_MAX) {
		size_t c = bytes / XD_BLOCK_ALIGN;

		if (alloc->classes[c].count) {
			*offset = alloc->classes[c].offsets[--alloc->classes[c].count];
			return 1;
		}
	}
	return alloc->large.count ? take_large(alloc, bytes, offset) : 0;
}

int xd_alloc_block(struct xd_alloc *alloc, uint64_t bytes, uint64_t *offset)
{
	int rc;

	bytes = xd_block_round(bytes);
	if (!take_free(alloc, bytes, offset)) {
		if (alloc->end + bytes > alloc->file_bytes) {
			rc = grow_file(alloc, alloc->end + bytes);
			if (rc)
				return rc;
		}
		*offset = alloc->end;
		alloc->end += bytes;
	}
	alloc->used_bytes += bytes;
	rc = xd_block_list_push(&alloc->fresh, *offset, bytes);
	if (rc) {
		alloc->used_bytes -= bytes;
		return rc;
	}
	return 0;
}

int xd_alloc_retire(struct xd_alloc *alloc, uint64_t offset, uint64_t bytes)
{
	return xd_block_list_push(&alloc->doomed, offset, xd_block_round(bytes));
}

int xd_alloc_add_free(struct xd_alloc *alloc, uint64_t offset, uint64_t bytes)
{
	size_t c = bytes / XD_BLOCK_ALIGN;
	int rc;

	if (bytes > CLASS_BYTES_MAX)
		return xd_block_list_push(&alloc->large, offset, bytes);
	rc = grow_vector((void **)&alloc->classes[c].offsets, &alloc->classes[c].room, alloc->classes[c].count,
	                 sizeof(uint64_t));
	if (rc)
		return rc;
	alloc->classes[c].offsets[alloc->classes[c].count++] = offset;
	return 0;
}

int xd_alloc_add_gap(struct xd_alloc *alloc, uint64_t offset, uint64_t bytes, uint64_t generation)
{
	int rc = grow_vector((void **)&alloc->retired, &alloc->retired_room, alloc->retired_count, sizeof(*alloc->retired));

	if (rc)
		return rc;
	alloc->retired[alloc->retired_count++] = (struct xd_retired){ { offset, bytes }, generation };
	alloc->retired_bytes += bytes;
	return 0;
}

int xd_alloc_reserve_commit(struct xd_alloc *alloc)
{
	size_t wanted = alloc->retired_count + alloc->doomed.count;
	struct xd_retired *grown;

	if (alloc->retired_head) {
		memmove(alloc->retired, alloc->retired + alloc->retired_head,
		        (alloc->retired_count - alloc->retired_head) * sizeof(*alloc->retired));
		alloc->retired_count -= alloc->retired_head;
		wanted -= alloc->retired_head;
		alloc->retired_head = 0;
	}
	if (wanted <= alloc->retired_room)
		return 0;
	grown = realloc(alloc->retired, wanted * sizeof(*grown));
	if (!grown)
		return -XD_E_NOMEM;
	alloc->retired = grown;
	alloc->retired_room = wanted;
	return 0;
}

/* A transaction over a whole large zone leaves long lists behind: their memory is given back. */
static void clear_list(struct xd_block_list *list)
{
	list->count = 0;
	if (list->room > 4096) {
		free(list->blocks);
		*list = (struct xd_block_list){ NULL, 0, 0 };
	}
}

void xd_alloc_commit(struct xd_alloc *alloc, uint64_t generation)
{
	for (size_t i = 0; i < alloc->doomed.count; i++) {
		alloc->retired[alloc->retired_count++] = (struct xd_retired){ alloc->doomed.blocks[i], generation };
		alloc->used_bytes -= alloc->doomed.blocks[i].bytes;
		alloc->retired_bytes += alloc->doomed.blocks[i].bytes;
	}
	clear_list(&alloc->doomed);
	clear_list(&alloc->fresh);
}

void xd_alloc_abort(struct xd_alloc *alloc)
{
	for (size_t i = 0; i < alloc->fresh.count; i++) {
		struct xd_block block = alloc->fresh.blocks[i];

		/* Without memory for the list the block is lost until the next start. */
		if (xd_alloc_add_free(alloc, block.offset, block.bytes) == 0)
			alloc->used_bytes -= block.bytes;
	}
	clear_list(&alloc->fresh);
	clear_list(&alloc->doomed);
}

void xd_alloc_reclaim(struct xd_alloc *alloc, uint64_t generation)
{
	while (alloc->retired_head < alloc->retired_count && alloc->retired[alloc->retired_head].generation <= generation) {
		struct xd_block block = alloc->retired[alloc->retired_head].block;

		if (xd_alloc_add_free(alloc, block.offset, block.bytes))
			return;
		alloc->retired_bytes -= block.bytes;
		alloc->retired_head++;
	}
	if (alloc->retired_head == alloc->retired_count) {
		alloc->retired_head = alloc->retired_count = 0;
		if (alloc->retired_room > 4096) {
			free(alloc->retired);
			alloc->retired = NULL;
			alloc->retired_room = 0;
		}
	}
}
