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

/* `name` ends in the apex of `zone`, which has contents. */
void xd_lookup_name(struct xd_lookup *out, const uint8_t *base, const struct xd_zone *zone, const struct xd_suffixes *name);

/* The node `*.` below the closest encloser, or NULL. */
const struct xd_node *xd_lookup_wildcard(const uint8_t *base, const struct xd_zone *zone, const struct xd_suffixes *name,
                                         const struct xd_lookup *lookup, const uint64_t seed[2]);

#endif
