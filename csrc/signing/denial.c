/* SPDX-License-Identifier: Apache-2.0 */
/* NSEC, NSEC3 and NSEC3PARAM records of a zone (RFC 4034, section 4; RFC 5155, sections 3 and 4). */
#include <string.h>

#include "bytes.h"
#include "rr.h"
#include "signing/bitmap.h"
#include "signing/sign_node.h"

#define VALUE_HEAD_BYTES 8u /* TTL, count, and the length of the only record */
#define HASH_SHA1 1u
#define FLAG_OPT_OUT 1u

static void begin_value(struct xd_octets *value, uint32_t ttl)
{
	xd_store_be32(value->data, ttl);
	xd_store_be16(value->data + 4, 1);
	value->used = VALUE_HEAD_BYTES;
}

static void finish_value(struct xd_octets *value)
{
	xd_store_be16(value->data + 6, (uint16_t)(value->used - VALUE_HEAD_BYTES));
}

/* RFC 4034, section 4.1.2: of a delegation what the zone has authority for, else every type that is there. */
static void add_types(struct xd_bitmap *bitmap, const struct xd_zone *zone, size_t node)
{
	uint32_t flags = zone->nodes[node].flags;

	for (size_t i = zone->nodes[node].first; i < zone->nodes[node + 1].first; i++) {
		const uint8_t *value = zone->bytes + zone->offsets[2 * i + 1];
		uint16_t type = xd_load_be16(value - 2);
		if (!xd_type_is_made(type) && (!(flags & XD_NODE_CUT) || type == XD_T_NS || type == XD_T_DS))
			xd_bitmap_add(bitmap, type);
	}
}

static void finish_bitmap(struct xd_octets *value, struct xd_bitmap *bitmap)
{
	value->used = (size_t)(xd_bitmap_finish(bitmap) - value->data);
}

int xd_make_nsec(struct xd_octets *value, const struct xd_zone *zone, size_t node, uint32_t ttl)
{
	struct xd_bitmap bitmap;

	value->used = 0;
	int result = xd_octets_reserve(value, VALUE_HEAD_BYTES + XD_NAME_MAX + XD_BITMAP_MAX);
	if (result < 0)
		return result;
	begin_value(value, ttl);
	size_t len = xd_zone_owner(zone, xd_zone_next_name(zone, node), value->data + value->used);
	if (!len)
		return -XD_E_KEY_ORDER;
	xd_bitmap_init(&bitmap, value->data + value->used + len);
	xd_bitmap_add(&bitmap, XD_T_RRSIG);
	xd_bitmap_add(&bitmap, XD_T_NSEC);
	add_types(&bitmap, zone, node);
	finish_bitmap(value, &bitmap);
	finish_value(value);
	return XD_OK;
}

static void put_params(struct xd_octets *value, const xd_nsec3_params *params, uint8_t flags)
{
	uint8_t head[5] = { HASH_SHA1, flags };

	xd_store_be16(head + 2, params->iterations);
	head[4] = params->salt_len;
	xd_octets_put(value, head, sizeof(head));
	xd_octets_put(value, params->salt, params->salt_len);
}

/* RFC 5155, section 7.1: RRSIG is in the bitmap where something is signed. */
int xd_append_hashed_types(struct xd_octets *value, const struct xd_zone *zone, size_t node)
{
	uint32_t flags = node == XD_NSEC3_NONE ? 0 : zone->nodes[node].flags;
	struct xd_bitmap bitmap;
	int result = xd_octets_reserve(value, XD_BITMAP_MAX);

	if (result < 0 || node == XD_NSEC3_NONE)
		return result;
	xd_bitmap_init(&bitmap, value->data + value->used);
	if (!(flags & XD_NODE_CUT) || (flags & XD_NODE_SECURE))
		xd_bitmap_add(&bitmap, XD_T_RRSIG);
	if (flags & XD_NODE_APEX)
		xd_bitmap_add(&bitmap, XD_T_NSEC3PARAM);
	add_types(&bitmap, zone, node);
	finish_bitmap(value, &bitmap);
	return XD_OK;
}

int xd_make_nsec3(struct xd_octets *value, const struct xd_zone *zone, const struct xd_nsec3_chain *chain, size_t entry,
                  const xd_nsec3_params *params, uint32_t ttl)
{
	const struct xd_nsec3_entry *next = &chain->entries[entry + 1 < chain->count ? entry + 1 : 0];
	const uint8_t hash_len = XD_SHA1_BYTES;

	value->used = 0;
	int result = xd_octets_reserve(value, VALUE_HEAD_BYTES + 5 + UINT8_MAX + 1 + XD_SHA1_BYTES);
	if (result < 0)
		return result;
	begin_value(value, ttl);
	put_params(value, params, params->opt_out ? FLAG_OPT_OUT : 0);
	xd_octets_put(value, &hash_len, 1);
	xd_octets_put(value, next->hash, XD_SHA1_BYTES);
	result = xd_append_hashed_types(value, zone, chain->entries[entry].node);
	finish_value(value);
	return result;
}

int xd_make_nsec3param(struct xd_octets *value, const xd_nsec3_params *params, uint32_t ttl)
{
	value->used = 0;
	int result = xd_octets_reserve(value, VALUE_HEAD_BYTES + 5 + UINT8_MAX);
	if (result < 0)
		return result;
	begin_value(value, ttl);
	put_params(value, params, 0);
	finish_value(value);
	return XD_OK;
}
