/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layout of the response table file. Offsets are from the start of the file, 0 means none. Every block starts at a
 * multiple of XD_BLOCK_ALIGN. Integers are in host order (the header says which), except inside rendered records.
 *
 *   header -> root -> server information
 *                  -> index of zones -> zone -> index of names -> node
 *                                            -> order of NSEC owners -> node
 *                                            -> order of NSEC3 hashes -> node (holding only NSEC3)
 *                                            -> SOA for negative answers -> node (holding only that SOA)
 */
#ifndef XD_LAYOUT_H
#define XD_LAYOUT_H

#include <stdatomic.h>
#include <stdint.h>

#include "limits.h"
#include "table.h"

#define XD_TABLE_MAGIC UINT64_C(0x0a62745f73647864) /* "dxds_tb\n" */
#define XD_TABLE_LAYOUT 3u
#define XD_TABLE_ENDIAN 0x01020304u
#define XD_HEADER_BYTES 4096u
#define XD_BLOCK_ALIGN 16u
#define XD_ROOT_MAGIC 0x746f6f72u

/* A file starts with this; the page behind it is reserved. */
struct xd_header {
	uint64_t magic;
	uint32_t layout;
	uint32_t endian;
	uint64_t seed[2];  /* of the name hash; seed[1] is odd */
	uint32_t checksum; /* CRC-32C of everything above */
	uint32_t pad;
	_Atomic uint64_t root;   /* published root; stored by the writer, sequentially consistent */
	_Atomic uint64_t synced; /* generation that is completely on disk, with the blocks it reaches; 0: none */
	uint8_t boot_id[16];     /* of the system that wrote last */
};

struct xd_root {
	uint32_t magic;
	uint32_t checksum; /* CRC-32C of what follows */
	uint64_t generation;
	uint64_t end;   /* no block reaches beyond */
	uint64_t zones; /* index slot */
	uint64_t zone_count;
	uint64_t label_mask[2]; /* bit k: some zone's apex has k labels */
	uint64_t server_info;   /* struct xd_server_info, 0 when none was set */
	uint64_t pad;
};

/*
 * Index: a radix tree over hash bits, six a level from the top. A slot is 0, a bucket or an inner node; the kind is in
 * the lowest bit, which the alignment of blocks leaves free. Bucket entries are tagged offsets: the hash's low 16 bits on top.
 */
#define XD_INDEX_BITS 6u
#define XD_INDEX_FANOUT (1u << XD_INDEX_BITS)
#define XD_INDEX_LEVELS 8u
#define XD_INDEX_BUCKET_MAX 8u
#define XD_SLOT_INNER UINT64_C(1)

struct xd_index_inner {
	uint64_t generation; /* transaction that made it: only that one writes it in place */
	uint64_t pad;
	uint64_t slots[XD_INDEX_FANOUT];
};

struct xd_index_bucket {
	uint64_t count;
	uint64_t entries[];
};

#define XD_OFFSET_BITS 48u
#define XD_OFFSET_MASK ((UINT64_C(1) << XD_OFFSET_BITS) - 1)

/*
 * Order: a B+ tree over keys of nodes. Inner entries carry the least key of their child. Of each key the tree holds
 * eight octets after the prefix that all keys of the tree node share; ties are decided by the nodes' names.
 */
#define XD_ORDER_FANOUT 64u
#define XD_ORDER_PREFIX_MAX 24u
#define XD_ORDER_LEVELS 12u

struct xd_order_node {
	uint64_t generation; /* as in struct xd_index_inner */
	uint16_t level;      /* 0: children are nodes of the zone */
	uint16_t count;
	uint8_t prefix_len;
	uint8_t pad[3];
	uint8_t prefix[XD_ORDER_PREFIX_MAX];
	uint64_t keys[XD_ORDER_FANOUT];
	uint64_t children[XD_ORDER_FANOUT];
	uint64_t pad2;
};

enum xd_zone_flags {
	XD_ZONE_HAS_CONTENTS = 1,
	XD_ZONE_NSEC = 2,
	XD_ZONE_NSEC3 = 4,
	XD_ZONE_CLOSED = 8, /* its access rules say who may ask; stays with the zone, whatever becomes of its contents */
};

