/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/bitmap.h"

#include <string.h>

void xd_bitmap_init(struct xd_bitmap *bitmap, uint8_t *out)
{
	*bitmap = (struct xd_bitmap){ .out = out };
}

static void close_window(struct xd_bitmap *bitmap)
{
	size_t len = sizeof(bitmap->bits);

	while (len && !bitmap->bits[len - 1])
		len--;
	if (!len)
		return;
	*bitmap->out++ = (uint8_t)bitmap->window;
	*bitmap->out++ = (uint8_t)len;
	memcpy(bitmap->out, bitmap->bits, len);
	bitmap->out += len;
	memset(bitmap->bits, 0, sizeof(bitmap->bits));
}

void xd_bitmap_add(struct xd_bitmap *bitmap, uint16_t type)
{
	if (type >> 8 != bitmap->window) {
		close_window(bitmap);
		bitmap->window = type >> 8;
	}
	bitmap->bits[(type & 255) / 8] |= (uint8_t)(0x80 >> (type & 7));
}

uint8_t *xd_bitmap_finish(struct xd_bitmap *bitmap)
{
	close_window(bitmap);
	return bitmap->out;
}
