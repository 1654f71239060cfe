/* SPDX-License-Identifier: Apache-2.0 */
#include "xsk.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_BUSY_POLL_BUDGET
#define SO_BUSY_POLL_BUDGET 70
#endif
/* Linux 6.17: how many packets one system call may send in copy mode; 32 before. */
#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9
#endif

static int query_device(const char *interface, unsigned long request, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int result, failed;

	if (fd < 0)
		return -XD_E_SYSTEM;
	strncpy(ifr->ifr_name, interface, sizeof(ifr->ifr_name) - 1);
	ifr->ifr_name[sizeof(ifr->ifr_name) - 1] = 0;
	result = ioctl(fd, request, ifr);
	failed = errno;
	close(fd);
	errno = failed;
	if (result == 0)
		return 0;
	return failed == ENODEV ? -XD_E_NOT_FOUND : -XD_E_SYSTEM;
}

int xd_xsk_queue_count(const char *interface, uint32_t *count)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq ifr = { .ifr_data = (char *)&channels };
	int result = query_device(interface, SIOCETHTOOL, &ifr);

	*count = 1;
	if (result == -XD_E_NOT_FOUND)
		return result;
	/* Drivers that cannot say have one queue. */
	if (result == 0) {
		uint32_t pairs = channels.rx_count < channels.tx_count ? channels.rx_count : channels.tx_count;

		if (channels.combined_count + pairs > 0)
			*count = channels.combined_count + pairs;
	}
	return 0;
}

static int read_device(struct xd_xsk *xsk, const char *interface)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq ifr = { .ifr_data = (char *)&driver };
	int result;

	if (query_device(interface, SIOCETHTOOL, &ifr) == 0)
		xsk->is_partial = strcmp(driver.driver, "veth") == 0;
	result = query_device(interface, SIOCGIFMTU, &ifr);
	if (result == 0)
		xsk->mtu = (uint32_t)ifr.ifr_mtu;
	return result;
}

/* Both rings can be full and a batch in hand without running out of frames. */
static int create_umem(struct xd_xsk *xsk)
{
	struct xsk_umem_config config = {
		.fill_size = xsk->ring_size,
		.comp_size = xsk->ring_size,
		.frame_size = XD_FRAME_BYTES,
	};
	uint64_t bytes;
	int failed;

	xsk->frame_count = 2 * xsk->ring_size + XD_XDP_BATCH;
	bytes = (uint64_t)xsk->frame_count * XD_FRAME_BYTES;
	xsk->free = calloc(xsk->frame_count, sizeof(*xsk->free));
	if (!xsk->free)
		return -XD_E_NOMEM;
	xsk->area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (xsk->area == MAP_FAILED) {
		xsk->area = NULL;
		return -XD_E_NOMEM;
	}
	madvise(xsk->area, bytes, MADV_HUGEPAGE);
	failed = xsk_umem__create(&xsk->umem, xsk->area, bytes, &xsk->fill, &xsk->completion, &config);
	if (failed) {
		errno = -failed;
		return -XD_E_SYSTEM;
	}
	for (uint32_t i = 0; i < xsk->frame_count; i++)
		xsk->free[xsk->free_count++] = (uint64_t)i * XD_FRAME_BYTES;
	return 0;
}

static int bind_socket(struct xd_xsk *xsk, const char *interface, uint32_t queue, bool zero_copy)
{
	struct xsk_socket_config config = {
		.rx_size = xsk->ring_size,
		.tx_size = xsk->ring_size,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_USE_NEED_WAKEUP,
	};
	int failed;

	config.bind_flags = (uint16_t)(config.bind_flags | (zero_copy ? XDP_ZEROCOPY : XDP_COPY));
	failed = xsk_socket__create(&xsk->socket, interface, queue, xsk->umem, &xsk->rx, &xsk->tx, &config);
	if (!failed)
		return 0;
	xsk->socket = NULL;
	errno = -failed;
	if (failed == -EBUSY)
		return -XD_E_BUSY;
	return failed == -EOPNOTSUPP || failed == -EINVAL ? -XD_E_NO_XDP : -XD_E_SYSTEM;
}

/* Drivers without busy polling or the budget option work as well without: nothing here has to succeed. */
static void set_options(struct xd_xsk *xsk, const struct xd_xsk_options *options)
{
	int yes = 1;
	int us = (int)options->busy_poll_us;
	int budget = (int)options->busy_poll_budget;
	int tx_budget = (int)xsk->ring_size;

	setsockopt(xsk->fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &tx_budget, sizeof(tx_budget));
	if (us == 0)
		return;
	xsk->busy_poll = setsockopt(xsk->fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &yes, sizeof(yes)) == 0 &&
	                 setsockopt(xsk->fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us)) == 0 &&
	                 setsockopt(xsk->fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof(budget)) == 0;
}

