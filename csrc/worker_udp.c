/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include "worker_udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SLEEP_MS = 1000, CONTROL_BYTES = 64 };

_Static_assert(CONTROL_BYTES >= CMSG_SPACE(sizeof(struct in6_pktinfo)), "room for either pktinfo");

struct datagram {
	struct sockaddr_storage remote;
	struct iovec part;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
	xd_reply reply;
};

struct xd_udp_batch {
	struct mmsghdr in[XD_UDP_BATCH];
	struct mmsghdr out[XD_UDP_BATCH];
	uint8_t from[XD_UDP_BATCH]; /* index of the datagram that each of `out` replies to */
	struct datagram datagrams[XD_UDP_BATCH];
	uint8_t *messages; /* XD_UDP_ROOM octets each; pages that are never used take no memory */
	struct pollfd polled[XD_LISTEN_MAX + 1];
};

_Static_assert(XD_UDP_BATCH <= 256, "an index fits in an octet");

/* Undoes what receiving and answering the first `count` datagrams changed. */
static void prepare(struct xd_udp_batch *batch, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct datagram *datagram = &batch->datagrams[i];

		datagram->part =
			(struct iovec){ .iov_base = batch->messages + (size_t)i * XD_UDP_ROOM, .iov_len = XD_UDP_ROOM };
		batch->in[i].msg_hdr = (struct msghdr){
			.msg_name = &datagram->remote,
			.msg_namelen = sizeof(datagram->remote),
			.msg_iov = &datagram->part,
			.msg_iovlen = 1,
			.msg_control = datagram->control,
			.msg_controllen = CONTROL_BYTES,
		};
	}
}

int xd_udp_worker_init(struct xd_udp_worker *worker, const struct xd_endpoint *endpoints, uint32_t count)
{
	worker->endpoints = endpoints;
	worker->count = count;
	worker->fds = malloc((count + 1) * sizeof(*worker->fds));
	worker->batch = calloc(1, sizeof(*worker->batch));
	if (!worker->fds || !worker->batch)
		goto free;
	for (uint32_t i = 0; i < count; i++)
		worker->fds[i] = -1;
	worker->batch->messages = mmap(NULL, (size_t)XD_UDP_BATCH * XD_UDP_ROOM, PROT_READ | PROT_WRITE,
	                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (worker->batch->messages == MAP_FAILED)
		goto free;
	prepare(worker->batch, XD_UDP_BATCH);
	return 0;
free:
	free(worker->fds);
	free(worker->batch);
	worker->fds = NULL;
	worker->batch = NULL;
	return -XD_E_NOMEM;
}

void xd_udp_worker_uninit(struct xd_udp_worker *worker)
{
	if (!worker->batch)
		return;
	for (uint32_t i = 0; i < worker->count; i++) {
		if (worker->fds[i] >= 0)
			close(worker->fds[i]);
	}
	munmap(worker->batch->messages, (size_t)XD_UDP_BATCH * XD_UDP_ROOM);
	free(worker->fds);
	free(worker->batch);
	worker->fds = NULL;
	worker->batch = NULL;
}

/* Where a socket of one address asks for nothing, replies leave from that address by themselves. */
static struct cmsghdr *pktinfo(struct msghdr *message)
{
	return message->msg_controllen > 0 ? CMSG_FIRSTHDR(message) : NULL;
}

/* From the address that was asked; the way is up to routing, but for link-local addresses. */
static void turn_pktinfo(struct msghdr *message)
{
	struct cmsghdr *header = pktinfo(message);
	struct in_pktinfo info4;
	struct in6_pktinfo info6;

	if (!header)
		return;
	if (header->cmsg_level == IPPROTO_IP) {
		memcpy(&info4, CMSG_DATA(header), sizeof(info4));
		info4.ipi_ifindex = 0;
		memcpy(CMSG_DATA(header), &info4, sizeof(info4));
		return;
	}
	memcpy(&info6, CMSG_DATA(header), sizeof(info6));
	if (!IN6_IS_ADDR_LINKLOCAL(&info6.ipi6_addr))
		info6.ipi6_ifindex = 0;
	memcpy(CMSG_DATA(header), &info6, sizeof(info6));
}

static void set_remote(struct xd_handoff *header, const struct sockaddr_storage *remote)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)remote;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)remote;

	if (remote->ss_family == AF_INET) {
		header->family = 4;
		header->remote_port = ntohs(in->sin_port);
		memcpy(header->remote, &in->sin_addr, 4);
		return;
	}
	header->family = 6;
	header->remote_port = ntohs(in6->sin6_port);
	header->ifindex = in6->sin6_scope_id;
	memcpy(header->remote, &in6->sin6_addr, 16);
}

