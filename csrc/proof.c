/* SPDX-License-Identifier: Apache-2.0 */
#include "proof.h"

#include <string.h>

#include "name.h"
#include "order.h"
#include "rr.h"
#include "sha1.h"

_Static_assert(XD_SHA1_BYTES == XD_NSEC3_HASH_BYTES, "the only hash of NSEC3");

static bool put(const struct xd_proof *proof, const struct xd_node *node, uint16_t type)
{
	const struct xd_fragment *fragment = xd_node_rrset(node, type);

	if (!fragment || xd_message_has(proof->message, fragment))
		return true;
	return xd_message_put(proof->message, XD_AUTHORITY, proof->place, proof->zone, node, fragment, false);
}

static const struct xd_node *node_at(const struct xd_proof *proof, uint64_t offset)
{
	return (const struct xd_node *)(proof->base + offset);
}

/* Octets of the suffix of `labels` labels before the apex. */
static size_t relative_len(const struct xd_proof *proof, unsigned labels)
{
	const struct xd_suffixes *name = proof->place->name;

	return (size_t)(name->start[proof->zone->labels] - name->start[labels]);
}

/* Writes the wildcard below the suffix of `labels` labels, apex and all; returns its length without the apex. */
static size_t make_wildcard(const struct xd_proof *proof, unsigned labels, uint8_t out[XD_NAME_MAX + 2])
{
	const struct xd_suffixes *name = proof->place->name;

	out[0] = 1;
	out[1] = '*';
	memcpy(out + 2, name->name + name->start[labels], (size_t)(name->len - name->start[labels]));
	return 2 + relative_len(proof, labels);
}

/* The NSEC whose owner comes last before the name given by its labels below the apex. */
static bool put_nsec_before(const struct xd_proof *proof, const uint8_t *labels, size_t len)
{
	struct xd_order_found found;
	struct xd_order_key key;

	xd_order_key_from_labels(&key, labels, len);
	found = xd_order_find(proof->base, proof->zone->order, &key, XD_ORDER_NSEC);
	return !found.offset || put(proof, node_at(proof, found.offset), XD_T_NSEC);
}

static bool put_nsec_for_name(const struct xd_proof *proof)
{
	const struct xd_suffixes *name = proof->place->name;

	return put_nsec_before(proof, name->name, relative_len(proof, name->labels));
}

/* RFC 5155, section 5. */
static void hash_name(const struct xd_proof *proof, const uint8_t *name, size_t len, uint8_t hash[XD_NSEC3_HASH_BYTES])
{
	const struct xd_zone *zone = proof->zone;
	uint8_t buffer[XD_NAME_MAX + 1 + 255];

	memcpy(buffer, name, len);
	memcpy(buffer + len, xd_zone_salt(zone), zone->nsec3_salt_len);
	xd_sha1(hash, buffer, len + zone->nsec3_salt_len);
	memcpy(buffer + XD_NSEC3_HASH_BYTES, xd_zone_salt(zone), zone->nsec3_salt_len);
	for (unsigned i = 0; i < zone->nsec3_iterations; i++) {
		memcpy(buffer, hash, XD_NSEC3_HASH_BYTES);
		xd_sha1(hash, buffer, XD_NSEC3_HASH_BYTES + (size_t)zone->nsec3_salt_len);
	}
}

static struct xd_order_found find_nsec3(const struct xd_proof *proof, const uint8_t *name, size_t len)
{
	uint8_t hash[XD_NSEC3_HASH_BYTES];
	struct xd_order_key key;

	hash_name(proof, name, len, hash);
	xd_order_key_from_hash(&key, hash);
	return xd_order_find(proof->base, proof->zone->nsec3_order, &key, XD_ORDER_NSEC3);
}

static struct xd_order_found find_nsec3_of_suffix(const struct xd_proof *proof, unsigned labels)
{
	const struct xd_suffixes *name = proof->place->name;

	return find_nsec3(proof, name->name + name->start[labels], (size_t)(name->len - name->start[labels]));
}

static bool put_nsec3(const struct xd_proof *proof, struct xd_order_found found)
{
	return !found.offset || put(proof, node_at(proof, found.offset), XD_T_NSEC3);
}

/*
 * The closest provable encloser at or above the suffix of `labels` labels and the next closer name (RFC 5155, section
 * 7.2.1). With opt-out, the closest encloser may have no NSEC3 of its own. Returns the labels of the provable one.
 */
