/* SPDX-License-Identifier: Apache-2.0 */
/* Packets: every header case, checksums at odd and even lengths and offsets, padding, the reply in place. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "checksum.h"
#include "counters.h"
#include "packet.h"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

enum { ROOM = 2048, MESSAGE = 33 };

struct frame {
	uint8_t octets[ROOM];
	size_t len;
	size_t ip, udp; /* offsets */
	int family;
};

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The checksum octet by octet, as RFC 1071 describes it: what the fast one is compared with. */
static uint16_t slow_sum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t udp_sum(const struct frame *frame)
{
	uint8_t pseudo[ROOM] = { 0 };
	size_t addresses = frame->family == 4 ? 8 : 32;
	size_t len = (size_t)(frame->octets[frame->udp + 4] << 8 | frame->octets[frame->udp + 5]);

	memcpy(pseudo, frame->octets + frame->ip + (frame->family == 4 ? 12 : 8), addresses);
	put16(pseudo + addresses, len);
	put16(pseudo + addresses + 2, 17);
	memcpy(pseudo + addresses + 4, frame->octets + frame->udp, len);
	return slow_sum(pseudo, addresses + 4 + len);
}

static void seal(struct frame *frame)
{
	uint8_t *udp = frame->octets + frame->udp;
	uint8_t *ip = frame->octets + frame->ip;
	uint16_t sum;

	if (frame->family == 4) {
		put16(ip + 10, 0);
		put16(ip + 10, (uint16_t)~slow_sum(ip, 20));
	}
	put16(udp + 6, 0);
	sum = (uint16_t)~udp_sum(frame);
	put16(udp + 6, sum ? sum : 0xffff);
}

