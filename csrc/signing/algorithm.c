/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/algorithm.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "bytes.h"

#define RSA_BITS_MIN 512
#define RSA_BITS_MAX 4096
#define POINT_BYTES_MAX 96u

static const struct xd_algorithm algorithms[] = {
	{ 5, XD_KIND_RSA, "SHA1", "RSA", 0, 0 },          { 7, XD_KIND_RSA, "SHA1", "RSA", 0, 0 },
	{ 8, XD_KIND_RSA, "SHA256", "RSA", 0, 0 },        { 10, XD_KIND_RSA, "SHA512", "RSA", 0, 0 },
	{ 13, XD_KIND_ECDSA, "SHA256", "P-256", 64, 64 },                                                 /* RFC 6605 */
	{ 14, XD_KIND_ECDSA, "SHA384", "P-384", 96, 96 }, { 15, XD_KIND_EDDSA, NULL, "ED25519", 32, 64 }, /* RFC 8080 */
	{ 16, XD_KIND_EDDSA, NULL, "ED448", 57, 114 },
};

const struct xd_algorithm *xd_algorithm_find(uint8_t number)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++)
		if (algorithms[i].number == number)
			return &algorithms[i];
	return NULL;
}

uint16_t xd_dnskey_tag(const uint8_t *rdata, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? rdata[i] : (uint32_t)rdata[i] << 8;
	return (uint16_t)(sum + (sum >> 16));
}

static int from_params(const char *type, OSSL_PARAM *params, EVP_PKEY **key)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	int result = -XD_E_NOMEM;

	*key = NULL;
	if (context && params) {
		result = EVP_PKEY_fromdata_init(context) == 1 &&
		                         EVP_PKEY_fromdata(context, key, EVP_PKEY_PUBLIC_KEY, params) == 1
		                 ? XD_OK
		                 : -XD_E_KEY;
		ERR_clear_error();
	}
	EVP_PKEY_CTX_free(context);
	return result;
}

/* RFC 6605, section 4: the point without the octet that says that it is not compressed. */
static int read_point(const struct xd_algorithm *algorithm, const uint8_t *data, EVP_PKEY **key)
{
	uint8_t point[1 + POINT_BYTES_MAX] = { 4 };
	char group[8];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1u + algorithm->key_bytes),
		OSSL_PARAM_construct_end(),
	};

	strcpy(group, algorithm->name);
	memcpy(point + 1, data, algorithm->key_bytes);
	return from_params("EC", params, key);
}

static int read_rsa_numbers(const uint8_t *exponent, size_t exponent_len, size_t modulus_len, EVP_PKEY **key)
{
	BIGNUM *e = BN_bin2bn(exponent, (int)exponent_len, NULL);
	BIGNUM *n = BN_bin2bn(exponent + exponent_len, (int)modulus_len, NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	int result = -XD_E_NOMEM;

	if (e && n && BN_num_bits(n) < RSA_BITS_MIN) {
		result = -XD_E_KEY;
	} else if (e && n && builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
	           OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e)) {
		params = OSSL_PARAM_BLD_to_param(builder);
		result = from_params("RSA", params, key);
	}
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(e);
	BN_free(n);
	return result;
}

/* RFC 3110, section 2: length of the exponent in one octet, or a zero and two; exponent; modulus. */
static int read_rsa(const uint8_t *data, size_t len, EVP_PKEY **key)
{
	size_t head = len && data[0] ? 1 : 3;

	if (len < head)
		return -XD_E_KEY;
	size_t exponent_len = data[0] ? data[0] : xd_load_be16(data + 1);
	size_t rest = len - head;
	if (!exponent_len || rest <= exponent_len || exponent_len > RSA_BITS_MAX / 8 || rest - exponent_len > RSA_BITS_MAX / 8)
		return -XD_E_KEY;
	return read_rsa_numbers(data + head, exponent_len, rest - exponent_len, key);
}

int xd_dnskey_read(const uint8_t *rdata, size_t len, EVP_PKEY **key)
{
	if (len <= XD_DNSKEY_FIXED_BYTES || rdata[2] != XD_DNSKEY_PROTOCOL)
		return -XD_E_KEY;
	const struct xd_algorithm *algorithm = xd_algorithm_find(rdata[3]);
	const uint8_t *data = rdata + XD_DNSKEY_FIXED_BYTES;
	size_t data_len = len - XD_DNSKEY_FIXED_BYTES;
	if (!algorithm || (algorithm->key_bytes && data_len != algorithm->key_bytes))
		return -XD_E_KEY;
	if (algorithm->kind == XD_KIND_RSA)
		return read_rsa(data, data_len, key);
	if (algorithm->kind == XD_KIND_ECDSA)
		return read_point(algorithm, data, key);
	*key = EVP_PKEY_new_raw_public_key_ex(NULL, algorithm->name, NULL, data, data_len);
	ERR_clear_error();
	return *key ? XD_OK : -XD_E_KEY;
}
