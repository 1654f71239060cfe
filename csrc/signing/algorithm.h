/* SPDX-License-Identifier: Apache-2.0 */
/* DNSSEC algorithms that are signed and verified with (RFC 8624), and public keys in the form of DNSKEY records. */
#ifndef XD_SIGNING_ALGORITHM_H
#define XD_SIGNING_ALGORITHM_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "error.h"

/* Octets of the largest signature: RSA of 4096 bits, the most that RFC 3110 (section 3) has. */
#define XD_SIGNATURE_MAX 512u

/* DNSKEY rdata (RFC 4034, section 2.1): flags, protocol, algorithm; then the public key. */
#define XD_DNSKEY_FIXED_BYTES 4u
#define XD_DNSKEY_ZONE 0x0100u
#define XD_DNSKEY_REVOKE 0x0080u /* RFC 5011, section 7 */
#define XD_DNSKEY_SEP 0x0001u
#define XD_DNSKEY_PROTOCOL 3u

enum xd_algorithm_kind {
	XD_KIND_RSA,
	XD_KIND_ECDSA,
	XD_KIND_EDDSA, /* signs messages and no digests */
};

struct xd_algorithm {
	uint8_t number;
	enum xd_algorithm_kind kind;
	const char *digest; /* NULL for EdDSA */
	const char *name;   /* of the curve, or of the key type */
	uint8_t key_bytes;  /* public key in DNSKEY; 0 for RSA */
	uint8_t signature_bytes;
};

/* NULL for one that is not known. */
const struct xd_algorithm *xd_algorithm_find(uint8_t number);

/* Key tag of DNSKEY rdata (RFC 4034, appendix B). */
uint16_t xd_dnskey_tag(const uint8_t *rdata, size_t len);

/*
 * The public key of DNSKEY rdata; the caller frees it. -XD_E_KEY when it is none of a known algorithm, or -XD_E_NOMEM.
 */
XD_CHECKED int xd_dnskey_read(const uint8_t *rdata, size_t len, EVP_PKEY **key);

#endif
