/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/validate_node.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "name.h"
#include "rr.h"
#include "signing/sign_node.h"

#define VALUE_FIXED_BYTES 6u
#define VALUE_HEAD_BYTES 8u /* TTL, count, and the length of the first record */

/* The owner that is being looked at. */
struct subject {
	size_t node;
	uint32_t flags;
	bool is_hash;
	uint8_t name[XD_NAME_MAX];
	size_t name_len;
};

int xd_node_validator_init(struct xd_node_validator *validator, const struct xd_validating *validating)
{
	*validator = (struct xd_node_validator){ .validating = validating };
	validator->faults.items = malloc(XD_FAULTS_MAX * sizeof(*validator->faults.items));
	if (!validator->faults.items)
		return -XD_E_NOMEM;
	int result = xd_verifier_init(&validator->verifier, &validating->set, validating->zone.apex, validating->plan->now);
	if (result < 0)
		free(validator->faults.items);
	return result;
}

void xd_node_validator_uninit(struct xd_node_validator *validator)
{
	xd_verifier_uninit(&validator->verifier);
	xd_octets_uninit(&validator->expected);
	free(validator->faults.items);
}

void xd_faults_add(struct xd_faults *faults, uint64_t order, const uint8_t *owner, uint16_t type, enum xd_fault_code code)
{
	if (faults->kept < XD_FAULTS_MAX) {
		xd_fault *fault = &faults->items[faults->kept++];
		*fault = (xd_fault){ .type = type, .code = (int)code, .order = order };
		memcpy(fault->owner, owner, xd_name_len(owner));
	}
	faults->count++;
}

static void note(struct xd_node_validator *validator, const struct subject *subject, uint16_t type, enum xd_fault_code code)
{
	xd_faults_add(&validator->faults, subject->node, subject->name, type, code);
}

static bool read_digit(uint8_t octet, uint64_t *bits)
{
	if (octet >= '0' && octet <= '9')
		*bits = *bits << 5 | (uint64_t)(octet - '0');
	else if (octet >= 'a' && octet <= 'v')
		*bits = *bits << 5 | (uint64_t)(octet - 'a' + 10);
	else
		return false;
	return true;
}

bool xd_node_is_hash(const struct xd_zone *zone, size_t node, uint8_t *hash)
{
	struct xd_pair pair = xd_zone_pair(zone, zone->nodes[node].first);
	const uint8_t *label = pair.key + zone->apex_key_len;
	uint8_t octets[XD_SHA1_BYTES];

	/* The label, its zero, that of the owner, the type. */
	if (pair.key_len != zone->apex_key_len + XD_NSEC3_LABEL_BYTES + 4 || label[XD_NSEC3_LABEL_BYTES])
		return false;
	for (unsigned group = 0; group < 4; group++) {
		uint64_t bits = 0;
		for (unsigned i = 0; i < 8; i++)
			if (!read_digit(*label++, &bits))
				return false;
		octets[5 * group] = (uint8_t)(bits >> 32);
		xd_store_be32(octets + 5 * group + 1, (uint32_t)bits);
	}
	if (hash)
		memcpy(hash, octets, sizeof(octets));
	return true;
}

/* Has an RRset of this owner to be signed? */
static bool is_signed(const struct subject *subject, uint16_t type)
{
	if (type == XD_T_NSEC3)
		return subject->is_hash;
	if (type == XD_T_NSEC)
		return subject->flags & XD_NODE_NAME;
	return type != XD_T_RRSIG && xd_type_is_signed(subject->flags, type);
}

static void judge_leftover(struct xd_node_validator *validator, const struct subject *subject, uint16_t type)
{
	bool is_hashed = validator->validating->is_hashed;

	if (type == XD_T_NSEC && (is_hashed || !(subject->flags & XD_NODE_NAME)))
		note(validator, subject, type, XD_FAULT_NSEC_EXTRA);
	if (type == XD_T_NSEC3 && (!is_hashed || !subject->is_hash))
		note(validator, subject, type, XD_FAULT_NSEC3_EXTRA);
}

/* What signatures say they cover, and there is no such RRset. */
static void judge_orphans(struct xd_node_validator *validator, const struct subject *subject, struct xd_rrsigs *rrsigs,
                          unsigned end_type)
{
	unsigned last = UINT32_MAX;

	while (rrsigs->at < rrsigs->end) {
		unsigned type = xd_load_be16(rrsigs->at) < 2 ? 0 : xd_load_be16(rrsigs->at + 2);
		if (type >= end_type)
			return;
		if (type != last)
			note(validator, subject, (uint16_t)type, XD_FAULT_ORPHAN);
		last = type;
		rrsigs->at = xd_rrsigs_next(rrsigs->at);
	}
}

static int judge_rrset(struct xd_node_validator *validator, const struct subject *subject, const struct xd_pair *pair,
                       struct xd_rrsigs rrsigs)
{
	struct xd_signed_rrset rrset = { subject->name, subject->name_len, pair->type, pair->value, pair->value_len, rrsigs };
	enum xd_fault_code fault = XD_FAULT_NONE;
	int result = XD_OK;

