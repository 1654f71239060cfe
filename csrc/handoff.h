/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hand-off channel: messages that the workers receive and do not answer go to the control plane, its replies come
 * back, both as datagrams of Unix sockets in the run directory. A datagram is this header and the DNS message.
 */
#ifndef XD_HANDOFF_H
#define XD_HANDOFF_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define XD_HANDOFF_MAGIC 0x48446458u /* "XdDH" in memory of a little-endian machine */

/* Both ends are processes of one machine: its byte order, ports included. */
struct xd_handoff {
	uint32_t magic;
	uint8_t family;    /* 4 or 6 */
	uint8_t transport; /* enum xd_worker_kind that received it */
	uint16_t remote_port;
	uint16_t local_port;
	uint16_t message_len;
	uint32_t ifindex;   /* that it came in by; 0 where the worker does not know */
	uint8_t remote[16]; /* who asked; IPv4 in the first 4 octets */
	uint8_t local[16];  /* who was asked */
};

static_assert(sizeof(struct xd_handoff) == 48, "control plane and engine agree");
static_assert(offsetof(struct xd_handoff, remote_port) == 6, "control plane and engine agree");
static_assert(offsetof(struct xd_handoff, ifindex) == 12, "control plane and engine agree");
static_assert(offsetof(struct xd_handoff, remote) == 16, "control plane and engine agree");
static_assert(offsetof(struct xd_handoff, local) == 32, "control plane and engine agree");

struct xd_handoff_port; /* the engine's end; any thread may send */

/* Binds the engine's end at `own_path` (replacing a dead one); `peer_path` is where the control plane binds its own. */
XD_CHECKED int xd_handoff_create(const char *own_path, const char *peer_path, struct xd_handoff_port **out);
void xd_handoff_free(struct xd_handoff_port *port);

/* Never blocks. XD_E_BUSY: the control plane is away or has not read what it was sent. Sets magic and message_len. */
XD_CHECKED int xd_handoff_send(const struct xd_handoff_port *port, struct xd_handoff *header, const uint8_t *message,
                               size_t len);

int xd_handoff_fd(const struct xd_handoff_port *port);

/*
 * Next reply of the control plane: *message points into `buffer`. XD_E_NOT_FOUND when there is none now, XD_E_RANGE for a
 * datagram that is none of ours (it is consumed).
 */
XD_CHECKED int xd_handoff_receive(const struct xd_handoff_port *port, uint8_t *buffer, size_t room, struct xd_handoff *header,
                                  uint8_t **message);

#endif
