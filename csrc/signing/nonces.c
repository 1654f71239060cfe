/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that take a nonce made before, and coordinates as they are, have no successors in OpenSSL 3. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "signing/nonces.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>

/* Few signatures make few nonces: batches begin small and double. */
#define BATCH_FIRST 8u
#define BATCH_MOST 256u

/* Of one signature: the nonce, its inverse modulo the order of the curve, and the x coordinate of its point modulo that. */
struct nonce {
	BIGNUM *value;
	BIGNUM *product; /* of the values up to this one, with a power of the Montgomery factor */
	BIGNUM *inverse;
	BIGNUM *r;
};

struct xd_nonces {
	EC_KEY *key;
	const EC_GROUP *group;
	BN_CTX *context;
	BN_MONT_CTX *mont;
	BIGNUM *rest; /* inverse of the product of those whose inverses are still to be found */
	struct nonce items[BATCH_MOST];
	EC_POINT *points[BATCH_MOST];
	size_t room;
	size_t count;
	size_t next;
};

xd_nonces *xd_nonces_create(const EVP_PKEY *pkey)
{
	const EC_KEY *key = EVP_PKEY_get0_EC_KEY(pkey);
	xd_nonces *made = key ? calloc(1, sizeof(*made)) : NULL;

	if (!made)
		return NULL;
	made->key = EC_KEY_dup(key);
	made->group = made->key ? EC_KEY_get0_group(made->key) : NULL;
	made->context = BN_CTX_secure_new();
	made->mont = BN_MONT_CTX_new();
	made->rest = BN_secure_new();
	if (made->group && made->context && made->mont && made->rest &&
	    BN_MONT_CTX_set(made->mont, EC_GROUP_get0_order(made->group), made->context))
		return made;
	xd_nonces_free(made);
	return NULL;
}

void xd_nonces_free(xd_nonces *nonces)
{
	if (!nonces)
		return;
	for (size_t i = 0; i < BATCH_MOST; i++) {
		BN_clear_free(nonces->items[i].value);
		BN_clear_free(nonces->items[i].product);
		BN_clear_free(nonces->items[i].inverse);
		BN_clear_free(nonces->items[i].r);
		EC_POINT_clear_free(nonces->points[i]);
	}
	BN_clear_free(nonces->rest);
	BN_MONT_CTX_free(nonces->mont);
	BN_CTX_free(nonces->context);
	EC_KEY_free(nonces->key);
	free(nonces);
}

/* Room for `count` nonces. */
static bool reserve(xd_nonces *nonces, size_t count)
{
	for (; nonces->room < count; nonces->room++) {
		struct nonce *item = &nonces->items[nonces->room];
		if (!item->value && !(item->value = BN_new()))
			return false;
		if (!item->product && !(item->product = BN_new()))
			return false;
		if (!item->inverse && !(item->inverse = BN_new()))
			return false;
		if (!item->r && !(item->r = BN_new()))
			return false;
		if (!nonces->points[nonces->room] && !(nonces->points[nonces->room] = EC_POINT_new(nonces->group)))
			return false;
	}
	return true;
}

static bool multiply(xd_nonces *nonces, BIGNUM *to, const BIGNUM *a, const BIGNUM *b)
{
	return BN_mod_mul_montgomery(to, a, b, nonces->mont, nonces->context) == 1;
}

/* Random values, and their points: X is all that is needed of a point, once Z is 1. */
static bool choose(xd_nonces *nonces, size_t count)
{
	const BIGNUM *order = EC_GROUP_get0_order(nonces->group);

	for (size_t i = 0; i < count; i++) {
		BIGNUM *value = nonces->items[i].value;
		do {
			if (BN_priv_rand_range(value, order) != 1)
				return false;
		} while (BN_is_zero(value));
		BN_set_flags(value, BN_FLG_CONSTTIME);
		if (EC_POINT_mul(nonces->group, nonces->points[i], value, NULL, NULL, nonces->context) != 1)
			return false;
	}
	if (EC_POINTs_make_affine(nonces->group, count, nonces->points, nonces->context) != 1)
		return false;
	for (size_t i = 0; i < count; i++) {
		BIGNUM *r = nonces->items[i].r;
		if (EC_POINT_get_Jprojective_coordinates_GFp(nonces->group, nonces->points[i], r, NULL, NULL,
		                                             nonces->context) != 1 ||
		    BN_nnmod(r, r, order, nonces->context) != 1 || BN_is_zero(r))
			return false;
	}
	return true;
}

/*
 * Each multiplication takes a Montgomery factor away, so that product i lacks i of them. The inverse of the last product has as
 * many too many, and each step back takes one away: what comes out are the inverses themselves.
 */
static bool invert(xd_nonces *nonces, size_t count)
{
	struct nonce *items = nonces->items;
	BIGNUM *rest = nonces->rest;

	if (!BN_copy(items[0].product, items[0].value))
		return false;
	for (size_t i = 1; i < count; i++)
		if (!multiply(nonces, items[i].product, items[i - 1].product, items[i].value))
			return false;
	BN_set_flags(items[count - 1].product, BN_FLG_CONSTTIME);
	if (!BN_mod_inverse(rest, items[count - 1].product, EC_GROUP_get0_order(nonces->group), nonces->context))
		return false;
	for (size_t i = count - 1; i; i--)
		if (!multiply(nonces, items[i].inverse, rest, items[i - 1].product) ||
		    !multiply(nonces, rest, rest, items[i].value))
			return false;
	return BN_copy(items[0].inverse, rest) != NULL;
}

static bool refill(xd_nonces *nonces)
{
	size_t count = nonces->count ? 2 * nonces->count : BATCH_FIRST;

	if (count > BATCH_MOST)
		count = BATCH_MOST;
	nonces->count = nonces->next = 0;
	if (!reserve(nonces, count) || !choose(nonces, count) || !invert(nonces, count))
		return false;
	nonces->count = count;
	return true;
}

int xd_nonces_sign(xd_nonces *nonces, const uint8_t *digest, size_t digest_len, uint8_t *signature, size_t len)
{
	if (nonces->next == nonces->count && !refill(nonces))
		return -XD_E_CRYPTO;
	struct nonce *item = &nonces->items[nonces->next++];
	ECDSA_SIG *made = ECDSA_do_sign_ex(digest, (int)digest_len, item->inverse, item->r, nonces->key);
	int half = (int)(len / 2);
	bool done = made && BN_bn2binpad(ECDSA_SIG_get0_r(made), signature, half) == half &&
	            BN_bn2binpad(ECDSA_SIG_get0_s(made), signature + half, half) == half;

	ECDSA_SIG_free(made);
	BN_clear(item->inverse);
	BN_clear(item->value);
	return done ? XD_OK : -XD_E_CRYPTO;
}
