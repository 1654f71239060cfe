/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nonces of ECDSA signatures, made many at a time: the two inversions that each takes are one for all of them (Montgomery's trick),
 * which is half of the work of a signature. Each is used once, in the call and thread that it was made in: nothing that forks
 * holds any.
 */
#ifndef XD_SIGNING_NONCES_H
#define XD_SIGNING_NONCES_H

#include <openssl/evp.h>

#include "error.h"

typedef struct xd_nonces xd_nonces;

/* For signatures with an EC key, by one thread; the key stays the caller's, and valid. NULL: no memory, or another kind of key. */
xd_nonces *xd_nonces_create(const EVP_PKEY *pkey);

/* What is left is overwritten. NULL is ignored. */
void xd_nonces_free(xd_nonces *nonces);

/*
 * Signs a digest with the next nonce: both integers of the signature in full length (RFC 6605, section 4), `len` octets in all.
 * 0 or -XD_E_CRYPTO.
 */
XD_CHECKED int xd_nonces_sign(xd_nonces *nonces, const uint8_t *digest, size_t digest_len, uint8_t *signature, size_t len);

#endif
