/* SPDX-License-Identifier: Apache-2.0 */
/* A query message, parsed: header, question, EDNS (RFC 1035, section 4.1; RFC 6891). */
#ifndef XD_QUERY_H
#define XD_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "suffix.h"

enum xd_query_fault {
	XD_QUERY_OK,
	XD_QUERY_SHORT,        /* no whole header */
	XD_QUERY_RESPONSE,     /* QR is set */
	XD_QUERY_OPCODE,       /* not QUERY; nothing else was parsed */
	XD_QUERY_NO_QUESTION,  /* none, but EDNS: may ask for a cookie (RFC 7873, section 5.4) */
	XD_QUERY_BAD_QUESTION, /* not exactly one question, or it is malformed */
	XD_QUERY_BAD_RECORDS,  /* what follows the question is malformed, or EDNS is used against its rules */
};

struct xd_query {
	uint16_t type;
	uint16_t class;
	uint16_t question_end; /* offset behind the question */
	uint16_t payload;      /* octets the client takes over UDP; 0 without EDNS */
	uint16_t options_at;   /* EDNS options: offset and octets; not set without EDNS */
	uint16_t options_len;
	uint8_t opcode;
	uint8_t edns_version;
	bool has_edns;
	bool wants_dnssec; /* DO */
	bool wants_nsid;
	bool is_signed; /* TSIG or SIG(0) */
	struct xd_suffixes name;
};

/* Steps over an owner name at `at`, which may end in a compression pointer. 0 when it does not end in the message. */
size_t xd_query_skip_name(const uint8_t *msg, size_t at, size_t len);

enum xd_query_fault xd_query_parse(struct xd_query *query, const uint8_t *msg, size_t len, const uint64_t seed[2]);

#endif