static bool put_encloser_proof(const struct xd_proof *proof, unsigned *labels)
{
	struct xd_order_found found = find_nsec3_of_suffix(proof, *labels);

	while (!found.is_exact && *labels > proof->zone->labels)
		found = find_nsec3_of_suffix(proof, --*labels);
	return put_nsec3(proof, found) && put_nsec3(proof, find_nsec3_of_suffix(proof, *labels + 1));
}

/*
 * Does the NSEC of the closest encloser cover the wildcard below it, which does not exist? It does unless the next name is
 * below the encloser too, by a label that sorts before "*".
 */
static bool covers_wildcard(const struct xd_proof *proof, const struct xd_lookup *lookup)
{
	const struct xd_suffixes *name = proof->place->name;
	const struct xd_fragment *nsec = xd_node_rrset(lookup->encloser, XD_T_NSEC);
	const uint8_t *encloser = name->name + name->start[lookup->encloser_labels];
	size_t encloser_len = (size_t)(name->len - name->start[lookup->encloser_labels]);
	const uint8_t *next;
	size_t len;

	if (!nsec)
		return false;
	next = xd_fragment_records(nsec) + 12;
	len = xd_wire_name_len(next, xd_load_be16(next - 2));
	while (len > encloser_len) {
		size_t label = (size_t)next[0] + 1;

		if (len - label == encloser_len)
			return next[1] > '*' || !xd_name_equal(next + label, encloser);
		next += label;
		len -= label;
	}
	return len > 0;
}

bool xd_prove_no_name(const struct xd_proof *proof, const struct xd_lookup *lookup)
{
	unsigned labels = lookup->encloser_labels;
	uint8_t wildcard[XD_NAME_MAX + 2];
	size_t len;

	if (proof->zone->flags & XD_ZONE_NSEC3) {
		if (!put_encloser_proof(proof, &labels))
			return false;
		len = make_wildcard(proof, labels, wildcard) + proof->zone->name_len;
		return len > XD_NAME_MAX || put_nsec3(proof, find_nsec3(proof, wildcard, len));
	}
	if (!(proof->zone->flags & XD_ZONE_NSEC))
		return true;
	if (!put_nsec_for_name(proof))
		return false;
	if (covers_wildcard(proof, lookup))
		return put(proof, lookup->encloser, XD_T_NSEC);
	len = make_wildcard(proof, labels, wildcard);
	return put_nsec_before(proof, wildcard, len);
}

bool xd_prove_no_type(const struct xd_proof *proof, const struct xd_node *node)
{
	unsigned labels = node->labels;

	if (proof->zone->flags & XD_ZONE_NSEC3) {
		struct xd_order_found found = find_nsec3_of_suffix(proof, labels);

		/* Without an NSEC3 it is an insecure delegation, or above such ones only, in an opt-out span. */
		if (found.is_exact || labels == proof->zone->labels)
			return put_nsec3(proof, found);
		labels--;
		return put_encloser_proof(proof, &labels);
	}
	if (!(proof->zone->flags & XD_ZONE_NSEC))
		return true;
	/* An empty non-terminal has no NSEC; the one before it shows that something below exists. */
	return xd_node_rrset(node, XD_T_NSEC) ? put(proof, node, XD_T_NSEC) : put_nsec_for_name(proof);
}

bool xd_prove_no_closer_name(const struct xd_proof *proof, const struct xd_lookup *lookup)
{
	if (proof->zone->flags & XD_ZONE_NSEC3)
		return put_nsec3(proof, find_nsec3_of_suffix(proof, lookup->encloser_labels + 1));
	return !(proof->zone->flags & XD_ZONE_NSEC) || put_nsec_for_name(proof);
}

bool xd_prove_wildcard_no_type(const struct xd_proof *proof, const struct xd_lookup *lookup, const struct xd_node *wildcard)
{
	unsigned labels = lookup->encloser_labels;
	uint8_t name[XD_NAME_MAX + 2];
	size_t len;

	if (proof->zone->flags & XD_ZONE_NSEC3) {
		len = make_wildcard(proof, labels, name) + proof->zone->name_len;
		return put_encloser_proof(proof, &labels) && put_nsec3(proof, find_nsec3(proof, name, len));
	}
	if (!(proof->zone->flags & XD_ZONE_NSEC))
		return true;
	if (!put_nsec_for_name(proof))
		return false;
	if (xd_node_rrset(wildcard, XD_T_NSEC))
		return put(proof, wildcard, XD_T_NSEC);
	len = make_wildcard(proof, labels, name);
	return put_nsec_before(proof, name, len);
}

bool xd_prove_no_ds(const struct xd_proof *proof, const struct xd_node *cut)
{
	return xd_prove_no_type(proof, cut);
}
