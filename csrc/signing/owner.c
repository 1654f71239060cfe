/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/owner.h"

#include <string.h>

#include "bytes.h"
#include "signing/zone.h"

#define VALUE_FIXED_BYTES 6u
#define TYPE_DNSKEY 48u
#define TYPE_CDS 59u
#define TYPE_CDNSKEY 60u

/* Signatures of one RRset and key that are verified before a new one is made: it is cheaper than to verify many. */
#define VERIFIED_MAX 4u

int xd_owner_init(struct xd_owner *owner, const xd_ring *ring, const xd_validity *validity)
{
	*owner = (struct xd_owner){ .ring = ring, .validity = validity };
	int result = xd_signer_init(&owner->signer, ring->keys, ring->count, ring->apex_len);
	if (result == XD_OK && ring->sign)
		xd_signer_delegate(&owner->signer, ring->sign, ring->handle);
	return result;
}

void xd_owner_uninit(struct xd_owner *owner)
{
	xd_signer_uninit(&owner->signer);
	xd_octets_uninit(&owner->rrsigs);
	xd_octets_uninit(&owner->order);
	xd_octets_uninit(&owner->value);
}

void xd_owner_begin(struct xd_owner *owner, size_t name_len)
{
	owner->name_len = name_len;
	owner->labels = xd_signed_labels(owner->name);
	owner->is_apex = name_len == owner->ring->apex_len && !memcmp(owner->name, owner->ring->apex, name_len);
	owner->rrsigs.used = 0;
	owner->order.used = 0;
}

/* Appends one RRSIG: the head, and room for the signature, which is returned; NULL without memory. */
static uint8_t *append(struct xd_owner *owner, const uint8_t *head, size_t head_len, size_t signature_len)
{
	size_t start = owner->rrsigs.used;
	uint8_t len[2];

	if (xd_octets_reserve(&owner->rrsigs, 2 + head_len + signature_len) < 0 ||
	    xd_octets_reserve(&owner->order, sizeof(start)) < 0)
		return NULL;
	xd_store_be16(len, (uint16_t)(head_len + signature_len));
	xd_octets_put(&owner->rrsigs, len, sizeof(len));
	xd_octets_put(&owner->rrsigs, head, head_len);
	xd_octets_put(&owner->order, &start, sizeof(start));
	owner->rrsigs.used += signature_len;
	return owner->rrsigs.data + owner->rrsigs.used - signature_len;
}

static void note_expiration(struct xd_owner *owner, uint32_t expiration)
{
	if (!owner->signatures++) {
		owner->earliest = owner->latest = expiration;
		return;
	}
	if (xd_time_after(owner->earliest, expiration))
		owner->earliest = expiration;
	if (xd_time_after(expiration, owner->latest))
		owner->latest = expiration;
}

/* Is the old signature what a new one with this head would be, but for its times, and does it last? */
static bool is_lasting(const struct xd_owner *owner, const struct xd_key *key, const struct xd_rrsig *wanted,
                       const struct xd_rrsig *old)
{
	const xd_validity *validity = owner->validity;

	return old->algorithm == wanted->algorithm && old->tag == wanted->tag && old->labels == wanted->labels &&
	       old->original_ttl == wanted->original_ttl && old->head_len == owner->signer.head_len &&
	       !memcmp(old->signer, wanted->signer, owner->ring->apex_len) && old->signature_len == key->signature_bytes &&
	       xd_time_after(old->expiration, validity->keep_until) && !xd_time_after(old->inception, validity->now);
}

static bool has_twin(const xd_ring *ring, size_t k)
{
	for (size_t i = 0; i < ring->count; i++)
		if (i != k && ring->keys[i].tag == ring->keys[k].tag && ring->keys[i].algorithm == ring->keys[k].algorithm)
			return true;
	return false;
}

/* The old signature that lasts longest, or NULL. */
static const uint8_t *find_kept(struct xd_owner *owner, size_t k, const struct xd_rrsig *wanted, struct xd_rrsigs old,
                                bool verify)
{
	const uint8_t *best = NULL;
	uint32_t best_expiration = 0;
	unsigned verified = 0;

	if (!owner->validity->reuse)
		return NULL;
	for (; old.at < old.end; old.at = xd_rrsigs_next(old.at)) {
		struct xd_rrsig rrsig;
		if (xd_rrsig_read(&rrsig, old.at + 2, xd_load_be16(old.at)) < 0 ||
		    !is_lasting(owner, &owner->ring->keys[k], wanted, &rrsig) ||
		    (best && !xd_time_after(rrsig.expiration, best_expiration)))
			continue;
		if ((verify || has_twin(owner->ring, k)) &&
		    (verified++ == VERIFIED_MAX ||
		     xd_signer_verify(&owner->signer, k, old.at + 2, rrsig.signature, rrsig.signature_len) < 0))
			continue;
		best = old.at;
		best_expiration = rrsig.expiration;
	}
	return best;
}

