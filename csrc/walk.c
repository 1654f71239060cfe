/* SPDX-License-Identifier: Apache-2.0 */
#include "walk.h"

#include <string.h>

#include "bytes.h"
#include "order.h"
#include "rr.h"
#include "walk_node.h"

#define CORRUPT (-XD_E_TABLE_CORRUPT)

/* The block of at least `bytes` octets at `offset`, NULL when there cannot be one. */
static const void *block_at(const struct xd_walk *walk, uint64_t offset, uint64_t bytes)
{
	if (offset < XD_HEADER_BYTES || offset % XD_BLOCK_ALIGN || offset >= walk->end || bytes > walk->end - offset)
		return NULL;
	return walk->base + offset;
}

static int visit(struct xd_walk *walk, enum xd_block_kind kind, uint64_t offset, uint64_t bytes)
{
	walk->visited_bytes += bytes;
	if (walk->visited_bytes > walk->end)
		return CORRUPT;
	return walk->visit(walk->context, kind, offset, bytes);
}

static int walk_node(struct xd_walk *walk, uint64_t offset, enum xd_block_kind kind)
{
	const struct xd_node *node = block_at(walk, offset, sizeof(*node));

	if (!node || !xd_node_is_sound(node, walk->end - offset, xd_zone_name(walk->zone), walk->zone->name_len))
		return CORRUPT;
	return visit(walk, kind, offset, node->bytes);
}

typedef int (*walk_thing)(struct xd_walk *walk, uint64_t offset);

static int walk_index_node(struct xd_walk *walk, uint64_t offset)
{
	const struct xd_node *node = block_at(walk, offset, sizeof(*node));
	int rc = walk_node(walk, offset, XD_BLOCK_NODE);

	if (offset == walk->zone->apex)
		walk->has_met_apex = true;
	/* A node deeper than the zone admits, or occluded from above its apex, would not be looked up right. */
	if (!rc && (node->labels > walk->zone->max_labels || (node->occluded && node->occluded <= walk->zone->labels)))
		return CORRUPT;
	return rc;
}

static int walk_bucket(struct xd_walk *walk, uint64_t offset, walk_thing thing)
{
	const struct xd_index_bucket *bucket = block_at(walk, offset, sizeof(*bucket));
	int rc;

	if (!bucket || bucket->count > (walk->end - offset - sizeof(*bucket)) / sizeof(bucket->entries[0]))
		return CORRUPT;
	rc = visit(walk, XD_BLOCK_INDEX, offset, sizeof(*bucket) + bucket->count * sizeof(bucket->entries[0]));
	for (uint64_t i = 0; i < bucket->count && !rc; i++)
		rc = thing(walk, bucket->entries[i] & XD_OFFSET_MASK);
	return rc;
}

static int walk_slot(struct xd_walk *walk, uint64_t slot, unsigned level, walk_thing thing)
{
	uint64_t offset = slot & ~XD_SLOT_INNER;
	const struct xd_index_inner *inner = block_at(walk, offset, sizeof(*inner));
	int rc;

	if (!slot)
		return 0;
	if (!(slot & XD_SLOT_INNER))
		return walk_bucket(walk, offset, thing);
	if (level == XD_INDEX_LEVELS || !inner)
		return CORRUPT;
	rc = visit(walk, XD_BLOCK_INDEX, offset, sizeof(*inner));
	for (unsigned i = 0; i < XD_INDEX_FANOUT && !rc; i++)
		rc = walk_slot(walk, inner->slots[i], level + 1, thing);
	return rc;
}

/* Leaves of the NSEC order are nodes of the index and visited there; those of the NSEC3 order hang here alone. */
static int walk_order_leaf(struct xd_walk *walk, uint64_t offset, enum xd_order_kind kind)
{
	const struct xd_node *node = block_at(walk, offset, sizeof(*node));
	struct xd_order_key key;
	int rc;

	if (!node)
		return CORRUPT;
	if (kind == XD_ORDER_NSEC) {
		walk->leaf_bytes += node->bytes;
		return walk->leaf_bytes <= walk->end && xd_node_is_sound(node, walk->end - offset, xd_zone_name(walk->zone),
		                                                         walk->zone->name_len)
		               ? 0
		               : CORRUPT;
	}
	rc = walk_node(walk, offset, XD_BLOCK_NSEC3_NODE);
	return rc || xd_order_key_from_node(&key, node, kind) ? rc : CORRUPT;
}