	if (is_signed(subject, pair->type))
		result = xd_verifier_check(&validator->verifier, &rrset, &fault);
	else if (rrsigs.at < rrsigs.end)
		fault = XD_FAULT_NOT_AUTHORITATIVE;
	if (fault != XD_FAULT_NONE)
		note(validator, subject, pair->type, fault);
	return result;
}

static int judge_rrsets(struct xd_node_validator *validator, const struct subject *subject, struct xd_rrsigs rrsigs)
{
	const struct xd_zone *zone = &validator->validating->zone;
	int result = XD_OK;

	for (size_t i = zone->nodes[subject->node].first; result == XD_OK && i < zone->nodes[subject->node + 1].first; i++) {
		struct xd_pair pair = xd_zone_pair(zone, i);
		judge_leftover(validator, subject, pair.type);
		if (pair.type == XD_T_RRSIG)
			continue;
		judge_orphans(validator, subject, &rrsigs, pair.type);
		result = judge_rrset(validator, subject, &pair, xd_rrsigs_cut(&rrsigs, pair.type));
	}
	judge_orphans(validator, subject, &rrsigs, UINT32_MAX);
	return result;
}

/* The name is compared without case, which is kept there (RFC 6840, section 5.1). */
static enum xd_fault_code compare_nsec(const struct xd_pair *nsec, const struct xd_octets *expected)
{
	const uint8_t *next = nsec->value + VALUE_HEAD_BYTES, *wanted = expected->data + VALUE_HEAD_BYTES;
	size_t name_len = xd_name_len(wanted), len = nsec->value_len - VALUE_HEAD_BYTES;
	size_t wanted_len = expected->used - VALUE_HEAD_BYTES;

	if (xd_name_check(next, len) != (int)name_len || !xd_name_equal(next, wanted))
		return XD_FAULT_NSEC_NEXT;
	if (len != wanted_len || memcmp(next + name_len, wanted + name_len, len - name_len) != 0)
		return XD_FAULT_NSEC_TYPES;
	return XD_FAULT_NONE;
}

/* The NSEC is compared with the one it has to be. */
static int judge_nsec(struct xd_node_validator *validator, const struct subject *subject, const struct xd_pair *nsec)
{
	struct xd_octets *expected = &validator->expected;
	enum xd_fault_code fault = XD_FAULT_NSEC_MANY;

	if (validator->validating->is_hashed || !(subject->flags & XD_NODE_NAME))
		return XD_OK;
	if (!nsec->value) {
		note(validator, subject, 0, XD_FAULT_NO_NSEC);
		return XD_OK;
	}
	int result = xd_make_nsec(expected, &validator->validating->zone, subject->node, xd_load_be32(nsec->value));
	if (result < 0)
		return result;
	if (xd_load_be16(nsec->value + 4) == 1)
		fault = compare_nsec(nsec, expected);
	if (fault != XD_FAULT_NONE)
		note(validator, subject, XD_T_NSEC, fault);
	return XD_OK;
}

/* The TTL of stored signatures is the original TTL of the first of them. */
static void judge_rrsig_ttl(struct xd_node_validator *validator, const struct subject *subject, const struct xd_pair *pair)
{
	const uint8_t *rdata = pair->value + VALUE_HEAD_BYTES;

	if (xd_load_be16(pair->value + 4) && xd_load_be16(rdata - 2) >= 8 && memcmp(rdata + 4, pair->value, 4) != 0)
		note(validator, subject, XD_T_RRSIG, XD_FAULT_RRSIG_TTL);
}

int xd_node_validate(struct xd_node_validator *validator, size_t node)
{
	const struct xd_zone *zone = &validator->validating->zone;
	struct subject subject = { .node = node, .flags = zone->nodes[node].flags };
	struct xd_pair rrsig = { 0 }, nsec = { 0 };
	struct xd_rrsigs rrsigs = { 0 };

	subject.name_len = xd_zone_owner(zone, node, subject.name);
	if (!subject.name_len)
		return -XD_E_KEY_ORDER;
	subject.is_hash = xd_node_is_hash(zone, node, NULL);
	if (subject.flags & XD_NODE_OUTSIDE) {
		note(validator, &subject, 0, XD_FAULT_OUTSIDE);
		return XD_OK;
	}
	for (size_t i = zone->nodes[node].first; i < zone->nodes[node + 1].first; i++) {
		struct xd_pair pair = xd_zone_pair(zone, i);
		if (pair.type == XD_T_RRSIG)
			rrsig = pair;
		if (pair.type == XD_T_NSEC)
			nsec = pair;
	}
	if (rrsig.value) {
		rrsigs = (struct xd_rrsigs){ rrsig.value + VALUE_FIXED_BYTES, rrsig.value + rrsig.value_len };
		judge_rrsig_ttl(validator, &subject, &rrsig);
	}
	int result = judge_nsec(validator, &subject, &nsec);
	return result == XD_OK ? judge_rrsets(validator, &subject, rrsigs) : result;
}
