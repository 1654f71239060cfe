/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#include <arpa/inet.h>
#include <string.h>

#include "checksum.h"
#include "counters.h"

enum {
	ETHER_BYTES = 14,
	VLAN_BYTES = 4,
	VLAN_TAGS_MAX = 2,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	UDP_BYTES = 8,
	PROTO_UDP = 17,
	REPLY_HOPS = 64,
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	IPV4_DONT_FRAGMENT = 0x4000,
	IPV4_FRAGMENT_BITS = 0x3fff, /* more fragments, and the offset */
};

_Static_assert(XD_PACKET_HEADERS_MAX == ETHER_BYTES + VLAN_TAGS_MAX * VLAN_BYTES + IPV6_BYTES + UDP_BYTES, "headers add up");

static uint16_t get_be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void set_be16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Checksums are stored as they are summed: in memory byte order. */
static uint16_t get_sum(const uint8_t *at)
{
	uint16_t sum;

	memcpy(&sum, at, sizeof(sum));
	return sum;
}

static void set_sum(uint8_t *at, uint16_t sum)
{
	memcpy(at, &sum, sizeof(sum));
}

static size_t address_bytes(const struct xd_packet *packet)
{
	return packet->is_ipv6 ? 16 : 4;
}

const uint8_t *xd_packet_remote(const uint8_t *frame, const struct xd_packet *packet)
{
	return frame + packet->ip + (packet->is_ipv6 ? 8 : 12);
}

const uint8_t *xd_packet_local(const uint8_t *frame, const struct xd_packet *packet)
{
	return xd_packet_remote(frame, packet) + address_bytes(packet);
}

uint16_t xd_packet_remote_port(const uint8_t *frame, const struct xd_packet *packet)
{
	return get_be16(frame + packet->udp);
}

uint16_t xd_packet_local_port(const uint8_t *frame, const struct xd_packet *packet)
{
	return get_be16(frame + packet->udp + 2);
}

/* The pseudo-header of RFC 768 and RFC 8200, section 8.1: both addresses lie side by side in the IP header. */
static uint64_t pseudo_sum(const uint8_t *frame, const struct xd_packet *packet, size_t udp_len)
{
	uint64_t sum = (uint64_t)htons((uint16_t)udp_len) + htons(PROTO_UDP);

	return xd_checksum_add(sum, xd_packet_remote(frame, packet), 2 * address_bytes(packet));
}

static int parse_ipv4(const uint8_t *ip, size_t len, size_t *payload_len)
{
	size_t total;

	if (len < IPV4_BYTES)
		return XD_C_drop_short;
	if (ip[0] >> 4 != 4 || (ip[0] & 15) < 5)
		return XD_C_drop_malformed;
	if ((ip[0] & 15) != 5 || (get_be16(ip + 6) & IPV4_FRAGMENT_BITS) || ip[9] != PROTO_UDP)
		return XD_C_drop_unsupported;
	if (xd_checksum_fold(xd_checksum_add(0, ip, IPV4_BYTES)) != 0xffff)
		return XD_C_drop_ip_checksum;
	total = get_be16(ip + 2);
	if (total < IPV4_BYTES)
		return XD_C_drop_malformed;
	if (total > len)
		return XD_C_drop_short;
	*payload_len = total - IPV4_BYTES;
	return XD_PACKET_OK;
}

static int parse_ipv6(const uint8_t *ip, size_t len, size_t *payload_len)
{
	if (len < IPV6_BYTES)
		return XD_C_drop_short;
	if (ip[0] >> 4 != 6)
		return XD_C_drop_malformed;
	if (ip[6] != PROTO_UDP)
		return XD_C_drop_unsupported;
	*payload_len = get_be16(ip + 4);
	if (*payload_len > len - IPV6_BYTES)
		return XD_C_drop_short;
	return XD_PACKET_OK;
}

/*
 * The UDP length may be below the IP payload (RFC 9868 keeps options there) but never above. No checksum is allowed over
 * IPv4 (RFC 768) and forbidden over IPv6 (RFC 8200, section 8.1).
 */
static int parse_udp(const uint8_t *frame, size_t payload_len, bool partial, struct xd_packet *packet)
{
	const uint8_t *udp = frame + packet->udp;
	size_t udp_len;
	uint64_t pseudo;

	if (payload_len < UDP_BYTES)
		return XD_C_drop_short;
	udp_len = get_be16(udp + 4);
	if (udp_len < UDP_BYTES || udp_len > payload_len)
		return XD_C_drop_malformed;
	packet->message_len = (uint16_t)(udp_len - UDP_BYTES);
	if (get_sum(udp + 6) == 0)
		return packet->is_ipv6 ? XD_C_drop_udp_checksum : XD_PACKET_OK;
	pseudo = pseudo_sum(frame, packet, udp_len);
	if (xd_checksum_fold(xd_checksum_add(pseudo, udp, udp_len)) == 0xffff)
		return XD_PACKET_OK;
	packet->is_partial = partial && get_sum(udp + 6) == xd_checksum_fold(pseudo);
	return packet->is_partial ? XD_PACKET_OK : XD_C_drop_udp_checksum;
}

