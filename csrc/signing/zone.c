/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/zone.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "name.h"
#include "rr.h"

#define KEY_TAIL_BYTES 3u /* zero and type */
#define VALUE_FIXED_BYTES 6u
#define SOA_NUMBERS_BYTES 20u

static_assert(XD_T_RRSIG == 46 && XD_T_NSEC == 47 && XD_T_NSEC3 == 50 && XD_T_NSEC3PARAM == 51 && XD_T_DS == 43,
              "the numbers in zone.h");

/* Where the walk through the pairs is. */
struct walk {
	struct xd_zone *zone;
	size_t room;          /* nodes */
	const uint8_t *block; /* name beneath which nothing is authoritative: a delegation, or the owner of a DNAME */
	size_t block_len;
};

static bool is_beneath(const uint8_t *key, size_t len, const uint8_t *above, size_t above_len)
{
	return len > above_len && !memcmp(key, above, above_len);
}

static int add_node(struct walk *walk, size_t first)
{
	struct xd_zone *zone = walk->zone;

	if (zone->count == walk->room) {
		size_t room = walk->room + walk->room / 2 + 64;
		struct xd_node *nodes = realloc(zone->nodes, room * sizeof(*nodes));
		if (!nodes)
			return -XD_E_NOMEM;
		zone->nodes = nodes;
		walk->room = room;
	}
	zone->nodes[zone->count++] = (struct xd_node){ (uint32_t)first, 0 };
	return XD_OK;
}

static int check_pair(const struct xd_zone *zone, size_t index)
{
	const uint64_t *at = zone->offsets + 2 * index;
	struct xd_pair pair;

	if (at[0] > at[1] || at[1] > at[2])
		return -XD_E_KEY_ORDER;
	return xd_pair_make(&pair, zone->bytes + at[0], (size_t)(at[1] - at[0]), zone->bytes + at[1], (size_t)(at[2] - at[1]));
}

/* Is the pair of the same owner as the one before? Negative when it does not come behind it. */
static int is_same_owner(const struct xd_pair *before, const struct xd_pair *pair)
{
	size_t shorter = before->key_len < pair->key_len ? before->key_len : pair->key_len;
	int diff = memcmp(before->key, pair->key, shorter);

	if (diff > 0 || (!diff && before->key_len >= pair->key_len))
		return -XD_E_KEY_ORDER;
	return before->key_len == pair->key_len && !memcmp(before->key, pair->key, pair->key_len - 2);
}

static int find_nodes(struct walk *walk)
{
	struct xd_zone *zone = walk->zone;
	struct xd_pair before = { 0 };

	for (size_t i = 0; i < zone->pairs; i++) {
		int result = check_pair(zone, i);
		if (result < 0)
			return result;
		struct xd_pair pair = xd_zone_pair(zone, i);
		if (memcmp(pair.key, zone->apex_key, XD_KEY_ZONE_ID_BYTES) != 0)
			return -XD_E_KEY_ORDER;
		int same = i ? is_same_owner(&before, &pair) : 0;
		if (same < 0)
			return same;
		if (!same && (result = add_node(walk, i)) < 0)
			return result;
		before = pair;
	}
	int result = add_node(walk, zone->pairs);
	if (result == XD_OK)
		zone->count--;
	return result;
}

static int read_soa(struct xd_zone *zone, const struct xd_pair *pair)
{
	uint32_t ttl = xd_load_be32(pair->value);

	if (xd_load_be16(pair->value + 4) != 1 || xd_load_be16(pair->value + VALUE_FIXED_BYTES) < SOA_NUMBERS_BYTES)
		return -XD_E_ZONE;
	uint32_t minimum = xd_load_be32(pair->value + pair->value_len - 4);
	zone->least_ttl = ttl < minimum ? ttl : minimum;
	return XD_OK;
}

/* What the types of an owner say of it. */
struct contents {
	bool has_data, has_ns, has_ds, has_dname;
};

static struct contents look_at(const struct xd_zone *zone, size_t node)
{
	struct contents found = { 0 };

