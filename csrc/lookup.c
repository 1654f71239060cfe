/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup.h"

void xd_lookup_occluder(struct xd_lookup *out, const uint8_t *base, const struct xd_zone *zone, const struct xd_suffixes *name)
{
	unsigned above = out->encloser->occluded - 1u;
	uint64_t offset;

	if (above == out->encloser_labels)
		out->occluder = out->encloser;
	else if ((offset = xd_lookup_suffix(base, zone, name, above)) != 0)
		out->occluder = (const struct xd_node *)(base + offset);
}

void xd_lookup_encloser(struct xd_lookup *out, const uint8_t *base, const struct xd_zone *zone, const struct xd_suffixes *name)
{
	unsigned labels = name->labels > zone->max_labels ? zone->max_labels + 1u : name->labels;
	uint64_t offset;

	do {
		labels--;
		offset = xd_lookup_suffix(base, zone, name, labels);
	} while (!offset);
	out->encloser = (const struct xd_node *)(base + offset);
	out->encloser_labels = labels;
	if (out->encloser->occluded)
		xd_lookup_occluder(out, base, zone, name);
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
