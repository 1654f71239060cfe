/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: everything a writer changes becomes visible by one store, or not at all. */
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "shm.h"
#include "walk.h"
#include "zone_writer.h"

int xd_table_alloc(xd_table *table, uint64_t bytes, uint64_t *offset, void **block)
{
	int rc = xd_alloc_block(&table->alloc, bytes, offset);

	if (!rc)
		*block = xd_at(table, *offset);
	else
		table->has_failed = true;
	return rc;
}

int xd_table_drop(xd_table *table, uint64_t offset, uint64_t bytes)
{
	return xd_alloc_retire(&table->alloc, offset, bytes);
}

void xd_table_set_readers(xd_table *table, const xd_shm *shm)
{
	table->shm = shm;
}

uint64_t xd_table_oldest_seen(const xd_table *table)
{
	uint64_t oldest = XD_SEEN_IDLE;

	/* A reader that wakes up stores its slot and then loads the root: it sees our root, or we see that it is awake. */
	for (uint32_t i = 0; table->shm && i < table->shm->slot_count; i++) {
		uint64_t seen = atomic_load_explicit(&table->shm->slots[i].seen, memory_order_seq_cst);

		if (seen < oldest)
			oldest = seen;
	}
	return oldest;
}

void xd_table_reclaim(xd_table *table)
{
	if (table->alloc.retired_head < table->alloc.retired_count)
		xd_alloc_reclaim(&table->alloc, xd_table_oldest_seen(table));
}

int xd_txn_begin(xd_table *table)
{
	if (!table->is_writer || table->in_txn)
		return -XD_E_BUSY;
	xd_table_reclaim(table);
	table->root.generation++;
	table->in_txn = true;
	table->has_failed = false;
	table->prepared_root = 0;
	return 0;
}

void xd_txn_abort(xd_table *table)
{
	if (!table->in_txn)
		return;
	xd_alloc_abort(&table->alloc);
	if (table->root_offset)
		table->root = *(const struct xd_root *)xd_at(table, table->root_offset);
	table->open.is_open = false;
	table->in_txn = false;
}

static int write_root(xd_table *table, uint64_t *offset)
{
	struct xd_root *root;
	int rc = xd_table_alloc(table, sizeof(*root), offset, (void **)&root);

	if (!rc && table->root_offset)
		rc = xd_table_drop(table, table->root_offset, sizeof(*root));
	if (rc)
		return rc;
	table->root.end = table->alloc.end;
	table->root.checksum = xd_crc32c(&table->root.generation, sizeof(*root) - offsetof(struct xd_root, generation));
	*root = table->root;
	return 0;
}

int xd_table_forget_synced(xd_table *table)
{
	struct xd_header *header = xd_table_header(table);

	if (!atomic_load_explicit(&header->synced, memory_order_relaxed))
		return 0;
	atomic_store_explicit(&header->synced, 0, memory_order_relaxed);
	return msync(table->base, XD_HEADER_BYTES, MS_SYNC) == 0 ? 0 : -XD_E_SYSTEM;
}

int xd_txn_prepare(xd_table *table)
{
	uint64_t root_offset = 0;
	int rc;

	if (!table->in_txn)
		return -XD_E_BUSY;
	if (table->prepared_root)
		return 0;
	rc = table->has_failed ? -XD_E_ZONE : xd_zone_close(table);
	if (!rc)
		rc = write_root(table, &root_offset);
	if (!rc)
		rc = xd_alloc_reserve_commit(&table->alloc);
	if (rc)
		xd_txn_abort(table);
	else
		table->prepared_root = root_offset;
	return rc;
}

int xd_txn_commit(xd_table *table)
{
	int rc = xd_txn_prepare(table);

	if (rc)
		return rc;
	atomic_store_explicit(&xd_table_header(table)->root, table->prepared_root, memory_order_seq_cst);
	table->root_offset = table->prepared_root;
	xd_alloc_commit(&table->alloc, table->root.generation);
	table->in_txn = false;
	rc = xd_table_forget_synced(table);
	if (!rc)
		xd_table_reclaim(table);
	return rc;
}

