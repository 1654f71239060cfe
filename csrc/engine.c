/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "table.h"
#include "udp_socket.h"
#include "worker_handoff.h"
#include "worker_udp.h"
#include "worker_xdp.h"

/* Given by the build of the Python extension. */
#ifndef XD_BUILD_ID
#define XD_BUILD_ID "unknown"
#endif

enum { PATH_BYTES = 4096, THREAD_NAME_BYTES = 16 };

struct xdp_queue {
	struct xd_xdp_worker worker;
	bool is_open;
	bool is_inserted;
};

/* Slots of the shared region: UDP workers, AF_XDP workers, the hand-off thread. */
struct xd_engine {
	xd_engine_options options;
	struct xd_crew crew;
	struct xd_shm *shm;
	xd_zone_stats *zone_stats;
	xd_table *table;
	struct xd_udp_worker *udp;
	struct xdp_queue *queues;
	struct xd_handoff_worker handoff;
	struct xd_endpoint udp_endpoints[XD_LISTEN_MAX];
	struct xd_endpoint xdp_endpoints[XD_LISTEN_MAX];
	uint32_t udp_endpoint_count;
	uint32_t xdp_endpoint_count;
};

const char *xd_build_id(void)
{
	return XD_BUILD_ID;
}

static int make_handoff(struct xd_engine *engine, const char *rundir)
{
	char own[PATH_BYTES], peer[PATH_BYTES];

	if (snprintf(own, sizeof(own), "%s/engine-reply.sock", rundir) >= PATH_BYTES ||
	    snprintf(peer, sizeof(peer), "%s/handoff.sock", rundir) >= PATH_BYTES)
		return -XD_E_RANGE;
	return xd_handoff_create(own, peer, &engine->crew.handoff);
}

static int make_shm(struct xd_engine *engine, const char *rundir)
{
	char path[PATH_BYTES];

	if (snprintf(path, sizeof(path), "%s/engine.shm", rundir) >= PATH_BYTES)
		return -XD_E_RANGE;
	return xd_shm_create(path, engine->options.udp_workers + engine->options.xdp_workers + 1, &engine->shm);
}

static int make_zone_stats(struct xd_engine *engine, const char *rundir)
{
	char path[PATH_BYTES];

	if (snprintf(path, sizeof(path), "%s/zones.shm", rundir) >= PATH_BYTES)
		return -XD_E_RANGE;
	/* Of the control plane's slots the first alone counts: that of its answers over TCP. */
	return xd_zone_stats_create(path, xd_shm_control_slot(engine->shm) + 1, &engine->zone_stats);
}

static int make_workers(struct xd_engine *engine)
{
	const xd_engine_options *options = &engine->options;
	int result;

	engine->udp = calloc(options->udp_workers + 1, sizeof(*engine->udp));
	engine->queues = calloc(options->xdp_workers + 1, sizeof(*engine->queues));
	if (!engine->udp || !engine->queues)
		return -XD_E_NOMEM;
	for (uint32_t i = 0; i < options->udp_workers; i++) {
		result = xd_udp_worker_init(&engine->udp[i], engine->udp_endpoints, XD_LISTEN_MAX);
		if (result)
			return result;
		engine->udp[i].count = 0;
	}
	return 0;
}

int xd_engine_create(const xd_engine_options *options, const char *rundir, struct xd_engine **out)
{
	struct xd_engine *engine = calloc(1, sizeof(*engine));
	int result, failed;

	if (!engine)
		return -XD_E_NOMEM;
	engine->options = *options;
	engine->crew.uid = options->uid;
	engine->crew.gid = options->gid;
	engine->crew.stop_fd = eventfd(0, EFD_CLOEXEC);
	result = engine->crew.stop_fd < 0 ? -XD_E_SYSTEM : 0;
	if (options->udp_workers > XD_WORKERS_MAX || options->xdp_workers > XD_WORKERS_MAX)
		result = -XD_E_RANGE;
	if (!result)
		result = make_workers(engine);
	if (!result)
		result = make_shm(engine, rundir);
	if (!result)
		result = make_zone_stats(engine, rundir);
	if (!result)
		result = make_handoff(engine, rundir);
	if (result) {
		failed = errno;
		xd_engine_free(engine);
		errno = failed;
		return result;
	}
	*out = engine;
	return 0;
}

