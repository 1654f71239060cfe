/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying RRsets with the keys of a DNSKEY RRset. */
#ifndef XD_SIGNING_VERIFY_H
#define XD_SIGNING_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "signing/key.h"
#include "signing/rrsig.h"
#include "signing/signer.h"
#include "signing/validate.h"

/* The usable keys of a DNSKEY RRset, and the algorithms that have to sign: read by all threads. */
struct xd_keyset {
	struct xd_key *keys;
	size_t count;
	uint8_t algorithms[8];
	size_t algorithm_count;
	bool is_cut; /* there are more keys than are looked at */
};

/* `dnskeys` are lengths and octets, well formed. Keys that cannot be used are left out. 0 or -XD_E_NOMEM. */
XD_CHECKED int xd_keyset_init(struct xd_keyset *set, const uint8_t *dnskeys, size_t len);
void xd_keyset_uninit(struct xd_keyset *set);

/* The state of one thread. */
struct xd_verifier {
	const struct xd_keyset *set;
	const uint8_t *apex;
	size_t apex_len;
	uint32_t now;
	bool any; /* one valid signature of whatever algorithm is enough */
	struct xd_signer signer;
	uint64_t checked;
	uint64_t valid;
	uint32_t earliest; /* expiration of the valid ones */
};

/* 0 or -XD_E_NOMEM; then nothing is to be undone. Set and apex stay the caller's. */
XD_CHECKED int xd_verifier_init(struct xd_verifier *verifier, const struct xd_keyset *set, const uint8_t *apex, uint32_t now);
void xd_verifier_uninit(struct xd_verifier *verifier);

/* An RRset: owner in lower case wire form, well-formed value, its signatures. */
struct xd_signed_rrset {
	const uint8_t *owner;
	size_t owner_len;
	uint16_t type;
	const uint8_t *value;
	size_t value_len;
	struct xd_rrsigs rrsigs;
};

/* Sets *fault to what is wrong with the signatures of an RRset, or to XD_FAULT_NONE. 0 or -XD_E_NOMEM. */
XD_CHECKED int xd_verifier_check(struct xd_verifier *verifier, const struct xd_signed_rrset *rrset, enum xd_fault_code *fault);

#endif
