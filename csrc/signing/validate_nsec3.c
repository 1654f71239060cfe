/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NSEC3 chain as a whole (RFC 5155, section 7.1): the records there are, by hash, against the hashes that the zone's names
 * have. Records with other parameters than the zone's NSEC3PARAM belong to another chain and are not looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "rr.h"
#include "signing/sign_node.h"
#include "signing/validate_node.h"

#define VALUE_FIXED_BYTES 6u
#define PARAMS_FIXED_BYTES 5u
#define HASH_SHA1 1u
#define FLAG_OPT_OUT 1u

struct record {
	uint8_t hash[XD_SHA1_BYTES]; /* of the owner */
	uint32_t node;
	const uint8_t *next; /* hash, then the bitmap up to `end` */
	const uint8_t *end;
	bool opt_out;
};

struct checker {
	const struct xd_validating *validating;
	struct xd_faults *faults;
	xd_nsec3_params params;
	struct record *records;
	size_t count;
	struct xd_nsec3_chain all;    /* every name and empty non-terminal */
	struct xd_nsec3_chain needed; /* with opt-out: without those it may leave out */
	bool has_opt_out;
	struct xd_octets expected;
};

/* The parameters at the start of NSEC3 or NSEC3PARAM data: their octets, or 0. */
static size_t read_params(const uint8_t *rdata, size_t len, xd_nsec3_params *params)
{
	if (len < PARAMS_FIXED_BYTES || len - PARAMS_FIXED_BYTES < rdata[4] || rdata[0] != HASH_SHA1)
		return 0;
	params->iterations = xd_load_be16(rdata + 2);
	params->salt_len = rdata[4];
	memcpy(params->salt, rdata + PARAMS_FIXED_BYTES, params->salt_len);
	return PARAMS_FIXED_BYTES + params->salt_len;
}

static bool read_record(const struct checker *checker, const uint8_t *rdata, size_t len, struct record *record)
{
	const xd_nsec3_params *wanted = &checker->params;
	xd_nsec3_params params;
	size_t used = read_params(rdata, len, &params);

	if (!used || params.iterations != wanted->iterations || params.salt_len != wanted->salt_len ||
	    memcmp(params.salt, wanted->salt, params.salt_len) != 0 || len - used < 1 + XD_SHA1_BYTES ||
	    rdata[used] != XD_SHA1_BYTES)
		return false;
	record->next = rdata + used + 1;
	record->end = rdata + len;
	record->opt_out = rdata[1] & FLAG_OPT_OUT;
	return true;
}

/* The record of an owner that has the zone's parameters. */
static bool find_record(const struct checker *checker, size_t node, struct record *record)
{
	const struct xd_zone *zone = &checker->validating->zone;

	for (size_t i = zone->nodes[node].first; i < zone->nodes[node + 1].first; i++) {
		struct xd_pair pair = xd_zone_pair(zone, i);
		if (pair.type != XD_T_NSEC3)
			continue;
		for (const uint8_t *at = pair.value + VALUE_FIXED_BYTES; at < pair.value + pair.value_len;
		     at = xd_rrsigs_next(at))
			if (read_record(checker, at + 2, xd_load_be16(at), record))
				return true;
	}
	return false;
}

static int collect_records(struct checker *checker)
{
	const struct xd_zone *zone = &checker->validating->zone;

	checker->records = malloc((zone->count + 1) * sizeof(*checker->records));
	if (!checker->records)
		return -XD_E_NOMEM;
	for (size_t node = 0; node < zone->count; node++) {
		struct record *record = &checker->records[checker->count];
		if (!xd_node_is_hash(zone, node, record->hash) || !find_record(checker, node, record))
			continue;
		record->node = (uint32_t)node;
		checker->has_opt_out |= record->opt_out;
		checker->count++;
	}
	return XD_OK;
}

/* RFC 5155, section 4.1.2: flags other than zero are not for the zone's use yet. */
static bool find_params(struct checker *checker)
{
	const struct xd_zone *zone = &checker->validating->zone;
	const struct xd_node *apex = &zone->nodes[zone->apex_node];

	for (size_t i = apex[0].first; i < apex[1].first; i++) {
		struct xd_pair pair = xd_zone_pair(zone, i);
		if (pair.type != XD_T_NSEC3PARAM)
			continue;
		for (const uint8_t *at = pair.value + VALUE_FIXED_BYTES; at < pair.value + pair.value_len;
		     at = xd_rrsigs_next(at)) {
			size_t len = xd_load_be16(at);
			if (read_params(at + 2, len, &checker->params) == len && len && !at[3])
				return true;
		}
	}
	return false;
}

static void note_node(struct checker *checker, size_t node, enum xd_fault_code code)
{
	uint8_t owner[XD_NAME_MAX] = { 0 };

	(void)xd_zone_owner(&checker->validating->zone, node, owner);
	xd_faults_add(checker->faults, node, owner, XD_T_NSEC3, code);
}

