/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "rr.h"

enum { BUCKET_BYTES = 16, QUERY_BUCKETS = 18, REPLY_BUCKETS = 256, NAMED_OPTIONS = 18 };

/* Place of each family in its part of the row. */
enum {
/* clang-format off */
#define X(family, counters) AT_##family, END_##family = AT_##family + (counters) - 1,
	XD_STATS_BASIC_TABLE(X)
	BASIC_END
	/* clang-format on */
};

enum {
	XD_STATS_WIDE_TABLE(X) WIDE_END
#undef X
};

_Static_assert((int)BASIC_END <= (int)XD_STATS_BASIC && (int)WIDE_END <= (int)XD_STATS_WIDE, "a row holds every counter");

static const struct {
	const char *name;
	uint16_t at;
	uint16_t size;
} families[XD_STATS_FAMILIES] = {
#define X(family, counters) { #family, AT_##family, counters },
	XD_STATS_BASIC_TABLE(X)
#undef X
#define X(family, counters) { #family, XD_STATS_BASIC + AT_##family, counters },
		XD_STATS_WIDE_TABLE(X)
#undef X
};

uint32_t xd_stats_family_size(int family)
{
	return family >= 0 && family < XD_STATS_FAMILIES ? families[family].size : 0;
}

uint32_t xd_stats_family_at(int family)
{
	return family >= 0 && family < XD_STATS_FAMILIES ? families[family].at : XD_STATS_BASIC + XD_STATS_WIDE;
}

const char *xd_stats_family_name(int family)
{
	return family >= 0 && family < XD_STATS_FAMILIES ? families[family].name : NULL;
}

static inline void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

#define COUNT_BASIC(target, family, which, n) \
	do { \
		if ((target)->families & 1u << XD_STATS_##family) \
			add((target)->basic + AT_##family + (which), n); \
	} while (0)

#define HAS_WIDE(target, family) ((target)->families & 1u << XD_STATS_##family)

/* Position of a type in its family: 0 is any other; then the ranges of types that are counted one by one. */
static unsigned type_place(uint16_t type)
{
	if (type >= 1 && type <= 65)
		return type;
	if (type >= 99 && type <= 110)
		return type - 99u + 66;
	if (type >= 255 && type <= 260)
		return type - 255u + 78;
	return 0;
}

/* BADSIG (11) and BADVERS (12) have one number in messages; from BADVERS on the places follow it. */
static unsigned rcode_place(unsigned rcode)
{
	if (rcode <= 10)
		return rcode;
	return rcode >= 16 && rcode <= 23 ? rcode - 4 : 20;
}

static unsigned request_bytes_place(const struct xd_stats_request *request)
{
	return request->operation == XD_STATS_QUERY ? 0 : request->operation == XD_STATS_UPDATE ? 1 : 2;
}

static unsigned response_bytes_place(const struct xd_stats_request *request)
{
	if (request->operation == XD_STATS_QUERY)
		return 0;
	return request->operation == XD_STATS_AXFR || request->operation == XD_STATS_IXFR ? 1 : 2;
}

static void count_options(_Atomic uint64_t *family, uint32_t options)
{
	for (; options; options &= options - 1)
		add(family + __builtin_ctz(options), 1);
}

static void count_wide_request(const struct xd_stats_target *target, const struct xd_stats_request *request)
{
	unsigned bucket = request->len / BUCKET_BYTES;

	if (HAS_WIDE(target, request_edns_option))
		count_options(target->wide + AT_request_edns_option, request->options);
	if (request->operation != XD_STATS_QUERY)
		return;
	if (HAS_WIDE(target, query_type))
		add(target->wide + AT_query_type + type_place(request->type), 1);
	if (HAS_WIDE(target, query_size))
		add(target->wide + AT_query_size + (bucket < QUERY_BUCKETS ? bucket : QUERY_BUCKETS), 1);
}

void xd_stats_count_request(const struct xd_stats_target *target, const struct xd_stats_request *request)
{
	COUNT_BASIC(target, request_protocol, request->protocol, 1);
	COUNT_BASIC(target, server_operation, request->operation, 1);
	COUNT_BASIC(target, request_bytes, request_bytes_place(request), request->len);
	if (request->has_edns)
		COUNT_BASIC(target, edns_presence, 0, 1);
	if (request->wants_dnssec)
		COUNT_BASIC(target, flag_presence, 0, 1);
	if (__builtin_expect(target->families & XD_STATS_WIDE_SET, 0) && target->wide)
		count_wide_request(target, request);
}

static unsigned nodata_place(uint16_t type)
{
	return type == XD_T_A ? 0 : type == XD_T_AAAA ? 1 : 2;
}

static void count_wide_reply(const struct xd_stats_target *target, const struct xd_stats_request *request,
                             const struct xd_stats_reply *reply)
{
	unsigned bucket = reply->len / BUCKET_BYTES;

	if (HAS_WIDE(target, response_edns_option))
		count_options(target->wide + AT_response_edns_option, reply->options);
	if (HAS_WIDE(target, reply_size) && request->operation == XD_STATS_QUERY)
		add(target->wide + AT_reply_size + (bucket < REPLY_BUCKETS ? bucket : REPLY_BUCKETS), 1);
}

void xd_stats_count_reply(const struct xd_stats_target *target, const struct xd_stats_request *request,
                          const struct xd_stats_reply *reply)
{
	COUNT_BASIC(target, response_bytes, response_bytes_place(request), reply->len);
	COUNT_BASIC(target, response_code, rcode_place(reply->rcode), 1);
	if (reply->has_edns)
		COUNT_BASIC(target, edns_presence, 1, 1);
	if (reply->is_truncated)
		COUNT_BASIC(target, flag_presence, 1, 1);
	if (reply->is_nodata)
		COUNT_BASIC(target, reply_nodata, nodata_place(request->type), 1);
	if (__builtin_expect(target->families & XD_STATS_WIDE_SET, 0) && target->wide)
		count_wide_reply(target, request, reply);
}

void xd_stats_count(const struct xd_stats_target *target, enum xd_stats_family family, unsigned which)
{
	if (target->basic)
		add(target->basic + families[family].at + which, 1);
}

uint32_t xd_stats_options(const uint8_t *options, size_t len)
{
	uint32_t set = 0;

	while (len >= 4) {
		size_t bytes = 4u + xd_load_be16(options + 2);
		unsigned code = xd_load_be16(options);

		if (bytes > len)
			break;
		set |= 1u << (code < NAMED_OPTIONS ? code : NAMED_OPTIONS);
		options += bytes;
		len -= bytes;
	}
	return set;
}

void xd_stats_write_note(struct xd_stats_note *note, const uint8_t *address, unsigned ip_version, unsigned prefix_len)
{
	uint64_t sequence = atomic_load_explicit(&note->sequence, memory_order_relaxed);
	uint64_t octets[2] = { 0, 0 };

	memcpy(octets, address, ip_version == 6 ? 16 : 4);
	atomic_store_explicit(&note->sequence, sequence + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&note->address[0], octets[0], memory_order_relaxed);
	atomic_store_explicit(&note->address[1], octets[1], memory_order_relaxed);
	atomic_store_explicit(&note->prefix, (uint64_t)ip_version << 8 | prefix_len, memory_order_relaxed);
	atomic_store_explicit(&note->sequence, sequence + 2, memory_order_release);
}
