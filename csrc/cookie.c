/* SPDX-License-Identifier: Apache-2.0 */
#include "cookie.h"

#include <string.h>

#include "bytes.h"
#include "siphash.h"

enum { VERSION = 1, AT_TIMESTAMP = 12, AT_HASH = 16, SHORTEST = 16, LONGEST = 40, ADDRESS_MAX = 16 };

/* RFC 9018, section 4.4: the hash is over everything before it, and the client's address. */
static void hash_cookie(const uint8_t secret[XD_COOKIE_SECRET_BYTES], const uint8_t *cookie, const uint8_t *address,
                        size_t address_len, uint8_t out[8])
{
	uint8_t input[AT_HASH + ADDRESS_MAX];

	memcpy(input, cookie, AT_HASH);
	memcpy(input + AT_HASH, address, address_len);
	xd_siphash24(secret, input, AT_HASH + address_len, out);
}

static bool is_equal(const uint8_t *one, const uint8_t *other, size_t len)
{
	unsigned difference = 0;

	while (len--)
		difference |= (unsigned)(*one++ ^ *other++);
	return difference == 0;
}

static bool is_timely(uint32_t age_s)
{
	/* Serial number arithmetic: a time ahead is a negative age. */
	return age_s <= XD_COOKIE_AGE_MAX || 0u - age_s <= XD_COOKIE_AHEAD_MAX;
}

static void make_cookie(const uint8_t secret[XD_COOKIE_SECRET_BYTES], const uint8_t *client, const uint8_t *address,
                        size_t address_len, uint32_t now_s, uint8_t out[XD_COOKIE_BYTES])
{
	memcpy(out, client, XD_COOKIE_CLIENT_BYTES);
	memset(out + XD_COOKIE_CLIENT_BYTES, 0, 4);
	out[XD_COOKIE_CLIENT_BYTES] = VERSION;
	xd_store_be32(out + AT_TIMESTAMP, now_s);
	hash_cookie(secret, out, address, address_len, out + AT_HASH);
}

enum xd_cookie_kind xd_cookie_check(const uint8_t (*secrets)[XD_COOKIE_SECRET_BYTES], unsigned secret_count,
                                    const uint8_t *option, size_t len, const uint8_t *address, size_t address_len,
                                    uint32_t now_s, uint8_t out[XD_COOKIE_BYTES])
{
	uint8_t hash[8];
	uint32_t age_s;

	if (len != XD_COOKIE_CLIENT_BYTES && (len < SHORTEST || len > LONGEST))
		return XD_COOKIE_MALFORMED;
	make_cookie(secrets[0], option, address, address_len, now_s, out);
	if (len != XD_COOKIE_BYTES || option[XD_COOKIE_CLIENT_BYTES] != VERSION)
		return XD_COOKIE_UNPROVEN;
	age_s = now_s - xd_load_be32(option + AT_TIMESTAMP);
	if (!is_timely(age_s))
		return XD_COOKIE_UNPROVEN;
	for (unsigned i = 0; i < secret_count; i++) {
		hash_cookie(secrets[i], option, address, address_len, hash);
		if (!is_equal(hash, option + AT_HASH, sizeof(hash)))
			continue;
		if (i == 0 && (age_s <= XD_COOKIE_AGE_RENEW || age_s > XD_COOKIE_AGE_MAX))
			memcpy(out, option, XD_COOKIE_BYTES);
		return XD_COOKIE_VALID;
	}
	return XD_COOKIE_UNPROVEN;
}

const uint8_t *xd_cookie_find(const uint8_t *options, size_t options_len, size_t *len)
{
	while (options_len >= 4) {
		*len = xd_load_be16(options + 2);
		if (*len > options_len - 4)
			return NULL;
		if (xd_load_be16(options) == XD_OPTION_COOKIE)
			return options + 4;
		options += 4 + *len;
		options_len -= 4 + *len;
	}
	return NULL;
}
