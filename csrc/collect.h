/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects the records of one zone in any order and turns them into pairs: sorted by owner, grouped into RRsets, without
 * duplicates. Records are appended to one arena; consecutive records of an owner form a run, and only runs are sorted.
 */
#ifndef XD_COLLECT_H
#define XD_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "limits.h"
#include "pairs.h"

/* Room behind the record data that xd_collector_reserve gives, so that names and blocks may be written before the limit check. */
#define XD_COLLECT_SLACK 512u

struct xd_run {
	uint64_t word;   /* sort word: octets of the owner at the depth being sorted, big endian */
	uint64_t offset; /* in the arena */
};

struct xd_collector {
	uint8_t *arena;
	struct xd_run *runs;
	size_t used, room; /* octets of the arena */
	size_t run_count, run_room;
	size_t record_count;
	uint64_t pair_bytes; /* no more than this is needed for the pairs */
	uint32_t zone_id;
	bool is_unordered; /* some owner came before the one in front of it, or came twice with others in between */
	uint16_t apex_len;
	uint8_t apex[XD_KEY_OWNER_MAX]; /* owner part of the key of the apex */
};

/* What was found while grouping; `owner` is a key (pairs.h). */
enum xd_collect_finding { XD_COLLECT_TTL_DIFFERS, XD_COLLECT_TOO_MANY };
typedef void xd_collect_report(void *context, enum xd_collect_finding finding, const uint8_t *key, size_t key_len);

/* `apex` is a wire-form name. */
void xd_collector_init(struct xd_collector *collector, const uint8_t *apex, uint32_t zone_id);
void xd_collector_uninit(struct xd_collector *collector);

/* The records that follow belong to `owner` (wire form). 0, -XD_E_ZONE when it is outside the zone, or -XD_E_NOMEM. */
XD_CHECKED int xd_collector_set_owner(struct xd_collector *collector, const uint8_t *owner);

/* Where the data of the next record is to be written: XD_RDATA_MAX + XD_COLLECT_SLACK octets; NULL without memory. */
uint8_t *xd_collector_reserve(struct xd_collector *collector);

/* Adds the record whose canonical data was written to the place reserved. */
void xd_collector_commit(struct xd_collector *collector, uint16_t type, uint32_t ttl, size_t rdata_len);

/*
 * Sorts, groups and writes the pairs, which become the caller's; the collector is empty afterwards. A TTL that differs within
 * an RRset is reported and the last one kept; an RRset of more than 65535 records is reported and left out.
 * 0 or -XD_E_NOMEM.
 */
XD_CHECKED int xd_collector_finish(struct xd_collector *collector, xd_pairs *pairs, xd_collect_report *report, void *context);

/*
 * Writes the pairs of the runs numbered `from` to `to` - 1, which become the caller's; the collector stays as it is. Only for
 * runs in order, and not for the last one, which may go on. What is wrong with them is reported by xd_collector_finish.
 * 0 or -XD_E_NOMEM.
 */
XD_CHECKED int xd_collector_peek(const struct xd_collector *collector, size_t from, size_t to, xd_pairs *pairs);

/* Stable; `scratch` has room for as many. Shared with the tests. */
void xd__runs_sort(const uint8_t *arena, struct xd_run *runs, struct xd_run *scratch, size_t count);

#endif
