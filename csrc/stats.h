/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters of requests and replies (mod-stats, mod-rrl, mod-cookies): one row of them for every thread that answers, and for
 * every such thread one more for each zone with statistics of its own (zone_stats.h). A row is written by its thread alone,
 * relaxed, and read by anyone.
 *
 * The families a row begins with, its basic part, are few and mostly on; the rest, its wide part, is mostly off and lies
 * elsewhere in a zone's row, so that it takes no memory then.
 */
#ifndef XD_STATS_H
#define XD_STATS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* X(family, counters): in the order they lie in a row. */
#define XD_STATS_BASIC_TABLE(X) \
	X(request_protocol, 14) \
	X(server_operation, 6) \
	X(request_bytes, 3) \
	X(response_bytes, 3) \
	X(edns_presence, 2) \
	X(flag_presence, 2) \
	X(response_code, 21) \
	X(reply_nodata, 3) \
	X(cookies, 2) \
	X(rrl, 2)

#define XD_STATS_WIDE_TABLE(X) \
	X(request_edns_option, 19) \
	X(response_edns_option, 19) \
	X(query_type, 84) \
	X(query_size, 19) \
	X(reply_size, 257)

enum xd_stats_family {
/* clang-format off */
#define X(family, counters) XD_STATS_##family,
	XD_STATS_BASIC_TABLE(X)
	XD_STATS_WIDE_TABLE(X)
#undef X
	XD_STATS_FAMILIES
	/* clang-format on */
};

#define XD_STATS_BASIC 64u
#define XD_STATS_WIDE 440u

/* Bits of the wide families in a set of them. */
#define XD_STATS_WIDE_SET (~(uint32_t)0 << XD_STATS_request_edns_option)

/* Of rate limiting, for the log: the last source held back. `sequence` is odd while address and prefix are written. */
struct xd_stats_note {
	_Atomic uint64_t sequence;
	_Atomic uint64_t address[2];   /* as octets, IPv4 in the first four */
	_Atomic uint64_t prefix;       /* IP version << 8 | prefix length */
	_Atomic uint64_t refused_size; /* of the table for which the thread has no memory; 0: there is one */
	uint64_t pad[3];
};

struct xd_stats_row {
	_Alignas(64) _Atomic uint64_t basic[XD_STATS_BASIC];
	_Atomic uint64_t wide[XD_STATS_WIDE];
	struct xd_stats_note note;
};

_Static_assert(sizeof(struct xd_stats_row) == 4096, "a row is a page; readers of other languages know the layout");

enum xd_stats_operation {
	XD_STATS_QUERY,
	XD_STATS_UPDATE,
	XD_STATS_NOTIFY,
	XD_STATS_AXFR,
	XD_STATS_IXFR,
	XD_STATS_INVALID,
};

enum xd_stats_cookies { XD_STATS_COOKIE_PRESENCE, XD_STATS_COOKIE_DROPPED };
enum xd_stats_rrl { XD_STATS_RRL_SLIPPED, XD_STATS_RRL_DROPPED };

/* Where one thread counts: the two parts of a row, and which families. In a NULL part nothing is counted. */
struct xd_stats_target {
	_Atomic uint64_t *basic;
	_Atomic uint64_t *wide;
	uint32_t families; /* bit of enum xd_stats_family */
};

/* What is counted of a request; noted before its message becomes the reply. */
struct xd_stats_request {
	uint32_t len;
	uint32_t options; /* bit of each EDNS option code met; bit 18: any other */
	uint16_t type;
	uint8_t protocol; /* position in its family */
	uint8_t operation;
	uint8_t has_edns;
	uint8_t wants_dnssec;
};

/* What is counted of its reply. */
struct xd_stats_reply {
	uint32_t len;
	uint32_t options;
	uint16_t rcode;
	uint8_t has_edns;
	uint8_t is_truncated;
	uint8_t is_nodata;
};

/* Count in a target with a basic part. */
void xd_stats_count_request(const struct xd_stats_target *target, const struct xd_stats_request *request);
void xd_stats_count_reply(const struct xd_stats_target *target, const struct xd_stats_request *request,
                          const struct xd_stats_reply *reply);

/* Counts one more of a family that is always on; nothing without a basic part. */
void xd_stats_count(const struct xd_stats_target *target, enum xd_stats_family family, unsigned which);

/* The options of an OPT record, of `len` octets that were found to be well formed. */
uint32_t xd_stats_options(const uint8_t *options, size_t len);

void xd_stats_write_note(struct xd_stats_note *note, const uint8_t *address, unsigned ip_version, unsigned prefix_len);

/* cdef: begin */

/* Counters of a family, and the place of the first in a row; 0 and a row's end for no family. */
uint32_t xd_stats_family_size(int family);
uint32_t xd_stats_family_at(int family);
const char *xd_stats_family_name(int family); /* NULL past the last */

/* cdef: end */

#endif
