/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/octets.h"

#include <stdlib.h>

#include "bytes.h"

#define LEAST_BYTES 4096u
#define LEAST_PAIRS 256u

void xd_octets_uninit(struct xd_octets *octets)
{
	free(octets->data);
	*octets = (struct xd_octets){ 0 };
}

int xd__octets_grow(struct xd_octets *octets, size_t more)
{
	size_t room = octets->room + octets->room / 2 + LEAST_BYTES;

	if (more > SIZE_MAX / 2 - octets->used)
		return -XD_E_NOMEM;
	if (room < octets->used + more)
		room = octets->used + more;
	uint8_t *data = realloc(octets->data, room);
	if (!data)
		return -XD_E_NOMEM;
	octets->data = data;
	octets->room = room;
	return XD_OK;
}

void xd_writer_uninit(struct xd_writer *writer)
{
	xd_octets_uninit(&writer->bytes);
	free(writer->offsets);
	*writer = (struct xd_writer){ 0 };
}

void xd_writer_clear(struct xd_writer *writer)
{
	writer->count = 0;
	writer->bytes.used = 0;
}

static int reserve_pairs(struct xd_writer *writer, size_t more)
{
	if (writer->offsets && writer->room - writer->count >= more)
		return XD_OK;
	size_t room = writer->room + writer->room / 2 + LEAST_PAIRS;
	if (room < writer->count + more)
		room = writer->count + more;
	uint64_t *offsets = realloc(writer->offsets, (2 * room + 1) * sizeof(*offsets));
	if (!offsets)
		return -XD_E_NOMEM;
	if (!writer->offsets)
		offsets[0] = 0;
	writer->offsets = offsets;
	writer->room = room;
	return XD_OK;
}

int xd_writer_put(struct xd_writer *writer, const uint8_t *prefix, size_t prefix_len, uint16_t type, const uint8_t *value,
                  size_t value_len)
{
	uint8_t octets[2];
	int result = reserve_pairs(writer, 1);

	if (result == XD_OK)
		result = xd_octets_reserve(&writer->bytes, prefix_len + sizeof(octets) + value_len);
	if (result < 0)
		return result;
	xd_store_be16(octets, type);
	xd_octets_put(&writer->bytes, prefix, prefix_len);
	xd_octets_put(&writer->bytes, octets, sizeof(octets));
	writer->offsets[2 * writer->count + 1] = writer->bytes.used;
	xd_octets_put(&writer->bytes, value, value_len);
	writer->count++;
	writer->offsets[2 * writer->count] = writer->bytes.used;
	return XD_OK;
}

int xd_writer_copy(struct xd_writer *writer, const uint8_t *bytes, const uint64_t *offsets, size_t count)
{
	int result = reserve_pairs(writer, count);
	size_t len = count ? (size_t)(offsets[2 * count] - offsets[0]) : 0;

	if (result == XD_OK)
		result = xd_octets_reserve(&writer->bytes, len);
	if (result < 0 || !count)
		return result;
	uint64_t shift = writer->bytes.used - offsets[0]; /* modulo 2^64 */
	uint64_t *to = writer->offsets + 2 * writer->count;
	for (size_t i = 1; i <= 2 * count; i++)
		to[i] = offsets[i] + shift;
	xd_octets_put(&writer->bytes, bytes + offsets[0], len);
	writer->count += count;
	return XD_OK;
}

int xd_writer_take(struct xd_writer *writer, struct xd_writer *from)
{
	int result = xd_writer_copy(writer, from->bytes.data, from->offsets, from->count);

	xd_writer_clear(from);
	return result;
}

int xd_writer_finish(struct xd_writer *writer, xd_pairs *pairs)
{
	int result = reserve_pairs(writer, 0);

	if (result < 0)
		return result;
	*pairs = (xd_pairs){ writer->bytes.data, writer->offsets, writer->count };
	*writer = (struct xd_writer){ 0 };
	return XD_OK;
}
