/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/signer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "bytes.h"
#include "rr.h"
#include "signing/nonces.h"

#define VALUE_FIXED_BYTES 6u
#define RECORD_HEAD_BYTES 8u /* type, class, TTL */
#define DIGEST_BYTES_MAX 64u

/*
 * DER of an ECDSA signature (RFC 3279, section 2.2.3): a sequence of two integers, each of at most 48 octets and a zero. Up
 * to 102 octets fit one octet of length.
 */
#define DER_SEQUENCE 0x30u
#define DER_INTEGER 0x02u
#define DER_MAX (2u + 2u * (2u + 1u + 48u))

struct xd_signer_context {
	EVP_PKEY_CTX *sign; /* made when first used */
	xd_nonces *nonces;  /* likewise, for many signatures */
	EVP_PKEY_CTX *verify;
};

int xd_signer_init(struct xd_signer *signer, const struct xd_key *keys, size_t count, size_t apex_len)
{
	*signer = (struct xd_signer){ .keys = keys, .count = count, .head_len = 18 + apex_len };
	signer->contexts = calloc(count + 1, sizeof(*signer->contexts));
	signer->digest = EVP_MD_CTX_new();
	if (signer->contexts && signer->digest)
		return XD_OK;
	xd_signer_uninit(signer);
	return -XD_E_NOMEM;
}

void xd_signer_uninit(struct xd_signer *signer)
{
	for (size_t i = 0; signer->contexts && i < signer->count; i++) {
		EVP_PKEY_CTX_free(signer->contexts[i].sign);
		xd_nonces_free(signer->contexts[i].nonces);
		EVP_PKEY_CTX_free(signer->contexts[i].verify);
	}
	free(signer->contexts);
	EVP_MD_CTX_free(signer->digest);
	xd_octets_uninit(&signer->message);
	*signer = (struct xd_signer){ 0 };
}

void xd_signer_delegate(struct xd_signer *signer, xd_sign_digest sign, void *handle)
{
	signer->delegate = sign;
	signer->handle = handle;
}

void xd_signer_expect_many(struct xd_signer *signer)
{
	signer->many = true;
}

/* RFC 4034, section 3.1.8.1: what is signed is the head, then each record with its full owner. */
int xd_signer_load(struct xd_signer *signer, const uint8_t *owner, size_t owner_len, uint16_t type, const uint8_t *value,
                   size_t value_len)
{
	struct xd_octets *message = &signer->message;
	size_t count = xd_load_be16(value + 4);
	uint8_t head[RECORD_HEAD_BYTES];

	message->used = 0;
	int result = xd_octets_reserve(message, signer->head_len + count * (owner_len + sizeof(head)) + value_len);
	if (result < 0)
		return result;
	xd_store_be16(head, type);
	xd_store_be16(head + 2, XD_CLASS_IN);
	memcpy(head + 4, value, 4);
	message->used = signer->head_len;
	for (const uint8_t *at = value + VALUE_FIXED_BYTES; at < value + value_len;) {
		size_t len = 2u + xd_load_be16(at);
		xd_octets_put(message, owner, owner_len);
		xd_octets_put(message, head, sizeof(head));
		xd_octets_put(message, at, len);
		at += len;
	}
	return XD_OK;
}

static EVP_PKEY_CTX *open_context(const struct xd_key *key, int (*begin)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);

	if (context && begin(context) == 1 && EVP_PKEY_CTX_set_signature_md(context, key->digest) == 1 &&
	    (key->algorithm->kind != XD_KIND_RSA || EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1))
		return context;
	EVP_PKEY_CTX_free(context);
	return NULL;
}

/* The digest of head and records; its length, or -XD_E_CRYPTO. */
static int make_digest(struct xd_signer *signer, const struct xd_key *key, const uint8_t *head, uint8_t *digest)
{
	unsigned len = 0;

	memcpy(signer->message.data, head, signer->head_len);
	if (EVP_DigestInit_ex2(signer->digest, key->digest, NULL) == 1 &&
	    EVP_DigestUpdate(signer->digest, signer->message.data, signer->message.used) == 1 &&
	    EVP_DigestFinal_ex(signer->digest, digest, &len) == 1)
		return (int)len;
	return -XD_E_CRYPTO;
}

/* One integer of DER as `half` octets; where it ends, or NULL. */
static const uint8_t *read_integer(const uint8_t *at, const uint8_t *end, uint8_t *out, size_t half)
{
	if (end - at < 2 || at[0] != DER_INTEGER || at[1] > end - at - 2)
		return NULL;
	size_t len = at[1];
	at += 2;
	for (; len > half && !*at; len--)
		at++;
	if (len > half)
		return NULL;
	memset(out, 0, half - len);
	memcpy(out + half - len, at, len);
	return at + len;
}

/* RFC 6605, section 4: both integers in full length. */
static int from_der(const uint8_t *der, size_t len, uint8_t *signature, size_t signature_len)
{
	const uint8_t *end = der + len;

	if (len < 2 || der[0] != DER_SEQUENCE || der[1] != len - 2)
		return -XD_E_CRYPTO;
	const uint8_t *at = read_integer(der + 2, end, signature, signature_len / 2);
	if (at)
		at = read_integer(at, end, signature + signature_len / 2, signature_len / 2);
	return at == end ? XD_OK : -XD_E_CRYPTO;
}

