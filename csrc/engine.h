/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: sockets, workers, shared region and hand-off of one process. Made, opened and started by one thread, in the
 * order of the functions below; the workers then need nobody. Strings are copied.
 */
#ifndef XD_ENGINE_H
#define XD_ENGINE_H

#include <stdint.h>

#include "error.h"

/* cdef: begin */

typedef struct xd_engine xd_engine;

typedef struct xd_engine_options {
	uint32_t udp_workers;
	uint32_t xdp_workers;      /* queues of all interfaces together */
	uint32_t ring_size;        /* entries of each AF_XDP ring, a power of two from 64 to 32768 */
	uint32_t busy_poll_us;     /* 0: sleep until woken */
	uint32_t busy_poll_budget; /* packets per busy poll */
	uint8_t zero_copy;         /* try it; copy mode when the driver has none */
	int64_t uid, gid;          /* of the workers; -1: as the process */
} xd_engine_options;

typedef struct xd_engine_queue_status {
	uint32_t ifindex, queue;
	uint32_t frames, frames_free, frames_receiving, frames_sending; /* as of when the worker last had nothing to do */
	uint8_t zero_copy, busy_poll, is_inserted;
} xd_engine_queue_status;

/* Identifies the sources the engine was built from. Static string. */
const char *xd_build_id(void);

/* Makes the shared region and binds the hand-off socket, all in the run directory. */
int xd_engine_create(const xd_engine_options *options, const char *rundir, xd_engine **out);

/* Maps the table to answer from. Without this call the workers only reflect queries, for measurements. */
int xd_engine_open_table(xd_engine *engine, const char *path);

/* A UDP address: opens its sockets. XD_E_BUSY: in use; XD_E_NOT_FOUND: not an address of this machine. */
int xd_engine_listen_udp(xd_engine *engine, const char *address, uint16_t port);

/* An address ("": any) and port that the AF_XDP workers answer at; with none they answer all that the filter gives them. */
int xd_engine_listen_xdp(xd_engine *engine, const char *address, uint16_t port);

/* Starts UDP worker `index`, pinned to `cpu` (-1: anywhere), and the hand-off thread. */
int xd_engine_start_udp(xd_engine *engine, uint32_t index, int32_t cpu);
int xd_engine_start_handoff(xd_engine *engine);

/* Opens the AF_XDP socket of a queue; XD_E_BUSY when it has one. Which of the xdp_workers is `index`. */
int xd_engine_open_queue(xd_engine *engine, uint32_t index, const char *interface, uint32_t queue);

/* Starts its worker. */
int xd_engine_start_xdp(xd_engine *engine, uint32_t index, int32_t cpu);

/* Puts the socket into the pinned XSKMAP. XD_E_NOT_FOUND while there is no such pin. */
int xd_engine_insert_queue(xd_engine *engine, uint32_t index, const char *pin);

int xd_engine_queue_status_get(xd_engine *engine, uint32_t index, xd_engine_queue_status *out);

/* Queue pairs of an interface. XD_E_NOT_FOUND without such an interface. */
int xd_engine_queue_count(const char *interface, uint32_t *count);

/* Stops every worker and frees everything. */
void xd_engine_free(xd_engine *engine);

/* cdef: end */

#endif
