/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/*
 * The XDP filter: redirects to XSKMAP[rx_queue_index] exactly what the workers can answer, passes everything else to the
 * kernel. What decides is written at each step; what is counted, in xdpdns_shared.h.
 *
 * Compiled by BCC when it is loaded. XD_FILTER_QUEUES (entries of the XSKMAP) is defined by the loader.
 *
 * A VLAN tag that the NIC has stripped is not in the frame and would be missing in the reply: VLAN offload has to be off
 * on interfaces that carry tagged traffic (scripts/tune-nic).
 */
/* The kernel compares the text of the licence. */
/* clang-format off */
#define BPF_LICENSE Dual BSD/GPL
/* clang-format on */

#include <uapi/linux/bpf.h>
#include <uapi/linux/if_ether.h>
#include <uapi/linux/in.h>
#include <uapi/linux/ip.h>
#include <uapi/linux/ipv6.h>
#include <uapi/linux/udp.h>

#include "xdpdns_shared.h"

#define VLAN_TAGS_MAX 2
#define IPV4_FRAGMENT_MASK 0x3fff /* MF and the offset (RFC 791, section 3.1) */

#define DNS_HEADER_BYTES 12
#define DNS_QUESTION_END_BYTES 5 /* root label, QTYPE, QCLASS */
#define DNS_QR 0x80
#define DNS_OPCODE_MASK 0x78
#define DNS_LABEL_MAX 63
#define DNS_NAME_MAX 255
#define DNS_LABELS_MAX 127
#define DNS_TYPE_IXFR 251
#define DNS_TYPE_AXFR 252

BPF_XSKMAP(xskmap, XD_FILTER_QUEUES);
BPF_PERCPU_ARRAY(counters, __u64, XD_F_COUNT);
BPF_ARRAY(config, struct xd_filter_config, 1);
BPF_HASH(addresses, struct xd_filter_address, __u8, XD_FILTER_ADDRESSES_MAX);

struct vlan_tag {
	__be16 tci;
	__be16 type;
};

/* What is left of the frame; no octet is read that was not compared with `end` before. */
struct cursor {
	__u8 *pos;
	__u8 *end;
};

/* Destination as found in the IP header. */
struct destination {
	struct xd_filter_address address;
	__u8 multicast;
};

/* Steps over `bytes` octets and returns where they start, NULL when the frame ends before. */
static __always_inline void *take(struct cursor *frame, __u32 bytes)
{
	__u8 *start = frame->pos;

	if (start + bytes > frame->end)
		return NULL;
	frame->pos = start + bytes;
	return start;
}

static __always_inline int is_vlan(__be16 type)
{
	return type == htons(ETH_P_8021Q) || type == htons(ETH_P_8021AD);
}

/* QTYPE of the only question; a question that cannot be read to its end goes to the workers, who answer FORMERR. */
static __always_inline enum xd_filter_reason judge_question(const __u8 *msg, __u32 msg_bytes, const __u8 *end)
{
	__u32 off = DNS_HEADER_BYTES;
	const __u8 *type;

	for (int i = 0; i <= DNS_LABELS_MAX; i++) {
		__u8 label;

		if (off + DNS_QUESTION_END_BYTES > msg_bytes || msg + off + DNS_QUESTION_END_BYTES > end)
			return XD_F_redirect_odd;
		label = msg[off];
		if (label == 0) {
			type = msg + off + 1;
			if (type[0] == 0 && (type[1] == DNS_TYPE_IXFR || type[1] == DNS_TYPE_AXFR))
				return XD_F_pass_transfer;
			return XD_F_redirect_query;
		}
		/* RFC 1035, section 4.1.4: a pointer in the first name of a message has nothing to point to. */
		if (label > DNS_LABEL_MAX)
			return XD_F_redirect_odd;
		off += label + 1u;
		if (off >= DNS_HEADER_BYTES + DNS_NAME_MAX)
			return XD_F_redirect_odd;
	}
	return XD_F_redirect_odd;
}

static __always_inline enum xd_filter_reason judge_message(struct cursor *frame, __u32 msg_bytes)
{
	const __u8 *msg = take(frame, DNS_HEADER_BYTES);

	if (!msg || msg_bytes < DNS_HEADER_BYTES)
		return XD_F_pass_short_dns;
	if (msg[2] & DNS_QR)
		return XD_F_pass_response;
	if (msg[2] & DNS_OPCODE_MASK)
		return XD_F_pass_opcode;
	if (msg[4] != 0 || msg[5] != 1) /* QDCOUNT */
		return XD_F_redirect_odd;
	return judge_question(msg, msg_bytes, frame->end);
}

static __always_inline int is_served_port(const struct xd_filter_config *conf, __be16 port)
{
	for (__u32 i = 0; i < XD_FILTER_PORTS_MAX; i++) {
		if (i >= conf->port_count)
			return 0;
		if (conf->ports_be16[i] == port)
			return 1;
	}
	return 0;
}

