/* SPDX-License-Identifier: Apache-2.0 */
/* One owner of a zone at a time: its node, the counts in its ancestors, the orders. */
#include <stdlib.h>
#include <string.h>

#include "order.h"
#include "rr.h"
#include "zone_writer.h"

#define RRSETS_MAX 512u

static struct xd_node *node_at(const xd_table *table, uint64_t offset)
{
	return xd_at(table, offset);
}

static uint64_t find_node(const xd_table *table, const struct xd_suffixes *name, unsigned labels)
{
	return xd_zone_find(table->base, &table->open.zone, name, labels);
}

/* Puts a new node in the place of `old` (0: none) in index and order, then drops the old one. */
static int replace_node(xd_table *table, const struct xd_suffixes *name, unsigned labels, uint64_t old, uint64_t new)
{
	struct xd_zone *zone = &table->open.zone;
	bool had_nsec = old && xd_node_rrset(node_at(table, old), XD_T_NSEC);
	int rc = xd_index_put(table, &zone->index, name->hash[labels], old, new, xd_zone_rehash_node);

	if (!rc && xd_node_rrset(node_at(table, new), XD_T_NSEC)) {
		rc = xd_order_put(table, &zone->order, new, XD_ORDER_NSEC);
	} else if (!rc && had_nsec) {
		struct xd_order_key key;

		xd_order_key_from_node(&key, node_at(table, old), XD_ORDER_NSEC);
		rc = xd_order_remove(table, &zone->order, &key, XD_ORDER_NSEC);
	}
	if (!rc && labels == zone->labels)
		zone->apex = new;
	if (!rc && !old)
		zone->names++;
	if (!rc && old)
		rc = xd_table_drop(table, old, node_at(table, old)->bytes);
	return rc;
}

static int remove_node(xd_table *table, const struct xd_suffixes *name, unsigned labels, uint64_t old)
{
	struct xd_zone *zone = &table->open.zone;
	struct xd_node *node = node_at(table, old);
	int rc = 0;

	if (xd_node_rrset(node, XD_T_NSEC)) {
		struct xd_order_key key;

		xd_order_key_from_node(&key, node, XD_ORDER_NSEC);
		rc = xd_order_remove(table, &zone->order, &key, XD_ORDER_NSEC);
	}
	if (!rc)
		rc = xd_index_remove(table, &zone->index, name->hash[labels], old);
	zone->names--;
	return rc ? rc : xd_table_drop(table, old, node->bytes);
}

static int copy_node(xd_table *table, uint64_t old, uint64_t *offset, struct xd_node **copy)
{
	const struct xd_node *from = node_at(table, old);
	int rc = xd_table_alloc(table, from->bytes, offset, (void **)copy);

	if (!rc)
		memcpy(*copy, from, from->bytes);
	return rc;
}

/* A copy of the node with other bookkeeping; the records stay. */
static int recount_node(xd_table *table, const struct xd_suffixes *name, unsigned labels, uint64_t old, int children,
                        int wildcard)
{
	struct xd_node *to;
	uint64_t offset;
	int rc = copy_node(table, old, &offset, &to);

	if (rc)
		return rc;
	to->children = (uint32_t)((int64_t)to->children + children);
	if (wildcard)
		to->flags = (uint8_t)(wildcard > 0 ? to->flags | XD_NODE_WILDCARD : to->flags & ~XD_NODE_WILDCARD);
	return replace_node(table, name, labels, old, offset);
}

static bool is_wildcard_label(const struct xd_suffixes *name, unsigned labels)
{
	const uint8_t *label = name->name + name->start[labels];

	return label[0] == 1 && label[1] == '*';
}

/* Renders a node with the bookkeeping that its place among its ancestors gives it. */
static int store_node(xd_table *table, const struct xd_suffixes *name, unsigned labels, const struct xd_rrset_in *rrsets,
                      size_t count, const struct xd_node *old, uint64_t *offset)
{
	struct xd_render_options options = xd_zone_render_options(table);
	struct xd_suffixes own;
	struct xd_node *node;
	uint64_t parent = 0;
	int rc;

	xd_suffixes_init(&own, name->name + name->start[labels], (size_t)(name->len - name->start[labels]), options.seed);
	rc = xd_render_node(table, &options, &own, rrsets, count);
	if (!rc)
		rc = xd_render_store(table, offset, &node);
	if (rc)
		return rc;
	if (old) {
		node->children = old->children;
		node->flags = (uint8_t)(node->flags | (old->flags & XD_NODE_WILDCARD));
	}
	for (unsigned above = labels; above > table->open.zone.labels && !parent;)
		parent = find_node(table, name, --above);
	if (parent && labels > table->open.zone.labels)
		node->occluded = node_at(table, parent)->occluded;
	if (!node->occluded && node->flags & (XD_NODE_CUT | XD_NODE_DNAME))
		node->occluded = (uint8_t)(labels + 1);
	return 0;
}