static void hand_off(struct xd_udp_worker *worker, const struct xd_endpoint *endpoint, struct msghdr *message, size_t len)
{
	struct cmsghdr *control = pktinfo(message);
	struct xd_handoff header = { .transport = XD_WORKER_UDP, .local_port = endpoint->port };

	set_remote(&header, message->msg_name);
	memcpy(header.local, endpoint->address, sizeof(header.local));
	if (control && control->cmsg_level == IPPROTO_IP)
		memcpy(header.local, CMSG_DATA(control) + offsetof(struct in_pktinfo, ipi_addr), 4);
	else if (control)
		memcpy(header.local, CMSG_DATA(control) + offsetof(struct in6_pktinfo, ipi6_addr), 16);
	xd_worker_handoff(&worker->base, &header, message->msg_iov->iov_base, len);
}

static bool is_from_port_0(const struct sockaddr_storage *remote)
{
	/* The port is at the same place in either family. */
	return ((const struct sockaddr_in *)remote)->sin_port == 0;
}

static const uint8_t *address_of(const struct sockaddr_storage *remote)
{
	if (remote->ss_family == AF_INET)
		return (const uint8_t *)&((const struct sockaddr_in *)remote)->sin_addr;
	return (const uint8_t *)&((const struct sockaddr_in6 *)remote)->sin6_addr;
}

/* Answers datagram `i`; true when its reply is the next to send. */
static bool answer_datagram(struct xd_udp_worker *worker, const struct xd_endpoint *endpoint, unsigned int i)
{
	struct mmsghdr *in = &worker->batch->in[i];
	struct datagram *datagram = &worker->batch->datagrams[i];
	struct xd_worker_slot *slot = worker->base.slot;
	xd_client client = { .address = NULL };

	xd_count(slot, XD_C_rx_bytes, in->msg_len);
	if ((in->msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || is_from_port_0(&datagram->remote)) {
		xd_count(slot, is_from_port_0(&datagram->remote) ? XD_C_drop_source : XD_C_drop_malformed, 1);
		return false;
	}
	client.transport = endpoint->family == 6 ? XD_UDP6 : XD_UDP4;
	client.address = address_of(&datagram->remote);
	xd_worker_answer(&worker->base, &client, datagram->part.iov_base, in->msg_len, XD_MSG_MAX, &datagram->reply);
	if (datagram->reply.verdict == XD_HANDOFF)
		hand_off(worker, endpoint, &in->msg_hdr, in->msg_len);
	if (datagram->reply.verdict != XD_REPLY)
		return false;
	datagram->part.iov_len = datagram->reply.len;
	turn_pktinfo(&in->msg_hdr);
	return true;
}

/* A reply that the kernel refuses (no route, firewall, full buffer) is dropped; those behind it get their turn. */
static void send_replies(struct xd_udp_worker *worker, int fd, unsigned int count)
{
	struct xd_udp_batch *batch = worker->batch;
	unsigned int done = 0;

	while (done < count) {
		int sent = sendmmsg(fd, batch->out + done, count - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		xd_count(worker->base.slot, XD_C_wakeups, 1);
		if (sent <= 0) {
			xd_count(worker->base.slot, XD_C_drop_tx_full, 1);
			done++;
			continue;
		}
		for (unsigned int end = done + (unsigned int)sent; done < end; done++) {
			const xd_reply *reply = &batch->datagrams[batch->from[done]].reply;

			xd_worker_count_reply(&worker->base, reply, reply->len);
		}
	}
}

/* One batch from a socket. */
static void serve(struct xd_udp_worker *worker, uint32_t which)
{
	const struct xd_endpoint *endpoint = &worker->endpoints[which];
	struct xd_udp_batch *batch = worker->batch;
	unsigned int replies = 0;
	int received;

	received = recvmmsg(worker->fds[which], batch->in, XD_UDP_BATCH, MSG_DONTWAIT, NULL);
	xd_count(worker->base.slot, XD_C_wakeups, 1);
	if (received <= 0)
		return;
	xd_worker_enter(&worker->base);
	for (unsigned int i = 0; i < (unsigned int)received; i++) {
		if (!answer_datagram(worker, endpoint, i))
			continue;
		batch->out[replies].msg_hdr = batch->in[i].msg_hdr;
		batch->from[replies++] = (uint8_t)i;
	}
	xd_count(worker->base.slot, XD_C_rx_packets, (uint64_t)received);
	xd_count(worker->base.slot, XD_C_batches, 1);
	send_replies(worker, worker->fds[which], replies);
	prepare(batch, (unsigned int)received);
}

void xd_udp_worker_run(struct xd_worker *base)
{
	struct xd_udp_worker *worker = (struct xd_udp_worker *)base;
	struct pollfd *polled = worker->batch->polled;

	for (uint32_t i = 0; i < worker->count; i++)
		polled[i] = (struct pollfd){ .fd = worker->fds[i], .events = POLLIN };
	polled[worker->count] = (struct pollfd){ .fd = base->crew->stop_fd, .events = POLLIN };
	while (!xd_worker_stops(base)) {
		xd_worker_leave(base);
		xd_count(base->slot, XD_C_wakeups, 1);
		if (poll(polled, worker->count + 1, SLEEP_MS) <= 0)
			continue;
		for (uint32_t i = 0; i < worker->count; i++) {
			/* A full batch means that there may be more; the other sockets come first. */
			if (polled[i].revents)
				serve(worker, i);
		}
	}
}