	for (size_t i = zone->nodes[node].first; i < zone->nodes[node + 1].first; i++) {
		uint16_t type = xd_zone_pair(zone, i).type;
		found.has_data |= !xd_type_is_made(type);
		found.has_ns |= type == XD_T_NS;
		found.has_ds |= type == XD_T_DS;
		found.has_dname |= type == XD_T_DNAME;
	}
	return found;
}

/* RFC 4035, section 2: what is beneath a delegation or a DNAME (RFC 6672, section 2.4) is not the zone's. */
static void classify(struct walk *walk, size_t node)
{
	struct xd_zone *zone = walk->zone;
	struct xd_pair pair = xd_zone_pair(zone, zone->nodes[node].first);
	size_t len = pair.key_len - KEY_TAIL_BYTES;
	uint32_t *flags = &zone->nodes[node].flags;

	if (len < zone->apex_key_len || memcmp(pair.key, zone->apex_key, zone->apex_key_len) != 0) {
		*flags = XD_NODE_OUTSIDE;
		return;
	}
	if (walk->block && is_beneath(pair.key, len, walk->block, walk->block_len)) {
		*flags = XD_NODE_BENEATH;
		return;
	}
	struct contents found = look_at(zone, node);
	if (len == zone->apex_key_len) {
		*flags = XD_NODE_APEX | XD_NODE_NAME;
		zone->apex_node = node;
	} else if (found.has_ns) {
		*flags = XD_NODE_CUT | XD_NODE_NAME | (found.has_ds ? (uint32_t)XD_NODE_SECURE : 0);
	} else if (found.has_data) {
		*flags = XD_NODE_NAME;
	}
	if ((*flags & XD_NODE_CUT) || found.has_dname) {
		walk->block = pair.key;
		walk->block_len = len;
	}
}

static int classify_all(struct walk *walk)
{
	struct xd_zone *zone = walk->zone;

	for (size_t node = 0; node < zone->count; node++)
		classify(walk, node);
	if (!zone->count || !(zone->nodes[zone->apex_node].flags & XD_NODE_APEX))
		return -XD_E_ZONE;
	for (size_t i = zone->nodes[zone->apex_node].first; i < zone->nodes[zone->apex_node + 1].first; i++) {
		struct xd_pair pair = xd_zone_pair(zone, i);
		if (pair.type == XD_T_SOA)
			return read_soa(zone, &pair);
	}
	return -XD_E_ZONE;
}

int xd_zone_read(struct xd_zone *zone, const uint8_t *bytes, const uint64_t *offsets, size_t count, const uint8_t *apex,
                 uint32_t zone_id)
{
	struct walk walk = { .zone = zone };

	*zone = (struct xd_zone){ .bytes = bytes, .offsets = offsets, .pairs = count };
	if (count >= UINT32_MAX / 2)
		return -XD_E_RANGE;
	zone->apex_len = xd_name_lower(zone->apex, apex);
	xd_store_be32(zone->apex_key, zone_id);
	zone->apex_key_len = XD_KEY_ZONE_ID_BYTES + xd_key_write_owner(zone->apex_key + XD_KEY_ZONE_ID_BYTES, zone->apex);
	int result = find_nodes(&walk);
	if (result == XD_OK)
		result = classify_all(&walk);
	if (result < 0)
		xd_zone_uninit(zone);
	return result;
}

void xd_zone_uninit(struct xd_zone *zone)
{
	free(zone->nodes);
	*zone = (struct xd_zone){ 0 };
}

size_t xd_zone_next_name(const struct xd_zone *zone, size_t node)
{
	while (++node < zone->count)
		if (zone->nodes[node].flags & XD_NODE_NAME)
			return node;
	return zone->apex_node;
}

size_t xd_zone_owner(const struct xd_zone *zone, size_t node, uint8_t *owner)
{
	struct xd_pair pair = xd_zone_pair(zone, zone->nodes[node].first);
	size_t len = 0;
	uint16_t type;

	if (xd_key_parse(pair.key, pair.key_len, owner, &len, &type) < 0)
		return 0;
	return len;
}

uint8_t xd_signed_labels(const uint8_t *owner)
{
	size_t labels = xd_name_labels(owner, NULL);

	return (uint8_t)(labels - (owner[0] == 1 && owner[1] == '*'));
}
