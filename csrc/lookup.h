/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a name in a zone: itself, its closest encloser, the zone cut or DNAME above, the wildcard beside. */
#ifndef XD_LOOKUP_H
#define XD_LOOKUP_H

#include <stdbool.h>

#include "node.h"

struct xd_lookup {
	const struct xd_node *node;     /* the name itself, or NULL */
	const struct xd_node *encloser; /* closest encloser; the node itself when there is one */
	const struct xd_node *occluder; /* zone cut or DNAME owner at or above the name, or NULL */
	unsigned encloser_labels;
};

/* The node of the suffix of `labels` labels, or 0; the apex for those that are no longer than its name. */
static inline uint64_t xd_lookup_suffix(const uint8_t *base, const struct xd_zone *zone, const struct xd_suffixes *name,
                                        unsigned labels)
{
	if (labels <= zone->labels)
		return zone->apex;
	return labels <= zone->max_labels ? xd_zone_find(base, zone, name, labels) : 0;
}

/* What xd_lookup_name does for names that do not exist, and for those at or below a zone cut or DNAME. */
void xd_lookup_encloser(struct xd_lookup *out, const uint8_t *base, const struct xd_zone *zone, const struct xd_suffixes *name);
void xd_lookup_occluder(struct xd_lookup *out, const uint8_t *base, const struct xd_zone *zone, const struct xd_suffixes *name);

/* `name` ends in the apex of `zone`, which has contents. */
static inline __attribute__((always_inline)) void xd_lookup_name(struct xd_lookup *out, const uint8_t *base,
                                                                 const struct xd_zone *zone, const struct xd_suffixes *name)
{
	uint64_t offset = xd_lookup_suffix(base, zone, name, name->labels);
	const struct xd_node *node = offset ? (const struct xd_node *)(base + offset) : NULL;

	out->node = node;
	out->encloser = node;
	out->encloser_labels = name->labels;
	out->occluder = NULL;
	if (!node)
		xd_lookup_encloser(out, base, zone, name);
	else if (node->occluded)
		xd_lookup_occluder(out, base, zone, name);
}

/* The node `*.` below the closest encloser, or NULL. */
const struct xd_node *xd_lookup_wildcard(const uint8_t *base, const struct xd_zone *zone, const struct xd_suffixes *name,
                                         const struct xd_lookup *lookup, const uint64_t seed[2]);

#endif
