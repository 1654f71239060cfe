/* SPDX-License-Identifier: Apache-2.0 */
/* Service parameter keys (RFC 9460, section 14.3.2): one table from which text is read and written. */
#ifndef XD_SVCB_H
#define XD_SVCB_H

#include <stddef.h>
#include <stdint.h>

enum xd_svcb_kind {
	XD_SVCB_OPAQUE,
	XD_SVCB_NONE,
	XD_SVCB_KEYS,
	XD_SVCB_IDS,
	XD_SVCB_PORT,
	XD_SVCB_IPV4,
	XD_SVCB_IPV6,
	XD_SVCB_BASE64,
	XD_SVCB_PATH,
};

#define XD_SVCB_MANDATORY 0
#define XD_SVCB_ALPN 1
#define XD_SVCB_NO_DEFAULT_ALPN 2

struct xd_svcb_key {
	const char *text;
	uint16_t key;
	uint8_t kind; /* enum xd_svcb_kind */
};

#define XD_SVCB_KEYS_COUNT 9u

/* The keys with a name, each at the index that is its number. */
extern const struct xd_svcb_key xd_svcb_keys[XD_SVCB_KEYS_COUNT];

/* XD_SVCB_OPAQUE for a key without a name. */
uint8_t xd_svcb_key_kind(int key);

#endif
