/* SPDX-License-Identifier: Apache-2.0 */
/* The signatures of one owner: those that may be kept, and new ones. The state of one thread. */
#ifndef XD_SIGNING_OWNER_H
#define XD_SIGNING_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "limits.h"
#include "signing/octets.h"
#include "signing/ring.h"
#include "signing/rrsig.h"
#include "signing/sign.h"
#include "signing/signer.h"

struct xd_owner {
	const xd_ring *ring;
	const xd_validity *validity;
	struct xd_signer signer;
	uint8_t name[XD_NAME_MAX];
	size_t name_len;
	uint8_t labels;
	bool is_apex;
	struct xd_octets rrsigs; /* lengths and data, in the order in which they were made */
	struct xd_octets order;  /* offsets of them */
	struct xd_octets value;  /* of the RRSIG RRset */
	uint64_t new_signatures;
	uint64_t signatures;
	uint32_t earliest; /* expiration; of all owners */
	uint32_t latest;
};

/* 0 or -XD_E_NOMEM; then nothing is to be undone. Ring and validity stay the caller's. */
XD_CHECKED int xd_owner_init(struct xd_owner *owner, const xd_ring *ring, const xd_validity *validity);
void xd_owner_uninit(struct xd_owner *owner);

/* Takes up another owner, whose `name` was written. */
void xd_owner_begin(struct xd_owner *owner, size_t name_len);

/*
 * Signs an RRset of the owner with every key that has to. `old` has its signatures that may be kept, all of this type; they
 * are verified first when `verify` says so. 0, -XD_E_CRYPTO or -XD_E_NOMEM.
 */
XD_CHECKED int xd_owner_sign(struct xd_owner *owner, uint16_t type, const uint8_t *value, size_t value_len,
                             struct xd_rrsigs old, bool verify);

/* Makes the value of the owner's RRSIG RRset, empty when there is no signature. 0, -XD_E_RANGE or -XD_E_NOMEM. */
XD_CHECKED int xd_owner_finish(struct xd_owner *owner);

#endif