static int sign_with(struct xd_owner *owner, size_t k, struct xd_rrsig *wanted, struct xd_rrsigs old, bool verify)
{
	const struct xd_key *key = &owner->ring->keys[k];
	size_t head_len = owner->signer.head_len;
	uint8_t head[XD_RRSIG_HEAD_MAX];

	wanted->algorithm = key->algorithm->number;
	wanted->tag = key->tag;
	const uint8_t *kept = find_kept(owner, k, wanted, old, verify);
	if (kept) {
		uint8_t *signature = append(owner, kept + 2, head_len, key->signature_bytes);
		if (!signature)
			return -XD_E_NOMEM;
		memcpy(signature, kept + 2 + head_len, key->signature_bytes);
		note_expiration(owner, xd_load_be32(kept + 2 + 8));
		return XD_OK;
	}
	xd_rrsig_write_head(head, wanted, owner->ring->apex_len);
	uint8_t *signature = append(owner, head, head_len, key->signature_bytes);
	if (!signature)
		return -XD_E_NOMEM;
	owner->new_signatures++;
	note_expiration(owner, wanted->expiration);
	return xd_signer_sign(&owner->signer, k, head, signature);
}

/* Nobody here signs this RRset: signatures that came from elsewhere stay. */
static int keep_all(struct xd_owner *owner, struct xd_rrsigs old)
{
	for (; old.at < old.end; old.at = xd_rrsigs_next(old.at)) {
		struct xd_rrsig rrsig;
		if (xd_rrsig_read(&rrsig, old.at + 2, xd_load_be16(old.at)) < 0)
			continue;
		uint8_t *signature = append(owner, old.at + 2, rrsig.head_len, rrsig.signature_len);
		if (!signature)
			return -XD_E_NOMEM;
		memcpy(signature, rrsig.signature, rrsig.signature_len);
		note_expiration(owner, rrsig.expiration);
	}
	return XD_OK;
}

int xd_owner_sign(struct xd_owner *owner, uint16_t type, const uint8_t *value, size_t value_len, struct xd_rrsigs old,
                  bool verify)
{
	bool is_of_keys = owner->is_apex && (type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY);
	int role = is_of_keys ? XD_SIGNS_KEYS : XD_SIGNS_ZONE;
	struct xd_rrsig wanted = {
		.covered = type,
		.labels = owner->labels,
		.original_ttl = xd_load_be32(value),
		.expiration = owner->validity->expiration,
		.inception = owner->validity->inception,
		.signer = owner->ring->apex,
	};

	if (!(owner->ring->roles & role))
		return keep_all(owner, old);
	int result = xd_signer_load(&owner->signer, owner->name, owner->name_len, type, value, value_len);
	for (size_t k = 0; result == XD_OK && k < owner->ring->count; k++)
		if (owner->ring->keys[k].roles & role)
			result = sign_with(owner, k, &wanted, old, verify || owner->validity->verify_kept);
	return result;
}

static int compare_rdata(const uint8_t *a, const uint8_t *b)
{
	size_t a_len = xd_load_be16(a), b_len = xd_load_be16(b);
	int diff = memcmp(a + 2, b + 2, a_len < b_len ? a_len : b_len);

	return diff ? diff : (a_len > b_len) - (a_len < b_len);
}

/* By insertion: they are nearly in order, since the types of an owner ascend. Equal ones become one; how many are left. */
static size_t sort(const uint8_t *rrsigs, size_t *order, size_t count)
{
	size_t sorted = 0;

	for (size_t i = 0; i < count; i++) {
		size_t at = sorted, start = order[i];
		int diff = 1;
		while (at && (diff = compare_rdata(rrsigs + start, rrsigs + order[at - 1])) < 0)
			at--;
		if (at && !diff)
			continue;
		memmove(order + at + 1, order + at, (sorted - at) * sizeof(*order));
		order[at] = start;
		sorted++;
	}
	return sorted;
}

int xd_owner_finish(struct xd_owner *owner)
{
	size_t *order = (size_t *)(void *)owner->order.data;
	size_t count = sort(owner->rrsigs.data, order, owner->order.used / sizeof(*order));
	uint8_t head[VALUE_FIXED_BYTES];

	owner->value.used = 0;
	if (!count)
		return XD_OK;
	if (count > UINT16_MAX)
		return -XD_E_RANGE;
	int result = xd_octets_reserve(&owner->value, sizeof(head) + owner->rrsigs.used);
	if (result < 0)
		return result;
	/* The TTL of such an RRset is the original TTL of its first record. */
	memcpy(head, owner->rrsigs.data + order[0] + 2 + 4, 4);
	xd_store_be16(head + 4, (uint16_t)count);
	xd_octets_put(&owner->value, head, sizeof(head));
	for (size_t i = 0; i < count; i++) {
		const uint8_t *rdata = owner->rrsigs.data + order[i];
		xd_octets_put(&owner->value, rdata, 2u + xd_load_be16(rdata));
	}
	return XD_OK;
}
