/* SPDX-License-Identifier: Apache-2.0 */
/* A whole zone at once, from its RRsets in key order. */
#include <stdlib.h>
#include <string.h>

#include "huge.h"
#include "order.h"
#include "rr.h"
#include "zone_writer.h"

/* More types than that at one owner do not come up; a zone that has them is refused. */
#define RRSETS_MAX 512u

struct item_list {
	struct xd_index_item *items;
	size_t count;
	size_t room;
};

struct node_list {
	uint64_t *nodes;
	size_t count;
	size_t room;
};

struct build {
	xd_table *table;
	const uint8_t *bytes;
	const uint64_t *offsets;
	struct item_list index;
	struct node_list order;
	struct node_list nsec3;
	/* The node of the last owner and of each of its ancestors in the zone, by labels. */
	struct xd_node *path[XD_LABELS_MAX + 1];
	struct xd_suffixes last;
	bool has_last;
};

static int add_item(struct item_list *list, uint64_t hash, uint64_t offset)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 256;
		struct xd_index_item *grown = realloc(list->items, room * sizeof(*grown));

		if (!grown)
			return -XD_E_NOMEM;
		xd_huge_advise(grown, room * sizeof(*grown));
		list->items = grown;
		list->room = room;
	}
	list->items[list->count++] = (struct xd_index_item){ hash, offset };
	return 0;
}

static int add_node(struct node_list *list, uint64_t node)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 256;
		uint64_t *grown = realloc(list->nodes, room * sizeof(*grown));

		if (!grown)
			return -XD_E_NOMEM;
		xd_huge_advise(grown, room * sizeof(*grown));
		list->nodes = grown;
		list->room = room;
	}
	list->nodes[list->count++] = node;
	return 0;
}

/* Labels that an owner shares with the one before it, counted from the root. */
static unsigned shared_labels(const struct build *build, const struct xd_suffixes *owner)
{
	unsigned most = owner->labels < build->last.labels ? owner->labels : build->last.labels;
	unsigned shared = build->table->open.apex_name.labels;

	while (shared < most) {
		const uint8_t *mine = owner->name + owner->start[shared + 1];
		const uint8_t *other = build->last.name + build->last.start[shared + 1];

		if (memcmp(mine, other, (size_t)mine[0] + 1) != 0)
			break;
		shared++;
	}
	return shared;
}

/* Stores the rendered node as the one of the suffix of `labels` labels, below its parent on the path. */
static int store_node(struct build *build, const struct xd_suffixes *owner, unsigned labels, uint64_t *offset)
{
	xd_table *table = build->table;
	struct xd_node *node;
	int rc = xd_render_store(table, offset, &node);

	if (rc)
		return rc;
	if (labels > table->open.apex_name.labels) {
		struct xd_node *parent = build->path[labels - 1];

		parent->children++;
		if (xd_node_name(node)[0] == 1 && xd_node_name(node)[1] == '*')
			parent->flags |= XD_NODE_WILDCARD;
		node->occluded = parent->occluded;
	}
	if (!node->occluded && node->flags & (XD_NODE_CUT | XD_NODE_DNAME))
		node->occluded = (uint8_t)(labels + 1);
	build->path[labels] = node;
	return add_item(&build->index, owner->hash[labels], *offset);
}

/* The empty non-terminal that is the suffix of `labels` labels. */
static int store_empty(struct build *build, const struct xd_suffixes *owner, unsigned labels)
{
	struct xd_render_options options = xd_zone_render_options(build->table);
	struct xd_suffixes empty;
	uint64_t offset;
	int rc;

	xd_suffixes_init(&empty, owner->name + owner->start[labels], (size_t)(owner->len - owner->start[labels]), options.seed);
	rc = xd_render_node(build->table, &options, &empty, NULL, 0);
	return rc ? rc : store_node(build, owner, labels, &offset);
}

static bool has_type(const struct xd_rrset_in *rrsets, size_t count, uint16_t type)
{
	for (size_t i = 0; i < count; i++) {
		if (rrsets[i].type == type)
			return true;
	}
	return false;
}

static int add_owner(struct build *build, const struct xd_suffixes *owner, const struct xd_rrset_in *rrsets, size_t count)
{
	struct xd_render_options options = xd_zone_render_options(build->table);
	unsigned apex_labels = build->table->open.apex_name.labels;
	unsigned shared = build->has_last ? shared_labels(build, owner) : apex_labels;
	uint64_t offset;
	int rc = 0;

	if (!build->has_last && owner->labels != apex_labels)
		return -XD_E_ZONE;
	for (unsigned labels = shared + 1; labels < owner->labels && !rc; labels++)
		rc = store_empty(build, owner, labels);
	if (!rc)
		rc = xd_render_node(build->table, &options, owner, rrsets, count);
	if (!rc)
		rc = store_node(build, owner, owner->labels, &offset);
	if (!rc && has_type(rrsets, count, XD_T_NSEC))
		rc = add_node(&build->order, offset);
	if (!rc && owner->labels == apex_labels)
		rc = xd_zone_take_apex(build->table, offset, rrsets, count);
	if (owner->labels > build->table->open.zone.max_labels)
		build->table->open.zone.max_labels = owner->labels;
	build->last = *owner;
	build->has_last = true;
	return rc;
}

static bool is_in_zone(const struct build *build, const struct xd_suffixes *owner)
{
	const struct xd_suffixes *apex = &build->table->open.apex_name;

	return owner->labels >= apex->labels && owner->len >= apex->len &&
	       memcmp(owner->name + owner->start[apex->labels], apex->name, apex->len) == 0;
}