static uint8_t *write_integer(uint8_t *out, const uint8_t *number, size_t len)
{
	for (; len > 1 && !*number; len--)
		number++;
	size_t zero = *number >> 7;
	*out++ = DER_INTEGER;
	*out++ = (uint8_t)(len + zero);
	*out = 0;
	memcpy(out + zero, number, len);
	return out + zero + len;
}

static size_t to_der(uint8_t *der, const uint8_t *signature, size_t len)
{
	uint8_t *end = write_integer(der + 2, signature, len / 2);

	end = write_integer(end, signature + len / 2, len / 2);
	der[0] = DER_SEQUENCE;
	der[1] = (uint8_t)(end - der - 2);
	return (size_t)(end - der);
}

static int sign_with_nonce(struct xd_signer *signer, size_t k, const uint8_t *digest, size_t digest_len, uint8_t *signature)
{
	const struct xd_key *key = &signer->keys[k];
	xd_nonces **nonces = &signer->contexts[k].nonces;

	if (!*nonces && !(*nonces = xd_nonces_create(key->pkey)))
		return -XD_E_CRYPTO;
	return xd_nonces_sign(*nonces, digest, digest_len, signature, key->signature_bytes);
}

static int sign_digest(struct xd_signer *signer, size_t k, const uint8_t *digest, size_t digest_len, uint8_t *signature)
{
	const struct xd_key *key = &signer->keys[k];
	EVP_PKEY_CTX **context = &signer->contexts[k].sign;
	bool is_ecdsa = key->algorithm->kind == XD_KIND_ECDSA;
	uint8_t der[DER_MAX];
	size_t len = is_ecdsa ? sizeof(der) : key->signature_bytes;

	if (is_ecdsa && signer->delegate)
		return signer->delegate(signer->handle, k, digest, digest_len, signature, key->signature_bytes) ? -XD_E_CRYPTO
		                                                                                                : XD_OK;
	if (is_ecdsa && signer->many)
		return sign_with_nonce(signer, k, digest, digest_len, signature);
	if (!*context && !(*context = open_context(key, EVP_PKEY_sign_init)))
		return -XD_E_CRYPTO;
	if (EVP_PKEY_sign(*context, is_ecdsa ? der : signature, &len, digest, digest_len) != 1)
		return -XD_E_CRYPTO;
	if (is_ecdsa)
		return from_der(der, len, signature, key->signature_bytes);
	return len == key->signature_bytes ? XD_OK : -XD_E_CRYPTO;
}

static int sign_message(struct xd_signer *signer, const struct xd_key *key, const uint8_t *head, uint8_t *signature)
{
	size_t len = key->signature_bytes;

	memcpy(signer->message.data, head, signer->head_len);
	int done = EVP_DigestSignInit_ex(signer->digest, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1 &&
	           EVP_DigestSign(signer->digest, signature, &len, signer->message.data, signer->message.used) == 1;
	EVP_MD_CTX_reset(signer->digest);
	return done && len == key->signature_bytes ? XD_OK : -XD_E_CRYPTO;
}

int xd_signer_sign(struct xd_signer *signer, size_t k, const uint8_t *head, uint8_t *signature)
{
	uint8_t digest[DIGEST_BYTES_MAX];
	int result;

	if (signer->keys[k].algorithm->kind == XD_KIND_EDDSA) {
		result = sign_message(signer, &signer->keys[k], head, signature);
	} else {
		result = make_digest(signer, &signer->keys[k], head, digest);
		if (result > 0)
			result = sign_digest(signer, k, digest, (size_t)result, signature);
	}
	if (result < 0)
		ERR_clear_error();
	return result;
}

static bool verify_digest(struct xd_signer *signer, size_t k, const uint8_t *head, const uint8_t *signature, size_t len)
{
	const struct xd_key *key = &signer->keys[k];
	EVP_PKEY_CTX **context = &signer->contexts[k].verify;
	uint8_t digest[DIGEST_BYTES_MAX], der[DER_MAX];
	int digest_len = make_digest(signer, key, head, digest);

	if (digest_len < 0 || (!*context && !(*context = open_context(key, EVP_PKEY_verify_init))))
		return false;
	if (key->algorithm->kind == XD_KIND_ECDSA) {
		len = to_der(der, signature, len);
		signature = der;
	}
	return EVP_PKEY_verify(*context, signature, len, digest, (size_t)digest_len) == 1;
}

static bool verify_message(struct xd_signer *signer, const struct xd_key *key, const uint8_t *head, const uint8_t *signature,
                           size_t len)
{
	memcpy(signer->message.data, head, signer->head_len);
	bool done = EVP_DigestVerifyInit_ex(signer->digest, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1 &&
	            EVP_DigestVerify(signer->digest, signature, len, signer->message.data, signer->message.used) == 1;
	EVP_MD_CTX_reset(signer->digest);
	return done;
}

int xd_signer_verify(struct xd_signer *signer, size_t k, const uint8_t *head, const uint8_t *signature, size_t len)
{
	const struct xd_key *key = &signer->keys[k];
	bool done = false;

	if (len != key->signature_bytes)
		return -XD_E_CRYPTO;
	if (key->algorithm->kind == XD_KIND_EDDSA)
		done = verify_message(signer, key, head, signature, len);
	else
		done = verify_digest(signer, k, head, signature, len);
	if (!done)
		ERR_clear_error();
	return done ? XD_OK : -XD_E_CRYPTO;
}
