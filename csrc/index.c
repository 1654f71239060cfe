/* SPDX-License-Identifier: Apache-2.0 */
#include "index.h"

#include <stdlib.h>
#include <string.h>

#include "huge.h"

static uint64_t bucket_bytes(uint64_t count)
{
	return sizeof(struct xd_index_bucket) + count * sizeof(uint64_t);
}

static int make_inner(xd_table *table, uint64_t *slot, struct xd_index_inner **inner)
{
	int rc = xd_table_alloc(table, sizeof(**inner), slot, (void **)inner);

	if (rc)
		return rc;
	memset(*inner, 0, sizeof(**inner));
	(*inner)->generation = table->root.generation;
	*slot |= XD_SLOT_INNER;
	return 0;
}

/* An inner node the open transaction may write: the node itself when it made it, else a copy in its place. */
static int own_inner(xd_table *table, uint64_t *slot, struct xd_index_inner **inner)
{
	struct xd_index_inner *old = xd_at(table, *slot & ~XD_SLOT_INNER);
	uint64_t offset;
	int rc;

	if (old->generation == table->root.generation) {
		*inner = old;
		return 0;
	}
	rc = xd_table_alloc(table, sizeof(**inner), &offset, (void **)inner);
	if (rc)
		return rc;
	memcpy(*inner, old, sizeof(**inner));
	(*inner)->generation = table->root.generation;
	rc = xd_table_drop(table, *slot & ~XD_SLOT_INNER, sizeof(*old));
	*slot = offset | XD_SLOT_INNER;
	return rc;
}

static int make_bucket(xd_table *table, const struct xd_index_item *items, size_t count, uint64_t *slot)
{
	struct xd_index_bucket *bucket;
	int rc = xd_table_alloc(table, bucket_bytes(count), slot, (void **)&bucket);

	if (rc)
		return rc;
	bucket->count = count;
	for (size_t i = 0; i < count; i++)
		bucket->entries[i] = xd_index_entry(items[i].hash, items[i].offset);
	return 0;
}

/* Builds from items sorted by hash, which all share the digits above `level`. */
static int build_sorted(xd_table *table, const struct xd_index_item *items, size_t count, unsigned level, uint64_t *slot)
{
	struct xd_index_inner *inner;
	int rc;

	if (count == 0) {
		*slot = 0;
		return 0;
	}
	if (count <= XD_INDEX_BUCKET_MAX || level == XD_INDEX_LEVELS)
		return make_bucket(table, items, count, slot);
	rc = make_inner(table, slot, &inner);
	for (size_t from = 0; from < count && !rc;) {
		unsigned digit = xd_index_digit(items[from].hash, level);
		size_t to = from + 1;

		while (to < count && xd_index_digit(items[to].hash, level) == digit)
			to++;
		rc = build_sorted(table, items + from, to - from, level + 1, &inner->slots[digit]);
		from = to;
	}
	return rc;
}

static int compare_items(const void *a, const void *b)
{
	uint64_t left = ((const struct xd_index_item *)a)->hash;
	uint64_t right = ((const struct xd_index_item *)b)->hash;

	return (left > right) - (left < right);
}

#define RADIX_BITS 16u

