/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/sign_node.h"

#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "rr.h"

#define VALUE_FIXED_BYTES 6u

enum { MADE_DENIAL, MADE_PARAM, MADE_COUNT };

/* A value that may be absent. */
struct span {
	const uint8_t *data;
	size_t len;
};

/* What the owner has of the types that signing makes. */
struct old {
	struct span rrsig, nsec, nsec3, param;
};

int xd_node_signer_init(struct xd_node_signer *signer, const struct xd_signing *signing)
{
	*signer = (struct xd_node_signer){ .signing = signing };
	int result = xd_owner_init(&signer->owner, signing->ring, &signing->plan->validity);
	if (result == XD_OK)
		xd_signer_expect_many(&signer->owner.signer);
	return result;
}

void xd_node_signer_uninit(struct xd_node_signer *signer)
{
	xd_owner_uninit(&signer->owner);
	for (size_t i = 0; i < MADE_COUNT; i++)
		xd_octets_uninit(&signer->made[i]);
}

size_t xd_signing_entry_key(const struct xd_signing *signing, size_t entry, uint8_t *key)
{
	size_t len = signing->zone.apex_key_len;

	memcpy(key, signing->zone.apex_key, len);
	xd_nsec3_label(key + len, signing->chain.entries[entry].hash);
	len += XD_NSEC3_LABEL_BYTES;
	key[len++] = 0; /* the label */
	key[len++] = 0; /* the owner */
	return len;
}

/* Owner of a hash: the label, and the zone's name. */
static size_t write_entry_owner(const struct xd_signing *signing, size_t entry, uint8_t *owner)
{
	owner[0] = XD_NSEC3_LABEL_BYTES;
	xd_nsec3_label(owner + 1, signing->chain.entries[entry].hash);
	memcpy(owner + 1 + XD_NSEC3_LABEL_BYTES, signing->zone.apex, signing->zone.apex_len);
	return 1 + XD_NSEC3_LABEL_BYTES + signing->zone.apex_len;
}

static int begin_item(struct xd_node_signer *signer, struct xd_signing_item item)
{
	const struct xd_zone *zone = &signer->signing->zone;
	size_t len;

	if (item.node == XD_NSEC3_NONE) {
		len = write_entry_owner(signer->signing, item.entry, signer->owner.name);
		signer->prefix_len = xd_signing_entry_key(signer->signing, item.entry, signer->prefix);
	} else {
		struct xd_pair pair = xd_zone_pair(zone, zone->nodes[item.node].first);
		len = xd_zone_owner(zone, item.node, signer->owner.name);
		signer->prefix_len = pair.key_len - 2;
		memcpy(signer->prefix, pair.key, signer->prefix_len);
	}
	if (!len)
		return -XD_E_KEY_ORDER;
	xd_owner_begin(&signer->owner, len);
	return XD_OK;
}

static struct old find_old(const struct xd_zone *zone, size_t node)
{
	struct old old = { 0 };

	if (node == XD_NSEC3_NONE)
		return old;
	for (size_t i = zone->nodes[node].first; i < zone->nodes[node + 1].first; i++) {
		struct xd_pair pair = xd_zone_pair(zone, i);
		struct span span = { pair.value, pair.value_len };
		if (pair.type == XD_T_RRSIG)
			old.rrsig = span;
		else if (pair.type == XD_T_NSEC)
			old.nsec = span;
		else if (pair.type == XD_T_NSEC3)
			old.nsec3 = span;
		else if (pair.type == XD_T_NSEC3PARAM)
			old.param = span;
	}
	return old;
}

static bool is_same(struct span old, const struct xd_octets *made)
{
	return old.len == made->used && (!old.len || !memcmp(old.data, made->data, old.len));
}

static struct xd_rrsigs rrsigs_of(struct span value)
{
	return value.len ? (struct xd_rrsigs){ value.data + VALUE_FIXED_BYTES, value.data + value.len }
	                 : (struct xd_rrsigs){ 0 };
}

static int sign_data(struct xd_node_signer *signer, size_t node, struct span old)
{
	const struct xd_zone *zone = &signer->signing->zone;
	struct xd_rrsigs rrsigs = rrsigs_of(old);
	uint32_t flags = zone->nodes[node].flags;

	for (size_t i = zone->nodes[node].first; i < zone->nodes[node + 1].first; i++) {
		struct xd_pair pair = xd_zone_pair(zone, i);
		if (xd_type_is_made(pair.type) || !xd_type_is_signed(flags, pair.type))
			continue;
		int result = xd_owner_sign(&signer->owner, pair.type, pair.value, pair.value_len,
		                           xd_rrsigs_cut(&rrsigs, pair.type), flags & XD_NODE_APEX);
		if (result < 0)
			return result;
	}
	return XD_OK;
}

