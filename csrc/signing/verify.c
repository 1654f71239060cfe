/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/verify.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "name.h"
#include "signing/zone.h"

#define TYPE_DNSKEY 48u

/* Signatures of one RRset that turn out invalid: who sends more of them wants to keep us busy. */
#define INVALID_MAX 16u

static void need_algorithm(struct xd_keyset *set, uint8_t number)
{
	if (!memchr(set->algorithms, number, set->algorithm_count))
		set->algorithms[set->algorithm_count++] = number;
}

/* RFC 4034, section 2.1.1: a key without the zone flag signs nothing. RFC 5011, section 2.1: a revoked one only DNSKEY. */
static int add_key(struct xd_keyset *set, const uint8_t *rdata, size_t len)
{
	struct xd_key *key = &set->keys[set->count];

	if (len <= XD_DNSKEY_FIXED_BYTES || !(xd_load_be16(rdata) & XD_DNSKEY_ZONE))
		return XD_OK;
	int result = xd_key_init_public(key, rdata, len);
	if (result < 0)
		return result == -XD_E_NOMEM ? result : XD_OK;
	set->count++;
	if (!(key->flags & XD_DNSKEY_REVOKE))
		need_algorithm(set, key->algorithm->number);
	return XD_OK;
}

int xd_keyset_init(struct xd_keyset *set, const uint8_t *dnskeys, size_t len)
{
	*set = (struct xd_keyset){ .keys = calloc(XD_RING_KEYS_MAX, sizeof(*set->keys)) };
	if (!set->keys)
		return -XD_E_NOMEM;
	for (const uint8_t *at = dnskeys; at < dnskeys + len; at = xd_rrsigs_next(at)) {
		set->is_cut = set->count == XD_RING_KEYS_MAX;
		int result = set->is_cut ? XD_OK : add_key(set, at + 2, xd_load_be16(at));
		if (result < 0) {
			xd_keyset_uninit(set);
			return result;
		}
	}
	return XD_OK;
}

void xd_keyset_uninit(struct xd_keyset *set)
{
	for (size_t i = 0; set->keys && i < set->count; i++)
		xd_key_uninit(&set->keys[i]);
	free(set->keys);
	*set = (struct xd_keyset){ 0 };
}

int xd_verifier_init(struct xd_verifier *verifier, const struct xd_keyset *set, const uint8_t *apex, uint32_t now)
{
	*verifier = (struct xd_verifier){ .set = set, .apex = apex, .apex_len = xd_name_len(apex), .now = now };
	return xd_signer_init(&verifier->signer, set->keys, set->count, verifier->apex_len);
}

void xd_verifier_uninit(struct xd_verifier *verifier)
{
	xd_signer_uninit(&verifier->signer);
}

/* What can be said of a signature without its key. */
static enum xd_fault_code judge_fields(const struct xd_verifier *verifier, const struct xd_signed_rrset *rrset,
                                       const struct xd_rrsig *rrsig)
{
	if (rrsig->head_len != verifier->signer.head_len || memcmp(rrsig->signer, verifier->apex, verifier->apex_len) != 0)
		return XD_FAULT_SIGNER;
	if (rrsig->labels != xd_signed_labels(rrset->owner))
		return XD_FAULT_LABELS;
	if (rrsig->original_ttl != xd_load_be32(rrset->value))
		return XD_FAULT_TTL;
	if (xd_time_after(rrsig->inception, verifier->now))
		return XD_FAULT_FUTURE;
	return xd_time_after(verifier->now, rrsig->expiration) ? XD_FAULT_EXPIRED : XD_FAULT_NONE;
}

static enum xd_fault_code judge_signature(struct xd_verifier *verifier, const struct xd_signed_rrset *rrset,
                                          const struct xd_rrsig *rrsig, const uint8_t *rdata, unsigned *invalid)
{
	enum xd_fault_code fault = XD_FAULT_UNKNOWN_KEY;

	for (size_t k = 0; k < verifier->set->count; k++) {
		const struct xd_key *key = &verifier->set->keys[k];
		if (key->algorithm->number != rrsig->algorithm || key->tag != rrsig->tag ||
		    ((key->flags & XD_DNSKEY_REVOKE) && rrset->type != TYPE_DNSKEY))
			continue;
		if (*invalid == INVALID_MAX)
			return XD_FAULT_MANY_SIGNATURES;
		verifier->checked++;
		if (xd_signer_verify(&verifier->signer, k, rdata, rrsig->signature, rrsig->signature_len) == XD_OK)
			return XD_FAULT_NONE;
		++*invalid;
		fault = XD_FAULT_INVALID;
	}
	return fault;
}

static void note_valid(struct xd_verifier *verifier, uint32_t expiration)
{
	if (!verifier->valid++ || xd_time_after(verifier->earliest, expiration))
		verifier->earliest = expiration;
}

/* The first signature of the algorithm that is valid ends the search; `algorithm` 0 stands for any. */
static enum xd_fault_code search(struct xd_verifier *verifier, const struct xd_signed_rrset *rrset, uint8_t algorithm)
{
	enum xd_fault_code worst = rrset->rrsigs.at < rrset->rrsigs.end ? XD_FAULT_NO_ALGORITHM : XD_FAULT_UNSIGNED;
	unsigned invalid = 0;

	for (const uint8_t *at = rrset->rrsigs.at; at < rrset->rrsigs.end; at = xd_rrsigs_next(at)) {
		struct xd_rrsig rrsig;
		enum xd_fault_code fault = XD_FAULT_MALFORMED;
		if (xd_rrsig_read(&rrsig, at + 2, xd_load_be16(at)) == XD_OK) {
			if (algorithm && rrsig.algorithm != algorithm)
				continue;
			fault = judge_fields(verifier, rrset, &rrsig);
			if (fault == XD_FAULT_NONE)
				fault = judge_signature(verifier, rrset, &rrsig, at + 2, &invalid);
		}
		if (fault == XD_FAULT_NONE) {
			note_valid(verifier, rrsig.expiration);
			return fault;
		}
		worst = fault;
	}
	return worst;
}

int xd_verifier_check(struct xd_verifier *verifier, const struct xd_signed_rrset *rrset, enum xd_fault_code *fault)
{
	const struct xd_keyset *set = verifier->set;

	*fault = XD_FAULT_NONE;
	int result =
		xd_signer_load(&verifier->signer, rrset->owner, rrset->owner_len, rrset->type, rrset->value, rrset->value_len);
	if (result < 0)
		return result;
	if (verifier->any || !set->algorithm_count)
		*fault = search(verifier, rrset, 0);
	for (size_t i = 0; !verifier->any && *fault == XD_FAULT_NONE && i < set->algorithm_count; i++)
		*fault = search(verifier, rrset, set->algorithms[i]);
	return XD_OK;
}
