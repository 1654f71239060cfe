/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answering: a query message in, the response in its place. The same code serves AF_XDP, UDP sockets and TCP.
 *
 * A responder belongs to one thread. Between enter and leave it may read the table; enter again from time to time
 * (once per batch), so that newer contents are seen and old memory can be reused.
 */
#ifndef XD_ANSWER_H
#define XD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access.h"
#include "error.h"
#include "table.h"
#include "zone_stats.h"

/* cdef: begin */

typedef struct xd_responder xd_responder;

enum xd_verdict {
	XD_REPLY,   /* `len` octets are to be sent back */
	XD_DROP,    /* no reply; enum xd_drop says why */
	XD_HANDOFF, /* for the control plane; the message is untouched */
};

enum xd_drop {
	XD_DROP_UNANSWERABLE, /* a response, or too short */
	XD_DROP_COOKIE,       /* no valid cookie, and not its turn to be told */
	XD_DROP_RATE,         /* response rate limiting */
};

typedef struct xd_reply {
	uint32_t len;      /* octets of the response; 0 unless XD_REPLY */
	uint8_t verdict;   /* enum xd_verdict */
	uint8_t rcode;     /* low 8 bits of the extended RCODE (BADVERS is 16) */
	uint8_t truncated; /* TC was set */
	uint8_t has_edns;  /* the query had an OPT record */
	uint8_t drop;      /* enum xd_drop, when the verdict is XD_DROP */
} xd_reply;

/* `slot` is the index of a free reader slot of `shm` (shm.h); with shm NULL reclamation does not know this reader. */
int xd_responder_create(xd_table *table, xd_shm *shm, uint32_t slot, xd_responder **out);
void xd_responder_free(xd_responder *responder);

/*
 * With a value other than 0 every response is composed, also where a template would do. The responses are the same; tests
 * compare the two.
 */
void xd_responder_compose_all(xd_responder *responder, int composes_all);

/* Counts for single zones go there as well; the mapping outlives the responder. */
void xd_responder_use_zone_stats(xd_responder *responder, const xd_zone_stats *stats);

/* From now on this is the time, not the system's: for tests. */
void xd_responder_set_clock(xd_responder *responder, uint64_t monotonic_ns, uint32_t unix_s);

/* Pins the newest published contents. */
void xd_responder_enter(xd_responder *responder);

/* Before the thread blocks or ends: nothing of the table is in use. */
void xd_responder_leave(xd_responder *responder);

/*
 * Answers the query of `len` octets at `msg` in place; `room` (>= 512, >= len) octets may be written there.
 * What does not fit in the smaller of `room` and the size the client and server allow is truncated.
 */
void xd_responder_answer(xd_responder *responder, const xd_client *client, uint8_t *msg, size_t len, size_t room,
                         xd_reply *reply);

/*
 * Counts a reply that was composed elsewhere to a request that was counted when it was handed off. `rcode`: the extended
 * RCODE or the TSIG error, or -1 for that of the reply's header. Between enter and leave.
 */
void xd_responder_count_reply(xd_responder *responder, const uint8_t *request, size_t request_len, const uint8_t *reply,
                              size_t reply_len, int rcode);

/* cdef: end */

/*
 * The same in three steps, for a thread that has several queries at hand: between the steps of one query, which has a lane
 * to itself (0 .. XD_LANES - 1), the thread works on others, and the table's memory arrives meanwhile. All three come
 * between the same enter and leave, the message unchanged.
 */
void xd_responder_parse(xd_responder *responder, unsigned lane, const uint8_t *msg, size_t len);
void xd_responder_fetch(xd_responder *responder, unsigned lane);
void xd_responder_answer_parsed(xd_responder *responder, unsigned lane, const xd_client *client, uint8_t *msg, size_t room,
                                xd_reply *reply);

#endif
