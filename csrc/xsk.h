/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An AF_XDP socket with its own UMEM on one queue pair. Every frame is at any time in exactly one of three places: the
 * stack of free ones, the kernel's receive side (fill ring to RX ring), the kernel's transmit side (TX ring to
 * completion ring), but for the batch in the worker's hands.
 */
#ifndef XD_XSK_H
#define XD_XSK_H

#include <stdbool.h>
#include <stdint.h>
#include <xdp/xsk.h>

#include "error.h"
#include "limits.h"

struct xd_xsk_options {
	uint32_t ring_size;        /* entries of each ring, a power of two */
	uint32_t busy_poll_us;     /* 0: sleep until woken */
	uint32_t busy_poll_budget; /* packets per busy poll */
	bool zero_copy;            /* tried first; copy mode when the driver has none */
};

struct xd_xsk {
	struct xsk_ring_cons rx, completion;
	struct xsk_ring_prod tx, fill;
	struct xsk_socket *socket;
	struct xsk_umem *umem;
	uint8_t *area;
	uint64_t *free; /* offsets of free frames, a stack */
	uint32_t free_count;
	uint32_t frame_count;
	uint32_t fill_count; /* frames on the receive side */
	uint32_t tx_count;   /* frames on the transmit side */
	uint32_t ring_size;
	uint32_t mtu;
	int fd;
	bool zero_copy; /* what was chosen */
	bool busy_poll;
	bool is_partial; /* the driver hands over frames whose checksum was left to offload (veth) */
};

/* Opens and binds the socket of a queue, its fill ring full. XD_E_BUSY when the queue has a socket already. */
XD_CHECKED int xd_xsk_init(struct xd_xsk *xsk, const char *interface, uint32_t queue, const struct xd_xsk_options *options);
void xd_xsk_uninit(struct xd_xsk *xsk);

/* Puts the socket into the XSKMAP pinned at `pin`, at its queue. XD_E_NOT_FOUND while nothing is pinned there. */
XD_CHECKED int xd_xsk_insert(const struct xd_xsk *xsk, const char *pin, uint32_t queue);

/* Queues of the interface that can receive and send; at least 1. XD_E_NOT_FOUND without such an interface. */
XD_CHECKED int xd_xsk_queue_count(const char *interface, uint32_t *count);

/* Brings home what has been sent and refills the fill ring. */
void xd_xsk_recycle(struct xd_xsk *xsk);

static inline void xd_xsk_free(struct xd_xsk *xsk, uint64_t address)
{
	xsk->free[xsk->free_count++] = address & ~(uint64_t)(XD_FRAME_BYTES - 1);
}

/* Whether the TX ring holds frames that the kernel has not taken yet. */
bool xd_xsk_has_unsent(const struct xd_xsk *xsk);

/* System calls made: 0 or more. Sends what is in the TX ring, as far as the kernel takes it now. */
uint32_t xd_xsk_kick(struct xd_xsk *xsk);

#endif
