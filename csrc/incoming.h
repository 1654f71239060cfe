/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a zone that is transferred: from messages straight into a collector (collect.h), and from there to pairs. */
#ifndef XD_INCOMING_H
#define XD_INCOMING_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "pairs.h"

/* cdef: begin */

typedef struct xd_incoming xd_incoming;

/* Where a message is read on, and what was found so far; zero it before the first message, and `at` before each. */
typedef struct xd_incoming_state {
	size_t at;          /* of the next record; 0: the message is read from its beginning */
	uint16_t left;      /* answer records of the message not yet read */
	uint8_t is_soa;     /* the next record is an SOA of the apex, which is not collected */
	uint8_t in_order;   /* no owner came before the one in front of it, or again */
	uint8_t too_many;   /* an RRset had more records than can be stored; set by finish */
	uint64_t records;   /* collected */
	uint64_t octets;    /* of these, in wire form, names not compressed */
	uint64_t memory;    /* octets held until finish */
	uint64_t owners;    /* held until finish; those that came again count again */
	uint64_t foreign;   /* records outside the zone, left out */
	uint8_t owner[255]; /* of the first of these */
} xd_incoming_state;

/* `apex` is a valid wire-form name. 0 or -XD_E_NOMEM. */
int xd_incoming_create(const uint8_t *apex, uint32_t zone_id, xd_incoming **out);
void xd_incoming_free(xd_incoming *incoming);

/*
 * Collects the answer records of a message from where `state` is, up to the next SOA of the apex or the end. With `skip_soa`
 * an SOA there is stepped over first. 0, -XD_E_SYNTAX, -XD_E_NAME or -XD_E_RDATA (a record is malformed or has no place in a
 * zone), or -XD_E_NOMEM.
 */
int xd_incoming_read(xd_incoming *incoming, const uint8_t *message, size_t len, int skip_soa, xd_incoming_state *state);

/* Adds one record with canonical data of at most 65535 octets. 0 or -XD_E_NOMEM; -XD_E_ZONE when it is outside the zone. */
int xd_incoming_add(xd_incoming *incoming, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                    size_t rdata_len, xd_incoming_state *state);

/*
 * Writes the pairs of `count` owners from the one numbered `from` on, which become the caller's. Only while owners come in
 * order, and when more than these are held: the last one may go on. 0 or -XD_E_NOMEM.
 */
int xd_incoming_peek(const xd_incoming *incoming, uint64_t from, uint64_t count, xd_pairs *pairs);

/* Moves what was collected to `pairs`, which become the caller's, and begins anew. 0 or -XD_E_NOMEM. */
int xd_incoming_finish(xd_incoming *incoming, xd_incoming_state *state, xd_pairs *pairs);

/* cdef: end */

#endif