static int init_once(struct xd_xsk *xsk, const char *interface, uint32_t queue, const struct xd_xsk_options *options,
                     bool zero_copy)
{
	int result;

	memset(xsk, 0, sizeof(*xsk));
	xsk->ring_size = options->ring_size;
	result = read_device(xsk, interface);
	if (!result)
		result = create_umem(xsk);
	if (!result) {
		/* Before bind: drivers leak buffers when they find it empty. */
		xd_xsk_recycle(xsk);
		result = bind_socket(xsk, interface, queue, zero_copy);
	}
	if (result) {
		int failed = errno;

		xd_xsk_uninit(xsk);
		errno = failed;
		return result;
	}
	xsk->fd = xsk_socket__fd(xsk->socket);
	xsk->zero_copy = zero_copy;
	set_options(xsk, options);
	return 0;
}

int xd_xsk_init(struct xd_xsk *xsk, const char *interface, uint32_t queue, const struct xd_xsk_options *options)
{
	uint32_t size = options->ring_size;
	int result;

	if (size < XD_XDP_BATCH || size > 32768 || (size & (size - 1)))
		return -XD_E_RANGE;
	if (options->zero_copy) {
		result = init_once(xsk, interface, queue, options, true);
		if (result != -XD_E_NO_XDP)
			return result;
	}
	return init_once(xsk, interface, queue, options, false);
}

void xd_xsk_uninit(struct xd_xsk *xsk)
{
	if (xsk->socket)
		xsk_socket__delete(xsk->socket);
	if (xsk->umem)
		xsk_umem__delete(xsk->umem);
	if (xsk->area)
		munmap(xsk->area, (uint64_t)xsk->frame_count * XD_FRAME_BYTES);
	free(xsk->free);
	memset(xsk, 0, sizeof(*xsk));
}

int xd_xsk_insert(const struct xd_xsk *xsk, const char *pin, uint32_t queue)
{
	int map = bpf_obj_get(pin);
	int result, failed;

	if (map < 0)
		return errno == ENOENT ? -XD_E_NOT_FOUND : -XD_E_SYSTEM;
	result = bpf_map_update_elem(map, &queue, &xsk->fd, BPF_ANY) ? -XD_E_SYSTEM : 0;
	failed = errno;
	close(map);
	errno = failed;
	return result;
}

static void collect_completed(struct xd_xsk *xsk)
{
	uint32_t at;
	uint32_t n = xsk_ring_cons__peek(&xsk->completion, xsk->ring_size, &at);

	for (uint32_t i = 0; i < n; i++)
		xd_xsk_free(xsk, *xsk_ring_cons__comp_addr(&xsk->completion, at + i));
	if (n > 0)
		xsk_ring_cons__release(&xsk->completion, n);
	xsk->tx_count -= n;
}

void xd_xsk_recycle(struct xd_xsk *xsk)
{
	uint32_t room, n, at;

	if (xsk->tx_count > 0)
		collect_completed(xsk);
	room = xsk_prod_nb_free(&xsk->fill, xsk->ring_size);
	n = room < xsk->free_count ? room : xsk->free_count;
	if (n == 0 || xsk_ring_prod__reserve(&xsk->fill, n, &at) != n)
		return;
	for (uint32_t i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&xsk->fill, at + i) = xsk->free[--xsk->free_count];
	xsk_ring_prod__submit(&xsk->fill, n);
	xsk->fill_count += n;
}

bool xd_xsk_has_unsent(const struct xd_xsk *xsk)
{
	return __atomic_load_n(xsk->tx.consumer, __ATOMIC_ACQUIRE) != xsk->tx.cached_prod;
}

/* Before Linux 6.17 copy mode takes 32 packets a call and says EAGAIN; going on is right as long as it gets further. */
uint32_t xd_xsk_kick(struct xd_xsk *xsk)
{
	uint32_t calls = 0;

	while (xd_xsk_has_unsent(xsk) && xsk_ring_prod__needs_wakeup(&xsk->tx)) {
		uint32_t before = __atomic_load_n(xsk->tx.consumer, __ATOMIC_ACQUIRE);

		calls++;
		if (sendto(xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0 || errno != EAGAIN)
			break;
		if (__atomic_load_n(xsk->tx.consumer, __ATOMIC_ACQUIRE) == before)
			break;
	}
	return calls;
}