/* Tells the parent of a node that came; a parent that does not exist becomes an empty non-terminal. */
static int count_in(xd_table *table, const struct xd_suffixes *name, unsigned labels)
{
	for (; labels > table->open.zone.labels; labels--) {
		int wildcard = is_wildcard_label(name, labels) ? 1 : 0;
		uint64_t parent = find_node(table, name, labels - 1);
		uint64_t offset;
		int rc;

		if (parent)
			return recount_node(table, name, labels - 1, parent, 1, wildcard);
		rc = store_node(table, name, labels - 1, NULL, 0, NULL, &offset);
		if (rc)
			return rc;
		node_at(table, offset)->children = 1;
		if (wildcard)
			node_at(table, offset)->flags |= XD_NODE_WILDCARD;
		rc = replace_node(table, name, labels - 1, 0, offset);
		if (rc)
			return rc;
	}
	return 0;
}

/* Tells the parent of a node that went; an empty non-terminal without children goes too. */
static int count_out(xd_table *table, const struct xd_suffixes *name, unsigned labels)
{
	for (; labels > table->open.zone.labels; labels--) {
		uint64_t offset = find_node(table, name, labels - 1);
		const struct xd_node *parent = node_at(table, offset);
		int rc;

		if (!offset)
			return -XD_E_TABLE_CORRUPT;
		if (parent->children > 1 || parent->rrset_count > 0 || labels - 1 == table->open.zone.labels)
			return recount_node(table, name, labels - 1, offset, -1, is_wildcard_label(name, labels) ? -1 : 0);
		rc = remove_node(table, name, labels - 1, offset);
		if (rc)
			return rc;
	}
	return 0;
}

static int occlude_node(xd_table *table, const struct xd_suffixes *name, unsigned labels, uint64_t old, unsigned occluded)
{
	struct xd_node *to;
	uint64_t offset;
	int rc = copy_node(table, old, &offset, &to);

	if (rc)
		return rc;
	to->occluded = (uint8_t)occluded;
	return replace_node(table, name, labels, old, offset);
}

static int settle_path(xd_table *table, const struct xd_suffixes *name)
{
	unsigned occluded = 0;

	for (unsigned labels = table->open.zone.labels; labels <= name->labels; labels++) {
		uint64_t offset = find_node(table, name, labels);
		int rc;

		if (!offset)
			break;
		if (!occluded && node_at(table, offset)->flags & (XD_NODE_CUT | XD_NODE_DNAME))
			occluded = labels + 1;
		if (node_at(table, offset)->occluded == occluded)
			continue;
		rc = occlude_node(table, name, labels, offset, occluded);
		if (rc)
			return rc;
	}
	return 0;
}

int xd_zone_settle_cuts(xd_table *table)
{
	const struct xd_scratch *changed = &table->open.changed;
	struct xd_suffixes name;
	int rc = 0;

	for (size_t at = 0; at < changed->len && !rc; at += name.len) {
		size_t len = xd_wire_name_len(changed->bytes + at, changed->len - at);

		xd_suffixes_init(&name, changed->bytes + at, len, xd_table_header(table)->seed);
		rc = settle_path(table, &name);
	}
	table->open.moves_cuts = false;
	return rc;
}

static unsigned cut_flags(const xd_table *table, uint64_t node)
{
	return node ? node_at(table, node)->flags & (XD_NODE_CUT | XD_NODE_DNAME) : 0u;
}

/* Keeps the name of an owner that had `before` and has `after` of the flags that occlude what is below. */
static int note_change(xd_table *table, const struct xd_suffixes *name, unsigned before, unsigned after)
{
	uint8_t *out = xd_scratch_add(&table->open.changed, name->len);

	if (!out)
		return -XD_E_NOMEM;
	memcpy(out, name->name, name->len);
	if (before != after)
		table->open.moves_cuts = true;
	return 0;
}