int xd_txn_set_server_info(xd_table *table, const xd_server_info *info)
{
	xd_server_info *copy;
	uint64_t offset;
	int rc;

	if (!table->in_txn)
		return -XD_E_BUSY;
	if (!xd_server_info_is_sound(info))
		return xd_txn_step(table, -XD_E_RANGE);
	rc = xd_table_alloc(table, sizeof(*copy), &offset, (void **)&copy);
	if (rc)
		return xd_txn_step(table, rc);
	*copy = *info;
	copy->has_modules = info->stats_families || info->has_zone_stats || info->cookies.secret_count || info->rrl.rate_limit;
	if (table->root.server_info)
		rc = xd_table_drop(table, table->root.server_info, sizeof(*copy));
	table->root.server_info = offset;
	return xd_txn_step(table, rc);
}

static int set_zone_stats(xd_table *table, const uint8_t *apex, uint32_t row, uint32_t families)
{
	struct xd_open_zone *open = &table->open;
	int rc = xd_zone_open(table, apex);

	if (rc)
		return rc;
	if (!open->old_offset) {
		open->is_open = false;
		return -XD_E_NOT_FOUND;
	}
	open->zone.stats_row = row;
	open->zone.stats_families = row ? families : 0;
	return 0;
}

int xd_txn_zone_set_stats(xd_table *table, const uint8_t *apex, uint32_t row, uint32_t families)
{
	if (!table->in_txn)
		return -XD_E_BUSY;
	return xd_txn_step(table, row > XD_ZONE_STATS_MAX ? -XD_E_RANGE : set_zone_stats(table, apex, row, families));
}

static bool rules_are_sound(const xd_access_rule *rules, size_t count)
{
	if (count > XD_ACCESS_RULES_MAX || (!rules && count))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (rules[i].address_len != 0 && rules[i].address_len != 4 && rules[i].address_len != 16)
			return false;
	}
	return true;
}

int xd_txn_zone_set_access(xd_table *table, const uint8_t *apex, const xd_access_rule *rules, size_t count)
{
	struct xd_zone *zone = &table->open.zone;
	int rc;

	if (!table->in_txn)
		return -XD_E_BUSY;
	if (!rules_are_sound(rules, count))
		return xd_txn_step(table, -XD_E_RANGE);
	rc = xd_zone_open(table, apex);
	if (rc)
		return xd_txn_step(table, rc);
	zone->flags = (uint8_t)(rules ? zone->flags | XD_ZONE_CLOSED : zone->flags & ~XD_ZONE_CLOSED);
	zone->access_count = (uint8_t)count;
	if (count)
		memcpy(table->open.access, rules, count * sizeof(*rules));
	return 0;
}

int xd_txn_zone_empty(xd_table *table, const uint8_t *apex)
{
	int rc;

	if (!table->in_txn)
		return -XD_E_BUSY;
	rc = xd_zone_open(table, apex);
	if (!rc)
		rc = xd_zone_clear(table);
	table->open.zone.version = 0;
	return xd_txn_step(table, rc);
}

static int remove_zone(xd_table *table, const uint8_t *apex)
{
	struct xd_open_zone *open = &table->open;
	uint64_t bytes;
	int rc = xd_zone_open(table, apex);

	if (rc)
		return rc;
	if (!open->old_offset) {
		open->is_open = false;
		return -XD_E_NOT_FOUND;
	}
	rc = xd_zone_clear(table);
	if (rc)
		return rc;
	bytes = xd_zone_bytes(xd_at(table, open->old_offset));
	open->is_open = false;
	rc = xd_index_remove(table, &table->root.zones, open->apex_name.hash[open->apex_name.labels], open->old_offset);
	if (!rc)
		rc = xd_table_drop(table, open->old_offset, bytes);
	/* label_mask keeps the bit of the removed zone: a superset costs a failed lookup and nothing else. */
	if (!rc)
		table->root.zone_count--;
	if (!rc && table->root.zone_count == 0)
		memset(table->root.label_mask, 0, sizeof(table->root.label_mask));
	return rc;
}

int xd_txn_zone_remove(xd_table *table, const uint8_t *apex)
{
	return table->in_txn ? xd_txn_step(table, remove_zone(table, apex)) : -XD_E_BUSY;
}