/* Nothing is sent to port 0, groups, broadcast, this host, nobody, or to the address that was asked (a spoofed loop). */
static bool is_answerable_ipv4(const uint8_t *source, const uint8_t *destination)
{
	return source[0] != 0 && source[0] != 127 && source[0] < 224 && memcmp(source, destination, 4) != 0;
}

static bool is_answerable_ipv6(const uint8_t *source, const uint8_t *destination)
{
	static const uint8_t unspecified_or_loopback[15] = { 0 };

	if (source[0] == 0xff || (memcmp(source, unspecified_or_loopback, 15) == 0 && source[15] <= 1))
		return false;
	return memcmp(source, destination, 16) != 0;
}

static int check_ends(const uint8_t *frame, const struct xd_packet *packet)
{
	const uint8_t *source = xd_packet_remote(frame, packet);
	const uint8_t *destination = xd_packet_local(frame, packet);
	bool is_group = packet->is_ipv6 ? destination[0] == 0xff : destination[0] >= 224 || destination[0] == 0;

	if ((frame[0] & 1) || is_group)
		return XD_C_drop_address;
	if ((frame[6] & 1) || xd_packet_remote_port(frame, packet) == 0)
		return XD_C_drop_source;
	if (!(packet->is_ipv6 ? is_answerable_ipv6(source, destination) : is_answerable_ipv4(source, destination)))
		return XD_C_drop_source;
	return XD_PACKET_OK;
}

int xd_packet_parse(const uint8_t *frame, size_t len, bool partial, struct xd_packet *packet)
{
	size_t at = ETHER_BYTES;
	size_t payload_len = 0;
	uint16_t type;
	int drop;

	if (len < ETHER_BYTES)
		return XD_C_drop_short;
	type = get_be16(frame + 12);
	for (int tags = 0; tags < VLAN_TAGS_MAX && (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ); tags++) {
		if (len < at + VLAN_BYTES)
			return XD_C_drop_short;
		type = get_be16(frame + at + 2);
		at += VLAN_BYTES;
	}
	if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
		return XD_C_drop_unsupported;
	packet->ip = (uint16_t)at;
	packet->is_ipv6 = type == ETHERTYPE_IPV6;
	packet->is_partial = false;
	drop = packet->is_ipv6 ? parse_ipv6(frame + at, len - at, &payload_len)
	                       : parse_ipv4(frame + at, len - at, &payload_len);
	if (drop != XD_PACKET_OK)
		return drop;
	packet->udp = (uint16_t)(at + (packet->is_ipv6 ? IPV6_BYTES : IPV4_BYTES));
	packet->message = (uint16_t)(packet->udp + UDP_BYTES);
	drop = parse_udp(frame, payload_len, partial, packet);
	return drop != XD_PACKET_OK ? drop : check_ends(frame, packet);
}

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
	uint8_t kept[16];

	memcpy(kept, a, len);
	memcpy(a, b, len);
	memcpy(b, kept, len);
}

/* DF and no identification: a reply is never fragmented (RFC 9715, section 3.1; RFC 6864, section 4.1). */
static void turn_ipv4(uint8_t *ip, size_t udp_len)
{
	ip[1] = 0;
	set_be16(ip + 2, IPV4_BYTES + udp_len);
	set_be16(ip + 4, 0);
	set_be16(ip + 6, IPV4_DONT_FRAGMENT);
	ip[8] = REPLY_HOPS;
	set_sum(ip + 10, 0);
	swap(ip + 12, ip + 16, 4);
	set_sum(ip + 10, (uint16_t)~xd_checksum_fold(xd_checksum_add(0, ip, IPV4_BYTES)));
}

static void turn_ipv6(uint8_t *ip, size_t udp_len)
{
	static const uint8_t version_class_flow[4] = { 0x60, 0, 0, 0 };

	memcpy(ip, version_class_flow, 4);
	set_be16(ip + 4, udp_len);
	ip[7] = REPLY_HOPS;
	swap(ip + 8, ip + 24, 16);
}

size_t xd_packet_turn(uint8_t *frame, const struct xd_packet *packet, size_t message_len)
{
	uint8_t *udp = frame + packet->udp;
	size_t udp_len = UDP_BYTES + message_len;
	uint16_t sum;

	swap(frame, frame + 6, 6);
	if (packet->is_ipv6)
		turn_ipv6(frame + packet->ip, udp_len);
	else
		turn_ipv4(frame + packet->ip, udp_len);
	swap(udp, udp + 2, 2);
	set_be16(udp + 4, udp_len);
	set_sum(udp + 6, 0);
	sum = (uint16_t)~xd_checksum_fold(xd_checksum_add(pseudo_sum(frame, packet, udp_len), udp, udp_len));
	/* 0 would say that there is no checksum; its other representation is meant (RFC 768). */
	set_sum(udp + 6, sum ? sum : 0xffff);
	return packet->message + message_len;
}
