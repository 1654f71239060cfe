/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

#include "rr.h"

#define FLAG_QR 0x80u
#define OPTION_NSID 3u
#define EDNS_DO 0x8000u
#define POINTER_BITS 0xc0u

size_t xd_query_skip_name(const uint8_t *msg, size_t at, size_t len)
{
	size_t start = at;

	if (at < len && msg[at] == 0)
		return at + 1;

	while (at < len) {
		uint8_t label = msg[at];

		if ((label & POINTER_BITS) == POINTER_BITS)
			return at + 2 <= len ? at + 2 : 0;
		if (label > XD_LABEL_MAX)
			return 0;
		at += (size_t)label + 1;
		if (label == 0)
			return at - start <= XD_NAME_MAX ? at : 0;
	}
	return 0;
}

/* Options of the OPT record (RFC 6891, section 6.1.2). */
static bool parse_options(struct xd_query *query, const uint8_t *at, size_t len)
{
	while (len) {
		size_t option_len;

		if (len < 4)
			return false;
		option_len = xd_load_be16(at + 2);
		if (len - 4 < option_len)
			return false;
		if (xd_load_be16(at) == OPTION_NSID)
			query->wants_nsid = true;
		at += 4 + option_len;
		len -= 4 + option_len;
	}
	return true;
}

/* `opt` is the offset behind the owner, which was one octet for the root name. */
static bool parse_opt(struct xd_query *query, const uint8_t *msg, size_t opt, size_t rdlen, bool owner_is_root)
{
	const uint8_t *at = msg + opt;

	if (query->has_edns || !owner_is_root)
		return false;
	query->has_edns = true;
	query->payload = xd_load_be16(at + 2);
	query->edns_version = at[5];
	query->wants_dnssec = (xd_load_be16(at + 6) & EDNS_DO) != 0;
	query->options_at = (uint16_t)(opt + 10);
	query->options_len = (uint16_t)rdlen;
	return parse_options(query, at + 10, rdlen);
}

/* The records behind the question. Only OPT, TSIG and SIG(0) in the additional section matter to a query. */
static inline __attribute__((always_inline)) bool parse_records(struct xd_query *query, const uint8_t *msg, size_t len)
{
	unsigned before = xd_load_be16(msg + 6) + (unsigned)xd_load_be16(msg + 8);
	unsigned total = before + xd_load_be16(msg + 10);
	size_t at = query->question_end;

	for (unsigned i = 0; i < total; i++) {
		size_t owner = at;
		size_t rdlen;
		uint16_t type;

		at = xd_query_skip_name(msg, at, len);
		if (!at || len - at < 10)
			return false;
		type = xd_load_be16(msg + at);
		rdlen = xd_load_be16(msg + at + 8);
		if (len - at - 10 < rdlen)
			return false;
		if (i >= before && type == XD_T_OPT && !parse_opt(query, msg, at, rdlen, at == owner + 1))
			return false;
		/* Both must come last (RFC 8945, section 5.1; RFC 2931, section 3.1). */
		if (i >= before && (type == XD_T_TSIG || (type == XD_T_SIG && rdlen >= 2 && !xd_load_be16(msg + at + 10)))) {
			if (i + 1 < total)
				return false;
			query->is_signed = true;
		}
		at += 10 + rdlen;
	}
	return true;
}

/* A message with no question or several. */
static __attribute__((noinline)) enum xd_query_fault parse_without_question(struct xd_query *query, const uint8_t *msg,
                                                                            size_t len)
{
	bool has_others = xd_load_be16(msg + 4) || xd_load_be16(msg + 6) || xd_load_be16(msg + 8);

	if (!has_others && parse_records(query, msg, len) && query->has_edns && !query->is_signed)
		return XD_QUERY_NO_QUESTION;
	query->has_edns = false;
	return XD_QUERY_BAD_QUESTION;
}

enum xd_query_fault xd_query_parse(struct xd_query *query, const uint8_t *msg, size_t len, const uint64_t seed[2])
{
	size_t name_len;

	if (len < XD_MSG_HEADER_BYTES)
		return XD_QUERY_SHORT;
	query->opcode = (msg[2] >> 3) & 15;
	query->has_edns = query->wants_dnssec = query->wants_nsid = query->is_signed = false;
	query->payload = query->edns_version = 0;
	query->question_end = XD_MSG_HEADER_BYTES;
	if (msg[2] & FLAG_QR)
		return XD_QUERY_RESPONSE;
	if (query->opcode != XD_OP_QUERY)
		return XD_QUERY_OPCODE;
	if (__builtin_expect(xd_load_be16(msg + 4) != 1, 0))
		return parse_without_question(query, msg, len);
	name_len = xd_suffixes_scan(&query->name, msg + XD_MSG_HEADER_BYTES, len - XD_MSG_HEADER_BYTES, seed);
	if (!name_len || len - XD_MSG_HEADER_BYTES - name_len < 4)
		return XD_QUERY_BAD_QUESTION;
	query->type = xd_load_be16(msg + XD_MSG_HEADER_BYTES + name_len);
	query->class = xd_load_be16(msg + XD_MSG_HEADER_BYTES + name_len + 2);
	query->question_end = (uint16_t)(XD_MSG_HEADER_BYTES + name_len + 4);
	return parse_records(query, msg, len) ? XD_QUERY_OK : XD_QUERY_BAD_RECORDS;
}
