/* SPDX-License-Identifier: Apache-2.0 */
#include "suffix.h"

/* Sixteen octets at once, in a form that compilers turn into vector instructions. */
typedef uint8_t octets16 __attribute__((vector_size(16)));

static inline void lower16(uint8_t *out, const uint8_t *wire)
{
	octets16 v;

	memcpy(&v, wire, sizeof(v));
	v |= (octets16)((octets16)(v - 'A') < 26) & 32;
	memcpy(out, &v, sizeof(v));
}

static inline void lower8(uint8_t *out, const uint8_t *wire)
{
	uint64_t lowered = xd_lower8(xd_load_64(wire));

	memcpy(out, &lowered, sizeof(lowered));
}

/* The last octets perhaps once more, so that no octet behind the name is read. */
static inline void lower_name(uint8_t *out, const uint8_t *wire, size_t len)
{
	if (len >= 16) {
		lower16(out, wire);
		for (size_t at = 16; at + 16 < len; at += 16)
			lower16(out + at, wire + at);
		lower16(out + len - 16, wire + len - 16);
	} else if (len >= 8) {
		lower8(out, wire);
		lower8(out + len - 8, wire + len - 8);
	} else {
		for (size_t at = 0; at < len; at++)
			out[at] = (uint8_t)((uint8_t)(wire[at] - 'A') < 26u ? wire[at] + 32 : wire[at]);
	}
	memset(out + len, 0, 8);
}

size_t xd_suffixes_scan(struct xd_suffixes *out, const uint8_t *wire, size_t room, const uint64_t seed[2])
{
	uint8_t starts[XD_LABELS_MAX + 1];
	size_t most = room < XD_NAME_MAX ? room : XD_NAME_MAX;
	uint64_t hash = seed[0];
	unsigned labels = 0;
	unsigned k;
	size_t at = 0;

	for (;;) {
		unsigned label;

		if (at >= most)
			return 0;
		label = wire[at];
		if (label == 0)
			break;
		if (label > XD_LABEL_MAX)
			return 0;
		starts[labels++] = (uint8_t)at;
		at += label + 1;
	}
	lower_name(out->name, wire, at + 1);
	out->labels = (uint8_t)labels;
	out->len = (uint8_t)(at + 1);
	out->start[0] = (uint8_t)at;
	out->hash[0] = hash;
	for (k = 1; k <= labels; k++) {
		uint8_t start = starts[labels - k];

		hash = xd_hash_label(hash, out->name + start, seed);
		out->start[k] = start;
		out->hash[k] = hash;
	}
	return at + 1;
}

void xd_suffixes_init(struct xd_suffixes *out, const uint8_t *wire, size_t len, const uint64_t seed[2])
{
	(void)xd_suffixes_scan(out, wire, len, seed);
}
