/* SPDX-License-Identifier: Apache-2.0 */
/* The worker of one RX/TX queue pair: frames are answered where they lie and sent back. */
#ifndef XD_WORKER_XDP_H
#define XD_WORKER_XDP_H

#include "endpoint.h"
#include "worker.h"
#include "xsk.h"

struct xd_xdp_worker {
	struct xd_worker base;
	struct xd_xsk xsk;
	const struct xd_endpoint *endpoints; /* the engine's; none: whatever the filter lets through */
	uint32_t endpoint_count;
	/* Written by the worker when it finds nothing to do, read by anyone; relaxed. All frames are in one of these places. */
	_Atomic uint32_t frames_free, frames_receiving, frames_sending;
};

/* Body of the thread: `worker` is the base of a struct xd_xdp_worker. */
void xd_xdp_worker_run(struct xd_worker *worker);

#endif