int xd_engine_open_table(struct xd_engine *engine, const char *path)
{
	return xd_table_open_reader(path, &engine->table);
}

static int add_endpoint(struct xd_endpoint *list, uint32_t *count, const char *address, uint16_t port)
{
	int result = *count < XD_LISTEN_MAX && port != 0 ? 0 : -XD_E_RANGE;

	if (!result)
		result = xd_endpoint_parse(address, port, &list[*count]);
	if (!result)
		++*count;
	return result;
}

int xd_engine_listen_xdp(struct xd_engine *engine, const char *address, uint16_t port)
{
	return add_endpoint(engine->xdp_endpoints, &engine->xdp_endpoint_count, address, port);
}

int xd_engine_listen_udp(struct xd_engine *engine, const char *address, uint16_t port)
{
	uint32_t at = engine->udp_endpoint_count;
	int result = *address ? add_endpoint(engine->udp_endpoints, &engine->udp_endpoint_count, address, port) : -XD_E_RANGE;

	for (uint32_t i = 0; !result && i < engine->options.udp_workers; i++) {
		result = xd_udp_open(&engine->udp_endpoints[at], i == 0, &engine->udp[i].fds[at]);
		if (!result)
			engine->udp[i].count = at + 1;
	}
	return result;
}

/* Readers of a slot that has a kind find the rest of it filled in. */
static int start_worker(struct xd_engine *engine, struct xd_worker *worker, uint32_t slot, enum xd_worker_kind kind)
{
	char name[THREAD_NAME_BYTES];
	int result = 0;

	worker->crew = &engine->crew;
	worker->slot = &engine->shm->slots[slot];
	if (engine->table && kind != XD_WORKER_HANDOFF)
		result = xd_responder_create(engine->table, engine->shm, slot, &worker->responder);
	if (result)
		return result;
	if (worker->responder)
		xd_responder_use_zone_stats(worker->responder, engine->zone_stats);
	worker->slot->kind = kind;
	snprintf(name, sizeof(name), "%s-%u",
	         kind == XD_WORKER_XDP   ? "xdp"
	         : kind == XD_WORKER_UDP ? "udp"
	                                 : "handoff",
	         slot % 100000);
	return xd_worker_start(worker, name);
}

int xd_engine_start_udp(struct xd_engine *engine, uint32_t index, int32_t cpu)
{
	struct xd_udp_worker *worker;

	if (index >= engine->options.udp_workers)
		return -XD_E_RANGE;
	worker = &engine->udp[index];
	worker->base.run = xd_udp_worker_run;
	engine->shm->slots[index].queue = index;
	engine->shm->slots[index].cpu = cpu;
	return start_worker(engine, &worker->base, index, XD_WORKER_UDP);
}

int xd_engine_start_handoff(struct xd_engine *engine)
{
	struct xd_handoff_worker *worker = &engine->handoff;

	worker->endpoints = engine->udp_endpoints;
	worker->fds = engine->options.udp_workers > 0 ? engine->udp[0].fds : NULL;
	worker->count = engine->options.udp_workers > 0 ? engine->udp_endpoint_count : 0;
	worker->base.run = xd_handoff_worker_run;
	return start_worker(engine, &worker->base, engine->options.udp_workers + engine->options.xdp_workers,
	                    XD_WORKER_HANDOFF);
}

int xd_engine_open_queue(struct xd_engine *engine, uint32_t index, const char *interface, uint32_t queue)
{
	const struct xd_xsk_options options = {
		.ring_size = engine->options.ring_size,
		.busy_poll_us = engine->options.busy_poll_us,
		.busy_poll_budget = engine->options.busy_poll_budget,
		.zero_copy = engine->options.zero_copy,
	};
	struct xd_worker_slot *slot;
	int result;

	if (index >= engine->options.xdp_workers || engine->queues[index].is_open)
		return -XD_E_RANGE;
	slot = &engine->shm->slots[engine->options.udp_workers + index];
	result = xd_xsk_init(&engine->queues[index].worker.xsk, interface, queue, &options);
	if (result)
		return result;
	slot->ifindex = if_nametoindex(interface);
	slot->queue = queue;
	engine->queues[index].is_open = true;
	return 0;
}

