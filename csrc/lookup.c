/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup.h"

static uint64_t find(const uint8_t *base, const struct xd_zone *zone, const struct xd_suffixes *name, unsigned labels)
{
	if (labels <= zone->labels)
		return zone->apex;
	return labels <= zone->max_labels ? xd_zone_find(base, zone, name, labels) : 0;
}

void xd_lookup_name(struct xd_lookup *out, const uint8_t *base, const struct xd_zone *zone, const struct xd_suffixes *name)
{
	unsigned labels = name->labels;
	uint64_t offset = find(base, zone, name, labels);
	const struct xd_node *node = offset ? (const struct xd_node *)(base + offset) : NULL;

	out->node = node;
	if (!node) {
		if (labels > zone->max_labels)
			labels = zone->max_labels + 1u;
		do {
			labels--;
			offset = find(base, zone, name, labels);
		} while (!offset);
		node = (const struct xd_node *)(base + offset);
	}
	out->encloser = node;
	out->encloser_labels = labels;
	out->occluder = NULL;
	if (node->occluded) {
		unsigned above = node->occluded - 1u;

		if (above == labels)
			out->occluder = node;
		else if ((offset = find(base, zone, name, above)) != 0)
			out->occluder = (const struct xd_node *)(base + offset);
	}
}

static bool is_wildcard_of(const void *thing, const void *wanted)
{
	const struct xd_node *node = thing;
	const struct xd_wanted_node *encloser = wanted;
	const uint8_t *name = xd_node_name(node);

	return node->name_len == encloser->len + 2 && name[0] == 1 && name[1] == '*' &&
	       xd_same(name + 2, encloser->name, encloser->len);
}

const struct xd_node *xd_lookup_wildcard(const uint8_t *base, const struct xd_zone *zone, const struct xd_suffixes *name,
                                         const struct xd_lookup *lookup, const uint64_t seed[2])
{
	static const uint8_t label[16] = { 1, '*' };
	unsigned labels = lookup->encloser_labels;
	struct xd_wanted_node encloser = {
		name->name + name->start[labels],
		(size_t)(name->start[zone->labels] - name->start[labels]),
	};
	uint64_t offset;

	if (!(lookup->encloser->flags & XD_NODE_WILDCARD))
		return NULL;
	offset = xd_index_find(base, zone->index, xd_hash_label(name->hash[labels], label, seed), is_wildcard_of, &encloser);
	return offset ? (const struct xd_node *)(base + offset) : NULL;
}
