/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: keys made on the spot, and a zone with their DNSKEY records, signed. */
#ifndef XD_TEST_SIGNED_ZONE_H
#define XD_TEST_SIGNED_ZONE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "signing/algorithm.h"
#include "signing/octets.h"
#include "signing/sign.h"
#include "signing/validate.h"
#include "zone_text.h"

#define TEST_NOW 1700000000u
#define TEST_KEYS 2

static const xd_validity test_validity = { TEST_NOW - 5400, TEST_NOW + 1209600, TEST_NOW, TEST_NOW + 86400, 1, 0 };

/* Two Ed25519 keys, whose signatures are the same each time. */
struct test_keys {
	uint8_t dnskeys[TEST_KEYS][36];
	uint8_t *ders[TEST_KEYS];
	int der_lens[TEST_KEYS];
	xd_signing_key keys[TEST_KEYS];
};

static inline void test_keys_init(struct test_keys *keys)
{
	memset(keys, 0, sizeof(*keys));
	for (int i = 0; i < TEST_KEYS; i++) {
		uint8_t seed[32] = { 1, (uint8_t)i };
		size_t len = 32;
		EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
		PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
		NEED(info && EVP_PKEY_get_raw_public_key(pkey, keys->dnskeys[i] + 4, &len) == 1);
		memcpy(keys->dnskeys[i], "\1\0\3\17", 4);
		keys->dnskeys[i][1] = (uint8_t)(i ? 0u : XD_DNSKEY_SEP);
		keys->der_lens[i] = i2d_PKCS8_PRIV_KEY_INFO(info, &keys->ders[i]);
		keys->keys[i] = (xd_signing_key){ keys->dnskeys[i], 36, keys->ders[i], (size_t)keys->der_lens[i],
			                          i ? XD_SIGNS_ZONE : XD_SIGNS_KEYS };
		PKCS8_PRIV_KEY_INFO_free(info);
		EVP_PKEY_free(pkey);
	}
}

static inline void test_keys_uninit(struct test_keys *keys)
{
	for (int i = 0; i < TEST_KEYS; i++)
		OPENSSL_free(keys->ders[i]);
}

static inline xd_ring *test_ring(const struct test_keys *keys, const char *apex_text)
{
	uint8_t apex[XD_NAME_MAX];
	xd_ring *ring = NULL;
	size_t failed;

	test_name(apex, apex_text);
	NEED(xd_ring_create(apex, keys->keys, TEST_KEYS, &ring, &failed) == 0);
	return ring;
}

/* The pairs of a zone file with the DNSKEY records at its end; they are the caller's. */
static inline void test_unsigned_zone(const struct test_keys *keys, const char *apex_text, const char *text, xd_pairs *pairs)
{
	char *whole = malloc(strlen(text) + 1024), *at = whole;

	NEED(whole);
	at += sprintf(at, "%s$ORIGIN %s\n", text, apex_text);
	for (int i = 0; i < TEST_KEYS; i++) {
		at += sprintf(at, "@ 300 DNSKEY \\# 36 ");
		for (size_t octet = 0; octet < sizeof(keys->dnskeys[i]); octet++)
			at += sprintf(at, "%02x", keys->dnskeys[i][octet]);
		*at++ = '\n';
		*at = '\0';
	}
	test_pairs(pairs, apex_text, whole);
	free(whole);
}

/* Signs pairs and carries the changes out in their place; returns what signing returned. */
static inline int test_sign(const xd_ring *ring, xd_pairs *pairs, const xd_nsec3_params *nsec3, unsigned threads,
                            xd_sign_result *result)
{
	xd_sign_plan plan = { .validity = test_validity, .nsec3 = nsec3, .nsec_ttl = -1, .threads = threads };
	xd_pairs merged;
	int code = xd_sign_zone(ring, pairs->bytes, pairs->offsets, pairs->count, &plan, result);

	if (code < 0)
		return code;
	NEED(xd_apply_changes(pairs->bytes, pairs->offsets, pairs->count, result->changes.bytes, result->changes.offsets,
	                      result->changes.count, &merged) == 0);
	xd_pairs_uninit(pairs);
	xd_pairs_uninit(&result->changes);
	*pairs = merged;
	return code;
}

/* The number of faults; the first of them is in `first`. */
static inline uint64_t test_validate(const char *apex_text, const xd_pairs *pairs, unsigned threads, xd_fault *first)
{
	uint8_t apex[XD_NAME_MAX];
	xd_validate_plan plan = { .apex = apex, .now = TEST_NOW, .threads = threads };
	xd_validation validation = { .faults = first, .room = 1 };

	test_name(apex, apex_text);
	NEED(xd_validate_zone(pairs->bytes, pairs->offsets, pairs->count, &plan, &validation) == 0);
	return validation.count;
}

#endif