static int walk_order(struct xd_walk *walk, uint64_t offset, int level, enum xd_order_kind kind)
{
	const struct xd_order_node *tree = block_at(walk, offset, sizeof(*tree));
	int rc;

	if (!tree || tree->count == 0 || tree->count > XD_ORDER_FANOUT || tree->prefix_len > XD_ORDER_PREFIX_MAX ||
	    tree->level != level)
		return CORRUPT;
	rc = visit(walk, XD_BLOCK_ORDER, offset, sizeof(*tree));
	for (unsigned i = 0; i < tree->count && !rc; i++) {
		if (level == 0)
			rc = walk_order_leaf(walk, tree->children[i], kind);
		else
			rc = walk_order(walk, tree->children[i], level - 1, kind);
	}
	return rc;
}

static int walk_order_root(struct xd_walk *walk, uint64_t offset, enum xd_order_kind kind)
{
	const struct xd_order_node *tree = block_at(walk, offset, sizeof(*tree));

	if (!offset)
		return 0;
	if (!tree || tree->level >= XD_ORDER_LEVELS)
		return CORRUPT;
	return walk_order(walk, offset, tree->level, kind);
}

static bool zone_name_is_sound(const struct xd_zone *zone)
{
	size_t len = xd_wire_name_len(xd_zone_name(zone), zone->name_len);
	unsigned labels = 0;

	for (size_t at = 0; len && xd_zone_name(zone)[at] != 0; at += (size_t)xd_zone_name(zone)[at] + 1)
		labels++;
	return len && len == zone->name_len && labels == zone->labels && zone->max_labels >= labels &&
	       zone->max_labels <= XD_LABELS_MAX;
}

/* What answering takes for granted in a zone with contents. */
static bool has_answerable_apex(const struct xd_walk *walk)
{
	const struct xd_zone *zone = walk->zone;
	const struct xd_node *apex = block_at(walk, zone->apex, sizeof(*apex));
	const struct xd_node *soa = block_at(walk, zone->negative_soa, sizeof(*soa));

	return apex && xd_node_is_sound(apex, walk->end - zone->apex, xd_zone_name(zone), zone->name_len) &&
	       apex->name_len == 0 && soa &&
	       xd_node_is_sound(soa, walk->end - zone->negative_soa, xd_zone_name(zone), zone->name_len) &&
	       soa->name_len == 0 && soa->rrset_count == 1 && soa->rrsets[0].type == XD_T_SOA;
}

int xd_walk_zone(struct xd_walk *walk, uint64_t offset)
{
	const struct xd_zone *zone = block_at(walk, offset, sizeof(*zone));
	uint64_t bytes;
	int rc;

	if (!zone)
		return CORRUPT;
	bytes = xd_zone_bytes(zone);
	if (!block_at(walk, offset, bytes) || !zone_name_is_sound(zone))
		return CORRUPT;
	walk->zone = zone;
	walk->leaf_bytes = 0;
	walk->has_met_apex = false;
	rc = visit(walk, XD_BLOCK_ZONE, offset, bytes);
	if (rc || !(zone->flags & XD_ZONE_HAS_CONTENTS))
		return rc;
	if (!has_answerable_apex(walk))
		return CORRUPT;
	rc = walk_node(walk, zone->negative_soa, XD_BLOCK_NEGATIVE_SOA);
	if (!rc)
		rc = walk_slot(walk, zone->index, 0, walk_index_node);
	if (!rc && !walk->has_met_apex)
		rc = CORRUPT;
	if (!rc)
		rc = walk_order_root(walk, zone->order, XD_ORDER_NSEC);
	if (!rc)
		rc = walk_order_root(walk, zone->nsec3_order, XD_ORDER_NSEC3);
	return rc;
}

int xd_walk_root(struct xd_walk *walk, uint64_t offset)
{
	const struct xd_root *root = block_at(walk, offset, sizeof(*root));
	int rc;

	if (!root)
		return CORRUPT;
	rc = visit(walk, XD_BLOCK_ROOT, offset, sizeof(*root));
	if (!rc && root->server_info) {
		const xd_server_info *info = block_at(walk, root->server_info, sizeof(*info));

		if (!info || !xd_server_info_is_sound(info))
			return CORRUPT;
		rc = visit(walk, XD_BLOCK_SERVER_INFO, root->server_info, sizeof(*info));
	}
	return rc ? rc : walk_slot(walk, root->zones, 0, xd_walk_zone);
}
