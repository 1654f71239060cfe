/* SPDX-License-Identifier: Apache-2.0 */
/* How runs lie in the arena: shared by the parts of the collector. */
#ifndef XD_COLLECT_IMPL_H
#define XD_COLLECT_IMPL_H

#include <stdint.h>
#include <string.h>

#include "collect.h"

/* Run: header, key octets (the owner part of a key behind the apex), records. */
struct run_header {
	uint32_t record_count;
	uint16_t key_len;
};

/* Record: header, rdata. */
struct record_header {
	uint32_t ttl;
	uint16_t type;
	uint16_t rdata_len;
};

static inline struct run_header read_run(const uint8_t *at)
{
	struct run_header header;

	memcpy(&header, at, sizeof(header));
	return header;
}

static inline struct record_header read_record(const uint8_t *at)
{
	struct record_header header;

	memcpy(&header, at, sizeof(header));
	return header;
}

/* What the pair of one record takes beside its data: zone id, owner, zero, type, ttl, count, length of the data. */
static inline uint64_t pair_fixed_bytes(const struct xd_collector *collector, size_t key_len)
{
	return XD_KEY_ZONE_ID_BYTES + 1 + 2 + 4 + 2 + 2 + (uint64_t)collector->apex_len + key_len;
}

/* Octets [at, at + 8) of a key as a big-endian number, zeros behind its end. */
static inline uint64_t key_word(const uint8_t *key, size_t len, size_t at)
{
	uint64_t word = 0;

	if (at >= len)
		return 0;
	memcpy(&word, key + at, len - at < 8 ? len - at : 8);
	return __builtin_bswap64(word);
}

#endif
