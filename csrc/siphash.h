/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4, a keyed hash of short messages (Aumasson, Bernstein: "SipHash: a fast short-input PRF"). */
#ifndef XD_SIPHASH_H
#define XD_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* Writes the 8 octets of the hash as its authors order them. */
void xd_siphash24(const uint8_t key[16], const uint8_t *data, size_t len, uint8_t out[8]);

#endif
