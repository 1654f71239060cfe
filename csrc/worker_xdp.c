/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include "worker_xdp.h"

#include <poll.h>
#include <string.h>

#include "packet.h"

enum {
	SLEEP_MS = 1000,
	SENDING_SLEEP_MS = 1, /* the kernel did not take all: try again soon */
	PREFETCH_AHEAD = 4,
	STEP_AHEAD = 3, /* frames between two steps of one */
	CACHE_LINE = 64,
};

_Static_assert(2 * STEP_AHEAD < XD_LANES, "a lane is free when its turn comes again");

static bool is_listening(const struct xd_xdp_worker *worker, const uint8_t *frame, const struct xd_packet *packet)
{
	const uint8_t *local = xd_packet_local(frame, packet);
	uint16_t port = xd_packet_local_port(frame, packet);

	for (uint32_t i = 0; i < worker->endpoint_count; i++) {
		if (xd_endpoint_matches(&worker->endpoints[i], packet->is_ipv6 ? 6 : 4, local, port))
			return true;
	}
	return worker->endpoint_count == 0;
}

static void hand_off(struct xd_xdp_worker *worker, const uint8_t *frame, const struct xd_packet *packet)
{
	size_t bytes = packet->is_ipv6 ? 16 : 4;
	struct xd_handoff header = {
		.family = packet->is_ipv6 ? 6 : 4,
		.transport = XD_WORKER_XDP,
		.remote_port = xd_packet_remote_port(frame, packet),
		.local_port = xd_packet_local_port(frame, packet),
		.ifindex = worker->base.slot->ifindex,
	};

	memcpy(header.remote, xd_packet_remote(frame, packet), bytes);
	memcpy(header.local, xd_packet_local(frame, packet), bytes);
	xd_worker_handoff(&worker->base, &header, frame + packet->message, packet->message_len);
}

/* What fits behind the headers in the frame and in the interface's MTU, which leaves Ethernet and VLAN tags out. */
static size_t message_room(const struct xd_xsk *xsk, uint64_t address, const struct xd_packet *packet)
{
	size_t in_frame = XD_FRAME_BYTES - (size_t)(address & (XD_FRAME_BYTES - 1)) - packet->message;
	size_t ip_headers = (size_t)(packet->message - packet->ip);
	size_t in_mtu = xsk->mtu > ip_headers + XD_UDP_PAYLOAD_MIN ? xsk->mtu - ip_headers : XD_UDP_PAYLOAD_MIN;
	size_t room = in_mtu < in_frame ? in_mtu : in_frame;

	return room > packet->message_len ? room : packet->message_len;
}

/* A received frame between parsing and answering. */
struct flight {
	uint64_t address;
	int drop; /* counter of why it goes no further, or XD_PACKET_OK */
	struct xd_packet packet;
};

static void take_off(struct xd_xdp_worker *worker, unsigned lane, const struct xdp_desc *received, struct flight *flight)
{
	uint8_t *frame = worker->xsk.area + received->addr;
	struct xd_packet *packet = &flight->packet;

	flight->address = received->addr;
	flight->drop = xd_packet_parse(frame, received->len, worker->xsk.is_partial, packet);
	if (flight->drop == XD_PACKET_OK && !is_listening(worker, frame, packet))
		flight->drop = XD_C_drop_address;
	if (flight->drop == XD_PACKET_OK)
		xd_worker_parse(&worker->base, lane, frame + packet->message, packet->message_len);
}

/* Returns the length of the frame to send back, or 0; counts what became of it in either case. */
static uint32_t land(struct xd_xdp_worker *worker, unsigned lane, const struct flight *flight, bool can_send)
{
	const struct xd_packet *packet = &flight->packet;
	uint8_t *frame = worker->xsk.area + flight->address;
	struct xd_worker *base = &worker->base;
	int drop = flight->drop;
	xd_client client = { .address = NULL };
	uint32_t frame_len;
	xd_reply reply;

	if (drop == XD_PACKET_OK && !can_send)
		drop = XD_C_drop_tx_full;
	if (drop != XD_PACKET_OK) {
		xd_count(base->slot, drop, 1);
		return 0;
	}
	if (packet->is_partial)
		xd_count(base->slot, XD_C_partial_checksum, 1);
	client.transport = packet->is_ipv6 ? XD_UDP6_XDP : XD_UDP4_XDP;
	client.address = xd_packet_remote(frame, packet);
	xd_worker_answer_parsed(base, lane, &client, frame + packet->message, packet->message_len,
	                        message_room(&worker->xsk, flight->address, packet), &reply);
	if (reply.verdict == XD_HANDOFF)
		hand_off(worker, frame, packet);
	if (reply.verdict != XD_REPLY)
		return 0;
	frame_len = (uint32_t)xd_packet_turn(frame, packet, reply.len);
	xd_worker_count_reply(base, &reply, frame_len);
	return frame_len;
}

