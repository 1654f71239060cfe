/* SPDX-License-Identifier: Apache-2.0 */
/* What has to change at one owner of a zone that is being signed. */
#ifndef XD_SIGNING_SIGN_NODE_H
#define XD_SIGNING_SIGN_NODE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "signing/nsec3.h"
#include "signing/octets.h"
#include "signing/owner.h"
#include "signing/sign.h"
#include "signing/zone.h"

/* A zone and the chain that it gets: read by all threads. */
struct xd_signing {
	const xd_ring *ring;
	const xd_sign_plan *plan;
	struct xd_zone zone;
	struct xd_nsec3_chain chain; /* empty for NSEC */
	uint32_t nsec_ttl;
};

/* An owner: a node of the zone, a hash of the chain, or both under one name. XD_NSEC3_NONE where it is not. */
struct xd_signing_item {
	uint32_t node;
	uint32_t entry;
};

/* The state of one thread. */
struct xd_node_signer {
	const struct xd_signing *signing;
	struct xd_owner owner;
	uint8_t prefix[XD_KEY_MAX]; /* key of the owner without the type */
	size_t prefix_len;
	struct xd_octets made[2]; /* values of NSEC or NSEC3, and of NSEC3PARAM; empty: there is none */
};

XD_CHECKED int xd_node_signer_init(struct xd_node_signer *signer, const struct xd_signing *signing);
void xd_node_signer_uninit(struct xd_node_signer *signer);

/* Writes zone id, owner and closing zero of the key of a hash (XD_KEY_MAX octets of room); returns the length. */
size_t xd_signing_entry_key(const struct xd_signing *signing, size_t entry, uint8_t *key);

/* Appends the changes at an owner. 0 or a negated code. */
XD_CHECKED int xd_node_sign(struct xd_node_signer *signer, struct xd_signing_item item, struct xd_writer *changes);

/* Values of NSEC and NSEC3 as they have to be; `value` is overwritten. 0, -XD_E_KEY_ORDER or -XD_E_NOMEM. */
XD_CHECKED int xd_make_nsec(struct xd_octets *value, const struct xd_zone *zone, size_t node, uint32_t ttl);
XD_CHECKED int xd_make_nsec3(struct xd_octets *value, const struct xd_zone *zone, const struct xd_nsec3_chain *chain,
                             size_t entry, const xd_nsec3_params *params, uint32_t ttl);
/* Appends the bitmap of an NSEC3; empty for XD_NSEC3_NONE. 0 or -XD_E_NOMEM. */
XD_CHECKED int xd_append_hashed_types(struct xd_octets *value, const struct xd_zone *zone, size_t node);
XD_CHECKED int xd_make_nsec3param(struct xd_octets *value, const xd_nsec3_params *params, uint32_t ttl);

#endif
