/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include "udp_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BYTES = 4 << 20 };

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* Beyond the system's limit where the process may, else up to it. */
static void set_buffers(int fd)
{
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES))
		set_int(fd, SOL_SOCKET, SO_RCVBUF, BUFFER_BYTES);
	if (set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES))
		set_int(fd, SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
}

/* OMIT: path MTU messages, which anyone can forge, do not make replies be fragmented to pieces of their choice. */
static int set_family_options(int fd, const struct xd_endpoint *endpoint)
{
	if (endpoint->family == 4) {
		set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
		return endpoint->is_wildcard ? set_int(fd, IPPROTO_IP, IP_PKTINFO, 1) : 0;
	}
	set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
	if (set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
		return -1;
	return endpoint->is_wildcard ? set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : 0;
}

/*
 * SO_REUSEPORT before bind shares an address with any other socket of this user that has it too. The first socket sets it
 * after bind, so that another program on the address is an error, and only sockets opened later can join.
 */
static int bind_socket(int fd, const struct xd_endpoint *endpoint, bool is_first)
{
	struct sockaddr_storage address;
	socklen_t len = xd_endpoint_sockaddr(endpoint, &address);

	if (!is_first && set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1))
		return -XD_E_SYSTEM;
	if (bind(fd, (struct sockaddr *)&address, len)) {
		if (errno == EADDRINUSE)
			return -XD_E_BUSY;
		return errno == EADDRNOTAVAIL ? -XD_E_NOT_FOUND : -XD_E_SYSTEM;
	}
	return is_first && set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) ? -XD_E_SYSTEM : 0;
}

int xd_udp_open(const struct xd_endpoint *endpoint, bool is_first, int *fd)
{
	int family = endpoint->family == 4 ? AF_INET : AF_INET6;
	int opened = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int result, failed;

	if (opened < 0)
		return -XD_E_SYSTEM;
	set_buffers(opened);
	result = set_family_options(opened, endpoint) ? -XD_E_SYSTEM : bind_socket(opened, endpoint, is_first);
	if (result) {
		failed = errno;
		close(opened);
		errno = failed;
		return result;
	}
	*fd = opened;
	return 0;
}

static void add_pktinfo(struct msghdr *message, const struct xd_handoff *addresses)
{
	struct in6_pktinfo info6 = { .ipi6_ifindex = 0 };
	struct in_pktinfo info4 = { .ipi_ifindex = 0 };
	bool is_ipv6 = addresses->family == 6;
	size_t bytes = is_ipv6 ? sizeof(info6) : sizeof(info4);
	struct cmsghdr *header = message->msg_control;

	header->cmsg_level = is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
	header->cmsg_type = is_ipv6 ? IPV6_PKTINFO : IP_PKTINFO;
	header->cmsg_len = CMSG_LEN(bytes);
	message->msg_controllen = CMSG_SPACE(bytes);
	memcpy(&info4.ipi_spec_dst, addresses->local, 4);
	memcpy(&info6.ipi6_addr, addresses->local, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&info6.ipi6_addr))
		info6.ipi6_ifindex = addresses->ifindex;
	memcpy(CMSG_DATA(header), is_ipv6 ? (void *)&info6 : (void *)&info4, bytes);
}

int xd_udp_send(int fd, const struct xd_handoff *addresses, const uint8_t *message, size_t len)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
	struct xd_endpoint remote = { .family = addresses->family, .port = addresses->remote_port };
	struct sockaddr_storage to;
	struct iovec part = { .iov_base = (void *)(uintptr_t)message, .iov_len = len };
	struct msghdr header = { .msg_name = &to, .msg_iov = &part, .msg_iovlen = 1, .msg_control = control };

	memcpy(remote.address, addresses->remote, sizeof(remote.address));
	if (remote.family == 6 && remote.address[0] == 0xfe && (remote.address[1] & 0xc0) == 0x80)
		remote.scope = addresses->ifindex;
	header.msg_namelen = xd_endpoint_sockaddr(&remote, &to);
	add_pktinfo(&header, addresses);
	return sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -XD_E_SYSTEM : 0;
}
