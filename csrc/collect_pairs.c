/* SPDX-License-Identifier: Apache-2.0 */
/* The last step of the collector: from sorted runs to pairs. */
#include "collect.h"

#include <stdlib.h>

#include "bytes.h"
#include "collect_impl.h"
#include "huge.h"
#include "rdata.h"

/* Sorted runs are far apart in memory: they are fetched this many ahead. */
#define PREFETCH_RUNS 8

/* A record of the owner at hand. */
struct ref {
	const uint8_t *rdata;
	uint32_t sequence; /* in the order of the zone file */
	uint32_t ttl;
	uint16_t type;
	uint16_t rdata_len;
};

struct writer {
	const struct xd_collector *collector;
	xd_pairs *pairs;
	struct ref *refs; /* second half is scratch */
	size_t ref_room;
	xd_collect_report *report;
	void *context;
	uint8_t *at;
	const uint8_t *run_key; /* owner at hand, behind the apex */
	size_t run_key_len;
};

/* Type, then rdata as octet strings (RFC 4034, section 6.3). */
static int ref_compare(const struct ref *a, const struct ref *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	int diff = memcmp(a->rdata, b->rdata, a->rdata_len < b->rdata_len ? a->rdata_len : b->rdata_len);
	return diff ? diff : (a->rdata_len > b->rdata_len) - (a->rdata_len < b->rdata_len);
}

