/* SPDX-License-Identifier: Apache-2.0 */
#include "tsig.h"

#include "query.h"
#include "rr.h"

enum { QUESTION_FIXED_BYTES = 4, RECORD_FIXED_BYTES = 10 };

/* Steps over the questions. 0 when they do not end in the message. */
static size_t skip_questions(const uint8_t *msg, size_t len)
{
	size_t at = XD_MSG_HEADER_BYTES;

	for (unsigned count = xd_load_be16(msg + 4); count; count--) {
		at = xd_query_skip_name(msg, at, len);
		if (!at || len - at < QUESTION_FIXED_BYTES)
			return 0;
		at += QUESTION_FIXED_BYTES;
	}
	return at;
}

int xd_tsig_find(const uint8_t *msg, size_t len)
{
	unsigned before, total;
	size_t at;

	if (len < XD_MSG_HEADER_BYTES || len > XD_MSG_MAX)
		return -XD_E_RANGE;
	before = xd_load_be16(msg + 6) + (unsigned)xd_load_be16(msg + 8);
	total = before + xd_load_be16(msg + 10);
	at = skip_questions(msg, len);
	if (!at)
		return -XD_E_RANGE;
	for (unsigned i = 0; i < total; i++) {
		size_t owner = at;
		uint16_t type;
		size_t rdlen;

		at = xd_query_skip_name(msg, at, len);
		if (!at || len - at < RECORD_FIXED_BYTES)
			return -XD_E_RANGE;
		type = xd_load_be16(msg + at);
		rdlen = xd_load_be16(msg + at + 8);
		if (len - at - RECORD_FIXED_BYTES < rdlen)
			return -XD_E_RANGE;
		at += RECORD_FIXED_BYTES + rdlen;
		if (type == XD_T_TSIG)
			return i >= before && i + 1 == total && at == len ? (int)owner : -XD_E_RANGE;
	}
	return at == len ? 0 : -XD_E_RANGE;
}
