/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/*
 * What the XDP filter and user space share: the reasons packets are counted under, the configuration, the pins.
 *
 * The filter's maps are pinned as <bpffs>/xdpdns/<directory of the interface>/XD_FILTER_PIN_*:
 *   xskmap     XSKMAP, RX queue -> AF_XDP socket. The engine puts its sockets in; a closed socket leaves by itself.
 *   counters   per-CPU array of __u64, indexed by enum xd_filter_reason. Written by the filter only.
 *   config     array of one struct xd_filter_config. Written by the loader before the filter is attached.
 *   addresses  hash, struct xd_filter_address -> __u8 (unused). Written like config.
 */
#ifndef XDPDNS_SHARED_H
#define XDPDNS_SHARED_H

#include <linux/types.h>

/* Grows whenever a struct, a map or the order of the reasons changes. */
#define XD_FILTER_LAYOUT 1u

#define XD_FILTER_PIN_DIR "xdpdns"
#define XD_FILTER_PIN_LINK "link"
#define XD_FILTER_PIN_PROG "prog"
#define XD_FILTER_PIN_XSKMAP "xskmap"
#define XD_FILTER_PIN_COUNTERS "counters"
#define XD_FILTER_PIN_CONFIG "config"
#define XD_FILTER_PIN_ADDRESSES "addresses"

/* Ports are tried one after the other, addresses are looked up. */
#define XD_FILTER_PORTS_MAX 16u
#define XD_FILTER_ADDRESSES_MAX 1024u
/* The least number of XSKMAP entries; the loader asks for more where the interface has more RX queues. */
#define XD_FILTER_QUEUES_MIN 64u
#define XD_FILTER_IFNAME_BYTES 16u

/*
 * X(name, verdict, help): every packet is counted once, under the first reason that applies.
 * A redirected packet that its socket has no room for is counted there as well (XDP_STATISTICS, rx_ring_full).
 */
#define XD_FILTER_REASON_TABLE(X) \
	X(redirect_query, REDIRECT, "queries handed to a worker") \
	X(redirect_odd, REDIRECT, "queries with a malformed question or not exactly one, handed to a worker") \
	X(pass_no_worker, PASS, "queries on a queue without a worker") \
	X(pass_multicast, PASS, "multicast and broadcast frames and destinations") \
	X(pass_not_ip, PASS, "neither IPv4 nor IPv6, such as ARP") \
	X(pass_vlan, PASS, "more than two VLAN tags") \
	X(pass_ipv4_options, PASS, "IPv4 with options") \
	X(pass_fragment, PASS, "fragments") \
	X(pass_ipv6_extension, PASS, "IPv6 with extension headers") \
	X(pass_not_udp, PASS, "TCP, ICMP and other protocols") \
	X(pass_length, PASS, "headers cut short, or lengths that contradict each other") \
	X(pass_port, PASS, "UDP to other ports") \
	X(pass_address, PASS, "UDP to a served port of other addresses") \
	X(pass_short_dns, PASS, "messages shorter than a DNS header") \
	X(pass_response, PASS, "DNS responses") \
	X(pass_opcode, PASS, "UPDATE, NOTIFY and every other opcode but QUERY") \
	X(pass_transfer, PASS, "AXFR and IXFR")

enum xd_filter_reason {
#define X(name, verdict, help) XD_F_##name,
	XD_FILTER_REASON_TABLE(X)
#undef X
		XD_F_COUNT
};

/* How the filter is attached. */
enum xd_filter_mode { XD_FILTER_NATIVE = 1, XD_FILTER_GENERIC = 2 };

struct xd_filter_config {
	__u32 layout;        /* XD_FILTER_LAYOUT */
	__u32 ifindex;       /* the interface, within its network namespace */
	__u64 netns_cookie;  /* SO_NETNS_COOKIE of that namespace */
	__u32 mode;          /* enum xd_filter_mode */
	__u32 queue_count;   /* RX queues of the interface when the filter was loaded */
	__u32 port_count;    /* 1 .. XD_FILTER_PORTS_MAX */
	__u32 address_count; /* 0: every address */
	__u16 ports_be16[XD_FILTER_PORTS_MAX];
	char ifname[XD_FILTER_IFNAME_BYTES]; /* closed by a zero octet */
};

/* IPv6 address, or IPv4 address as ::ffff:a.b.c.d. */
struct xd_filter_address {
	__u8 octets[16];
};

_Static_assert(sizeof(struct xd_filter_config) == 80, "no padding: user space packs it by hand");
_Static_assert(sizeof(struct xd_filter_address) == 16, "key of a hash map");
_Static_assert(XD_F_redirect_query == 0 && XD_F_redirect_odd == 1, "redirects come first: user space sums them up");

#endif
