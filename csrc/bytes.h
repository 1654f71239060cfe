/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and stores of explicit byte order at any alignment. */
#ifndef XD_BYTES_H
#define XD_BYTES_H

#include <stdint.h>
#include <string.h>

static inline uint16_t xd_load_be16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

static inline uint32_t xd_load_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline uint64_t xd_load_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static inline uint64_t xd_load_64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void xd_store_be16(uint8_t *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void xd_store_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

/*
 * Are `len` octets equal? A few instructions for the short runs that names are; up to seven octets before the end are
 * looked at twice, none beyond it.
 */
static inline int xd_same(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t at = 0;

	if (len >= 8) {
		for (; at + 8 < len; at += 8) {
			if (xd_load_64(a + at) != xd_load_64(b + at))
				return 0;
		}
		return xd_load_64(a + len - 8) == xd_load_64(b + len - 8);
	}
	if (len >= 4) {
		uint32_t v[4];

		memcpy(&v[0], a, 4);
		memcpy(&v[1], b, 4);
		memcpy(&v[2], a + len - 4, 4);
		memcpy(&v[3], b + len - 4, 4);
		return v[0] == v[1] && v[2] == v[3];
	}
	for (; at < len; at++) {
		if (a[at] != b[at])
			return 0;
	}
	return 1;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "byte swaps above are for little-endian hosts");

#endif
