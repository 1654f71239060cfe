/* SPDX-License-Identifier: Apache-2.0 */
#include "handoff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

struct xd_handoff_port {
	int fd;
	struct sockaddr_un peer;
};

static int set_path(struct sockaddr_un *address, const char *path)
{
	size_t len = strlen(path);

	if (len >= sizeof(address->sun_path))
		return -XD_E_RANGE;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, len);
	return 0;
}

int xd_handoff_create(const char *own_path, const char *peer_path, struct xd_handoff_port **out)
{
	struct xd_handoff_port *port = calloc(1, sizeof(*port));
	struct sockaddr_un own;
	int result = -XD_E_SYSTEM;
	int failed;

	if (!port)
		return -XD_E_NOMEM;
	port->fd = -1;
	if (set_path(&own, own_path) || set_path(&port->peer, peer_path)) {
		result = -XD_E_RANGE;
		goto free;
	}
	port->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (port->fd < 0)
		goto free;
	unlink(own_path);
	if (bind(port->fd, (struct sockaddr *)&own, sizeof(own)) || chmod(own_path, 0660))
		goto free;
	*out = port;
	return 0;
free:
	failed = errno;
	xd_handoff_free(port);
	errno = failed;
	return result;
}

void xd_handoff_free(struct xd_handoff_port *port)
{
	if (!port)
		return;
	if (port->fd >= 0)
		close(port->fd);
	free(port);
}

int xd_handoff_fd(const struct xd_handoff_port *port)
{
	return port->fd;
}

int xd_handoff_send(const struct xd_handoff_port *port, struct xd_handoff *header, const uint8_t *message, size_t len)
{
	struct sockaddr_un peer = port->peer;
	struct iovec parts[2] = {
		{ .iov_base = header, .iov_len = sizeof(*header) },
		{ .iov_base = (void *)(uintptr_t)message, .iov_len = len },
	};
	struct msghdr datagram = { .msg_name = &peer, .msg_namelen = sizeof(peer), .msg_iov = parts, .msg_iovlen = 2 };

	header->magic = XD_HANDOFF_MAGIC;
	header->message_len = (uint16_t)len;
	return sendmsg(port->fd, &datagram, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -XD_E_BUSY : 0;
}

int xd_handoff_receive(const struct xd_handoff_port *port, uint8_t *buffer, size_t room, struct xd_handoff *header,
                       uint8_t **message)
{
	ssize_t len = recv(port->fd, buffer, room, MSG_DONTWAIT | MSG_TRUNC);

	if (len < 0)
		return errno == EAGAIN || errno == EINTR ? -XD_E_NOT_FOUND : -XD_E_SYSTEM;
	if ((size_t)len < sizeof(*header) || (size_t)len > room)
		return -XD_E_RANGE;
	memcpy(header, buffer, sizeof(*header));
	if (header->magic != XD_HANDOFF_MAGIC || (header->family != 4 && header->family != 6) ||
	    header->message_len != (size_t)len - sizeof(*header))
		return -XD_E_RANGE;
	*message = buffer + sizeof(*header);
	return 0;
}
