/* SPDX-License-Identifier: Apache-2.0 */
/* What decides how a request is refused or served, read without believing it: question, EDNS, and where its signature is. */
#ifndef XD_REQUEST_H
#define XD_REQUEST_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "limits.h"

/* cdef: begin */

#define XD_REQUEST_QUESTION_MAX 259

/* Offsets and flags are negative where there is no such record. */
typedef struct xd_request {
	int32_t tsig_at;                           /* a TSIG record, the last one of the additional section */
	int32_t sig0_at;                           /* a SIG(0) record, likewise */
	int32_t edns_flags;                        /* of the OPT record */
	uint16_t edns_payload;                     /* octets of a UDP reply that it allows; 0 without EDNS */
	uint16_t question_len;                     /* 0: no question */
	uint8_t question[XD_REQUEST_QUESTION_MAX]; /* name, not compressed, as it was sent; type; class */
} xd_request;

/*
 * Reads a message. 0; -XD_E_SYNTAX or -XD_E_NAME when it breaks the format: octets are missing or left over, there are several
 * questions (RFC 9619), several OPT or one of another owner than the root (RFC 6891, section 6.1.1), or a TSIG that is not the last
 * record (RFC 8945, section 5.1). What is inside a TSIG is not looked at.
 */
int xd_request_read(const uint8_t *message, size_t len, xd_request *request);

/* cdef: end */

static_assert(XD_REQUEST_QUESTION_MAX == XD_NAME_MAX + 4, "a name, type and class");

#endif