/* Three stable passes over the 48 bits that the levels use, lowest digit first. */
static int radix_sort(struct xd_index_item *items, size_t count)
{
	struct xd_index_item *from = items;
	struct xd_index_item *other = malloc(count * sizeof(*other));
	size_t *starts = malloc(sizeof(*starts) << RADIX_BITS);

	if (!other || !starts) {
		free(other);
		free(starts);
		return -XD_E_NOMEM;
	}
	xd_huge_advise(other, count * sizeof(*other));
	struct xd_index_item *to = other;
	for (unsigned shift = 64 - XD_INDEX_BITS * XD_INDEX_LEVELS; shift < 64; shift += RADIX_BITS) {
		struct xd_index_item *swap = from;
		size_t sum = 0;

		memset(starts, 0, sizeof(*starts) << RADIX_BITS);
		for (size_t i = 0; i < count; i++)
			starts[(from[i].hash >> shift) & 0xffff]++;
		for (size_t d = 0; d < 1u << RADIX_BITS; d++) {
			size_t n = starts[d];

			starts[d] = sum;
			sum += n;
		}
		for (size_t i = 0; i < count; i++)
			to[starts[(from[i].hash >> shift) & 0xffff]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != items)
		memcpy(items, from, count * sizeof(*items));
	free(other);
	free(starts);
	return 0;
}

_Static_assert(3 * RADIX_BITS == XD_INDEX_BITS * XD_INDEX_LEVELS, "the passes cover the bits the levels use");

int xd_index_build(xd_table *table, struct xd_index_item *items, size_t count, uint64_t *slot)
{
	if (count < 4096)
		qsort(items, count, sizeof(*items), compare_items);
	else if (radix_sort(items, count))
		return -XD_E_NOMEM;
	return build_sorted(table, items, count, 0, slot);
}

/* A full bucket and one item more, as an inner node over smaller buckets. */
static int split_bucket(xd_table *table, uint64_t *slot, unsigned level, const struct xd_index_item *added,
                        xd_index_rehash rehash)
{
	const struct xd_index_bucket *bucket = xd_at(table, *slot);
	struct xd_index_item items[XD_INDEX_BUCKET_MAX + 1];
	uint64_t old_slot = *slot;
	size_t count = bucket->count;
	int rc;

	for (size_t i = 0; i < count; i++) {
		items[i].offset = bucket->entries[i] & XD_OFFSET_MASK;
		items[i].hash = rehash(table, items[i].offset);
	}
	items[count++] = *added;
	qsort(items, count, sizeof(items[0]), compare_items);
	rc = build_sorted(table, items, count, level, slot);
	return rc ? rc : xd_table_drop(table, old_slot, bucket_bytes(count - 1));
}

/* The bucket at *slot with entry `old` replaced by, or (0) extended by, or (entry 0) without, the given one. */
static int change_bucket(xd_table *table, uint64_t *slot, uint64_t old, uint64_t entry)
{
	static const struct xd_index_bucket empty = { 0 };
	const struct xd_index_bucket *from = *slot ? xd_at(table, *slot) : &empty;
	uint64_t count = from->count + (old ? 0 : 1) - (entry ? 0 : 1);
	uint64_t old_slot = *slot;
	struct xd_index_bucket *to;
	uint64_t n = 0;
	int rc;

	if (count == 0) {
		*slot = 0;
		return xd_table_drop(table, old_slot, bucket_bytes(from->count));
	}
	rc = xd_table_alloc(table, bucket_bytes(count), slot, (void **)&to);
	if (rc)
		return rc;
	to->count = count;
	for (uint64_t i = 0; i < from->count; i++) {
		if ((from->entries[i] & XD_OFFSET_MASK) != old)
			to->entries[n++] = from->entries[i];
	}
	if (entry)
		to->entries[n] = entry;
	return old_slot ? xd_table_drop(table, old_slot, bucket_bytes(from->count)) : 0;
}

int xd_index_put(xd_table *table, uint64_t *slot, uint64_t hash, uint64_t old, uint64_t offset, xd_index_rehash rehash)
{
	unsigned level = 0;

	while (*slot & XD_SLOT_INNER) {
		struct xd_index_inner *inner;
		int rc = own_inner(table, slot, &inner);

		if (rc)
			return rc;
		slot = &inner->slots[xd_index_digit(hash, level++)];
	}
	if (*slot && !old && level < XD_INDEX_LEVELS) {
		const struct xd_index_bucket *bucket = xd_at(table, *slot);

		if (bucket->count == XD_INDEX_BUCKET_MAX)
			return split_bucket(table, slot, level, &(struct xd_index_item){ hash, offset }, rehash);
	}
	return change_bucket(table, slot, old, xd_index_entry(hash, offset));
}

int xd_index_remove(xd_table *table, uint64_t *slot, uint64_t hash, uint64_t old)
{
	for (unsigned level = 0; *slot & XD_SLOT_INNER; level++) {
		struct xd_index_inner *inner;
		int rc = own_inner(table, slot, &inner);

		if (rc)
			return rc;
		slot = &inner->slots[xd_index_digit(hash, level)];
	}
	return change_bucket(table, slot, old, 0);
}