/* A hash without a record: by its name, or itself for an empty non-terminal, whose name is not kept. */
static void note_missing(struct checker *checker, const struct xd_nsec3_entry *entry, enum xd_fault_code code)
{
	const struct xd_zone *zone = &checker->validating->zone;
	uint8_t owner[XD_NAME_MAX] = { XD_NSEC3_LABEL_BYTES };

	if (entry->node != XD_NSEC3_NONE) {
		note_node(checker, entry->node, code);
		return;
	}
	xd_nsec3_label(owner + 1, entry->hash);
	memcpy(owner + 1 + XD_NSEC3_LABEL_BYTES, zone->apex, zone->apex_len);
	xd_faults_add(checker->faults, zone->apex_node, owner, XD_T_NSEC3, code);
}

static int judge_record(struct checker *checker, size_t number, const struct xd_nsec3_entry *entry)
{
	const struct record *record = &checker->records[number];
	const struct record *next = &checker->records[number + 1 < checker->count ? number + 1 : 0];
	struct xd_octets *expected = &checker->expected;
	size_t bitmap_len = (size_t)(record->end - record->next) - XD_SHA1_BYTES;

	if (memcmp(record->next, next->hash, XD_SHA1_BYTES) != 0)
		note_node(checker, record->node, XD_FAULT_NSEC3_NEXT);
	expected->used = 0;
	int result = xd_append_hashed_types(expected, &checker->validating->zone, entry->node);
	if (result < 0)
		return result;
	if (bitmap_len != expected->used ||
	    (bitmap_len && memcmp(record->next + XD_SHA1_BYTES, expected->data, bitmap_len) != 0))
		note_node(checker, record->node, XD_FAULT_NSEC3_TYPES);
	return XD_OK;
}

/* Opt-out covers a name when the record before its hash says so (RFC 5155, section 6). */
static void judge_missing(struct checker *checker, size_t next_record, const struct xd_nsec3_entry *entry, bool is_needed)
{
	size_t before = next_record ? next_record - 1 : checker->count - 1;

	if (is_needed || !checker->count)
		note_missing(checker, entry, XD_FAULT_NO_NSEC3);
	else if (!checker->records[before].opt_out)
		note_missing(checker, entry, checker->has_opt_out ? XD_FAULT_NSEC3_OPT_OUT : XD_FAULT_NO_NSEC3);
}

/* Hashes and records are in the same order. */
static int compare_chains(struct checker *checker)
{
	size_t number = 0, needed = 0;
	int result = XD_OK;

	for (size_t i = 0; result == XD_OK && i < checker->all.count; i++) {
		const struct xd_nsec3_entry *entry = &checker->all.entries[i];
		int diff = -1;
		while (number < checker->count &&
		       (diff = memcmp(checker->records[number].hash, entry->hash, XD_SHA1_BYTES)) < 0)
			note_node(checker, checker->records[number++].node, XD_FAULT_NSEC3_EXTRA);
		bool is_needed =
			!checker->has_opt_out || (needed < checker->needed.count &&
		                                  !memcmp(checker->needed.entries[needed].hash, entry->hash, XD_SHA1_BYTES));
		needed += is_needed;
		if (number < checker->count && !diff)
			result = judge_record(checker, number++, entry);
		else
			judge_missing(checker, number, entry, is_needed);
	}
	for (; number < checker->count; number++)
		note_node(checker, checker->records[number].node, XD_FAULT_NSEC3_EXTRA);
	return result;
}

static int make_chains(struct checker *checker)
{
	const xd_validate_plan *plan = checker->validating->plan;
	const struct xd_zone *zone = &checker->validating->zone;
	int result = xd_nsec3_chain_make(&checker->all, zone, &checker->params, plan->threads, plan->stop);

	if (result == XD_OK && checker->has_opt_out) {
		checker->params.opt_out = 1;
		result = xd_nsec3_chain_make(&checker->needed, zone, &checker->params, plan->threads, plan->stop);
	}
	return result;
}

int xd_validate_nsec3(const struct xd_validating *validating, struct xd_faults *faults)
{
	struct checker checker = { .validating = validating, .faults = faults };
	const struct xd_zone *zone = &validating->zone;

	if (zone->apex_len + XD_NSEC3_LABEL_BYTES + 1 > XD_NAME_MAX) {
		note_node(&checker, zone->apex_node, XD_FAULT_NSEC3_LENGTH);
		return XD_OK;
	}
	if (!find_params(&checker)) {
		note_node(&checker, zone->apex_node, XD_FAULT_NSEC3_PARAMS);
		return XD_OK;
	}
	int result = collect_records(&checker);
	if (result == XD_OK)
		result = make_chains(&checker);
	if (result == XD_OK)
		result = compare_chains(&checker);
	free(checker.records);
	xd_nsec3_chain_uninit(&checker.all);
	xd_nsec3_chain_uninit(&checker.needed);
	xd_octets_uninit(&checker.expected);
	return result;
}
