/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/key.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "bytes.h"

int xd_key_init_public(struct xd_key *key, const uint8_t *dnskey, size_t len)
{
	*key = (struct xd_key){ 0 };
	int result = xd_dnskey_read(dnskey, len, &key->pkey);
	if (result < 0)
		return result;
	key->algorithm = xd_algorithm_find(dnskey[3]);
	key->flags = xd_load_be16(dnskey);
	key->tag = xd_dnskey_tag(dnskey, len);
	key->signature_bytes = key->algorithm->signature_bytes;
	if (key->algorithm->kind == XD_KIND_RSA)
		key->signature_bytes = (size_t)EVP_PKEY_get_size(key->pkey);
	if (key->algorithm->digest) {
		key->digest = EVP_MD_fetch(NULL, key->algorithm->digest, NULL);
		if (!key->digest) {
			xd_key_uninit(key);
			return -XD_E_NOMEM;
		}
	}
	return XD_OK;
}

static EVP_PKEY *read_private(const uint8_t *der, size_t len)
{
	const uint8_t *at = der;
	PKCS8_PRIV_KEY_INFO *info = len <= INT32_MAX ? d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)len) : NULL;
	EVP_PKEY *pkey = info ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	return pkey;
}

int xd_key_init_private(struct xd_key *key, const uint8_t *dnskey, size_t len, const uint8_t *der, size_t der_len)
{
	int result = xd_key_init_public(key, dnskey, len);

	if (result < 0)
		return result;
	EVP_PKEY *pkey = read_private(der, der_len);
	if (!pkey) {
		xd_key_uninit(key);
		return -XD_E_KEY;
	}
	int equal = EVP_PKEY_eq(pkey, key->pkey);
	EVP_PKEY_free(key->pkey);
	key->pkey = pkey;
	ERR_clear_error();
	if (equal != 1) {
		xd_key_uninit(key);
		return -XD_E_KEY_PAIR;
	}
	return XD_OK;
}

void xd_key_uninit(struct xd_key *key)
{
	EVP_PKEY_free(key->pkey);
	EVP_MD_free(key->digest);
	*key = (struct xd_key){ 0 };
}
