/* SPDX-License-Identifier: Apache-2.0 */
/* UDP sockets of the engine, as a DNS server needs them. */
#ifndef XD_UDP_SOCKET_H
#define XD_UDP_SOCKET_H

#include "endpoint.h"
#include "handoff.h"

/*
 * Opens a socket of the endpoint. `is_first` refuses an address that any other socket is bound to; the further sockets of
 * this engine join the first. XD_E_BUSY: in use. XD_E_NOT_FOUND: no interface has the address.
 */
XD_CHECKED int xd_udp_open(const struct xd_endpoint *endpoint, bool is_first, int *fd);

/* Sends a message from the local to the remote address of `addresses` through a socket that is bound to the local one. */
XD_CHECKED int xd_udp_send(int fd, const struct xd_handoff *addresses, const uint8_t *message, size_t len);

#endif
