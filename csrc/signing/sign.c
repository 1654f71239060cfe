/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/sign.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "signing/apply.h"
#include "signing/rrsig.h"
#include "signing/sign_node.h"
#include "signing/work.h"

/*
 * Threads take blocks, and what they make of the blocks of one batch is collected before the next one: so beside the result
 * only the signatures of some ten thousand owners are in memory.
 */
#define BLOCK_ITEMS 256u
#define BATCH_BLOCKS 64u

struct run {
	struct xd_signing signing;
	struct xd_signing_item *items; /* in key order */
	size_t count;
	size_t first; /* item of the batch */
	size_t taken; /* pairs of the zone that are in the result, which has all of them (`merged`) */
	struct xd_node_signer *signers;
	unsigned threads;
	struct xd_writer blocks[BATCH_BLOCKS];
	struct xd_writer changes;
};

/* Owner of an item's key against that of a hash. */
static int compare_owner(const struct xd_signing *signing, size_t node, size_t entry)
{
	uint8_t key[XD_KEY_MAX];
	size_t len = xd_signing_entry_key(signing, entry, key);
	struct xd_pair pair = xd_zone_pair(&signing->zone, signing->zone.nodes[node].first);
	size_t own_len = pair.key_len - 2;
	int diff = memcmp(pair.key, key, own_len < len ? own_len : len);

	return diff ? diff : (own_len > len) - (own_len < len);
}

/* Nodes and hashes in one order; a hash that is a name of the zone as well is one item with it. */
static int list_items(struct run *run)
{
	const struct xd_signing *signing = &run->signing;
	size_t nodes = signing->zone.count, entries = signing->chain.count, node = 0, entry = 0;

	run->items = malloc((nodes + entries + 1) * sizeof(*run->items));
	if (!run->items)
		return -XD_E_NOMEM;
	while (node < nodes || entry < entries) {
		int diff = node == nodes ? 1 : entry == entries ? -1 : compare_owner(signing, node, entry);
		struct xd_signing_item item = { XD_NSEC3_NONE, XD_NSEC3_NONE };
		if (diff <= 0)
			item.node = (uint32_t)node++;
		if (diff >= 0)
			item.entry = (uint32_t)entry++;
		run->items[run->count++] = item;
	}
	return XD_OK;
}

static int sign_block(void *arg, unsigned worker, size_t block)
{
	struct run *run = arg;
	size_t at = run->first + block * BLOCK_ITEMS, end = at + BLOCK_ITEMS;

	for (; at < end && at < run->count; at++) {
		int result = xd_node_sign(&run->signers[worker], run->items[at], &run->blocks[block]);
		if (result < 0)
			return result;
	}
	return XD_OK;
}

/* Where the pairs of the items before `item` end. */
static size_t pairs_before(const struct run *run, size_t item)
{
	const struct xd_zone *zone = &run->signing.zone;

	while (item < run->count && run->items[item].node == XD_NSEC3_NONE)
		item++;
	return item < run->count ? zone->nodes[run->items[item].node].first : zone->pairs;
}

/* Puts what was made of a block of the batch behind the result. */
static int collect(struct run *run, size_t block)
{
	if (!run->signing.plan->merged)
		return xd_writer_take(&run->changes, &run->blocks[block]);
	const struct xd_zone *zone = &run->signing.zone;
	size_t end = pairs_before(run, run->first + (block + 1) * BLOCK_ITEMS);
	int result = xd_apply_run(&run->changes, zone->bytes, zone->offsets, run->taken, end, &run->blocks[block]);

	run->taken = end;
	return result;
}

static int sign_batches(struct run *run)
{
	struct xd_work work = { sign_block, run, run->threads, run->signing.plan->stop };
	int result = XD_OK;

	for (; result == XD_OK && run->first < run->count; run->first += BLOCK_ITEMS * BATCH_BLOCKS) {
		size_t blocks = (run->count - run->first + BLOCK_ITEMS - 1) / BLOCK_ITEMS;
		if (blocks > BATCH_BLOCKS)
			blocks = BATCH_BLOCKS;
		result = xd_work_run(&work, blocks);
		for (size_t i = 0; result == XD_OK && i < blocks; i++)
			result = collect(run, i);
	}
	return result;
}

static void sum_up(const struct run *run, xd_sign_result *result)
{
	for (unsigned i = 0; i < run->threads; i++) {
		const struct xd_owner *owner = &run->signers[i].owner;
		if (!owner->signatures)
			continue;
		if (!result->signatures || xd_time_after(result->earliest_expiration, owner->earliest))
			result->earliest_expiration = owner->earliest;
		if (!result->signatures || xd_time_after(owner->latest, result->latest_expiration))
			result->latest_expiration = owner->latest;
		result->signatures += owner->signatures;
		result->new_signatures += owner->new_signatures;
	}
}

static int sign_with_threads(struct run *run, unsigned wanted, xd_sign_result *result)
{
	int code = XD_OK;

	run->signers = calloc(wanted, sizeof(*run->signers));
	if (!run->signers)
		return -XD_E_NOMEM;
	while (code == XD_OK && run->threads < wanted) {
		code = xd_node_signer_init(&run->signers[run->threads], &run->signing);
		run->threads += code == XD_OK;
	}
	if (code == XD_OK)
		code = sign_batches(run);
	if (code == XD_OK) {
		sum_up(run, result);
		code = xd_writer_finish(&run->changes, &result->changes);
	}
	for (unsigned i = 0; i < run->threads; i++)
		xd_node_signer_uninit(&run->signers[i]);
	free(run->signers);
	for (size_t i = 0; i < BATCH_BLOCKS; i++)
		xd_writer_uninit(&run->blocks[i]);
	xd_writer_uninit(&run->changes);
	return code;
}

static unsigned threads_of(const xd_sign_plan *plan)
{
	if (!plan->threads)
		return 1;
	return plan->threads < XD_WORK_THREADS_MAX ? plan->threads : XD_WORK_THREADS_MAX;
}

int xd_sign_zone(const xd_ring *ring, const uint8_t *bytes, const uint64_t *offsets, size_t count, const xd_sign_plan *plan,
                 xd_sign_result *result)
{
	struct run *run = calloc(1, sizeof(*run));
	struct xd_signing *signing = run ? &run->signing : NULL;

	*result = (xd_sign_result){ 0 };
	if (!run)
		return -XD_E_NOMEM;
	signing->ring = ring;
	signing->plan = plan;
	int code = ring->roles & XD_SIGNS_ZONE ? XD_OK : -XD_E_KEY;
	if (code == XD_OK)
		code = xd_zone_read(&signing->zone, bytes, offsets, count, ring->apex, plan->zone_id);
	if (code == XD_OK) {
		signing->nsec_ttl = plan->nsec_ttl < 0 ? signing->zone.least_ttl : (uint32_t)plan->nsec_ttl;
		if (plan->nsec3)
			code = xd_nsec3_chain_make(&signing->chain, &signing->zone, plan->nsec3, threads_of(plan), plan->stop);
	}
	if (code == XD_OK)
		code = list_items(run);
	if (code == XD_OK)
		code = sign_with_threads(run, threads_of(plan), result);
	free(run->items);
	xd_nsec3_chain_uninit(&signing->chain);
	xd_zone_uninit(&signing->zone);
	free(run);
	return code;
}
