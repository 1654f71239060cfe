/* SPDX-License-Identifier: Apache-2.0 */
/* Type bitmaps (RFC 4034, section 4.1.2). */
#ifndef XD_SIGNING_BITMAP_H
#define XD_SIGNING_BITMAP_H

#include <stddef.h>
#include <stdint.h>

/* Every type there is. */
#define XD_BITMAP_MAX (256u * 34u)

struct xd_bitmap {
	uint8_t *out;
	unsigned window;
	uint8_t bits[32]; /* of that window */
};

/* `out` has XD_BITMAP_MAX octets of room. */
void xd_bitmap_init(struct xd_bitmap *bitmap, uint8_t *out);

/* Types ascend from window to window; those of one window (the same upper octet) come in any order. */
void xd_bitmap_add(struct xd_bitmap *bitmap, uint16_t type);

/* Where the bitmap ends. */
uint8_t *xd_bitmap_finish(struct xd_bitmap *bitmap);

#endif
