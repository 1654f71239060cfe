/* SPDX-License-Identifier: Apache-2.0 */
/* Per-worker counters. Every packet is counted once as received and once under what became of it. */
#ifndef XD_COUNTERS_H
#define XD_COUNTERS_H

/* X(name, help) */
#define XD_COUNTER_TABLE(X) \
	X(rx_packets, "packets received") \
	X(rx_bytes, "octets received, headers included where the worker sees them") \
	X(tx_packets, "replies sent") \
	X(tx_bytes, "octets sent") \
	X(rcode_noerror, "replies NOERROR") \
	X(rcode_formerr, "replies FORMERR") \
	X(rcode_servfail, "replies SERVFAIL") \
	X(rcode_nxdomain, "replies NXDOMAIN") \
	X(rcode_notimp, "replies NOTIMP") \
	X(rcode_refused, "replies REFUSED") \
	X(rcode_badvers, "replies BADVERS") \
	X(rcode_other, "replies with any other RCODE") \
	X(truncated, "replies with TC set, counted by their RCODE as well") \
	X(handoff, "messages passed to the control plane") \
	X(drop_handoff_full, "messages the control plane had no room for") \
	X(drop_not_query, "messages that are responses") \
	X(drop_short, "packets too short for their headers") \
	X(drop_unsupported, "packets with IP options, fragments, extension headers or another protocol") \
	X(drop_malformed, "packets whose headers contradict each other") \
	X(drop_ip_checksum, "packets with a wrong IPv4 header checksum") \
	X(drop_udp_checksum, "packets with a wrong UDP checksum, or without one over IPv6") \
	X(drop_address, "packets not for a listening address or port") \
	X(drop_cookie, "queries without a valid cookie that got no reply") \
	X(drop_rate, "replies held back by response rate limiting") \
	X(drop_source, "packets whose source is no place to reply to") \
	X(drop_tx_full, "replies the transmit ring or socket did not take") \
	X(partial_checksum, "queries accepted although their sender on this machine left the UDP checksum to offload") \
	X(wakeups, "system calls that woke the kernel") \
	X(batches, "receive batches worked off")

enum xd_counter {
/* clang-format off */
#define X(name, help) XD_C_##name,
	XD_COUNTER_TABLE(X)
#undef X
	XD_COUNTER_COUNT
	/* clang-format on */
};

/* Room in a slot: a multiple of a cache line, so that new counters keep the layout. */
#define XD_COUNTER_SLOTS 40

_Static_assert(XD_COUNTER_COUNT <= XD_COUNTER_SLOTS, "a worker slot holds every counter");

/* cdef: begin */

const char *xd_counter_name(int counter); /* NULL past the last */
const char *xd_counter_help(int counter);

/* cdef: end */

#endif
