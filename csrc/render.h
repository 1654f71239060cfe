/* SPDX-License-Identifier: Apache-2.0 */
/* Rendering: the RRsets of one owner, from store values to the node readers answer from. */
#ifndef XD_RENDER_H
#define XD_RENDER_H

#include "table_writer.h"

/* An RRset as it comes from a pair: the value of pairs.h. */
struct xd_rrset_in {
	uint16_t type;
	const uint8_t *value;
	size_t len;
};

/* TTLs are lowered to this; UINT32_MAX leaves them alone. */
struct xd_render_options {
	const struct xd_suffixes *apex;
	const uint64_t *seed;
	uint32_t ttl_max;
	bool drops_orphans; /* signatures that cover none of the RRsets are left out */
};

/*
 * Renders the RRsets (by type, RRSIG among them) into table->node as a struct xd_node with no children and no flags but
 * those its own RRsets give. Signatures go behind the RRset they cover, those that cover none into an RRset of their own.
 * XD_E_RDATA, XD_E_NOMEM.
 */
XD_CHECKED int xd_render_node(xd_table *table, const struct xd_render_options *options, const struct xd_suffixes *owner,
                              const struct xd_rrset_in *rrsets, size_t count);

/* Copies the rendered node into a block of the open transaction. */
XD_CHECKED int xd_render_store(xd_table *table, uint64_t *offset, struct xd_node **node);

#endif
