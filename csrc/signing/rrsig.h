/* SPDX-License-Identifier: Apache-2.0 */
/* Record data of RRSIG (RFC 4034, section 3.1). */
#ifndef XD_SIGNING_RRSIG_H
#define XD_SIGNING_RRSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "limits.h"

/* What comes before the signer's name. */
#define XD_RRSIG_FIXED_BYTES 18u
/* What comes before the signature. */
#define XD_RRSIG_HEAD_MAX (XD_RRSIG_FIXED_BYTES + XD_NAME_MAX)

struct xd_rrsig {
	uint16_t covered;
	uint8_t algorithm;
	uint8_t labels;
	uint32_t original_ttl;
	uint32_t expiration;
	uint32_t inception;
	uint16_t tag;
	const uint8_t *signer; /* wire form */
	size_t head_len;       /* fixed fields and signer */
	const uint8_t *signature;
	size_t signature_len;
};

/* Takes record data apart; pointers are into it. 0 or -XD_E_RDATA. */
XD_CHECKED int xd_rrsig_read(struct xd_rrsig *rrsig, const uint8_t *rdata, size_t len);

/* Writes what comes before the signature (XD_RRSIG_HEAD_MAX octets of room); the signer has `signer_len` octets. */
void xd_rrsig_write_head(uint8_t *out, const struct xd_rrsig *rrsig, size_t signer_len);

/* Data of RRSIG records, sorted: of each its length (2, big endian) and octets. */
struct xd_rrsigs {
	const uint8_t *at;
	const uint8_t *end;
};

/* The record behind the one at `at`. */
static inline const uint8_t *xd_rrsigs_next(const uint8_t *at)
{
	return at + 2 + (at[0] << 8 | at[1]);
}

/* Cuts the signatures of a type off the start of `rrsigs`; those of lower types are dropped. */
struct xd_rrsigs xd_rrsigs_cut(struct xd_rrsigs *rrsigs, uint16_t type);

/* Is time `a` after `b`? Serial number arithmetic (RFC 4034, section 3.1.5). */
static inline bool xd_time_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

#endif