static int update_names(xd_table *table, const struct xd_suffixes *name, const struct xd_rrset_in *rrsets, size_t count)
{
	uint64_t old = find_node(table, name, name->labels);
	unsigned before = cut_flags(table, old);
	uint64_t offset;
	int rc;

	if (!count && !old)
		return 0;
	if (!count && name->labels == table->open.zone.labels)
		return -XD_E_ZONE;
	if (!count && node_at(table, old)->children == 0) {
		rc = remove_node(table, name, name->labels, old);
		return rc ? rc : count_out(table, name, name->labels);
	}
	rc = store_node(table, name, name->labels, rrsets, count, old ? node_at(table, old) : NULL, &offset);
	if (!rc)
		rc = replace_node(table, name, name->labels, old, offset);
	if (!rc && !old)
		rc = count_in(table, name, name->labels);
	if (!rc && name->labels == table->open.zone.labels)
		rc = xd_zone_take_apex(table, offset, rrsets, count);
	if (name->labels > table->open.zone.max_labels)
		table->open.zone.max_labels = name->labels;
	return rc ? rc : note_change(table, name, before, cut_flags(table, offset));
}

/* The node of an NSEC3 owner in the order of hashes; 0 when there is none or the name is no hash. */
static uint64_t find_nsec3(const xd_table *table, const struct xd_suffixes *name, struct xd_order_key *key)
{
	uint8_t hash[XD_NSEC3_HASH_BYTES];
	struct xd_order_found found;

	if (name->labels != table->open.zone.labels + 1u || name->name[0] != 32 || !xd_base32hex_decode(hash, name->name + 1))
		return 0;
	xd_order_key_from_hash(key, hash);
	found = xd_order_find(table->base, table->open.zone.nsec3_order, key, XD_ORDER_NSEC3);
	return found.is_exact ? found.offset : 0;
}

static int update_nsec3(xd_table *table, const struct xd_suffixes *name, const struct xd_rrset_in *nsec3, size_t count)
{
	uint64_t *order = &table->open.zone.nsec3_order;
	struct xd_order_key key;
	uint64_t old = find_nsec3(table, name, &key);
	uint64_t node;
	int rc = 0;

	if (count) {
		rc = xd_zone_store_nsec3(table, name, nsec3, count, &node);
		if (!rc)
			rc = xd_order_put(table, order, node, XD_ORDER_NSEC3);
	} else if (old) {
		rc = xd_order_remove(table, order, &key, XD_ORDER_NSEC3);
	}
	if (!rc && old)
		rc = xd_table_drop(table, old, node_at(table, old)->bytes);
	return rc;
}

static int read_rrsets(const uint8_t *bytes, const uint64_t *offsets, size_t count, struct xd_rrset_in *rrsets)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t key_end = offsets[2 * i + 1];
		uint64_t end = offsets[2 * i + 2];

		if (key_end < offsets[2 * i] + 2 || end < key_end)
			return -XD_E_KEY_ORDER;
		rrsets[i] = (struct xd_rrset_in){ xd_load_be16(bytes + key_end - 2), bytes + key_end, (size_t)(end - key_end) };
		if (i > 0 && rrsets[i].type <= rrsets[i - 1].type)
			return -XD_E_KEY_ORDER;
	}
	return 0;
}

static int update_owner(xd_table *table, const uint8_t *apex, uint64_t version, const uint8_t *owner, const uint8_t *bytes,
                        const uint64_t *offsets, size_t count)
{
	struct xd_rrset_in *rrsets;
	struct xd_rrset_in nsec3[2];
	struct xd_suffixes name;
	size_t nsec3_count = 0;
	size_t len = xd_wire_name_len(owner, XD_NAME_MAX);
	int rc;

	if (!len || count > RRSETS_MAX)
		return len ? -XD_E_ZONE : -XD_E_NAME;
	rc = xd_zone_open(table, apex);
	if (rc)
		return rc;
	xd_suffixes_init(&name, owner, len, xd_table_header(table)->seed);
	if (!(table->open.zone.flags & XD_ZONE_HAS_CONTENTS) || name.labels < table->open.zone.labels ||
	    name.hash[table->open.zone.labels] != table->open.apex_name.hash[table->open.zone.labels])
		return -XD_E_ZONE;
	rrsets = malloc((count + 1) * sizeof(*rrsets));
	if (!rrsets)
		return -XD_E_NOMEM;
	rc = read_rrsets(bytes, offsets, count, rrsets);
	if (!rc) {
		xd_zone_split_nsec3(rrsets, &count, nsec3, &nsec3_count);
		rc = update_nsec3(table, &name, nsec3, nsec3_count);
	}
	if (!rc)
		rc = update_names(table, &name, rrsets, count);
	table->open.zone.version = version;
	free(rrsets);
	return rc;
}

int xd_txn_zone_update_owner(xd_table *table, const uint8_t *apex, uint64_t version, const uint8_t *owner, const uint8_t *bytes,
                             const uint64_t *offsets, size_t count)
{
	if (!table->in_txn)
		return -XD_E_BUSY;
	return xd_txn_step(table, update_owner(table, apex, version, owner, bytes, offsets, count));
}