/* `bytes`: length of the IP payload by the IP header, all of it in the frame. */
static __always_inline enum xd_filter_reason judge_udp(struct cursor *frame, __u32 bytes, struct destination *dest)
{
	const struct udphdr *udp = take(frame, sizeof(*udp));
	struct xd_filter_config *conf;
	int zero = 0;

	if (!udp || bytes < sizeof(*udp) || ntohs(udp->len) != bytes)
		return XD_F_pass_length;
	conf = config.lookup(&zero);
	if (!conf || !is_served_port(conf, udp->dest))
		return XD_F_pass_port;
	if (dest->multicast)
		return XD_F_pass_multicast;
	if (conf->address_count > 0 && !addresses.lookup(&dest->address))
		return XD_F_pass_address;
	return judge_message(frame, bytes - (__u32)sizeof(*udp));
}

static __always_inline enum xd_filter_reason judge_ipv4(struct cursor *frame)
{
	__u64 frame_bytes = (__u64)(frame->end - frame->pos);
	const struct iphdr *ip = take(frame, sizeof(*ip));
	struct destination dest = {};
	__u32 total, host;

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return XD_F_pass_length;
	if (ip->ihl > 5)
		return XD_F_pass_ipv4_options;
	if (ip->frag_off & htons(IPV4_FRAGMENT_MASK))
		return XD_F_pass_fragment;
	if (ip->protocol != IPPROTO_UDP)
		return XD_F_pass_not_udp;
	total = ntohs(ip->tot_len);
	if (total < sizeof(*ip) || total > frame_bytes)
		return XD_F_pass_length;
	host = ntohl(ip->daddr);
	dest.multicast = (host & 0xf0000000) == 0xe0000000 || host == 0xffffffff;
	dest.address.octets[10] = 0xff;
	dest.address.octets[11] = 0xff;
	__builtin_memcpy(dest.address.octets + 12, &ip->daddr, 4);
	return judge_udp(frame, total - (__u32)sizeof(*ip), &dest);
}

/* RFC 7045, section 4: the registered extension headers. */
static __always_inline int is_extension(__u8 next_header)
{
	switch (next_header) {
	case 0:   /* hop-by-hop options */
	case 43:  /* routing */
	case 50:  /* encapsulating security payload */
	case 51:  /* authentication */
	case 60:  /* destination options */
	case 135: /* mobility */
	case 139: /* host identity */
	case 140: /* shim6 */
		return 1;
	default:
		return 0;
	}
}

static __always_inline enum xd_filter_reason judge_ipv6(struct cursor *frame)
{
	const struct ipv6hdr *ip = take(frame, sizeof(*ip));
	struct destination dest = {};
	__u32 payload;

	if (!ip || ip->version != 6)
		return XD_F_pass_length;
	if (ip->nexthdr == 44)
		return XD_F_pass_fragment;
	if (is_extension(ip->nexthdr))
		return XD_F_pass_ipv6_extension;
	if (ip->nexthdr != IPPROTO_UDP)
		return XD_F_pass_not_udp;
	payload = ntohs(ip->payload_len);
	if (payload > (__u64)(frame->end - frame->pos))
		return XD_F_pass_length;
	dest.multicast = ip->daddr.s6_addr[0] == 0xff;
	__builtin_memcpy(dest.address.octets, &ip->daddr, 16);
	return judge_udp(frame, payload, &dest);
}

static __always_inline enum xd_filter_reason judge_frame(struct cursor *frame)
{
	const struct ethhdr *eth = take(frame, sizeof(*eth));
	__be16 type;

	if (!eth)
		return XD_F_pass_length;
	if (eth->h_dest[0] & 1)
		return XD_F_pass_multicast;
	type = eth->h_proto;
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		if (is_vlan(type)) {
			const struct vlan_tag *tag = take(frame, sizeof(*tag));

			if (!tag)
				return XD_F_pass_length;
			type = tag->type;
		}
	}
	if (type == htons(ETH_P_IP))
		return judge_ipv4(frame);
	if (type == htons(ETH_P_IPV6))
		return judge_ipv6(frame);
	return is_vlan(type) ? XD_F_pass_vlan : XD_F_pass_not_ip;
}

static __always_inline void count(enum xd_filter_reason reason)
{
	int index = reason;
	__u64 *counter = counters.lookup(&index);

	if (counter)
		*counter += 1;
}

int xdpdns_filter(struct xdp_md *ctx)
{
	struct cursor frame = { .pos = (__u8 *)(long)ctx->data, .end = (__u8 *)(long)ctx->data_end };
	enum xd_filter_reason reason = judge_frame(&frame);
	int verdict = XDP_PASS;

	if (reason <= XD_F_redirect_odd) {
		verdict = xskmap.redirect_map(ctx->rx_queue_index, XDP_PASS);
		if (verdict != XDP_REDIRECT)
			reason = XD_F_pass_no_worker;
	}
	count(reason);
	return verdict;
}
