/* SPDX-License-Identifier: Apache-2.0 */
#include "zone_writer.h"

#include <string.h>

#include "order.h"
#include "rr.h"
#include "walk.h"

static struct xd_zone *zone_at(const xd_table *table, uint64_t offset)
{
	return xd_at(table, offset);
}

static uint64_t rehash_zone(const xd_table *table, uint64_t offset)
{
	const struct xd_zone *zone = zone_at(table, offset);
	struct xd_suffixes name;

	xd_suffixes_init(&name, xd_zone_name(zone), zone->name_len, xd_table_header(table)->seed);
	return name.hash[name.labels];
}

uint64_t xd_zone_rehash_node(const xd_table *table, uint64_t offset)
{
	const struct xd_node *node = xd_at(table, offset);
	uint8_t wire[XD_NAME_MAX];
	struct xd_suffixes name;

	memcpy(wire, xd_node_name(node), node->name_len);
	memcpy(wire + node->name_len, table->open.apex_name.name, table->open.apex_name.len);
	xd_suffixes_init(&name, wire, (size_t)node->name_len + table->open.apex_name.len, xd_table_header(table)->seed);
	return name.hash[name.labels];
}

int xd_zone_open(xd_table *table, const uint8_t *apex)
{
	struct xd_open_zone *open = &table->open;
	size_t len = xd_wire_name_len(apex, XD_NAME_MAX);
	struct xd_suffixes name;
	int rc;

	if (!len)
		return -XD_E_NAME;
	xd_suffixes_init(&name, apex, len, xd_table_header(table)->seed);
	if (open->is_open && open->apex_name.len == len && memcmp(open->apex_name.name, name.name, len) == 0)
		return 0;
	rc = xd_zone_close(table);
	if (rc)
		return rc;
	open->apex_name = name;
	open->old_offset = xd_root_find_zone(table->base, &table->root, &name, name.labels);
	if (open->old_offset) {
		const struct xd_zone *old = zone_at(table, open->old_offset);

		open->zone = *old;
		memcpy(open->salt, xd_zone_salt(old), old->nsec3_salt_len);
		memcpy(open->access, xd_zone_access(old), old->access_count * sizeof(open->access[0]));
	} else {
		memset(&open->zone, 0, sizeof(open->zone));
		open->zone.name_len = name.len;
		open->zone.labels = open->zone.max_labels = name.labels;
	}
	open->is_open = true;
	open->moves_cuts = false;
	open->changed.len = 0;
	return 0;
}

int xd_zone_close(xd_table *table)
{
	struct xd_open_zone *open = &table->open;
	uint64_t hash = open->apex_name.hash[open->apex_name.labels];
	struct xd_zone *zone;
	uint64_t offset;
	int rc;

	if (!open->is_open)
		return 0;
	if (open->moves_cuts) {
		rc = xd_zone_settle_cuts(table);
		if (rc)
			return rc;
	}
	rc = xd_table_alloc(table, xd_zone_bytes(&open->zone), &offset, (void **)&zone);
	if (rc)
		return rc;
	*zone = open->zone;
	memcpy(zone + 1, open->apex_name.name, open->apex_name.len);
	memcpy((uint8_t *)(zone + 1) + open->apex_name.len, open->salt, zone->nsec3_salt_len);
	memcpy((uint8_t *)(zone + 1) + open->apex_name.len + zone->nsec3_salt_len, open->access,
	       zone->access_count * sizeof(open->access[0]));
	rc = xd_index_put(table, &table->root.zones, hash, open->old_offset, offset, rehash_zone);
	if (rc)
		return rc;
	if (open->old_offset) {
		rc = xd_table_drop(table, open->old_offset, xd_zone_bytes(zone_at(table, open->old_offset)));
	} else {
		table->root.zone_count++;
		table->root.label_mask[open->apex_name.labels / 64] |= UINT64_C(1) << open->apex_name.labels % 64;
	}
	open->is_open = false;
	return rc;
}

static int drop_block(void *context, enum xd_block_kind kind, uint64_t offset, uint64_t bytes)
{
	return kind == XD_BLOCK_ZONE ? 0 : xd_table_drop(context, offset, bytes);
}

/*
 * The walk goes over the published struct, so this must come before other changes of the zone in the transaction. When the
 * transaction itself made parts of the zone, the zone is written back first and walked as it is then.
 */
int xd_zone_clear(xd_table *table)
{
	struct xd_open_zone *open = &table->open;
	struct xd_walk walk = {
		.base = table->base,
		.seed = xd_table_header(table)->seed,
		.visit = drop_block,
		.context = table,
	};
	uint8_t apex[XD_NAME_MAX];
	int rc;

	memcpy(apex, open->apex_name.name, open->apex_name.len);
	rc = xd_zone_close(table);
	if (!rc)
		rc = xd_zone_open(table, apex);
	walk.end = table->alloc.end;
	if (!rc)
		rc = xd_walk_zone(&walk, open->old_offset);
	open->zone.names = open->zone.index = open->zone.order = open->zone.nsec3_order = open->zone.apex = 0;
	open->zone.negative_soa = 0;
	open->zone.serial = 0;
	open->zone.flags &= XD_ZONE_CLOSED;
	open->zone.nsec3_iterations = 0;
	open->zone.nsec3_salt_len = 0;
	open->zone.max_labels = open->zone.labels;
	return rc;
}

static const struct xd_rrset_in *find_in(const struct xd_rrset_in *rrsets, size_t count, uint16_t type)
{
	for (size_t i = 0; i < count; i++) {
		if (rrsets[i].type == type)
			return &rrsets[i];
	}
	return NULL;
}

