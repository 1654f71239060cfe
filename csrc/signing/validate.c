/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/validate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "rr.h"
#include "signing/validate_node.h"
#include "signing/work.h"

#define VALUE_FIXED_BYTES 6u
#define TYPE_DNSKEY 48u
#define BLOCK_NODES 64u

struct run {
	struct xd_validating validating;
	struct xd_node_validator *validators;
	unsigned threads;
};

static const char *const texts[XD_FAULT_COUNT] = {
	/* clang-format off */
	"no fault",
#define X(name, text) text,
	XD_FAULT_TABLE(X)
#undef X
	/* clang-format on */
};

const char *xd_fault_text(int code)
{
	return code >= 0 && code < XD_FAULT_COUNT ? texts[code] : NULL;
}

int xd_fault_count(void)
{
	return XD_FAULT_COUNT;
}

static bool is_list(const uint8_t *data, size_t len)
{
	while (len) {
		if (len < 2 || len - 2 < xd_load_be16(data))
			return false;
		len -= 2u + xd_load_be16(data);
		data += 2u + xd_load_be16(data);
	}
	return true;
}

static struct xd_pair find_at_apex(const struct xd_zone *zone, uint16_t type)
{
	const struct xd_node *apex = &zone->nodes[zone->apex_node];

	for (size_t i = apex[0].first; i < apex[1].first; i++) {
		struct xd_pair pair = xd_zone_pair(zone, i);
		if (pair.type == type)
			return pair;
	}
	return (struct xd_pair){ 0 };
}

static int read_keys(struct xd_validating *validating)
{
	const xd_validate_plan *plan = validating->plan;
	struct xd_pair dnskey = find_at_apex(&validating->zone, TYPE_DNSKEY);

	if (plan->dnskeys)
		return is_list(plan->dnskeys, plan->dnskeys_len)
		               ? xd_keyset_init(&validating->set, plan->dnskeys, plan->dnskeys_len)
		               : -XD_E_RDATA;
	if (!dnskey.value)
		return xd_keyset_init(&validating->set, NULL, 0);
	return xd_keyset_init(&validating->set, dnskey.value + VALUE_FIXED_BYTES, dnskey.value_len - VALUE_FIXED_BYTES);
}

static int validate_block(void *arg, unsigned worker, size_t block)
{
	struct run *run = arg;
	size_t node = block * BLOCK_NODES, end = node + BLOCK_NODES;
	int result = XD_OK;

	for (; result == XD_OK && node < end && node < run->validating.zone.count; node++)
		result = xd_node_validate(&run->validators[worker], node);
	return result;
}