static void make(struct frame *frame, int family, int tags, size_t message_len)
{
	uint8_t *at = frame->octets;

	memset(frame, 0, sizeof(*frame));
	frame->family = family;
	memcpy(at, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
	at += 12;
	for (int i = 0; i < tags; i++, at += 4) {
		put16(at, i == 0 && tags == 2 ? 0x88a8 : 0x8100);
		put16(at + 2, (size_t)(100 + i));
	}
	put16(at, family == 4 ? 0x0800 : 0x86dd);
	at += 2;
	frame->ip = (size_t)(at - frame->octets);
	if (family == 4) {
		memcpy(at, "\x45\x03\0\0\x12\x34\0\0\7\x11\0\0\xc0\0\2\2\xc0\0\2\1", 20);
		put16(at + 2, 28 + message_len);
	} else {
		memcpy(at, "\x6a\xbc\xde\xf0\0\0\x11\7", 8);
		memcpy(at + 8, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 32);
		put16(at + 4, 8 + message_len);
	}
	frame->udp = frame->ip + (family == 4 ? 20 : 40);
	at = frame->octets + frame->udp;
	put16(at, 54321);
	put16(at + 2, 53);
	put16(at + 4, 8 + message_len);
	for (size_t i = 0; i < message_len; i++)
		at[8 + i] = (uint8_t)(i * 37 + 11);
	frame->len = frame->udp + 8 + message_len;
	seal(frame);
}

static int parse(const struct frame *frame, struct xd_packet *packet)
{
	return xd_packet_parse(frame->octets, frame->len, false, packet);
}

static void test_accepted(void)
{
	struct frame frame;
	struct xd_packet packet;

	for (int family = 4; family <= 6; family += 2) {
		for (int tags = 0; tags <= 2; tags++) {
			for (size_t len = 0; len < 80; len++) {
				make(&frame, family, tags, len);
				EXPECT(parse(&frame, &packet) == XD_PACKET_OK, "a good packet is accepted");
				EXPECT(packet.message_len == len && packet.message == frame.udp + 8, "message found");
				EXPECT(packet.is_ipv6 == (family == 6), "family told");
				EXPECT(xd_packet_remote_port(frame.octets, &packet) == 54321, "remote port");
				EXPECT(xd_packet_local_port(frame.octets, &packet) == 53, "local port");
			}
		}
	}
}

/* One field changed; the checksums are made right again unless the case is about them. */
static void test_refused(void)
{
	enum { ETHER, IP, UDP };
	static const struct {
		const char *what;
		int family, layer;
		size_t offset;
		uint16_t value;
		int is_sealed;
		int drop;
	} cases[] = {
		{ "other ethertype", 4, ETHER, 12, 0x0806, 0, XD_C_drop_unsupported },
		{ "group destination MAC", 4, ETHER, 0, 0x0100, 0, XD_C_drop_address },
		{ "broadcast destination MAC", 4, ETHER, 0, 0xffff, 0, XD_C_drop_address },
		{ "group source MAC", 4, ETHER, 6, 0x0100, 0, XD_C_drop_source },
		{ "IPv4 version 5", 4, IP, 0, 0x5500, 1, XD_C_drop_malformed },
		{ "IPv4 header too short", 4, IP, 0, 0x4400, 1, XD_C_drop_malformed },
		{ "IPv4 options", 4, IP, 0, 0x4600, 1, XD_C_drop_unsupported },
		{ "IPv4 more fragments", 4, IP, 6, 0x2000, 1, XD_C_drop_unsupported },
		{ "IPv4 fragment offset", 4, IP, 6, 0x0001, 1, XD_C_drop_unsupported },
		{ "IPv4 don't fragment", 4, IP, 6, 0x4000, 1, XD_PACKET_OK },
		{ "IPv4 TCP", 4, IP, 8, 0x4006, 1, XD_C_drop_unsupported },
		{ "IPv4 total length below header", 4, IP, 2, 19, 1, XD_C_drop_malformed },
		{ "IPv4 total length below UDP", 4, IP, 2, 27, 1, XD_C_drop_short },
		{ "IPv4 total length beyond frame", 4, IP, 2, 28 + MESSAGE + 1, 1, XD_C_drop_short },
		{ "IPv4 header checksum", 4, IP, 10, 0x1234, 0, XD_C_drop_ip_checksum },
		{ "IPv4 hop limit without checksum", 4, IP, 8, 0x4111, 0, XD_C_drop_ip_checksum },
		{ "source 0.0.0.2", 4, IP, 12, 0, 1, XD_C_drop_source },
		{ "source 127.0.2.2", 4, IP, 12, 0x7f00, 1, XD_C_drop_source },
		{ "source multicast", 4, IP, 12, 0xe000, 1, XD_C_drop_source },
		{ "source broadcast", 4, IP, 12, 0xffff, 1, XD_C_drop_source },
		{ "source is destination", 4, IP, 14, 0x0201, 1, XD_C_drop_source },
		{ "destination multicast", 4, IP, 16, 0xe000, 1, XD_C_drop_address },
		{ "destination broadcast", 4, IP, 16, 0xffff, 1, XD_C_drop_address },
		{ "IPv6 version 4", 6, IP, 0, 0x4000, 1, XD_C_drop_malformed },
		{ "IPv6 hop-by-hop", 6, IP, 6, 0x0040, 1, XD_C_drop_unsupported },
		{ "IPv6 fragment", 6, IP, 6, 0x2c40, 1, XD_C_drop_unsupported },
		{ "IPv6 payload beyond frame", 6, IP, 4, 8 + MESSAGE + 1, 1, XD_C_drop_short },
		{ "IPv6 payload below UDP", 6, IP, 4, 7, 1, XD_C_drop_short },
		{ "IPv6 source multicast", 6, IP, 8, 0xff02, 1, XD_C_drop_source },
		{ "IPv6 source is destination", 6, IP, 22, 1, 1, XD_C_drop_source },
		{ "IPv6 destination multicast", 6, IP, 24, 0xff02, 1, XD_C_drop_address },
		{ "IPv6 source changed", 6, IP, 22, 3, 0, XD_C_drop_udp_checksum },
		{ "IPv6 without checksum", 6, UDP, 6, 0, 0, XD_C_drop_udp_checksum },
		{ "IPv4 without checksum", 4, UDP, 6, 0, 0, XD_PACKET_OK },
		{ "UDP checksum", 4, UDP, 6, 0x1234, 0, XD_C_drop_udp_checksum },
		{ "message changed", 4, UDP, 8, 0x1234, 0, XD_C_drop_udp_checksum },
		{ "UDP length 0", 4, UDP, 4, 0, 1, XD_C_drop_malformed },
		{ "UDP length 7", 4, UDP, 4, 7, 1, XD_C_drop_malformed },
		{ "UDP length beyond IP", 4, UDP, 4, 8 + MESSAGE + 1, 1, XD_C_drop_malformed },
		{ "UDP length below IP", 4, UDP, 4, 8 + MESSAGE - 4, 1, XD_PACKET_OK },
		{ "source port 0", 4, UDP, 0, 0, 1, XD_C_drop_source },
		{ "source port 53", 4, UDP, 0, 53, 1, XD_PACKET_OK },
	};
	struct frame frame;
	struct xd_packet packet;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t base;

		make(&frame, cases[i].family, 0, MESSAGE);
		base = cases[i].layer == ETHER ? 0 : cases[i].layer == IP ? frame.ip : frame.udp;
		put16(frame.octets + base + cases[i].offset, cases[i].value);
		if (cases[i].is_sealed)
			seal(&frame);
		EXPECT(parse(&frame, &packet) == cases[i].drop, cases[i].what);
	}
}

