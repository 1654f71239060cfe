/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/nsec3.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "name.h"
#include "signing/work.h"

#define BLOCK_ENTRIES 1024u
#define KEY_TAIL_BYTES 3u /* zero and type */

static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

void xd_nsec3_hash(const xd_nsec3_params *params, const uint8_t *name, size_t len, uint8_t *hash)
{
	uint8_t octets[XD_NAME_MAX + 255];

	memcpy(octets, name, len);
	memcpy(octets + len, params->salt, params->salt_len);
	xd_sha1(hash, octets, len + params->salt_len);
	memcpy(octets + XD_SHA1_BYTES, params->salt, params->salt_len);
	for (unsigned i = 0; i < params->iterations; i++) {
		memcpy(octets, hash, XD_SHA1_BYTES);
		xd_sha1(hash, octets, (size_t)XD_SHA1_BYTES + params->salt_len);
	}
}

void xd_nsec3_label(uint8_t *out, const uint8_t *hash)
{
	for (unsigned group = 0; group < 4; group++, hash += 5, out += 8) {
		uint64_t bits = (uint64_t)xd_load_be32(hash) << 8 | hash[4];
		for (unsigned i = 0; i < 8; i++)
			out[i] = (uint8_t)digits[bits >> (35 - 5 * i) & 31];
	}
}

/* Names are collected first and hashed by several threads then. */
struct collector {
	const struct xd_zone *zone;
	const xd_nsec3_params *params;
	struct xd_nsec3_entry *entries; /* until it is hashed, the first octet has the labels to be left out at its left */
	size_t count;
	size_t room;
};

static int add_entry(struct collector *collector, size_t node, uint8_t left_out)
{
	if (collector->count == collector->room) {
		size_t room = collector->room + collector->room / 2 + 64;
		struct xd_nsec3_entry *entries = realloc(collector->entries, room * sizeof(*entries));
		if (!entries)
			return -XD_E_NOMEM;
		collector->entries = entries;
		collector->room = room;
	}
	struct xd_nsec3_entry *entry = &collector->entries[collector->count++];
	*entry = (struct xd_nsec3_entry){ .hash = { left_out }, .node = (uint32_t)node };
	return XD_OK;
}

/* Labels of the owner in a key; in `shared` those it has in common with another one. */
static unsigned count_labels(const struct xd_pair *pair, const struct xd_pair *other, unsigned *shared)
{
	size_t same = 0, shorter = pair->key_len < other->key_len ? pair->key_len : other->key_len;
	unsigned labels = 0;

	while (same < shorter - KEY_TAIL_BYTES && pair->key[same] == other->key[same])
		same++;
	*shared = 0;
	for (size_t i = XD_KEY_ZONE_ID_BYTES; i < pair->key_len - KEY_TAIL_BYTES; i++) {
		if (pair->key[i])
			continue;
		labels++;
		if (i < same)
			*shared = labels;
	}
	return labels;
}

/* RFC 5155, section 7.1: every name, and the empty non-terminals above it; with opt-out no insecure delegations. */
static int collect(struct collector *collector)
{
	const struct xd_zone *zone = collector->zone;
	size_t before = zone->apex_node;

	for (size_t node = zone->apex_node; node < zone->count; node++) {
		uint32_t flags = zone->nodes[node].flags;
		if (!(flags & XD_NODE_NAME) ||
		    (collector->params->opt_out && (flags & (XD_NODE_CUT | XD_NODE_SECURE)) == XD_NODE_CUT))
			continue;
		struct xd_pair pair = xd_zone_pair(zone, zone->nodes[node].first);
		struct xd_pair last = xd_zone_pair(zone, zone->nodes[before].first);
		unsigned shared, labels = count_labels(&pair, &last, &shared);
		int result = add_entry(collector, node, 0);
		for (unsigned out = 1; result == XD_OK && out + shared < labels; out++)
			result = add_entry(collector, node, (uint8_t)out);
		if (result < 0)
			return result;
		before = node;
	}
	return XD_OK;
}

static int hash_block(void *arg, unsigned worker, size_t block)
{
	struct collector *collector = arg;
	size_t end = (block + 1) * BLOCK_ENTRIES;
	uint8_t owner[XD_NAME_MAX];

	(void)worker;
	for (size_t i = block * BLOCK_ENTRIES; i < end && i < collector->count; i++) {
		struct xd_nsec3_entry *entry = &collector->entries[i];
		size_t len = xd_zone_owner(collector->zone, entry->node, owner), at = 0;
		if (!len)
			return -XD_E_KEY_ORDER;
		unsigned left_out = entry->hash[0];
		if (left_out)
			entry->node = XD_NSEC3_NONE;
		for (; left_out; left_out--)
			at += owner[at] + 1u;
		xd_nsec3_hash(collector->params, owner + at, len - at, entry->hash);
	}
	return XD_OK;
}

static int compare_entries(const void *a, const void *b)
{
	return memcmp(a, b, XD_SHA1_BYTES);
}

static bool has_twins(const struct xd_nsec3_entry *entries, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (!memcmp(entries[i - 1].hash, entries[i].hash, XD_SHA1_BYTES))
			return true;
	return false;
}

int xd_nsec3_chain_make(struct xd_nsec3_chain *chain, const struct xd_zone *zone, const xd_nsec3_params *params,
                        unsigned threads, const int *stop)
{
	struct collector collector = { .zone = zone, .params = params };
	struct xd_work work = { hash_block, &collector, threads, stop };

	*chain = (struct xd_nsec3_chain){ 0 };
	if (zone->apex_len + XD_NSEC3_LABEL_BYTES + 1 > XD_NAME_MAX)
		return -XD_E_RANGE;
	int result = collect(&collector);
	if (result == XD_OK)
		result = xd_work_run(&work, (collector.count + BLOCK_ENTRIES - 1) / BLOCK_ENTRIES);
	if (result == XD_OK) {
		qsort(collector.entries, collector.count, sizeof(*collector.entries), compare_entries);
		if (has_twins(collector.entries, collector.count))
			result = -XD_E_EXISTS;
	}
	if (result < 0) {
		free(collector.entries);
		return result;
	}
	*chain = (struct xd_nsec3_chain){ collector.entries, collector.count };
	return XD_OK;
}

void xd_nsec3_chain_uninit(struct xd_nsec3_chain *chain)
{
	free(chain->entries);
	*chain = (struct xd_nsec3_chain){ 0 };
}
