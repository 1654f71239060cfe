/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame that carries a DNS query: Ethernet, up to two VLAN tags, IPv4 or IPv6, UDP. Parsed and checked, then turned
 * round in place once its message has been answered. The frame is the caller's; nothing is kept.
 */
#ifndef XD_PACKET_H
#define XD_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* Octets before the message at most: Ethernet, two VLAN tags, IPv6, UDP. */
#define XD_PACKET_HEADERS_MAX (14u + 2u * 4u + 40u + 8u)

#define XD_PACKET_OK (-1)

/* Offsets from the start of the frame, lengths in octets. */
struct xd_packet {
	uint16_t ip;
	uint16_t udp;
	uint16_t message;
	uint16_t message_len;
	bool is_ipv6;
	bool is_partial; /* the UDP checksum covers the pseudo-header only */
};

/*
 * Returns XD_PACKET_OK with *packet set, or the counter (enum xd_counter, drop_...) under which the frame is dropped.
 * `partial` accepts a UDP checksum that its sender left to an offload that never ran (frames of a veth pair).
 */
int xd_packet_parse(const uint8_t *frame, size_t len, bool partial, struct xd_packet *packet);

/* Addresses (4 or 16 octets) and ports (host order) of a parsed frame: remote asked, local was asked. */
const uint8_t *xd_packet_remote(const uint8_t *frame, const struct xd_packet *packet);
const uint8_t *xd_packet_local(const uint8_t *frame, const struct xd_packet *packet);
uint16_t xd_packet_remote_port(const uint8_t *frame, const struct xd_packet *packet);
uint16_t xd_packet_local_port(const uint8_t *frame, const struct xd_packet *packet);

/*
 * Makes the frame the reply to itself, its message being `message_len` octets now: addresses and ports swapped, VLAN
 * tags kept, lengths, hop limit and checksums set. Returns the length of the frame.
 */
size_t xd_packet_turn(uint8_t *frame, const struct xd_packet *packet, size_t message_len);

#endif
