/* SPDX-License-Identifier: Apache-2.0 */
/* The index: from a name's hash to an offset. Readers look up in place; the writer copies the path it changes. */
#ifndef XD_INDEX_H
#define XD_INDEX_H

#include <stdbool.h>

#include "layout.h"
#include "table_writer.h"

/* Is the thing at `thing` the one looked for? */
typedef bool (*xd_index_match)(const void *thing, const void *wanted);

static inline unsigned xd_index_digit(uint64_t hash, unsigned level)
{
	return (unsigned)(hash >> (64 - XD_INDEX_BITS * (level + 1))) & (XD_INDEX_FANOUT - 1);
}

static inline uint64_t xd_index_entry(uint64_t hash, uint64_t offset)
{
	return hash << XD_OFFSET_BITS | offset;
}

/* The bucket a hash falls into: its slot value, 0 when empty. */
static inline uint64_t xd_index_bucket_of(const uint8_t *base, uint64_t slot, uint64_t hash)
{
	for (unsigned level = 0; slot & XD_SLOT_INNER; level++) {
		const struct xd_index_inner *inner = (const struct xd_index_inner *)(base + (slot & ~XD_SLOT_INNER));

		slot = inner->slots[xd_index_digit(hash, level)];
	}
	return slot;
}

/* Offset of the thing with this hash that `match` accepts, or 0. */
static inline __attribute__((always_inline)) uint64_t xd_index_find(const uint8_t *base, uint64_t slot, uint64_t hash,
                                                                    xd_index_match match, const void *wanted)
{
	uint64_t tag = hash << XD_OFFSET_BITS;
	const struct xd_index_bucket *bucket;

	slot = xd_index_bucket_of(base, slot, hash);
	if (!slot)
		return 0;
	bucket = (const struct xd_index_bucket *)(base + slot);
	for (uint64_t i = 0; i < bucket->count; i++) {
		uint64_t offset = bucket->entries[i] ^ tag;

		if (offset <= XD_OFFSET_MASK && match(base + offset, wanted))
			return offset;
	}
	return 0;
}

struct xd_index_item {
	uint64_t hash;
	uint64_t offset;
};

/* The hash of the thing at `offset`: entries keep only a part of it, and a bucket that splits needs all. */
typedef uint64_t (*xd_index_rehash)(const xd_table *table, uint64_t offset);

/* Puts `offset` under `hash`, in place of `old` when that is not 0. *slot is changed to the new version. */
XD_CHECKED int xd_index_put(xd_table *table, uint64_t *slot, uint64_t hash, uint64_t old, uint64_t offset,
                            xd_index_rehash rehash);

/* Takes `old` away from under `hash`; it must be there. */
XD_CHECKED int xd_index_remove(xd_table *table, uint64_t *slot, uint64_t hash, uint64_t old);

/* Builds an index of `count` items at once; sorts them. */
XD_CHECKED int xd_index_build(xd_table *table, struct xd_index_item *items, size_t count, uint64_t *slot);

#endif