static void test_third_tag(void)
{
	struct frame frame;
	struct xd_packet packet;

	make(&frame, 4, 2, MESSAGE);
	put16(frame.octets + 20, 0x8100);
	EXPECT(parse(&frame, &packet) == XD_C_drop_unsupported, "three VLAN tags");
}

/* Each length below the whole: short, and never a read behind the end (ASAN sees it: the copy is as long as told). */
static void test_cut(void)
{
	struct frame frame;
	struct xd_packet packet;

	for (int family = 4; family <= 6; family += 2) {
		for (int tags = 0; tags <= 2; tags++) {
			make(&frame, family, tags, MESSAGE);
			for (size_t len = 0; len < frame.len; len++) {
				uint8_t copy[len + 1];

				memcpy(copy, frame.octets, len);
				EXPECT(xd_packet_parse(copy, len, false, &packet) == XD_C_drop_short, "a cut frame is short");
			}
		}
	}
}

/* Short Ethernet frames are padded to 60 octets: what is behind the datagram counts for nothing. */
static void test_padding(void)
{
	struct frame frame;
	struct xd_packet packet;

	make(&frame, 4, 0, 12);
	memset(frame.octets + frame.len, 0xee, 6);
	frame.len += 6;
	EXPECT(parse(&frame, &packet) == XD_PACKET_OK && packet.message_len == 12, "padding is no message");
	EXPECT(xd_packet_turn(frame.octets, &packet, 12) == frame.len - 6, "the reply has no padding");
}

static void test_partial_checksum(void)
{
	struct frame frame;
	struct xd_packet packet;

	for (int family = 4; family <= 6; family += 2) {
		uint8_t pseudo[36] = { 0 };
		size_t addresses = family == 4 ? 8 : 32;

		make(&frame, family, 0, MESSAGE);
		memcpy(pseudo, frame.octets + frame.ip + (family == 4 ? 12 : 8), addresses);
		put16(pseudo + addresses, 8 + MESSAGE);
		put16(pseudo + addresses + 2, 17);
		put16(frame.octets + frame.udp + 6, slow_sum(pseudo, addresses + 4));
		EXPECT(parse(&frame, &packet) == XD_C_drop_udp_checksum, "an unfinished checksum is wrong on the wire");
		EXPECT(xd_packet_parse(frame.octets, frame.len, true, &packet) == XD_PACKET_OK && packet.is_partial,
		       "an unfinished checksum is accepted from this machine");
	}
}