/* The first record with flags 0 says how the zone is hashed (RFC 5155, section 4.1.2); others are in the making or unknown. */
static int take_nsec3param(struct xd_open_zone *open, const struct xd_rrset_in *param)
{
	const uint8_t *at = param->value + 6;
	size_t left = param->len - 6;

	for (unsigned n = xd_load_be16(param->value + 4); n; n--) {
		unsigned len;

		if (left < 2)
			return -XD_E_RDATA;
		len = xd_load_be16(at);
		if (left - 2 < len || len < 5 || len < 5u + at[6])
			return -XD_E_RDATA;
		if (at[2] == 1 && at[3] == 0) {
			open->zone.nsec3_iterations = xd_load_be16(at + 4);
			open->zone.nsec3_salt_len = at[6];
			memcpy(open->salt, at + 7, at[6]);
			open->zone.flags |= XD_ZONE_NSEC3;
			return 0;
		}
		at += 2 + len;
		left -= 2 + len;
	}
	return 0;
}

/* The SOA as negative answers carry it: TTL at most its MINIMUM field (RFC 2308, section 3), signatures alike. */
static int make_negative_soa(xd_table *table, const struct xd_rrset_in *soa, const struct xd_rrset_in *rrsig)
{
	struct xd_render_options options = xd_zone_render_options(table);
	struct xd_rrset_in both[2] = { *soa };
	struct xd_node *node;
	size_t len;
	int rc;

	options.drops_orphans = true;
	if (soa->len < 8 || xd_load_be16(soa->value + 4) != 1)
		return -XD_E_ZONE;
	len = xd_load_be16(soa->value + 6);
	if (len < 22 || soa->len != 8 + len)
		return -XD_E_RDATA;
	options.ttl_max = xd_load_be32(soa->value + soa->len - 4);
	table->open.zone.serial = xd_load_be32(soa->value + soa->len - 20);
	if (rrsig)
		both[1] = *rrsig;
	rc = xd_render_node(table, &options, &table->open.apex_name, both, rrsig ? 2 : 1);
	if (rc)
		return rc;
	return xd_render_store(table, &table->open.zone.negative_soa, &node);
}

int xd_zone_take_apex(xd_table *table, uint64_t node, const struct xd_rrset_in *rrsets, size_t count)
{
	struct xd_open_zone *open = &table->open;
	const struct xd_rrset_in *soa = find_in(rrsets, count, XD_T_SOA);
	const struct xd_rrset_in *param = find_in(rrsets, count, XD_T_NSEC3PARAM);
	int rc;

	if (!soa)
		return -XD_E_ZONE;
	if (open->zone.negative_soa) {
		const struct xd_node *old = xd_at(table, open->zone.negative_soa);

		rc = xd_table_drop(table, open->zone.negative_soa, old->bytes);
		if (rc)
			return rc;
	}
	open->zone.apex = node;
	open->zone.flags = (open->zone.flags & XD_ZONE_CLOSED) | XD_ZONE_HAS_CONTENTS;
	open->zone.nsec3_iterations = 0;
	open->zone.nsec3_salt_len = 0;
	if (find_in(rrsets, count, XD_T_NSEC))
		open->zone.flags |= XD_ZONE_NSEC;
	rc = param ? take_nsec3param(open, param) : 0;
	return rc ? rc : make_negative_soa(table, soa, find_in(rrsets, count, XD_T_RRSIG));
}

/* Does an RRSIG set cover anything but NSEC3? */
static bool covers_others(const struct xd_rrset_in *rrsig)
{
	size_t at = 6;

	while (at + 4 <= rrsig->len) {
		if (xd_load_be16(rrsig->value + at + 2) != XD_T_NSEC3)
			return true;
		at += 2u + xd_load_be16(rrsig->value + at);
	}
	return false;
}

void xd_zone_split_nsec3(struct xd_rrset_in *rrsets, size_t *count, struct xd_rrset_in nsec3[2], size_t *nsec3_count)
{
	const struct xd_rrset_in *hashed = find_in(rrsets, *count, XD_T_NSEC3);
	const struct xd_rrset_in *rrsig = find_in(rrsets, *count, XD_T_RRSIG);
	size_t kept = 0;

	*nsec3_count = 0;
	if (!hashed)
		return;
	if (rrsig)
		nsec3[(*nsec3_count)++] = *rrsig;
	nsec3[(*nsec3_count)++] = *hashed;
	for (size_t i = 0; i < *count; i++) {
		if (rrsets[i].type == XD_T_NSEC3 || (rrsets[i].type == XD_T_RRSIG && !covers_others(&rrsets[i])))
			continue;
		rrsets[kept++] = rrsets[i];
	}
	*count = kept;
}

int xd_zone_store_nsec3(xd_table *table, const struct xd_suffixes *owner, const struct xd_rrset_in *nsec3, size_t count,
                        uint64_t *node)
{
	struct xd_render_options options = xd_zone_render_options(table);
	struct xd_order_key key;
	struct xd_node *stored;
	int rc;

	options.drops_orphans = true;
	rc = xd_render_node(table, &options, owner, nsec3, count);
	if (rc)
		return rc;
	/* An owner that is no SHA-1 hash can prove nothing: RFC 5155, section 3.3. */
	if (!xd_order_key_from_node(&key, (const struct xd_node *)table->node.bytes, XD_ORDER_NSEC3))
		return -XD_E_ZONE;
	return xd_render_store(table, node, &stored);
}
