/* SPDX-License-Identifier: Apache-2.0 */
/* A worker on ordinary UDP sockets: one of its own per address, shared out by the kernel (SO_REUSEPORT). */
#ifndef XD_WORKER_UDP_H
#define XD_WORKER_UDP_H

#include "endpoint.h"
#include "worker.h"

struct xd_udp_batch; /* buffers of one worker */

struct xd_udp_worker {
	struct xd_worker base;
	const struct xd_endpoint *endpoints; /* the engine's */
	int *fds;                            /* of each endpoint; closed by uninit */
	uint32_t count;
	struct xd_udp_batch *batch;
};

/* Makes room for `count` sockets, none opened yet. */
XD_CHECKED int xd_udp_worker_init(struct xd_udp_worker *worker, const struct xd_endpoint *endpoints, uint32_t count);
void xd_udp_worker_uninit(struct xd_udp_worker *worker);

/* Body of the thread: `worker` is the base of a struct xd_udp_worker. */
void xd_udp_worker_run(struct xd_worker *worker);

#endif
