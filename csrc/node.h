/* SPDX-License-Identifier: Apache-2.0 */
/* Reading nodes: what they are called and what they hold. */
#ifndef XD_NODE_H
#define XD_NODE_H

#include <stdbool.h>
#include <string.h>

#include "index.h"
#include "layout.h"
#include "suffix.h"

/* The fragment of an RRset, or NULL. */
static inline const struct xd_fragment *xd_node_rrset(const struct xd_node *node, uint16_t type)
{
	for (unsigned i = 0; i < node->rrset_count; i++) {
		if (node->rrsets[i].type == type)
			return (const struct xd_fragment *)((const uint8_t *)node + node->rrsets[i].fragment);
	}
	return NULL;
}

static inline const struct xd_fragment *xd_node_rrset_at(const struct xd_node *node, unsigned i)
{
	return (const struct xd_fragment *)((const uint8_t *)node + node->rrsets[i].fragment);
}

/* The labels of a node's owner before the apex's. */
struct xd_wanted_node {
	const uint8_t *name;
	size_t len;
};

static inline bool xd_node_matches(const void *thing, const void *wanted)
{
	const struct xd_node *node = thing;
	const struct xd_wanted_node *want = wanted;

	return node->name_len == want->len && xd_same(xd_node_name(node), want->name, want->len);
}

/* The node of the suffix of `labels` labels of a name, in a zone whose apex it ends in; 0 when there is none. */
static inline __attribute__((always_inline)) uint64_t xd_zone_find(const uint8_t *base, const struct xd_zone *zone,
                                                                   const struct xd_suffixes *name, unsigned labels)
{
	struct xd_wanted_node wanted = {
		name->name + name->start[labels],
		(size_t)(name->start[zone->labels] - name->start[labels]),
	};

	return xd_index_find(base, zone->index, name->hash[labels], xd_node_matches, &wanted);
}

static inline bool xd_zone_matches(const void *thing, const void *wanted)
{
	const struct xd_zone *zone = thing;
	const struct xd_wanted_node *want = wanted;

	return zone->name_len == want->len && xd_same(xd_zone_name(zone), want->name, want->len);
}

/* The zone whose apex is the suffix of `labels` labels of a name; 0 when there is none. */
static inline __attribute__((always_inline)) uint64_t xd_root_find_zone(const uint8_t *base, const struct xd_root *root,
                                                                        const struct xd_suffixes *name, unsigned labels)
{
	struct xd_wanted_node wanted = { name->name + name->start[labels], (size_t)(name->len - name->start[labels]) };

	return xd_index_find(base, root->zones, name->hash[labels], xd_zone_matches, &wanted);
}

#endif
