/* SPDX-License-Identifier: Apache-2.0 */
#include "collect.h"

#include <stdlib.h>
#include <string.h>

#include "collect_impl.h"
#include "huge.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "sort words are made by swapping octets");

void xd_collector_init(struct xd_collector *collector, const uint8_t *apex, uint32_t zone_id)
{
	*collector = (struct xd_collector){ .zone_id = zone_id };
	collector->apex_len = (uint16_t)xd_key_write_owner(collector->apex, apex);
}

void xd_collector_uninit(struct xd_collector *collector)
{
	free(collector->arena);
	free(collector->runs);
	collector->arena = NULL;
	collector->runs = NULL;
	collector->used = collector->room = 0;
	collector->run_count = collector->run_room = collector->record_count = 0;
	collector->pair_bytes = 0;
}

/* Doubling is cheap for large blocks: the allocator moves pages, not octets, and pages not yet written take no memory. */
static bool arena_reserve(struct xd_collector *collector, size_t need)
{
	if (collector->room - collector->used >= need)
		return true;
	size_t room = (collector->room ? collector->room * 2 : 1 << 12) + need;
	uint8_t *arena = realloc(collector->arena, room);
	if (!arena)
		return false;
	xd_huge_advise(arena, room);
	collector->arena = arena;
	collector->room = room;
	return true;
}

static struct xd_run *run_append(struct xd_collector *collector)
{
	if (collector->run_count == collector->run_room) {
		size_t room = collector->run_room ? collector->run_room * 2 : 256;
		struct xd_run *runs = realloc(collector->runs, room * sizeof(*runs));
		if (!runs)
			return NULL;
		xd_huge_advise(runs, room * sizeof(*runs));
		collector->runs = runs;
		collector->run_room = room;
	}
	return &collector->runs[collector->run_count++];
}

/* Where an owner stands to that of the last run: 0 the same, greater than 0 behind it, as the first is. */
static int compare_to_last(const struct xd_collector *collector, const uint8_t *key, size_t key_len)
{
	if (!collector->run_count)
		return 1;
	const uint8_t *at = collector->arena + collector->runs[collector->run_count - 1].offset;
	size_t last_len = read_run(at).key_len;
	int diff = memcmp(key, at + sizeof(struct run_header), key_len < last_len ? key_len : last_len);
	return diff ? diff : (key_len > last_len) - (key_len < last_len);
}

int xd_collector_set_owner(struct xd_collector *collector, const uint8_t *owner)
{
	uint8_t full[XD_KEY_OWNER_MAX];
	size_t full_len = xd_key_write_owner(full, owner);

	/* Each label is closed in a key, so a prefix of octets is a prefix of labels. */
	if (full_len < collector->apex_len || memcmp(full, collector->apex, collector->apex_len) != 0)
		return -XD_E_ZONE;
	const uint8_t *key = full + collector->apex_len;
	struct run_header header = { .key_len = (uint16_t)(full_len - collector->apex_len) };
	int order = compare_to_last(collector, key, header.key_len);
	if (!order)
		return XD_OK;
	if (!arena_reserve(collector, sizeof(header) + header.key_len))
		return -XD_E_NOMEM;
	struct xd_run *run = run_append(collector);
	if (!run)
		return -XD_E_NOMEM;
	collector->is_unordered |= order < 0;
	*run = (struct xd_run){ .word = key_word(key, header.key_len, 0), .offset = collector->used };
	uint8_t *at = collector->arena + collector->used;
	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), key, header.key_len);
	collector->used += sizeof(header) + header.key_len;
	return XD_OK;
}

uint8_t *xd_collector_reserve(struct xd_collector *collector)
{
	if (!arena_reserve(collector, sizeof(struct record_header) + XD_RDATA_MAX + XD_COLLECT_SLACK))
		return NULL;
	return collector->arena + collector->used + sizeof(struct record_header);
}

void xd_collector_commit(struct xd_collector *collector, uint16_t type, uint32_t ttl, size_t rdata_len)
{
	struct record_header record = { .ttl = ttl, .type = type, .rdata_len = (uint16_t)rdata_len };
	uint8_t *run_at = collector->arena + collector->runs[collector->run_count - 1].offset;
	struct run_header run = read_run(run_at);

	memcpy(collector->arena + collector->used, &record, sizeof(record));
	collector->used += sizeof(record) + rdata_len;
	run.record_count++;
	memcpy(run_at, &run, sizeof(run));
	collector->record_count++;
	collector->pair_bytes += pair_fixed_bytes(collector, run.key_len) + rdata_len;
}
