/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that sends the control plane's replies from the UDP sockets. */
#ifndef XD_WORKER_HANDOFF_H
#define XD_WORKER_HANDOFF_H

#include "endpoint.h"
#include "worker.h"

struct xd_handoff_worker {
	struct xd_worker base;
	const struct xd_endpoint *endpoints; /* the engine's */
	const int *fds;                      /* a socket of each; another worker's */
	uint32_t count;
};

/* Body of the thread: `worker` is the base of a struct xd_handoff_worker. */
void xd_handoff_worker_run(struct xd_worker *worker);

#endif
