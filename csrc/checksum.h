/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Internet checksum (RFC 1071): ones' complement sums kept in 64 bits, in the byte order of memory, so that octets
 * are never swapped; only constants are (htons).
 */
#ifndef XD_CHECKSUM_H
#define XD_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Adds `len` octets that begin at an even offset of what is summed. */
uint64_t xd_checksum_add(uint64_t sum, const uint8_t *data, size_t len);

/* Adds the separately summed `part`, which begins at `offset` of what is summed: an odd one swaps its octets. */
uint64_t xd_checksum_combine(uint64_t sum, uint64_t part, size_t offset);

/* Folds to 16 bits, in memory byte order. 0xffff over data that includes its own checksum means that it is right. */
uint16_t xd_checksum_fold(uint64_t sum);

#endif
