/* SPDX-License-Identifier: Apache-2.0 */
/* The private keys of a zone: loaded once, used by any number of calls and threads. */
#ifndef XD_SIGNING_RING_H
#define XD_SIGNING_RING_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "limits.h"
#include "signing/key.h"

/* cdef: begin */

typedef struct xd_ring xd_ring;

enum xd_key_role {
	XD_SIGNS_KEYS = 1, /* DNSKEY, CDS and CDNSKEY at the apex */
	XD_SIGNS_ZONE = 2, /* every other authoritative RRset */
};

typedef struct xd_signing_key {
	const uint8_t *dnskey; /* rdata */
	size_t dnskey_len;
	const uint8_t *der; /* PKCS#8 */
	size_t der_len;
	int roles; /* enum xd_key_role */
} xd_signing_key;

/* Signs a digest elsewhere: 0 with the signature in the form of the algorithm, else nonzero. */
typedef int (*xd_sign_digest)(void *handle, size_t key, const uint8_t *digest, size_t digest_len, uint8_t *signature,
                              size_t signature_len);

/*
 * Loads the keys of the zone at `apex` (lower case wire form). -XD_E_KEY or -XD_E_KEY_PAIR with *failed set to the number of
 * the key that was refused, -XD_E_RANGE for more keys than XD_RING_KEYS_MAX, -XD_E_NOMEM. The caller frees the ring.
 */
int xd_ring_create(const uint8_t *apex, const xd_signing_key *keys, size_t count, xd_ring **ring, size_t *failed);

/* From now on ECDSA signatures are made by `sign`. */
void xd_ring_delegate(xd_ring *ring, xd_sign_digest sign, void *handle);

/* Private keys are overwritten. NULL is ignored. */
void xd_ring_free(xd_ring *ring);

/* cdef: end */

/* Keys of one zone: rollovers of several algorithms at once have some ten. */
#define XD_RING_KEYS_MAX 64u

struct xd_ring {
	uint8_t apex[XD_NAME_MAX];
	size_t apex_len;
	xd_sign_digest sign; /* NULL: here */
	void *handle;
	int roles; /* of all keys together */
	size_t count;
	struct xd_key keys[];
};

#endif
