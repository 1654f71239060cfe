/* SPDX-License-Identifier: Apache-2.0 */
/* Octets that grow at their end, and pairs in flat form (csrc/pairs.h) that are written one after the other. */
#ifndef XD_SIGNING_OCTETS_H
#define XD_SIGNING_OCTETS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "error.h"
#include "pairs.h"

/* All zero is empty. */
struct xd_octets {
	uint8_t *data;
	size_t used;
	size_t room;
};

void xd_octets_uninit(struct xd_octets *octets);

XD_CHECKED int xd__octets_grow(struct xd_octets *octets, size_t more);

/* Makes room for `more` octets behind those in use. 0 or -XD_E_NOMEM. */
static inline int xd_octets_reserve(struct xd_octets *octets, size_t more)
{
	return octets->room - octets->used >= more ? XD_OK : xd__octets_grow(octets, more);
}

/* Appends within the room that was reserved. */
static inline void xd_octets_put(struct xd_octets *octets, const void *data, size_t len)
{
	if (len)
		memcpy(octets->data + octets->used, data, len);
	octets->used += len;
}

/* All zero is empty. `offsets` has 2 * count + 1 entries once the first pair is in. */
struct xd_writer {
	struct xd_octets bytes;
	uint64_t *offsets;
	size_t count;
	size_t room; /* pairs */
};

void xd_writer_uninit(struct xd_writer *writer);

/* Takes all pairs out; the memory stays. */
void xd_writer_clear(struct xd_writer *writer);

/* Appends a pair: the key is `prefix` (zone id, owner, zero) and the type. 0 or -XD_E_NOMEM. */
XD_CHECKED int xd_writer_put(struct xd_writer *writer, const uint8_t *prefix, size_t prefix_len, uint16_t type,
                             const uint8_t *value, size_t value_len);

/* Appends all pairs of another one, which is empty afterwards and keeps its memory. 0 or -XD_E_NOMEM. */
XD_CHECKED int xd_writer_take(struct xd_writer *writer, struct xd_writer *from);

/* Appends `count` pairs that lie back to back, the first key at offsets[0]. 0 or -XD_E_NOMEM. */
XD_CHECKED int xd_writer_copy(struct xd_writer *writer, const uint8_t *bytes, const uint64_t *offsets, size_t count);

/* Hands the pairs over; the writer is empty. 0 or -XD_E_NOMEM. */
XD_CHECKED int xd_writer_finish(struct xd_writer *writer, xd_pairs *pairs);

#endif
