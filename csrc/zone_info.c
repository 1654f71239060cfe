/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer's side may ask of the zones in the table. */
#include <string.h>

#include "node.h"
#include "walk.h"

static const struct xd_root *published_root(const xd_table *table)
{
	return xd_at(table, atomic_load_explicit(&xd_table_header(table)->root, memory_order_acquire));
}

static uint64_t find_zone(const xd_table *table, const uint8_t *apex)
{
	size_t len = xd_wire_name_len(apex, XD_NAME_MAX);
	struct xd_suffixes name;

	if (!len)
		return 0;
	xd_suffixes_init(&name, apex, len, xd_table_header(table)->seed);
	return xd_root_find_zone(table->base, published_root(table), &name, name.labels);
}

int xd_table_zone_info(xd_table *table, const uint8_t *apex, xd_zone_info *out)
{
	uint64_t offset = find_zone(table, apex);
	const struct xd_zone *zone = xd_at(table, offset);

	if (!offset)
		return -XD_E_NOT_FOUND;
	memset(out, 0, sizeof(*out));
	out->version = zone->version;
	out->names = zone->names;
	out->serial = zone->serial;
	out->has_contents = (zone->flags & XD_ZONE_HAS_CONTENTS) != 0;
	out->is_nsec = (zone->flags & XD_ZONE_NSEC) != 0;
	out->is_nsec3 = (zone->flags & XD_ZONE_NSEC3) != 0;
	out->stats_row = zone->stats_row;
	out->stats_families = zone->stats_families;
	out->is_closed = (zone->flags & XD_ZONE_CLOSED) != 0;
	out->access_count = zone->access_count;
	return 0;
}

/* Zones are gathered once per listing: the caller asks with a growing buffer. */
struct listing {
	const xd_table *table;
	uint8_t *names;
	size_t room;
	size_t len;
	size_t count;
};

static void list_slot(struct listing *listing, uint64_t slot)
{
	const struct xd_index_inner *inner = xd_at(listing->table, slot & ~XD_SLOT_INNER);
	const struct xd_index_bucket *bucket = xd_at(listing->table, slot);

	if (!slot)
		return;
	if (slot & XD_SLOT_INNER) {
		for (unsigned i = 0; i < XD_INDEX_FANOUT; i++)
			list_slot(listing, inner->slots[i]);
		return;
	}
	for (uint64_t i = 0; i < bucket->count; i++) {
		const struct xd_zone *zone = xd_at(listing->table, bucket->entries[i] & XD_OFFSET_MASK);

		if (listing->len + zone->name_len <= listing->room)
			memcpy(listing->names + listing->len, xd_zone_name(zone), zone->name_len);
		listing->len += zone->name_len;
		listing->count++;
	}
}

size_t xd_table_zone_names(xd_table *table, uint8_t *names, size_t room)
{
	struct listing listing = { .table = table, .names = names, .room = room };

	list_slot(&listing, published_root(table)->zones);
	return listing.len;
}

struct digest {
	const xd_table *table;
	uint64_t sums[2];
};

static uint64_t hash_octets(const uint8_t *at, size_t len, uint64_t seed)
{
	uint64_t h = seed ^ len;
	uint64_t tail = 0;

	for (; len >= 8; len -= 8, at += 8)
		h = xd_hash_mix(h ^ xd_load_64(at), UINT64_C(0x9e3779b97f4a7c15));
	memcpy(&tail, at, len);
	return xd_hash_mix(h ^ tail, UINT64_C(0xc2b2ae3d27d4eb4f));
}

/*
 * What a node holds, without what depends on the table's seed or history: the hashes of targets. Sums make the order of
 * the visits irrelevant.
 */
static int digest_node(void *context, enum xd_block_kind kind, uint64_t offset, uint64_t bytes)
{
	struct digest *digest = context;
	const struct xd_node *node = xd_at(digest->table, offset);
	uint64_t h = (uint64_t)kind;
	(void)bytes;

	if (kind != XD_BLOCK_NODE && kind != XD_BLOCK_NSEC3_NODE && kind != XD_BLOCK_NEGATIVE_SOA)
		return 0;
	h = hash_octets((const uint8_t *)node, sizeof(*node), h);
	h = hash_octets(xd_node_name(node), node->name_len, h);
	for (unsigned i = 0; i < node->rrset_count; i++) {
		const struct xd_fragment *fragment = xd_node_rrset_at(node, i);

		h = hash_octets((const uint8_t *)fragment, sizeof(*fragment) + fragment->fixup_count * sizeof(uint32_t), h);
		h = hash_octets(xd_fragment_records(fragment), fragment->full_len, h);
	}
	digest->sums[0] += h;
	digest->sums[1] += xd_hash_mix(h, UINT64_C(0x165667b19e3779f9));
	return 0;
}

int xd_table_zone_digest(xd_table *table, const uint8_t *apex, uint64_t out[2])
{
	uint64_t offset = find_zone(table, apex);
	struct digest digest = { .table = table };
	struct xd_walk walk = {
		.base = table->base,
		.end = published_root(table)->end,
		.seed = xd_table_header(table)->seed,
		.visit = digest_node,
		.context = &digest,
	};
	int rc;

	if (!offset)
		return -XD_E_NOT_FOUND;
	rc = xd_walk_zone(&walk, offset);
	out[0] = digest.sums[0];
	out[1] = digest.sums[1];
	return rc;
}