static void check_reply(const struct frame *before, struct frame *frame, int tags, size_t len)
{
	const uint8_t *now = frame->octets;
	size_t addresses = frame->family == 4 ? 4 : 16;
	size_t from = frame->ip + (frame->family == 4 ? 12 : 8);

	EXPECT(frame->len == frame->udp + 8 + len, "length of the frame");
	EXPECT(!memcmp(now, before->octets + 6, 6) && !memcmp(now + 6, before->octets, 6), "MACs swapped");
	EXPECT(!memcmp(now + 12, before->octets + 12, 4 * (size_t)tags + 2), "VLAN tags kept");
	EXPECT(!memcmp(now + from, before->octets + from + addresses, addresses), "source is who was asked");
	EXPECT(!memcmp(now + from + addresses, before->octets + from, addresses), "destination is who asked");
	EXPECT(now[frame->udp + 1] == 53 && now[frame->udp + 2] == 0xd4 && now[frame->udp + 3] == 0x31, "ports swapped");
	EXPECT(udp_sum(frame) == 0xffff, "UDP checksum");
	EXPECT(now[frame->udp + 6] || now[frame->udp + 7], "the reply always has a checksum");
	if (frame->family == 4) {
		EXPECT(slow_sum(now + frame->ip, 20) == 0xffff, "IPv4 header checksum");
		EXPECT(now[frame->ip + 8] == 64 && now[frame->ip + 6] == 0x40, "hop limit 64, don't fragment");
		EXPECT((size_t)(now[frame->ip + 2] << 8 | now[frame->ip + 3]) == 28 + len, "IPv4 length");
	} else {
		EXPECT(now[frame->ip + 7] == 64 && now[frame->ip] == 0x60, "hop limit 64, no traffic class");
		EXPECT((size_t)(now[frame->ip + 4] << 8 | now[frame->ip + 5]) == 8 + len, "IPv6 length");
	}
}

static void test_turn(void)
{
	static const size_t lengths[] = { 12, 13, 32, 33, 511, 512, 1231, 1232 };
	struct frame before, frame;
	struct xd_packet packet;

	for (int family = 4; family <= 6; family += 2) {
		for (int tags = 0; tags <= 2; tags++) {
			for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
				make(&before, family, tags, MESSAGE);
				frame = before;
				EXPECT(parse(&frame, &packet) == XD_PACKET_OK, "accepted");
				for (size_t at = 0; at < lengths[i]; at++)
					frame.octets[packet.message + at] = (uint8_t)(at * 101 + i);
				frame.len = xd_packet_turn(frame.octets, &packet, lengths[i]);
				check_reply(&before, &frame, tags, lengths[i]);
			}
		}
	}
}

/* A message chosen so that the sum is 0 is sent with 0xffff. */
static void test_checksum_never_zero(void)
{
	struct frame frame;
	struct xd_packet packet;
	uint8_t *message;

	make(&frame, 4, 0, 12);
	EXPECT(parse(&frame, &packet) == XD_PACKET_OK, "accepted");
	message = frame.octets + packet.message;
	put16(message, 0);
	frame.len = xd_packet_turn(frame.octets, &packet, 12);
	/* The checksum so far is what has to be added for a sum of 0xffff. */
	memcpy(message, frame.octets + frame.udp + 6, 2);
	make(&frame, 4, 0, 12);
	EXPECT(parse(&frame, &packet) == XD_PACKET_OK, "accepted");
	frame.len = xd_packet_turn(frame.octets, &packet, 12);
	put16(message, 0);
	frame.len = xd_packet_turn(frame.octets, &packet, 12);
	memcpy(message, frame.octets + frame.udp + 6, 2);
	frame.len = xd_packet_turn(frame.octets, &packet, 12);
	EXPECT(frame.octets[frame.udp + 6] == 0xff && frame.octets[frame.udp + 7] == 0xff, "0 is sent as 0xffff");
}

static void test_checksum(void)
{
	uint8_t data[300];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * i + 3 * i + (i > 100 ? 0xf0 : 0));
	for (size_t start = 0; start < 9; start++) {
		for (size_t len = 0; len < 200; len++) {
			uint16_t expected = slow_sum(data + start, len);
			uint64_t sum = xd_checksum_add(0, data + start, len);

			EXPECT(ntohs(xd_checksum_fold(sum)) == expected, "any start and length");
			for (size_t cut = 0; cut <= len; cut += 7) {
				uint64_t head = xd_checksum_add(0, data + start, cut);
				uint64_t tail = xd_checksum_add(0, data + start + cut, len - cut);

				EXPECT(ntohs(xd_checksum_fold(xd_checksum_combine(head, tail, cut))) == expected,
				       "in two parts");
			}
		}
	}
	memset(data, 0xff, sizeof(data));
	EXPECT(xd_checksum_fold(xd_checksum_add(UINT64_MAX, data, sizeof(data))) == 0xffff, "carries come round");
}

int main(void)
{
	test_accepted();
	test_refused();
	test_third_tag();
	test_cut();
	test_padding();
	test_partial_checksum();
	test_turn();
	test_checksum_never_zero();
	test_checksum();
	return failures != 0;
}
