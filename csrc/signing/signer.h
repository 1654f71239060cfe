/* SPDX-License-Identifier: Apache-2.0 */
/* Signs and verifies one RRset after the other with a set of keys: the state of one thread. */
#ifndef XD_SIGNING_SIGNER_H
#define XD_SIGNING_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "error.h"
#include "signing/key.h"
#include "signing/octets.h"
#include "signing/ring.h"

struct xd_signer_context;

struct xd_signer {
	const struct xd_key *keys;
	size_t count;
	xd_sign_digest delegate; /* NULL: signatures are made here */
	void *handle;
	bool many;                          /* signatures are made with nonces of many (nonces.h) */
	struct xd_signer_context *contexts; /* of each key */
	EVP_MD_CTX *digest;
	size_t head_len;          /* of an RRSIG with the zone's name as signer */
	struct xd_octets message; /* room for the head, then the records of the RRset */
};

/* Keys and handle stay the caller's, and valid. 0 or -XD_E_NOMEM; then nothing is to be undone. */
XD_CHECKED int xd_signer_init(struct xd_signer *signer, const struct xd_key *keys, size_t count, size_t apex_len);
void xd_signer_uninit(struct xd_signer *signer);

/* From now on ECDSA signatures are made elsewhere (xd_ring_delegate). */
void xd_signer_delegate(struct xd_signer *signer, xd_sign_digest sign, void *handle);

/* From now on many signatures are to be made, so that it pays to prepare for them. */
void xd_signer_expect_many(struct xd_signer *signer);

/*
 * Takes up an RRset: `value` is well formed (csrc/pairs.h), the owner in lower case wire form, records have the TTL of the
 * value. 0 or -XD_E_NOMEM.
 */
XD_CHECKED int xd_signer_load(struct xd_signer *signer, const uint8_t *owner, size_t owner_len, uint16_t type,
                              const uint8_t *value, size_t value_len);

/* Signs the RRset with a key; `head` is the RRSIG before its signature, which has keys[k].signature_bytes. 0 or -XD_E_CRYPTO. */
XD_CHECKED int xd_signer_sign(struct xd_signer *signer, size_t k, const uint8_t *head, uint8_t *signature);

/* Verifies a signature of the RRset: 0, or -XD_E_CRYPTO when it is none of the key. */
XD_CHECKED int xd_signer_verify(struct xd_signer *signer, size_t k, const uint8_t *head, const uint8_t *signature, size_t len);

#endif