/* What was made just now and differs from what was there has no signature yet. */
static int sign_made(struct xd_node_signer *signer, uint16_t type, const struct xd_octets *made, struct span before,
                     struct span old)
{
	struct xd_rrsigs rrsigs = rrsigs_of(old), none = { 0 };

	if (!made->used)
		return XD_OK;
	rrsigs = xd_rrsigs_cut(&rrsigs, type);
	return xd_owner_sign(&signer->owner, type, made->data, made->used, is_same(before, made) ? rrsigs : none,
	                     signer->owner.is_apex);
}

static int make_denial(struct xd_node_signer *signer, struct xd_signing_item item, uint32_t flags)
{
	const struct xd_signing *signing = signer->signing;
	const xd_nsec3_params *params = signing->plan->nsec3;
	int result = XD_OK;

	signer->made[MADE_DENIAL].used = signer->made[MADE_PARAM].used = 0;
	if (!params && (flags & XD_NODE_NAME))
		return xd_make_nsec(&signer->made[MADE_DENIAL], &signing->zone, item.node, signing->nsec_ttl);
	if (params && item.entry != XD_NSEC3_NONE)
		result = xd_make_nsec3(&signer->made[MADE_DENIAL], &signing->zone, &signing->chain, item.entry, params,
		                       signing->nsec_ttl);
	if (result == XD_OK && params && (flags & XD_NODE_APEX))
		result = xd_make_nsec3param(&signer->made[MADE_PARAM], params, signing->nsec_ttl);
	return result;
}

static int put_change(struct xd_node_signer *signer, uint16_t type, const struct xd_octets *made, struct span old,
                      struct xd_writer *changes)
{
	if (is_same(old, made))
		return XD_OK;
	return xd_writer_put(changes, signer->prefix, signer->prefix_len, type, made->data, made->used);
}

static int put_changes(struct xd_node_signer *signer, const struct old *old, struct xd_writer *changes)
{
	static const struct xd_octets nothing;
	bool is_hashed = signer->signing->plan->nsec3 != NULL;
	const struct xd_octets *denial = &signer->made[MADE_DENIAL];
	int result = xd_owner_finish(&signer->owner);

	if (result == XD_OK)
		result = put_change(signer, XD_T_RRSIG, &signer->owner.value, old->rrsig, changes);
	if (result == XD_OK)
		result = put_change(signer, XD_T_NSEC, is_hashed ? &nothing : denial, old->nsec, changes);
	if (result == XD_OK)
		result = put_change(signer, XD_T_NSEC3, is_hashed ? denial : &nothing, old->nsec3, changes);
	if (result == XD_OK)
		result = put_change(signer, XD_T_NSEC3PARAM, &signer->made[MADE_PARAM], old->param, changes);
	return result;
}

int xd_node_sign(struct xd_node_signer *signer, struct xd_signing_item item, struct xd_writer *changes)
{
	const struct xd_zone *zone = &signer->signing->zone;
	struct old old = find_old(zone, item.node);
	uint32_t flags = item.node == XD_NSEC3_NONE ? 0 : zone->nodes[item.node].flags;
	bool is_hashed = signer->signing->plan->nsec3 != NULL;

	/* Glue and the like, without leftovers: nothing to do. */
	if (!(flags & XD_NODE_NAME) && item.entry == XD_NSEC3_NONE && !old.rrsig.len && !old.nsec.len && !old.nsec3.len &&
	    !old.param.len)
		return XD_OK;
	int result = begin_item(signer, item);
	if (result == XD_OK)
		result = make_denial(signer, item, flags);
	if (result == XD_OK && (flags & XD_NODE_NAME))
		result = sign_data(signer, item.node, old.rrsig);
	if (result == XD_OK)
		result = sign_made(signer, is_hashed ? XD_T_NSEC3 : XD_T_NSEC, &signer->made[MADE_DENIAL],
		                   is_hashed ? old.nsec3 : old.nsec, old.rrsig);
	if (result == XD_OK)
		result = sign_made(signer, XD_T_NSEC3PARAM, &signer->made[MADE_PARAM], old.param, old.rrsig);
	return result == XD_OK ? put_changes(signer, &old, changes) : result;
}
