/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a message: refused, or records that are well formed and read back as themselves. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "incoming.h"
#include "limits.h"
#include "message.h"
#include "name.h"
#include "rdata.h"
#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_records(const uint8_t *at, const uint8_t *end, int count)
{
	for (; count; count--) {
		require(end - at >= XD_MESSAGE_FIXED_BYTES);
		size_t owner_len = at[1], rdata_len = xd_load_be16(at + 10);
		const uint8_t *owner = at + XD_MESSAGE_FIXED_BYTES;
		require(xd_name_check(owner, owner_len) == (int)owner_len);
		if (xd_load_be16(at + 4) == 1)
			require(xd_rdata_check(xd_load_be16(at + 2), owner + owner_len, rdata_len) == XD_OK);
		at = owner + owner_len + rdata_len;
	}
	require(at == end);
}

static void collect(const uint8_t *data, size_t size)
{
	xd_incoming *incoming;
	xd_incoming_state state = { 0 };
	xd_pairs pairs;

	require(xd_incoming_create((const uint8_t *)"\7example", 1, &incoming) == XD_OK);
	while (xd_incoming_read(incoming, data, size, state.is_soa, &state) == XD_OK && state.is_soa)
		;
	require(xd_incoming_finish(incoming, &state, &pairs) == XD_OK);
	xd_pairs_uninit(&pairs);
	xd_incoming_free(incoming);
}

static void read_request(const uint8_t *data, size_t size)
{
	xd_request request;

	if (xd_request_read(data, size, &request) != XD_OK)
		return;
	require(request.tsig_at < (int)size && request.sig0_at < (int)size);
	if (request.question_len)
		require(xd_name_check(request.question, request.question_len - 4u) == request.question_len - 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > XD_MSG_MAX)
		return 0;
	size_t used = 0, room = size * XD_MESSAGE_GROWTH_MAX + 1024;
	uint8_t *out = malloc(room);
	int count = xd_message_read(data, size, 1, 3, out, room, &used);

	/* The room for the growth of a message is enough for any. */
	require(count != -XD_E_RANGE);
	read_request(data, size);
	if (count >= 0)
		check_records(out, out + used, count);
	free(out);
	collect(data, size);
	return 0;
}
