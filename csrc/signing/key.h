/* SPDX-License-Identifier: Apache-2.0 */
/* A key in memory: private, to sign with, or public, to verify with. Immutable once made; threads share it. */
#ifndef XD_SIGNING_KEY_H
#define XD_SIGNING_KEY_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "error.h"
#include "signing/algorithm.h"

struct xd_key {
	EVP_PKEY *pkey;
	EVP_MD *digest; /* NULL for EdDSA */
	const struct xd_algorithm *algorithm;
	size_t signature_bytes;
	uint16_t flags; /* of the DNSKEY */
	uint16_t tag;
	int roles; /* XD_SIGNS_KEYS, XD_SIGNS_ZONE */
};

/* The public key of DNSKEY rdata. 0, -XD_E_KEY (nothing to undo) or -XD_E_NOMEM. */
XD_CHECKED int xd_key_init_public(struct xd_key *key, const uint8_t *dnskey, size_t len);

/*
 * The private key (PKCS#8 DER) of DNSKEY rdata. 0, -XD_E_KEY, -XD_E_KEY_PAIR when it belongs to another public key, or
 * -XD_E_NOMEM; nothing is left to undo then.
 */
XD_CHECKED int xd_key_init_private(struct xd_key *key, const uint8_t *dnskey, size_t len, const uint8_t *der, size_t der_len);

/* Private parts are overwritten. */
void xd_key_uninit(struct xd_key *key);

#endif
