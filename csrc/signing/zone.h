/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a zone's pairs, and what the zone is to each of them: authoritative, delegating, or neither. */
#ifndef XD_SIGNING_ZONE_H
#define XD_SIGNING_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "limits.h"
#include "pairs.h"

enum xd_node_flag {
	XD_NODE_NAME = 1,     /* has data that the zone is authoritative for, or a delegation: a link of the NSEC chain */
	XD_NODE_CUT = 2,      /* delegation */
	XD_NODE_SECURE = 4,   /* delegation with DS */
	XD_NODE_APEX = 8,     /* the zone's own name */
	XD_NODE_OUTSIDE = 16, /* not within the zone */
	XD_NODE_BENEATH = 32, /* beneath a delegation or a DNAME */
};

/* An owner of pairs. Its pairs end where those of the next node begin; there is one node more than names. */
struct xd_node {
	uint32_t first;
	uint32_t flags;
};

struct xd_zone {
	const uint8_t *bytes; /* pairs in flat form */
	const uint64_t *offsets;
	size_t pairs;
	uint8_t apex[XD_NAME_MAX];
	size_t apex_len;
	uint8_t apex_key[XD_KEY_MAX]; /* zone id and owner */
	size_t apex_key_len;
	struct xd_node *nodes;
	size_t count; /* of nodes, the closing one not among them */
	size_t apex_node;
	uint32_t least_ttl; /* of the SOA's TTL and its field MINIMUM (RFC 9077) */
};

/*
 * Reads pairs, which stay the caller's and unchanged. 0; -XD_E_KEY_ORDER for pairs that are malformed, out of order or of
 * another zone id; -XD_E_ZONE without exactly one SOA at the apex; -XD_E_RANGE, -XD_E_NOMEM. On an error nothing is to be undone.
 */
XD_CHECKED int xd_zone_read(struct xd_zone *zone, const uint8_t *bytes, const uint64_t *offsets, size_t count,
                            const uint8_t *apex, uint32_t zone_id);
void xd_zone_uninit(struct xd_zone *zone);

/* A pair of the zone. */
static inline struct xd_pair xd_zone_pair(const struct xd_zone *zone, size_t index)
{
	const uint64_t *at = zone->offsets + 2 * index;
	const uint8_t *value = zone->bytes + at[1];

	return (struct xd_pair){ zone->bytes + at[0], value, (size_t)(at[1] - at[0]), (size_t)(at[2] - at[1]),
		                 (uint16_t)(value[-2] << 8 | value[-1]) };
}

/* Does DNSSEC make this type, so that it is none of the zone's data? */
static inline bool xd_type_is_made(uint16_t type)
{
	return type == 46 || type == 47 || type == 50 || type == 51;
}

/* Is an RRset that DNSSEC did not make authoritative at a node with these flags, and so signed? */
static inline bool xd_type_is_signed(uint32_t flags, uint16_t type)
{
	return (flags & XD_NODE_NAME) && (!(flags & XD_NODE_CUT) || type == 43);
}

/* The next name of the chain behind a node; behind the last it is the apex. */
size_t xd_zone_next_name(const struct xd_zone *zone, size_t node);

/* Writes the owner of a node in wire form (XD_NAME_MAX octets of room); returns its length. */
size_t xd_zone_owner(const struct xd_zone *zone, size_t node, uint8_t *owner);

/* The field that an RRSIG has for its owner (RFC 4034, section 3.1.3). */
uint8_t xd_signed_labels(const uint8_t *owner);

#endif