struct xd_zone {
	uint64_t version;
	uint64_t names; /* nodes in the index */
	uint64_t index; /* slot */
	uint64_t order; /* of NSEC owners */
	uint64_t nsec3_order;
	uint64_t apex;         /* node */
	uint64_t negative_soa; /* node with the SOA as negative answers carry it (RFC 2308, section 3) */
	uint32_t serial;
	uint16_t nsec3_iterations;
	uint8_t nsec3_salt_len;
	uint8_t flags;    /* enum xd_zone_flags */
	uint8_t name_len; /* octets of the apex name, root label included */
	uint8_t labels;
	uint8_t max_labels; /* no name of the zone has more */
	uint8_t access_count;
	uint32_t stats_row; /* counted from 1; 0: no statistics of its own */
	uint32_t stats_families;
	uint32_t pad2;
	/* Behind it: apex name, then the salt, then xd_access_rule[access_count]. */
};

enum xd_node_flags {
	XD_NODE_CUT = 1, /* NS, and not the apex */
	XD_NODE_DNAME = 2,
	XD_NODE_WILDCARD = 4, /* a child named * exists */
	XD_NODE_CNAME = 8,
};

struct xd_rrset_entry {
	uint16_t type;
	uint16_t pad;
	uint32_t fragment; /* offset in the node, a multiple of 4 */
};

struct xd_node {
	uint32_t bytes; /* size of the node */
	uint16_t rrset_count;
	uint8_t labels;    /* of the owner */
	uint8_t flags;     /* enum xd_node_flags */
	uint32_t children; /* nodes one label below */
	uint8_t occluded;  /* labels + 1 of the zone cut or DNAME at or above; 0: none */
	uint8_t name_len;  /* octets of the owner without the apex's */
	uint8_t owner_len; /* octets of the whole owner */
	uint8_t pad;
	struct xd_rrset_entry rrsets[]; /* by type; then the name, then the fragments */
};

/*
 * A fragment: the records of one RRset as they stand in a response to a question for their owner, the signatures right
 * behind. Owners are C00C; name parts inside rdata that the owner ends in are pointers into the question.
 */
struct xd_fragment {
	uint16_t count;     /* records */
	uint16_t sig_count; /* RRSIG records behind them */
	uint32_t plain_len; /* octets of the records */
	uint32_t full_len;  /* with signatures */
	uint16_t fixup_count;
	uint16_t target_count;
	/* uint32_t fixups[fixup_count]; struct xd_target targets[target_count]; uint8_t records[full_len] */
};

/* A fixup is the place of a compression pointer inside rdata; with this bit it points into the fragment, else into the owner. */
#define XD_FIXUP_LOCAL 0x80000000u

/* A name inside rdata whose addresses belong in the additional section, if the zone has them. */
struct xd_target {
	uint32_t place; /* of the name in the records */
	uint32_t hash_low;
	uint32_t hash_high;
};

_Static_assert(sizeof(struct xd_header) <= XD_HEADER_BYTES, "the header fits its page");
_Static_assert(sizeof(struct xd_root) == 72, "layout");
_Static_assert(sizeof(struct xd_index_inner) == 528, "layout");
_Static_assert(sizeof(struct xd_order_node) == 1072, "layout");
_Static_assert(sizeof(struct xd_zone) == 80, "layout");
_Static_assert(sizeof(struct xd_node) == 16, "layout");
_Static_assert(sizeof(struct xd_rrset_entry) == 8, "layout");
_Static_assert(sizeof(struct xd_fragment) == 16, "layout");
_Static_assert(sizeof(struct xd_target) == 12, "layout");

static inline const uint8_t *xd_zone_name(const struct xd_zone *zone)
{
	return (const uint8_t *)(zone + 1);
}

static inline const uint8_t *xd_zone_salt(const struct xd_zone *zone)
{
	return xd_zone_name(zone) + zone->name_len;
}

static inline const xd_access_rule *xd_zone_access(const struct xd_zone *zone)
{
	return (const xd_access_rule *)(xd_zone_salt(zone) + zone->nsec3_salt_len);
}

static inline uint64_t xd_zone_bytes(const struct xd_zone *zone)
{
	return sizeof(*zone) + zone->name_len + (uint64_t)zone->nsec3_salt_len + zone->access_count * sizeof(xd_access_rule);
}

static inline const uint8_t *xd_node_name(const struct xd_node *node)
{
	return (const uint8_t *)&node->rrsets[node->rrset_count];
}

static inline const uint32_t *xd_fragment_fixups(const struct xd_fragment *fragment)
{
	return (const uint32_t *)(fragment + 1);
}

static inline const struct xd_target *xd_fragment_targets(const struct xd_fragment *fragment)
{
	return (const struct xd_target *)(xd_fragment_fixups(fragment) + fragment->fixup_count);
}

static inline const uint8_t *xd_fragment_records(const struct xd_fragment *fragment)
{
	return (const uint8_t *)(xd_fragment_targets(fragment) + fragment->target_count);
}

#endif
