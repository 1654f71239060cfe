/* SPDX-License-Identifier: Apache-2.0 */
#include "sha1.h"

#include <string.h>

#include "bytes.h"

#define BLOCK_BYTES 64u

static inline uint32_t rotate(uint32_t v, unsigned bits)
{
	return v << bits | v >> (32 - bits);
}

/* The schedule is a ring of sixteen words, extended as the rounds go (FIPS 180-4, section 6.1.3). */
static inline uint32_t schedule(uint32_t w[16], unsigned t)
{
	w[t & 15] = rotate(w[(t + 13) & 15] ^ w[(t + 8) & 15] ^ w[(t + 2) & 15] ^ w[t & 15], 1);
	return w[t & 15];
}

#define ROUND(f, k, word) \
	do { \
		uint32_t next = rotate(a, 5) + (f) + e + (k) + (word); \
		e = d; \
		d = c; \
		c = rotate(b, 30); \
		b = a; \
		a = next; \
	} while (0)

static void compress(uint32_t state[5], const uint8_t *block)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
	uint32_t w[16];

#pragma GCC unroll 16
	for (unsigned t = 0; t < 16; t++) {
		w[t] = xd_load_be32(block + 4 * t);
		ROUND(d ^ (b & (c ^ d)), 0x5a827999u, w[t]);
	}
#pragma GCC unroll 20
	for (unsigned t = 16; t < 20; t++)
		ROUND(d ^ (b & (c ^ d)), 0x5a827999u, schedule(w, t));
#pragma GCC unroll 20
	for (unsigned t = 20; t < 40; t++)
		ROUND(b ^ c ^ d, 0x6ed9eba1u, schedule(w, t));
#pragma GCC unroll 20
	for (unsigned t = 40; t < 60; t++)
		ROUND((b & c) | (d & (b | c)), 0x8f1bbcdcu, schedule(w, t));
#pragma GCC unroll 20
	for (unsigned t = 60; t < 80; t++)
		ROUND(b ^ c ^ d, 0xca62c1d6u, schedule(w, t));
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

void xd_sha1(uint8_t out[XD_SHA1_BYTES], const uint8_t *data, size_t len)
{
	uint32_t state[5] = { 0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u };
	uint8_t last[2 * BLOCK_BYTES] = { 0 };
	uint64_t bits = (uint64_t)len * 8;
	size_t tail;
	size_t blocks;

	for (tail = len; tail >= BLOCK_BYTES; tail -= BLOCK_BYTES, data += BLOCK_BYTES)
		compress(state, data);
	memcpy(last, data, tail);
	last[tail] = 0x80;
	blocks = tail + 9 <= BLOCK_BYTES ? 1 : 2;
	xd_store_be32(last + blocks * BLOCK_BYTES - 8, (uint32_t)(bits >> 32));
	xd_store_be32(last + blocks * BLOCK_BYTES - 4, (uint32_t)bits);
	for (size_t i = 0; i < blocks; i++)
		compress(state, last + i * BLOCK_BYTES);
	for (unsigned i = 0; i < 5; i++)
		xd_store_be32(out + 4 * i, state[i]);
}
