/* SPDX-License-Identifier: Apache-2.0 */
/* DNS cookies that servers of an anycast set understand of one another (RFC 7873, RFC 9018). */
#ifndef XD_COOKIE_H
#define XD_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XD_COOKIE_CLIENT_BYTES 8u
#define XD_COOKIE_SERVER_BYTES 16u
#define XD_COOKIE_BYTES (XD_COOKIE_CLIENT_BYTES + XD_COOKIE_SERVER_BYTES)
#define XD_COOKIE_SECRET_BYTES 16u
#define XD_OPTION_COOKIE 10u

/* Ages in seconds: what is accepted (RFC 9018, section 4.3), and up to which a cookie is given back as it came. */
#define XD_COOKIE_AGE_MAX 3600u
#define XD_COOKIE_AHEAD_MAX 300u
#define XD_COOKIE_AGE_RENEW 1800u

enum xd_cookie_kind {
	XD_COOKIE_MALFORMED, /* a length that no cookie has (RFC 7873, section 5.2.2) */
	XD_COOKIE_UNPROVEN,  /* the client's alone, or a server cookie that is not, or not any more, from here */
	XD_COOKIE_VALID,
};

/*
 * Checks the contents of a COOKIE option. Unless it is malformed, `out` is the cookie to answer with: the one that came when it is
 * valid and young, else a new one with the first secret. `address` has 4 or 16 octets.
 */
enum xd_cookie_kind xd_cookie_check(const uint8_t (*secrets)[XD_COOKIE_SECRET_BYTES], unsigned secret_count,
                                    const uint8_t *option, size_t len, const uint8_t *address, size_t address_len,
                                    uint32_t now_s, uint8_t out[XD_COOKIE_BYTES]);

/* The contents of the first COOKIE option of an OPT record (RFC 7873, section 5.2), or NULL. */
const uint8_t *xd_cookie_find(const uint8_t *options, size_t options_len, size_t *len);

#endif
