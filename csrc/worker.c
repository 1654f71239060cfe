/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include "worker.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>

#include "privileges.h"

enum { RCODE_BADVERS = 16, BYTE_FLAGS = 2, FLAG_QR = 0x80 };

static const uint8_t rcode_counters[] = {
	[0] = XD_C_rcode_noerror, [1] = XD_C_rcode_formerr, [2] = XD_C_rcode_servfail,     [3] = XD_C_rcode_nxdomain,
	[4] = XD_C_rcode_notimp,  [5] = XD_C_rcode_refused, [6 ... 15] = XD_C_rcode_other, [RCODE_BADVERS] = XD_C_rcode_badvers,
};

static int pin_to_cpu(int cpu)
{
	cpu_set_t set;
	int failed;

	if (cpu < 0)
		return 0;
	if (cpu >= CPU_SETSIZE)
		return -XD_E_RANGE;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	failed = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	errno = failed;
	return failed ? -XD_E_SYSTEM : 0;
}

static void *run_thread(void *argument)
{
	struct xd_worker *worker = argument;

	worker->start_result = pin_to_cpu(worker->slot->cpu);
	if (!worker->start_result)
		worker->start_result = xd_privileges_drop(worker->crew->uid, worker->crew->gid);
	worker->start_errno = errno;
	if (worker->start_result) {
		sem_post(&worker->started);
		return NULL;
	}
	sem_post(&worker->started);
	worker->run(worker);
	xd_worker_leave(worker);
	return NULL;
}

int xd_worker_start(struct xd_worker *worker, const char *name)
{
	sigset_t all, before;
	int failed;

	if (sem_init(&worker->started, 0, 0))
		return -XD_E_SYSTEM;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&worker->thread, NULL, run_thread, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		sem_destroy(&worker->started);
		errno = failed;
		return -XD_E_SYSTEM;
	}
	while (sem_wait(&worker->started) && errno == EINTR)
		;
	sem_destroy(&worker->started);
	if (worker->start_result) {
		pthread_join(worker->thread, NULL);
		errno = worker->start_errno;
		return worker->start_result;
	}
	worker->is_running = true;
	pthread_setname_np(worker->thread, name);
	return 0;
}

void xd_worker_join(struct xd_worker *worker)
{
	if (worker->is_running)
		pthread_join(worker->thread, NULL);
	worker->is_running = false;
	if (worker->responder)
		xd_responder_free(worker->responder);
	worker->responder = NULL;
}

static void reflect(uint8_t *message, size_t len, xd_reply *reply)
{
	bool is_query = len >= XD_MSG_HEADER_BYTES && !(message[BYTE_FLAGS] & FLAG_QR);

	*reply = (xd_reply){ .len = is_query ? (uint32_t)len : 0, .verdict = is_query ? XD_REPLY : XD_DROP };
	if (is_query)
		message[BYTE_FLAGS] |= FLAG_QR;
}

static void count_drop(struct xd_worker *worker, size_t len, const xd_reply *reply)
{
	if (reply->verdict != XD_DROP)
		return;
	if (reply->drop == XD_DROP_UNANSWERABLE)
		xd_count(worker->slot, len < XD_MSG_HEADER_BYTES ? XD_C_drop_short : XD_C_drop_not_query, 1);
	else
		xd_count(worker->slot, reply->drop == XD_DROP_RATE ? XD_C_drop_rate : XD_C_drop_cookie, 1);
}

void xd_worker_answer(struct xd_worker *worker, const xd_client *client, uint8_t *message, size_t len, size_t room,
                      xd_reply *reply)
{
	if (worker->responder)
		xd_responder_answer(worker->responder, client, message, len, room, reply);
	else
		reflect(message, len, reply);
	count_drop(worker, len, reply);
}

void xd_worker_parse(struct xd_worker *worker, unsigned lane, const uint8_t *message, size_t len)
{
	if (worker->responder)
		xd_responder_parse(worker->responder, lane, message, len);
}

void xd_worker_fetch(struct xd_worker *worker, unsigned lane)
{
	if (worker->responder)
		xd_responder_fetch(worker->responder, lane);
}

void xd_worker_answer_parsed(struct xd_worker *worker, unsigned lane, const xd_client *client, uint8_t *message, size_t len,
                             size_t room, xd_reply *reply)
{
	if (worker->responder)
		xd_responder_answer_parsed(worker->responder, lane, client, message, room, reply);
	else
		reflect(message, len, reply);
	count_drop(worker, len, reply);
}

void xd_worker_handoff(struct xd_worker *worker, struct xd_handoff *header, const uint8_t *message, size_t len)
{
	int result = worker->crew->handoff ? xd_handoff_send(worker->crew->handoff, header, message, len) : -XD_E_BUSY;

	xd_count(worker->slot, result ? XD_C_drop_handoff_full : XD_C_handoff, 1);
}

void xd_worker_count_reply(struct xd_worker *worker, const xd_reply *reply, size_t bytes)
{
	bool is_known = reply->rcode < sizeof(rcode_counters);

	xd_count(worker->slot, is_known ? rcode_counters[reply->rcode] : XD_C_rcode_other, 1);
	xd_count(worker->slot, XD_C_tx_packets, 1);
	xd_count(worker->slot, XD_C_tx_bytes, bytes);
	if (reply->truncated)
		xd_count(worker->slot, XD_C_truncated, 1);
}
