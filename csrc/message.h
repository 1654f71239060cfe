/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of a DNS message, read without believing it: names decompressed, record data checked by its type and made canonical.
 *
 * Compression pointers point strictly backwards (RFC 1035, section 4.1.4); in record data they are accepted for the types
 * of RFC 3597, section 4, only.
 */
#ifndef XD_MESSAGE_H
#define XD_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "limits.h"

/* Octets of room for record data that is being read: names may be written before the limit is checked. */
#define XD_MESSAGE_RDATA_ROOM (XD_RDATA_MAX + 2u * XD_NAME_MAX)

/* Where a reader is in a message. */
struct xd_message_cursor {
	const uint8_t *message;
	size_t len;
	size_t pos;       /* of the next record */
	uint16_t left[4]; /* entries of each section not yet read; the question is read by init */
};

/* The fixed part of a record, and where its data lies in the message. */
struct xd_message_record {
	uint32_t ttl;
	uint16_t type;
	uint16_t class;
	uint16_t rdata_len; /* in the message, compressed */
	uint8_t section;
	uint8_t owner_len;
	size_t rdata_at;
	uint8_t owner[XD_NAME_MAX]; /* lower case */
};

/* Steps over header and questions. 0, -XD_E_SYNTAX (the message ends too early) or -XD_E_NAME. */
XD_CHECKED int xd_message_begin(struct xd_message_cursor *cursor, const uint8_t *message, size_t len);

/*
 * Writes the name at *pos, not compressed and as it was sent, to `out` (XD_NAME_MAX octets), and moves *pos behind it. Its length, or
 * -XD_E_NAME.
 */
XD_CHECKED int xd_message_name(uint8_t *out, const struct xd_message_cursor *cursor, size_t *pos);

/* Reads the next record. 1; 0 behind the last one; -XD_E_SYNTAX or -XD_E_NAME. */
XD_CHECKED int xd_message_next(struct xd_message_cursor *cursor, struct xd_message_record *record);

/*
 * Writes the data of a record in canonical form to `out` (XD_MESSAGE_RDATA_ROOM octets). Its length, or -XD_E_RDATA. Data of
 * classes ANY and NONE may be empty (RFC 2136, section 2.4); data of classes other than these and IN is copied as it is.
 */
XD_CHECKED int xd_message_rdata(uint8_t *out, const struct xd_message_cursor *cursor, const struct xd_message_record *record);

/* cdef: begin */

/* Octets before the owner of a record in the form of xd_message_read. */
#define XD_MESSAGE_FIXED_BYTES 12

/* Most octets written for one octet of a message. */
#define XD_MESSAGE_GROWTH_MAX 64

/*
 * Reads the records of the sections from `first` to `last` (1: answer to 3: additional) into `out`, one behind the other:
 *
 *   section (1), length of owner (1), type (2), class (2), ttl (4), length of data (2), all big endian; owner; data
 *
 * Returns their number and sets *used to the octets written; -XD_E_RANGE when `room` is too small, -XD_E_NAME, -XD_E_RDATA
 * or -XD_E_SYNTAX with *used the number of the record at fault, counted from the answer section on.
 */
int xd_message_read(const uint8_t *message, size_t len, int first, int last, uint8_t *out, size_t room, size_t *used);

/* cdef: end */

#endif
