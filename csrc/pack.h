/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stored records into DNS messages: the replies of zone transfers (RFC 5936, RFC 1995).
 *
 * Each message has the same head (header and question), as many records in its answer section as fit, and the same tail (OPT, or
 * nothing). Owners and the names in data of the types of RFC 1035 are compressed (RFC 3597, section 4); the names known for that
 * are those of the message alone.
 *
 * A packer belongs to one thread at a time. Nothing is allocated once it is made.
 */
#ifndef XD_PACK_H
#define XD_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "btree.h"
#include "error.h"

/* cdef: begin */

typedef struct xd_pack xd_pack;

typedef struct xd_pack_options {
	const uint8_t *head; /* header and one question, whose name is the apex in any case; counts are filled in */
	size_t head_len;
	const uint8_t *tail; /* one record of the additional section */
	size_t tail_len;     /* 0: none */
	size_t fill;         /* octets from which a message is not filled further */
	size_t most;         /* octets of a message with one record that is larger; at most XD_MSG_MAX */
} xd_pack_options;

/* How far pairs are taken; all zero before the first. */
typedef struct xd_pack_cursor {
	size_t pair;   /* where the pair at hand begins */
	size_t record; /* where its next record begins, from the start of its value; 0: none was taken */
} xd_pack_cursor;

/* Copies what the options point to. 0, -XD_E_NOMEM, or -XD_E_RANGE: no such head, or no room in a message. */
int xd_pack_create(const xd_pack_options *options, xd_pack **out);
void xd_pack_free(xd_pack *pack);

/*
 * Adds the records of `len` octets of pairs: key, value, key, value, as in the flat form of pairs.h. The TTL of an RRSIG is
 * its original TTL. Returns 0 when all are taken and 1 when finished messages have to be taken first: then it is called again
 * with the same pairs and cursor. -XD_E_KEY_ORDER: malformed pairs; -XD_E_RANGE: the record at the cursor is larger than a
 * message.
 */
int xd_pack_add(xd_pack *pack, const uint8_t *bytes, size_t len, xd_pack_cursor *cursor);

/*
 * The same with the pairs of a range of the store, from the one at hand on. Further results: -XD_E_STORE. After
 * -XD_E_RANGE the pair at hand has the record.
 */
int xd_pack_add_range(xd_pack *pack, xd_btree *tree);

/* Finishes the message at hand, if it has records. */
void xd_pack_finish(xd_pack *pack);

/* Finished messages back to back, each behind its length (2 octets, big endian), until `xd_pack_clear` or `xd_pack_add`. */
const uint8_t *xd_pack_messages(const xd_pack *pack, size_t *len);
void xd_pack_clear(xd_pack *pack);

/* cdef: end */

#endif
