/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name prepared for lookup: lower case, its label boundaries, and the keyed hash of each of its suffixes, computed in
 * one pass from the root label.
 */
#ifndef XD_SUFFIX_H
#define XD_SUFFIX_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "limits.h"

struct xd_suffixes {
	uint8_t labels;                    /* root not counted */
	uint8_t len;                       /* octets, root label included */
	uint8_t start[XD_LABELS_MAX + 1];  /* start[k]: offset in name[] of the suffix of k labels */
	uint64_t hash[XD_LABELS_MAX + 1];  /* hash[k]: of the suffix of k labels */
	uint8_t name[XD_NAME_MAX + 1 + 8]; /* lower case; the octets behind are readable */
};

/* Lower-cases the ASCII letters among eight octets; length octets (< 64) are left alone. */
static inline uint64_t xd_lower8(uint64_t v)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t heptets = v & (0x7f * ones);
	uint64_t above_z = heptets + (0x7f - 'Z') * ones;
	uint64_t from_a = heptets + (0x80 - 'A') * ones;
	uint64_t is_ascii = ~v & (0x80 * ones);
	uint64_t is_upper = is_ascii & (from_a ^ above_z);

	return v | (is_upper >> 2);
}

static inline uint64_t xd_hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * Hash of the suffix that starts with the label at `label` (length octet first; eight octets from there are readable),
 * given the hash of the rest. seed[1] is odd. Two words a step; the last word of a longer label overlaps the one before it.
 */
static inline uint64_t xd_hash_label(uint64_t rest, const uint8_t *label, const uint64_t seed[2])
{
	size_t len = (size_t)label[0] + 1;
	uint64_t h = rest ^ seed[0];

	if (len <= 8)
		return xd_hash_mix(h ^ (xd_load_64(label) & (UINT64_MAX >> (64 - 8 * len))), seed[1]);
	for (; len > 16; len -= 8, label += 8)
		h = xd_hash_mix(h ^ xd_load_64(label), seed[1]);
	return xd_hash_mix(h ^ xd_load_64(label), seed[1] ^ xd_load_64(label + len - 8));
}

/*
 * Checks and prepares the uncompressed name at `wire`, of which `room` octets may be read. Returns its length, 0 when it is
 * malformed (a compression pointer, too long, cut off).
 */
size_t xd_suffixes_scan(struct xd_suffixes *out, const uint8_t *wire, size_t room, const uint64_t seed[2]);

/* The same of a name that is known to be valid, `len` octets with the root label. */
void xd_suffixes_init(struct xd_suffixes *out, const uint8_t *wire, size_t len, const uint64_t seed[2]);

/*
 * Octets of the uncompressed name at `wire`, of which `room` may be read; 0 when it is malformed (a compression pointer,
 * too long, cut off).
 */
static inline size_t xd_wire_name_len(const uint8_t *wire, size_t room)
{
	size_t at = 0;

	while (at < room && wire[at] != 0) {
		if (wire[at] > XD_LABEL_MAX)
			return 0;
		at += (size_t)wire[at] + 1;
	}
	return at < room && at < XD_NAME_MAX ? at + 1 : 0;
}

#endif
