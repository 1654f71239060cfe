/* SPDX-License-Identifier: Apache-2.0 */
/* Hashed owner names (RFC 5155, section 5) and the chain of them that a zone needs. */
#ifndef XD_SIGNING_NSEC3_H
#define XD_SIGNING_NSEC3_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "sha1.h"
#include "signing/zone.h"

/* cdef: begin */

typedef struct xd_nsec3_params {
	uint16_t iterations;
	uint8_t salt_len;
	uint8_t salt[255];
	int opt_out; /* insecure delegations have no NSEC3 */
} xd_nsec3_params;

/* Hash of a name in lower case wire form: 20 octets. */
void xd_nsec3_hash(const xd_nsec3_params *params, const uint8_t *name, size_t len, uint8_t *hash);

/* cdef: end */

/* Characters of base32hex. */
#define XD_NSEC3_LABEL_BYTES 32u
#define XD_NSEC3_NONE UINT32_MAX

/* A link of the chain; node XD_NSEC3_NONE: the name is an empty non-terminal. */
struct xd_nsec3_entry {
	uint8_t hash[XD_SHA1_BYTES];
	uint32_t node;
};

struct xd_nsec3_chain {
	struct xd_nsec3_entry *entries; /* by hash */
	size_t count;
};

/*
 * The chain of a zone; `stop` as in work.h. -XD_E_NOMEM, -XD_E_STOPPED, -XD_E_KEY_ORDER, -XD_E_RANGE for a zone whose name
 * leaves no room for hashes, or -XD_E_EXISTS when two names have the same hash. On an error nothing is to be undone.
 */
XD_CHECKED int xd_nsec3_chain_make(struct xd_nsec3_chain *chain, const struct xd_zone *zone, const xd_nsec3_params *params,
                                   unsigned threads, const int *stop);
void xd_nsec3_chain_uninit(struct xd_nsec3_chain *chain);

/* Writes a hash as 32 characters of base32hex in lower case (RFC 4648, section 7). */
void xd_nsec3_label(uint8_t *out, const uint8_t *hash);

#endif