static int ref_compare_stable(const void *a, const void *b)
{
	const struct ref *left = a, *right = b;
	int diff = ref_compare(left, right);

	return diff ? diff : (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

static void sort_refs(struct ref *refs, size_t count)
{
	size_t i = 1;

	while (i < count && ref_compare(&refs[i - 1], &refs[i]) <= 0)
		i++;
	if (i >= count)
		return;
	if (count == 2) {
		struct ref first = refs[0];
		refs[0] = refs[1];
		refs[1] = first;
		return;
	}
	qsort(refs, count, sizeof(*refs), ref_compare_stable);
}

static uint8_t *put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	return put16(put16(at, value >> 16), value & 0xffff);
}

static uint8_t *put_octets(uint8_t *at, const uint8_t *octets, size_t len)
{
	memcpy(at, octets, len);
	return at + len;
}

static uint8_t *put_key(const struct writer *writer, uint16_t type)
{
	uint8_t *at = put32(writer->at, writer->collector->zone_id);

	at = put_octets(at, writer->collector->apex, writer->collector->apex_len);
	at = put_octets(at, writer->run_key, writer->run_key_len);
	*at++ = 0;
	return put16(at, type);
}

/*
 * The TTL that came last in the file. RRSIGs may differ, since each has the TTL of what it covers and tells it (RFC 4034,
 * section 3): there the order in the file has no meaning, and the first in canonical order counts.
 */
static uint32_t choose_ttl(const struct ref *refs, size_t count, bool *differs)
{
	const struct ref *last = refs;

	*differs = false;
	if (refs->type == XD_TYPE_RRSIG)
		return refs->rdata_len < 8 ? refs->ttl : xd_load_be32(refs->rdata + 4);
	for (size_t i = 1; i < count; i++) {
		*differs |= refs[i].ttl != last->ttl;
		if (refs[i].sequence > last->sequence)
			last = &refs[i];
	}
	return last->ttl;
}

static void write_rrset(struct writer *writer, const struct ref *refs, size_t count)
{
	uint64_t *offsets = writer->pairs->offsets + 2 * writer->pairs->count;
	uint8_t *key = writer->at;
	uint8_t *value = put_key(writer, refs->type);
	size_t unique = 0;
	bool differs;

	uint8_t *at = put32(value, choose_ttl(refs, count, &differs)) + 2;
	for (size_t i = 0; i < count; i++) {
		if (i && !ref_compare(&refs[i - 1], &refs[i]))
			continue;
		at = put16(at, refs[i].rdata_len);
		at = put_octets(at, refs[i].rdata, refs[i].rdata_len);
		unique++;
	}
	if (differs)
		writer->report(writer->context, XD_COLLECT_TTL_DIFFERS, key, (size_t)(value - key));
	if (unique > UINT16_MAX) {
		writer->report(writer->context, XD_COLLECT_TOO_MANY, key, (size_t)(value - key));
		return;
	}
	put16(value + 4, unique);
	offsets[1] = (uint64_t)(value - writer->pairs->bytes);
	offsets[2] = (uint64_t)(at - writer->pairs->bytes);
	writer->pairs->count++;
	writer->at = at;
}

static void write_owner(struct writer *writer, size_t count)
{
	struct ref *refs = writer->refs;

	sort_refs(refs, count);
	for (size_t start = 0, end; start < count; start = end) {
		for (end = start + 1; end < count && refs[end].type == refs[start].type; end++)
			;
		write_rrset(writer, refs + start, end - start);
	}
}

/* Appends the records of one run to the `count` gathered so far. The new count, or 0 without memory. */
static size_t gather_run(struct writer *writer, const uint8_t *run, size_t count)
{
	struct run_header header = read_run(run);
	const uint8_t *at = run + sizeof(header) + header.key_len;

	if (count + header.record_count > writer->ref_room) {
		size_t room = (count + header.record_count) * 2;
		struct ref *refs = realloc(writer->refs, room * sizeof(*refs));
		if (!refs)
			return 0;
		writer->refs = refs;
		writer->ref_room = room;
	}
	for (uint32_t i = 0; i < header.record_count; i++) {
		struct record_header record = read_record(at);
		at += sizeof(record);
		writer->refs[count] = (struct ref){ at, (uint32_t)count, record.ttl, record.type, record.rdata_len };
		count++;
		at += record.rdata_len;
	}
	return count;
}

static int write_runs(struct writer *writer, size_t from, size_t to)
{
	const struct xd_collector *collector = writer->collector;
	const struct xd_run *runs = collector->runs;
	size_t records = 0;

	for (size_t i = from; i < to; i++) {
		if (i + PREFETCH_RUNS < to) {
			const uint8_t *ahead = collector->arena + runs[i + PREFETCH_RUNS].offset;
			__builtin_prefetch(ahead);
			__builtin_prefetch(ahead + 64);
		}
		const uint8_t *run = collector->arena + runs[i].offset;
		size_t key_len = read_run(run).key_len;
		const uint8_t *key = run + sizeof(struct run_header);
		if (records && (key_len != writer->run_key_len || memcmp(key, writer->run_key, key_len) != 0)) {
			write_owner(writer, records);
			records = 0;
		}
		writer->run_key = key;
		writer->run_key_len = key_len;
		size_t before = records;
		records = gather_run(writer, run, records);
		if (records == 0 && (before || read_run(run).record_count))
			return -XD_E_NOMEM;
	}
	if (records)
		write_owner(writer, records);
	return XD_OK;
}

/* Gives back what the estimate was too large by. */
static void shrink(xd_pairs *pairs)
{
	size_t used = pairs->offsets[2 * pairs->count];
	uint8_t *bytes = realloc(pairs->bytes, used ? used : 1);
	uint64_t *offsets = realloc(pairs->offsets, (2 * pairs->count + 1) * sizeof(*offsets));

	if (bytes)
		pairs->bytes = bytes;
	if (offsets)
		pairs->offsets = offsets;
}

static int sort_runs(struct xd_collector *collector)
{
	struct xd_run *scratch = malloc((collector->run_count + 1) * sizeof(*scratch));

	if (!scratch)
		return -XD_E_NOMEM;
	xd_huge_advise(scratch, (collector->run_count + 1) * sizeof(*scratch));
	xd__runs_sort(collector->arena, collector->runs, scratch, collector->run_count);
	free(scratch);
	return XD_OK;
}

/* Makes room and writes runs; `bytes` and `records` are no less than their pairs take. */
static int write_pairs(struct writer *writer, size_t from, size_t to, uint64_t bytes, size_t records)
{
	xd_pairs *pairs = writer->pairs;
	int result = XD_OK;

	/* An RRset more than fits is written before it is refused, hence never more than was estimated. */
	*pairs = (xd_pairs){ .bytes = malloc(bytes + 1), .offsets = malloc((2 * records + 1) * sizeof(*pairs->offsets)) };
	if (!pairs->bytes || !pairs->offsets)
		result = -XD_E_NOMEM;
	xd_huge_advise(pairs->bytes, bytes);
	xd_huge_advise(pairs->offsets, 2 * records * sizeof(*pairs->offsets));
	if (result == XD_OK) {
		pairs->offsets[0] = 0;
		writer->at = pairs->bytes;
		result = write_runs(writer, from, to);
	}
	free(writer->refs);
	if (result == XD_OK)
		shrink(pairs);
	else
		xd_pairs_uninit(pairs);
	return result;
}

int xd_collector_finish(struct xd_collector *collector, xd_pairs *pairs, xd_collect_report *report, void *context)
{
	struct writer writer = { .collector = collector, .pairs = pairs, .report = report, .context = context };
	int result = collector->is_unordered ? sort_runs(collector) : XD_OK;

	*pairs = (xd_pairs){ 0 };
	if (result == XD_OK)
		result = write_pairs(&writer, 0, collector->run_count, collector->pair_bytes, collector->record_count);
	xd_collector_uninit(collector);
	return result;
}

static void ignore(void *context, enum xd_collect_finding finding, const uint8_t *key, size_t key_len)
{
	(void)context;
	(void)finding;
	(void)key;
	(void)key_len;
}

int xd_collector_peek(const struct xd_collector *collector, size_t from, size_t to, xd_pairs *pairs)
{
	struct writer writer = { .collector = collector, .pairs = pairs, .report = ignore };
	uint64_t bytes = 0;
	size_t records = 0;

	for (size_t i = from; i < to; i++) {
		struct run_header run = read_run(collector->arena + collector->runs[i].offset);
		records += run.record_count;
		bytes += run.record_count * pair_fixed_bytes(collector, run.key_len);
		bytes += collector->runs[i + 1].offset - collector->runs[i].offset;
	}
	return write_pairs(&writer, from, to, bytes, records);
}