int xd_engine_start_xdp(struct xd_engine *engine, uint32_t index, int32_t cpu)
{
	struct xd_xdp_worker *worker;
	uint32_t slot = engine->options.udp_workers + index;

	if (index >= engine->options.xdp_workers || !engine->queues[index].is_open)
		return -XD_E_RANGE;
	worker = &engine->queues[index].worker;
	worker->base.run = xd_xdp_worker_run;
	worker->endpoints = engine->xdp_endpoints;
	worker->endpoint_count = engine->xdp_endpoint_count;
	engine->shm->slots[slot].cpu = cpu;
	return start_worker(engine, &worker->base, slot, XD_WORKER_XDP);
}

int xd_engine_insert_queue(struct xd_engine *engine, uint32_t index, const char *pin)
{
	struct xdp_queue *queue;
	int result;

	if (index >= engine->options.xdp_workers || !engine->queues[index].is_open)
		return -XD_E_RANGE;
	queue = &engine->queues[index];
	result = xd_xsk_insert(&queue->worker.xsk, pin, engine->shm->slots[engine->options.udp_workers + index].queue);
	if (!result)
		queue->is_inserted = true;
	return result;
}

int xd_engine_queue_status_get(struct xd_engine *engine, uint32_t index, xd_engine_queue_status *out)
{
	const struct xd_worker_slot *slot;
	struct xd_xdp_worker *worker;

	if (index >= engine->options.xdp_workers || !engine->queues[index].is_open)
		return -XD_E_NOT_FOUND;
	slot = &engine->shm->slots[engine->options.udp_workers + index];
	worker = &engine->queues[index].worker;
	*out = (xd_engine_queue_status){
		.ifindex = slot->ifindex,
		.queue = slot->queue,
		.frames = worker->xsk.frame_count,
		.frames_free = atomic_load_explicit(&worker->frames_free, memory_order_relaxed),
		.frames_receiving = atomic_load_explicit(&worker->frames_receiving, memory_order_relaxed),
		.frames_sending = atomic_load_explicit(&worker->frames_sending, memory_order_relaxed),
		.zero_copy = worker->xsk.zero_copy,
		.busy_poll = worker->xsk.busy_poll,
		.is_inserted = engine->queues[index].is_inserted,
	};
	return 0;
}

int xd_engine_queue_count(const char *interface, uint32_t *count)
{
	return xd_xsk_queue_count(interface, count);
}

static void join_workers(struct xd_engine *engine)
{
	const uint64_t one = 1;

	atomic_store_explicit(&engine->crew.stop, true, memory_order_relaxed);
	/* An eventfd that is never read stays readable for every poll. */
	if (engine->crew.stop_fd >= 0 && write(engine->crew.stop_fd, &one, sizeof(one)) < 0)
		return;
	xd_worker_join(&engine->handoff.base);
	for (uint32_t i = 0; engine->udp && i < engine->options.udp_workers; i++)
		xd_worker_join(&engine->udp[i].base);
	for (uint32_t i = 0; engine->queues && i < engine->options.xdp_workers; i++)
		xd_worker_join(&engine->queues[i].worker.base);
}

void xd_engine_free(struct xd_engine *engine)
{
	if (!engine)
		return;
	join_workers(engine);
	for (uint32_t i = 0; engine->udp && i < engine->options.udp_workers; i++)
		xd_udp_worker_uninit(&engine->udp[i]);
	for (uint32_t i = 0; engine->queues && i < engine->options.xdp_workers; i++) {
		if (engine->queues[i].is_open)
			xd_xsk_uninit(&engine->queues[i].worker.xsk);
	}
	xd_handoff_free(engine->crew.handoff);
	if (engine->table)
		xd_table_close(engine->table);
	xd_zone_stats_close(engine->zone_stats);
	xd_shm_close(engine->shm);
	if (engine->crew.stop_fd >= 0)
		close(engine->crew.stop_fd);
	free(engine->queues);
	free(engine->udp);
	free(engine);
}