static int compare_faults(const void *a, const void *b)
{
	const xd_fault *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

/* Each list has the first faults of its thread, so together they have the first of all. */
static int gather(const struct run *run, const struct xd_faults *chain, xd_validation *validation)
{
	size_t kept = 0;
	xd_fault *all = malloc((run->threads + 1) * XD_FAULTS_MAX * sizeof(*all));

	if (!all)
		return -XD_E_NOMEM;
	for (unsigned i = 0; i <= run->threads; i++) {
		const struct xd_faults *faults = i < run->threads ? &run->validators[i].faults : chain;
		if (faults->kept)
			memcpy(all + kept, faults->items, faults->kept * sizeof(*all));
		kept += faults->kept;
		validation->count += faults->count;
	}
	qsort(all, kept, sizeof(*all), compare_faults);
	validation->kept = kept < validation->room ? kept : validation->room;
	if (validation->kept)
		memcpy(validation->faults, all, validation->kept * sizeof(*all));
	free(all);
	return XD_OK;
}

static void sum_up(const struct run *run, xd_validation *validation)
{
	uint64_t valid = 0;

	for (unsigned i = 0; i < run->threads; i++) {
		const struct xd_verifier *verifier = &run->validators[i].verifier;
		validation->checked_signatures += verifier->checked;
		if (verifier->valid && (!valid || xd_time_after(validation->earliest_expiration, verifier->earliest)))
			validation->earliest_expiration = verifier->earliest;
		valid += verifier->valid;
	}
}

/* Keys and chain as such: without them the rest makes no sense. */
static enum xd_fault_code judge_apex(struct xd_validating *validating)
{
	validating->is_hashed = find_at_apex(&validating->zone, XD_T_NSEC3PARAM).value != NULL;
	if (validating->set.is_cut)
		return XD_FAULT_MANY_KEYS;
	if (!validating->set.algorithm_count)
		return XD_FAULT_NO_KEY;
	if (!validating->is_hashed && !find_at_apex(&validating->zone, XD_T_NSEC).value)
		return XD_FAULT_NO_CHAIN;
	return XD_FAULT_NONE;
}

static int validate_contents(struct run *run, struct xd_faults *chain)
{
	struct xd_work work = { validate_block, run, run->threads, run->validating.plan->stop };
	enum xd_fault_code fault = judge_apex(&run->validating);

	if (fault != XD_FAULT_NONE) {
		xd_faults_add(chain, 0, run->validating.zone.apex, 0, fault);
		if (fault != XD_FAULT_NO_CHAIN)
			return XD_OK;
	}
	int result = xd_work_run(&work, (run->validating.zone.count + BLOCK_NODES - 1) / BLOCK_NODES);
	if (result == XD_OK && run->validating.is_hashed)
		result = xd_validate_nsec3(&run->validating, chain);
	return result;
}

static int validate_with_threads(struct run *run, unsigned wanted, xd_validation *validation)
{
	struct xd_faults chain = { .items = malloc(XD_FAULTS_MAX * sizeof(*chain.items)) };
	int result = chain.items ? XD_OK : -XD_E_NOMEM;

	run->validators = calloc(wanted, sizeof(*run->validators));
	if (!run->validators)
		result = -XD_E_NOMEM;
	while (result == XD_OK && run->threads < wanted) {
		result = xd_node_validator_init(&run->validators[run->threads], &run->validating);
		run->threads += result == XD_OK;
	}
	if (result == XD_OK)
		result = validate_contents(run, &chain);
	if (result == XD_OK)
		result = gather(run, &chain, validation);
	if (result == XD_OK)
		sum_up(run, validation);
	for (unsigned i = 0; i < run->threads; i++)
		xd_node_validator_uninit(&run->validators[i]);
	free(run->validators);
	free(chain.items);
	return result;
}

int xd_validate_zone(const uint8_t *bytes, const uint64_t *offsets, size_t count, const xd_validate_plan *plan,
                     xd_validation *validation)
{
	struct run run = { .validating.plan = plan };
	unsigned threads = plan->threads < XD_WORK_THREADS_MAX ? plan->threads : XD_WORK_THREADS_MAX;

	int result = xd_zone_read(&run.validating.zone, bytes, offsets, count, plan->apex, plan->zone_id);
	if (result < 0)
		return result;
	result = read_keys(&run.validating);
	if (result == XD_OK)
		result = validate_with_threads(&run, threads ? threads : 1, validation);
	xd_keyset_uninit(&run.validating.set);
	xd_zone_uninit(&run.validating.zone);
	return result;
}

static int verify_rrset(struct xd_verifier *verifier, const struct xd_pair *pair, struct xd_rrsigs rrsigs, int *code)
{
	uint8_t owner[XD_NAME_MAX];
	enum xd_fault_code fault;
	size_t len = 0;
	uint16_t type;
	int result = xd_key_parse(pair->key, pair->key_len, owner, &len, &type);

	if (result < 0)
		return result;
	struct xd_signed_rrset rrset = { owner, len, type, pair->value, pair->value_len, xd_rrsigs_cut(&rrsigs, type) };
	result = xd_verifier_check(verifier, &rrset, &fault);
	*code = (int)fault;
	return result;
}

int xd_verify_rrsets(const uint8_t *bytes, const uint64_t *offsets, size_t count, const uint8_t *rrsigs,
                     const uint64_t *rrsig_offsets, const xd_validate_plan *plan, int *codes)
{
	struct xd_keyset set;
	struct xd_verifier verifier;

	if (!is_list(plan->dnskeys, plan->dnskeys_len))
		return -XD_E_RDATA;
	int result = xd_keyset_init(&set, plan->dnskeys, plan->dnskeys_len);
	if (result < 0)
		return result;
	result = xd_verifier_init(&verifier, &set, plan->apex, plan->now);
	if (result < 0) {
		xd_keyset_uninit(&set);
		return result;
	}
	verifier.any = true;
	for (size_t i = 0; result == XD_OK && i < count; i++) {
		const uint64_t *at = offsets + 2 * i;
		struct xd_rrsigs span = { rrsigs + rrsig_offsets[i], rrsigs + rrsig_offsets[i + 1] };
		struct xd_pair pair;
		result = is_list(span.at, (size_t)(span.end - span.at)) ? XD_OK : -XD_E_RDATA;
		if (result == XD_OK)
			result = xd_pair_make(&pair, bytes + at[0], (size_t)(at[1] - at[0]), bytes + at[1],
			                      (size_t)(at[2] - at[1]));
		if (result == XD_OK)
			result = verify_rrset(&verifier, &pair, span, &codes[i]);
	}
	xd_verifier_uninit(&verifier);
	xd_keyset_uninit(&set);
	return result;
}
