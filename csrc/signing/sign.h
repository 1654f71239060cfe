/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing a zone: what has to change in its pairs so that it is signed correctly (RFC 4035, section 2; RFC 5155; RFC 6840).
 */
#ifndef XD_SIGNING_SIGN_H
#define XD_SIGNING_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "pairs.h"
#include "signing/nsec3.h"
#include "signing/ring.h"

/* cdef: begin */

/* Times in Unix seconds. A signature that is there is kept when it expires after keep_until. */
typedef struct xd_validity {
	uint32_t inception; /* of new signatures */
	uint32_t expiration;
	uint32_t now;
	uint32_t keep_until;
	int reuse;       /* 0: all signatures are made anew */
	int verify_kept; /* signatures are verified before they are kept */
} xd_validity;

typedef struct xd_sign_plan {
	uint32_t zone_id;
	xd_validity validity;
	const xd_nsec3_params *nsec3; /* NULL: NSEC */
	int64_t nsec_ttl;             /* of NSEC, NSEC3 and NSEC3PARAM; negative: as the SOA has it (RFC 9077) */
	int merged;                   /* the result is not the changes, but all pairs with the changes carried out */
	unsigned threads;
	const int *stop; /* may be NULL; nonzero, written by any thread, ends the work */
} xd_sign_plan;

/* Expirations of the signatures that are in the zone afterwards; 0 when there is none. */
typedef struct xd_sign_result {
	xd_pairs changes; /* in key order; an empty value: the RRset goes. Or all pairs (`merged`) */
	uint64_t new_signatures;
	uint64_t signatures;
	uint32_t earliest_expiration;
	uint32_t latest_expiration;
} xd_sign_result;

/*
 * Compares all pairs of the ring's zone with what they have to be. The changes are of types RRSIG, NSEC, NSEC3 and NSEC3PARAM; the
 * caller frees them (xd_pairs_uninit). Signatures of data must not be older than the data, but for those of the apex, which
 * are always verified before they are kept. -XD_E_ZONE without SOA, -XD_E_KEY when no key signs the zone, -XD_E_KEY_ORDER,
 * -XD_E_RANGE, -XD_E_EXISTS (two names of one hash), -XD_E_CRYPTO, -XD_E_STOPPED, -XD_E_NOMEM.
 */
int xd_sign_zone(const xd_ring *ring, const uint8_t *bytes, const uint64_t *offsets, size_t count, const xd_sign_plan *plan,
                 xd_sign_result *result);

/*
 * Signs `count` RRsets, given as pairs in any order. Of pair i `old` has the RRSIG data that may be kept: length (2, big endian) and
 * octets, one behind the other, from old_offsets[i] up to old_offsets[i + 1]. `signatures` gets pairs of the same keys, whose values
 * are those of an RRSIG RRset. Otherwise as above.
 */
int xd_sign_rrsets(const xd_ring *ring, const uint8_t *bytes, const uint64_t *offsets, size_t count, const uint8_t *old,
                   const uint64_t *old_offsets, const xd_validity *validity, xd_pairs *signatures);

/*
 * Pairs with changes carried out; both in key order. The caller frees them. -XD_E_NOMEM.
 */
int xd_apply_changes(const uint8_t *bytes, const uint64_t *offsets, size_t count, const uint8_t *changed_bytes,
                     const uint64_t *changed_offsets, size_t changed_count, xd_pairs *merged);

/* cdef: end */

#endif