static void prefetch(const struct xd_xsk *xsk, uint32_t at)
{
	const uint8_t *frame = xsk->area + xsk_ring_cons__rx_desc(&xsk->rx, at)->addr;

	__builtin_prefetch(frame, 1);
	__builtin_prefetch(frame + CACHE_LINE, 1);
}

/*
 * Answers `n` received frames from ring index `at`; each goes to the TX ring or back to the free ones. Between the steps of
 * a frame, steps of others are done, so that the table's memory is there when it is needed.
 */
static void work_off(struct xd_xdp_worker *worker, uint32_t at, uint32_t n)
{
	struct xd_xsk *xsk = &worker->xsk;
	struct flight flights[XD_LANES];
	uint32_t tx_room = xsk_prod_nb_free(&xsk->tx, n);
	uint32_t sent = 0;
	uint32_t tx_at = xsk->tx.cached_prod;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < n && i < PREFETCH_AHEAD; i++)
		prefetch(xsk, at + i);
	for (uint32_t i = 0; i < n + 2 * STEP_AHEAD; i++) {
		if (i < n) {
			const struct xdp_desc *received = xsk_ring_cons__rx_desc(&xsk->rx, at + i);

			if (i + PREFETCH_AHEAD < n)
				prefetch(xsk, at + i + PREFETCH_AHEAD);
			bytes += received->len;
			take_off(worker, i % XD_LANES, received, &flights[i % XD_LANES]);
		}
		if (i >= STEP_AHEAD && i - STEP_AHEAD < n && flights[(i - STEP_AHEAD) % XD_LANES].drop == XD_PACKET_OK)
			xd_worker_fetch(&worker->base, (i - STEP_AHEAD) % XD_LANES);
		if (i >= 2 * STEP_AHEAD) {
			unsigned lane = (i - 2 * STEP_AHEAD) % XD_LANES;
			uint32_t len = land(worker, lane, &flights[lane], sent < tx_room);

			if (len == 0)
				xd_xsk_free(xsk, flights[lane].address);
			else
				*xsk_ring_prod__tx_desc(&xsk->tx, tx_at + sent++) =
					(struct xdp_desc){ .addr = flights[lane].address, .len = len };
		}
	}
	if (sent > 0 && xsk_ring_prod__reserve(&xsk->tx, sent, &tx_at) == sent)
		xsk_ring_prod__submit(&xsk->tx, sent);
	xsk->tx_count += sent;
	xd_count(worker->base.slot, XD_C_rx_packets, n);
	xd_count(worker->base.slot, XD_C_rx_bytes, bytes);
	xd_count(worker->base.slot, XD_C_batches, 1);
}

static uint32_t receive(struct xd_xdp_worker *worker)
{
	struct xd_xsk *xsk = &worker->xsk;
	uint32_t at;
	uint32_t n = xsk_ring_cons__peek(&xsk->rx, XD_XDP_BATCH, &at);

	if (n == 0)
		return 0;
	xsk->fill_count -= n;
	work_off(worker, at, n);
	xsk_ring_cons__release(&xsk->rx, n);
	return n;
}

static void tell_frames(struct xd_xdp_worker *worker)
{
	atomic_store_explicit(&worker->frames_free, worker->xsk.free_count, memory_order_relaxed);
	atomic_store_explicit(&worker->frames_receiving, worker->xsk.fill_count, memory_order_relaxed);
	atomic_store_explicit(&worker->frames_sending, worker->xsk.tx_count, memory_order_relaxed);
}

static void sleep_until_woken(struct xd_xdp_worker *worker)
{
	struct pollfd fds[2] = {
		{ .fd = worker->xsk.fd, .events = POLLIN },
		{ .fd = worker->base.crew->stop_fd, .events = POLLIN },
	};

	xd_worker_leave(&worker->base);
	xd_count(worker->base.slot, XD_C_wakeups, 1);
	poll(fds, 2, xd_xsk_has_unsent(&worker->xsk) ? SENDING_SLEEP_MS : SLEEP_MS);
}

/* Busy polling runs the driver's receive function in this thread, from a system call that finds nothing to do else. */
static void drive(struct xd_xdp_worker *worker)
{
	recvfrom(worker->xsk.fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
	xd_count(worker->base.slot, XD_C_wakeups, 1);
}

void xd_xdp_worker_run(struct xd_worker *base)
{
	struct xd_xdp_worker *worker = (struct xd_xdp_worker *)base;
	struct xd_xsk *xsk = &worker->xsk;

	while (!xd_worker_stops(base)) {
		uint32_t n;

		xd_worker_enter(base);
		n = receive(worker);
		xd_count(base->slot, XD_C_wakeups, xd_xsk_kick(xsk));
		xd_xsk_recycle(xsk);
		if (xsk->busy_poll || (xsk->zero_copy && xsk_ring_prod__needs_wakeup(&xsk->fill)))
			drive(worker);
		if (n > 0)
			continue;
		tell_frames(worker);
		if (!xsk->busy_poll)
			sleep_until_woken(worker);
	}
	tell_frames(worker);
}
