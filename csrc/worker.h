/* SPDX-License-Identifier: Apache-2.0 */
/* What every worker thread of the engine has and does, whatever it receives from. */
#ifndef XD_WORKER_H
#define XD_WORKER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "answer.h"
#include "handoff.h"
#include "shm.h"

/* What the threads of an engine share; read only to them, but for `stop`. */
struct xd_crew {
	atomic_bool stop; /* set by the main thread, read by workers between batches; relaxed */
	int stop_fd;      /* becomes readable with it, to end a poll */
	int64_t uid, gid; /* to run as; -1: as the process */
	struct xd_handoff_port *handoff;
};

struct xd_worker {
	struct xd_crew *crew;
	struct xd_worker_slot *slot;
	xd_responder *responder; /* NULL: queries go back as they are with QR set, to measure everything but answering */
	void (*run)(struct xd_worker *worker);
	pthread_t thread;
	sem_t started;
	int start_result; /* written by the thread before it posts `started` */
	int start_errno;
	bool is_running;
};

/* Starts the thread on the slot's CPU; it has dropped its privileges when this returns. The worker stays the caller's. */
XD_CHECKED int xd_worker_start(struct xd_worker *worker, const char *name);

/* Waits for the thread after the crew's stop was set; nothing when it was never started. Frees the responder. */
void xd_worker_join(struct xd_worker *worker);

static inline bool xd_worker_stops(const struct xd_worker *worker)
{
	return atomic_load_explicit(&worker->crew->stop, memory_order_relaxed);
}

static inline void xd_worker_enter(struct xd_worker *worker)
{
	if (worker->responder)
		xd_responder_enter(worker->responder);
}

static inline void xd_worker_leave(struct xd_worker *worker)
{
	if (worker->responder)
		xd_responder_leave(worker->responder);
}

/*
 * Answers a message in place, the worker being entered. Counts it unless the verdict is XD_REPLY, and then the caller does:
 * as a reply when it left, under drop_tx_full when not. `header` has the addresses, for the control plane.
 */
void xd_worker_answer(struct xd_worker *worker, const xd_client *client, uint8_t *message, size_t len, size_t room,
                      xd_reply *reply);

/* The same in the steps of answer.h. */
void xd_worker_parse(struct xd_worker *worker, unsigned lane, const uint8_t *message, size_t len);
void xd_worker_fetch(struct xd_worker *worker, unsigned lane);
void xd_worker_answer_parsed(struct xd_worker *worker, unsigned lane, const xd_client *client, uint8_t *message, size_t len,
                             size_t room, xd_reply *reply);

void xd_worker_handoff(struct xd_worker *worker, struct xd_handoff *header, const uint8_t *message, size_t len);
void xd_worker_count_reply(struct xd_worker *worker, const xd_reply *reply, size_t bytes);

#endif
