/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Validating a zone: every authoritative RRset has a valid signature of each algorithm in DNSKEY (RFC 4035, section 2.2;
 * RFC 6840, section 5.11), nothing else is signed, and the chain of NSEC or NSEC3 records is complete.
 */
#ifndef XD_SIGNING_VALIDATE_H
#define XD_SIGNING_VALIDATE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "pairs.h"

/* X(name, text) */
#define XD_FAULT_TABLE(X) \
	X(NO_KEY, "no usable DNSKEY at the zone apex") \
	X(MANY_KEYS, "too many DNSKEY records") \
	X(OUTSIDE, "record outside the zone") \
	X(UNSIGNED, "no signature") \
	X(NO_ALGORITHM, "no signature of an algorithm in DNSKEY") \
	X(MALFORMED, "malformed signature") \
	X(SIGNER, "signature of another zone") \
	X(LABELS, "wrong number of labels in signature") \
	X(TTL, "TTL differs from the original TTL in signature") \
	X(FUTURE, "signature not valid yet") \
	X(EXPIRED, "signature expired") \
	X(UNKNOWN_KEY, "signature by a key that is not in DNSKEY") \
	X(INVALID, "invalid signature") \
	X(MANY_SIGNATURES, "too many invalid signatures") \
	X(ORPHAN, "signature of no RRset") \
	X(NOT_AUTHORITATIVE, "signature of non-authoritative data") \
	X(RRSIG_TTL, "wrong TTL of RRSIG") \
	X(NO_CHAIN, "neither NSEC nor NSEC3PARAM at the zone apex") \
	X(NO_NSEC, "missing NSEC") \
	X(NSEC_EXTRA, "NSEC record where none belongs") \
	X(NSEC_MANY, "multiple NSEC records") \
	X(NSEC_NEXT, "NSEC leads to a wrong name") \
	X(NSEC_TYPES, "wrong types in NSEC") \
	X(NSEC3_PARAMS, "NSEC3PARAM with unknown parameters") \
	X(NSEC3_LENGTH, "zone name too long for NSEC3") \
	X(NO_NSEC3, "missing NSEC3") \
	X(NSEC3_EXTRA, "NSEC3 record where none belongs") \
	X(NSEC3_NEXT, "NSEC3 leads to a wrong hash") \
	X(NSEC3_TYPES, "wrong types in NSEC3") \
	X(NSEC3_OPT_OUT, "missing NSEC3 not covered by opt-out")

enum xd_fault_code {
	XD_FAULT_NONE = 0,
/* clang-format off */
#define X(name, text) XD_FAULT_##name,
	XD_FAULT_TABLE(X)
#undef X
	XD_FAULT_COUNT
	/* clang-format on */
};

/* cdef: begin */

typedef struct xd_fault {
	uint8_t owner[256]; /* wire form */
	uint16_t type;      /* of the RRset; 0: it concerns the owner */
	int code;
	uint64_t order; /* by which faults are told */
} xd_fault;

/* `faults` has room for `room` faults and is the caller's; further ones are only counted. */
typedef struct xd_validation {
	xd_fault *faults;
	size_t room;
	size_t kept;
	uint64_t count;
	uint64_t checked_signatures;
	uint32_t earliest_expiration; /* of the signatures found valid; 0 when there is none */
} xd_validation;

/* Static string; the code of a fault is from 1 to xd_fault_count() - 1. */
const char *xd_fault_text(int code);
int xd_fault_count(void);

typedef struct xd_validate_plan {
	const uint8_t *apex; /* lower case wire form */
	uint32_t zone_id;
	uint32_t now;
	const uint8_t *
		dnskeys; /* rdata of other DNSKEY records than those of the zone: lengths (2, big endian) and octets; or NULL */
	size_t dnskeys_len;
	unsigned threads;
	const int *stop; /* may be NULL; nonzero, written by any thread, ends the work */
} xd_validate_plan;

/*
 * Validates all pairs of a zone. 0 whatever is found; -XD_E_ZONE without SOA, -XD_E_KEY_ORDER, -XD_E_RANGE, -XD_E_STOPPED,
 * -XD_E_NOMEM.
 */
int xd_validate_zone(const uint8_t *bytes, const uint64_t *offsets, size_t count, const xd_validate_plan *plan,
                     xd_validation *validation);

/*
 * Verifies `count` RRsets with keys of the plan; of pair i `rrsigs` has the RRSIG data, as in xd_sign_rrsets. codes[i] is set to the
 * fault of the RRset when no signature makes it valid, else to 0.
 */
int xd_verify_rrsets(const uint8_t *bytes, const uint64_t *offsets, size_t count, const uint8_t *rrsigs,
                     const uint64_t *rrsig_offsets, const xd_validate_plan *plan, int *codes);

/* cdef: end */

#endif
