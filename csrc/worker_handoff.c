/* SPDX-License-Identifier: Apache-2.0 */
#include "worker_handoff.h"

#include <poll.h>

#include "udp_socket.h"

enum { SLEEP_MS = 1000, BYTE_RCODE = 3, BYTE_FLAGS = 2, FLAG_TC = 2 };

static int find_socket(const struct xd_handoff_worker *worker, const struct xd_handoff *addresses)
{
	for (uint32_t i = 0; i < worker->count; i++) {
		if (xd_endpoint_matches(&worker->endpoints[i], addresses->family, addresses->local, addresses->local_port))
			return worker->fds[i];
	}
	return -1;
}

static void send_reply(struct xd_handoff_worker *worker, const struct xd_handoff *addresses, const uint8_t *message)
{
	size_t len = addresses->message_len;
	int fd = find_socket(worker, addresses);
	xd_reply reply = { .len = (uint32_t)len };

	if (len < XD_MSG_HEADER_BYTES || fd < 0) {
		xd_count(worker->base.slot, fd < 0 ? XD_C_drop_address : XD_C_drop_short, 1);
		return;
	}
	if (xd_udp_send(fd, addresses, message, len)) {
		xd_count(worker->base.slot, XD_C_drop_tx_full, 1);
		return;
	}
	reply.rcode = message[BYTE_RCODE] & 15;
	reply.truncated = (message[BYTE_FLAGS] & FLAG_TC) != 0;
	xd_worker_count_reply(&worker->base, &reply, len);
}

void xd_handoff_worker_run(struct xd_worker *base)
{
	struct xd_handoff_worker *worker = (struct xd_handoff_worker *)base;
	static uint8_t buffer[sizeof(struct xd_handoff) + XD_MSG_MAX];
	struct pollfd polled[2] = {
		{ .fd = xd_handoff_fd(base->crew->handoff), .events = POLLIN },
		{ .fd = base->crew->stop_fd, .events = POLLIN },
	};
	struct xd_handoff addresses;
	uint8_t *message;

	while (!xd_worker_stops(base)) {
		int result = xd_handoff_receive(base->crew->handoff, buffer, sizeof(buffer), &addresses, &message);

		if (result == 0)
			send_reply(worker, &addresses, message);
		else if (result == -XD_E_RANGE)
			xd_count(base->slot, XD_C_drop_malformed, 1);
		else
			poll(polled, 2, SLEEP_MS);
	}
}
