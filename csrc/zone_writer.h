/* SPDX-License-Identifier: Apache-2.0 */
/* The zone a transaction works on: opened from the table, changed, written back. */
#ifndef XD_ZONE_WRITER_H
#define XD_ZONE_WRITER_H

#include "node.h"
#include "render.h"
#include "table_writer.h"

/* Makes `apex` the open zone, writing back another one first. A zone the table lacks starts without contents. */
XD_CHECKED int xd_zone_open(xd_table *table, const uint8_t *apex);

/* Writes the open zone back into the index of zones, if one is open. */
XD_CHECKED int xd_zone_close(xd_table *table);

/*
 * After owners became or stopped being zone cuts or DNAMEs: lets the owners updated, and the empty non-terminals above them,
 * know what occludes them now.
 */
XD_CHECKED int xd_zone_settle_cuts(xd_table *table);

/* Drops every block of the open zone but itself, and forgets its contents. */
XD_CHECKED int xd_zone_clear(xd_table *table);

/* Takes over what the zone itself keeps of its apex: serial, NSEC3 parameters, the SOA of negative answers. */
XD_CHECKED int xd_zone_take_apex(xd_table *table, uint64_t node, const struct xd_rrset_in *rrsets, size_t count);

/*
 * Moves an owner's NSEC3, with the signatures, to `nsec3` and leaves in `rrsets` what else the owner has: the owner of an
 * NSEC3 is no name of the zone (RFC 5155, section 7.2.8).
 */
void xd_zone_split_nsec3(struct xd_rrset_in *rrsets, size_t *count, struct xd_rrset_in nsec3[2], size_t *nsec3_count);

/* Renders and stores the node of an NSEC3 owner. */
XD_CHECKED int xd_zone_store_nsec3(xd_table *table, const struct xd_suffixes *owner, const struct xd_rrset_in *nsec3,
                                   size_t count, uint64_t *node);

/* Hash of a node of the open zone, for index splits. */
uint64_t xd_zone_rehash_node(const xd_table *table, uint64_t offset);

static inline struct xd_render_options xd_zone_render_options(const xd_table *table)
{
	return (struct xd_render_options){ &table->open.apex_name, xd_table_header(table)->seed, UINT32_MAX, false };
}

#endif