/* Octets of a key without its type: equal for the RRsets of one owner. */
static size_t owner_part(const struct build *build, size_t i)
{
	return (size_t)(build->offsets[2 * i + 1] - build->offsets[2 * i]) - 2;
}

static bool same_owner(const struct build *build, size_t a, size_t b)
{
	size_t len = owner_part(build, a);

	return owner_part(build, b) == len &&
	       memcmp(build->bytes + build->offsets[2 * a], build->bytes + build->offsets[2 * b], len) == 0;
}

/* Keys must ascend: the path and the orders rely on it. */
static bool ascends(const struct build *build, size_t a, size_t b)
{
	size_t a_len = (size_t)(build->offsets[2 * a + 1] - build->offsets[2 * a]);
	size_t b_len = (size_t)(build->offsets[2 * b + 1] - build->offsets[2 * b]);
	int c = memcmp(build->bytes + build->offsets[2 * a], build->bytes + build->offsets[2 * b],
	               a_len < b_len ? a_len : b_len);

	return c < 0 || (c == 0 && a_len < b_len);
}

/* The RRsets from pair `from` on that have the same owner; *to is the first that does not. */
static int gather(const struct build *build, size_t from, size_t count, struct xd_rrset_in *rrsets, size_t *gathered,
                  struct xd_suffixes *owner, size_t *to)
{
	uint8_t name[XD_NAME_MAX];
	size_t name_len;
	size_t n = 0;
	uint16_t type;
	size_t i;

	for (i = from; i < count && (i == from || same_owner(build, from, i)); i++) {
		const uint8_t *key = build->bytes + build->offsets[2 * i];
		int rc = xd_key_parse(key, (size_t)(build->offsets[2 * i + 1] - build->offsets[2 * i]), name, &name_len, &type);

		if (rc)
			return rc;
		if (n == RRSETS_MAX)
			return -XD_E_ZONE;
		if (i > 0 && !ascends(build, i - 1, i))
			return -XD_E_KEY_ORDER;
		rrsets[n++] = (struct xd_rrset_in){
			type,
			build->bytes + build->offsets[2 * i + 1],
			(size_t)(build->offsets[2 * i + 2] - build->offsets[2 * i + 1]),
		};
	}
	xd_suffixes_init(owner, name, name_len, xd_table_header(build->table)->seed);
	*gathered = n;
	*to = i;
	return 0;
}

static int add_group(struct build *build, const struct xd_suffixes *owner, struct xd_rrset_in *rrsets, size_t n)
{
	struct xd_rrset_in nsec3[2];
	size_t nsec3_count;
	int rc = 0;

	if (!is_in_zone(build, owner))
		return -XD_E_ZONE;
	xd_zone_split_nsec3(rrsets, &n, nsec3, &nsec3_count);
	if (nsec3_count) {
		uint64_t node;

		rc = xd_zone_store_nsec3(build->table, owner, nsec3, nsec3_count, &node);
		if (!rc)
			rc = add_node(&build->nsec3, node);
	}
	return rc || !n ? rc : add_owner(build, owner, rrsets, n);
}

static int add_all(struct build *build, size_t count)
{
	struct xd_rrset_in *rrsets = malloc(RRSETS_MAX * sizeof(*rrsets));
	int rc = rrsets ? 0 : -XD_E_NOMEM;

	for (size_t from = 0; from < count && !rc;) {
		struct xd_suffixes owner;
		size_t n;

		rc = gather(build, from, count, rrsets, &n, &owner, &from);
		if (!rc)
			rc = add_group(build, &owner, rrsets, n);
	}
	free(rrsets);
	return rc;
}

static int build_indexes(struct build *build)
{
	xd_table *table = build->table;
	struct xd_zone *zone = &table->open.zone;
	int rc = xd_index_build(table, build->index.items, build->index.count, &zone->index);

	zone->names = build->index.count;
	if (!rc)
		rc = xd_order_build(table, build->order.nodes, build->order.count, XD_ORDER_NSEC, &zone->order);
	if (!rc)
		rc = xd_order_build(table, build->nsec3.nodes, build->nsec3.count, XD_ORDER_NSEC3, &zone->nsec3_order);
	return rc;
}

static bool offsets_ascend(const uint64_t *offsets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (offsets[2 * i + 1] < offsets[2 * i] + 2 || offsets[2 * i + 2] < offsets[2 * i + 1])
			return false;
	}
	return true;
}

int xd_txn_zone_build(xd_table *table, const uint8_t *apex, uint64_t version, const uint8_t *bytes, const uint64_t *offsets,
                      size_t count)
{
	struct build build = { .table = table, .bytes = bytes, .offsets = offsets };
	int rc;

	if (!table->in_txn)
		return -XD_E_BUSY;
	if (!offsets_ascend(offsets, count))
		return xd_txn_step(table, -XD_E_KEY_ORDER);
	rc = xd_zone_open(table, apex);
	if (!rc)
		rc = xd_zone_clear(table);
	if (!rc)
		rc = add_all(&build, count);
	if (!rc && !build.has_last)
		rc = -XD_E_ZONE;
	if (!rc)
		rc = build_indexes(&build);
	table->open.zone.version = version;
	free(build.index.items);
	free(build.order.nodes);
	free(build.nsec3.nodes);
	return xd_txn_step(table, rc);
}
