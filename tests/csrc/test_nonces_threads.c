/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that sign with one ECDSA key, each with nonces of its own: every signature is valid, and no nonce comes twice. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>

#include "signing/nonces.h"
#include "zone_text.h"

enum { THREADS = 3, SIGNATURES = 560, HALF_MAX = 48, DIGEST = 32 };

struct signer {
	const EVP_PKEY *pkey;
	size_t half;
	size_t count;
	uint8_t signatures[SIGNATURES][2 * HALF_MAX];
	pthread_t thread;
};

static void verify(const struct signer *signer, const uint8_t *digest, const uint8_t *signature)
{
	ECDSA_SIG *parts = ECDSA_SIG_new();
	EC_KEY *key = EC_KEY_dup(EVP_PKEY_get0_EC_KEY(signer->pkey));

	NEED(parts && key &&
	     ECDSA_SIG_set0(parts, BN_bin2bn(signature, (int)signer->half, NULL),
	                    BN_bin2bn(signature + signer->half, (int)signer->half, NULL)) == 1);
	NEED(ECDSA_do_verify(digest, DIGEST, parts, key) == 1);
	ECDSA_SIG_free(parts);
	EC_KEY_free(key);
}

static void *sign(void *arg)
{
	struct signer *signer = arg;
	xd_nonces *nonces = xd_nonces_create(signer->pkey);
	uint8_t digest[DIGEST] = { 7 };

	NEED(nonces);
	for (size_t i = 0; i < signer->count; i++) {
		uint8_t *signature = signer->signatures[i];
		digest[1] = (uint8_t)i;
		NEED(xd_nonces_sign(nonces, digest, sizeof(digest), signature, 2 * signer->half) == 0);
		if (i % 16 == 0)
			verify(signer, digest, signature);
	}
	xd_nonces_free(nonces);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, HALF_MAX);
}

/* Are the first integers of all signatures different? */
static void check_first_integers(const struct signer *signers, size_t count)
{
	uint8_t(*firsts)[HALF_MAX] = calloc(THREADS * count, HALF_MAX);

	NEED(firsts);
	for (size_t i = 0; i < THREADS * count; i++)
		memcpy(firsts[i], signers[i / count].signatures[i % count], signers->half);
	qsort(firsts, THREADS * count, HALF_MAX, compare);
	for (size_t i = 1; i < THREADS * count; i++)
		NEED(memcmp(firsts[i - 1], firsts[i], HALF_MAX) != 0);
	free(firsts);
}

static void test_curve(const char *curve, size_t half, size_t count)
{
	struct signer *signers = calloc(THREADS, sizeof(*signers));
	EVP_PKEY *pkey = EVP_EC_gen(curve);

	NEED(signers && pkey);
	for (size_t i = 0; i < THREADS; i++) {
		signers[i].pkey = pkey;
		signers[i].half = half;
		signers[i].count = count;
		NEED(pthread_create(&signers[i].thread, NULL, sign, &signers[i]) == 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(signers[i].thread, NULL);
	check_first_integers(signers, count);
	EVP_PKEY_free(pkey);
	free(signers);
}

int main(void)
{
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	test_curve("P-256", 32, SIGNATURES);
	test_curve("P-384", 48, 20);
	NEED(other && !xd_nonces_create(other));
	xd_nonces_free(NULL);
	EVP_PKEY_free(other);
	return 0;
}
