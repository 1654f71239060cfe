/* SPDX-License-Identifier: Apache-2.0 */
#include "incoming.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collect.h"
#include "message.h"
#include "name.h"
#include "rdata.h"

static_assert(XD_COLLECT_SLACK >= XD_MESSAGE_RDATA_ROOM - XD_RDATA_MAX, "record data is read in place");

enum { CLASS_IN = 1, ANSWER = 1 };

/* Type, class, TTL and length of data. */
#define RECORD_FIXED_BYTES 10u

struct xd_incoming {
	struct xd_collector collector;
	uint32_t zone_id;
	size_t apex_len;
	uint8_t apex[XD_NAME_MAX]; /* lower case */
};

int xd_incoming_create(const uint8_t *apex, uint32_t zone_id, xd_incoming **out)
{
	xd_incoming *incoming = calloc(1, sizeof(*incoming));

	if (!incoming)
		return -XD_E_NOMEM;
	incoming->zone_id = zone_id;
	incoming->apex_len = xd_name_lower(incoming->apex, apex);
	xd_collector_init(&incoming->collector, incoming->apex, zone_id);
	*out = incoming;
	return XD_OK;
}

void xd_incoming_free(xd_incoming *incoming)
{
	if (incoming)
		xd_collector_uninit(&incoming->collector);
	free(incoming);
}

/* Types that only queries and messages have (RFC 6895, section 3.1), and the one that is reserved. */
static bool is_meta(uint16_t type)
{
	return type == 0 || type == XD_TYPE_OPT || (type >= 249 && type <= 255);
}

static void note_record(xd_incoming_state *state, size_t owner_len, size_t rdata_len)
{
	state->records++;
	state->octets += owner_len + RECORD_FIXED_BYTES + rdata_len;
}

static void note_foreign(xd_incoming_state *state, const struct xd_message_record *record)
{
	if (!state->foreign++)
		memcpy(state->owner, record->owner, record->owner_len);
}

static bool is_soa_of(const xd_incoming *incoming, const struct xd_message_record *record)
{
	return record->type == XD_TYPE_SOA && record->owner_len == incoming->apex_len &&
	       !memcmp(record->owner, incoming->apex, incoming->apex_len);
}

static int collect(xd_incoming *incoming, const struct xd_message_cursor *cursor, const struct xd_message_record *record,
                   xd_incoming_state *state)
{
	if (record->class != CLASS_IN || is_meta(record->type))
		return -XD_E_RDATA;
	int result = xd_collector_set_owner(&incoming->collector, record->owner);
	if (result == -XD_E_ZONE) {
		note_foreign(state, record);
		return XD_OK;
	}
	if (result < 0)
		return result;
	uint8_t *rdata = xd_collector_reserve(&incoming->collector);
	if (!rdata)
		return -XD_E_NOMEM;
	int rdata_len = xd_message_rdata(rdata, cursor, record);
	if (rdata_len < 0)
		return rdata_len;
	xd_collector_commit(&incoming->collector, record->type, record->ttl, (size_t)rdata_len);
	note_record(state, record->owner_len, (size_t)rdata_len);
	return XD_OK;
}

/* A cursor over what is left of the answer section. */
static int resume(struct xd_message_cursor *cursor, const uint8_t *message, size_t len, xd_incoming_state *state)
{
	int result = xd_message_begin(cursor, message, len);

	if (result < 0)
		return result;
	if (state->at) {
		cursor->pos = state->at;
		cursor->left[ANSWER] = state->left;
	}
	cursor->left[ANSWER + 1] = cursor->left[ANSWER + 2] = 0;
	return XD_OK;
}

static void note_collected(xd_incoming_state *state, const struct xd_collector *collector)
{
	state->memory = collector->used + collector->run_count * sizeof(*collector->runs);
	state->owners = collector->run_count;
	state->in_order = !collector->is_unordered;
}

int xd_incoming_read(xd_incoming *incoming, const uint8_t *message, size_t len, int skip_soa, xd_incoming_state *state)
{
	struct xd_message_cursor cursor;
	struct xd_message_record record;
	int result = resume(&cursor, message, len, state);

	state->is_soa = 0;
	while (result == XD_OK) {
		struct xd_message_cursor before = cursor;
		result = xd_message_next(&cursor, &record);
		if (result <= 0)
			break;
		result = XD_OK;
		if (is_soa_of(incoming, &record)) {
			if (!skip_soa) {
				cursor = before;
				state->is_soa = 1;
				break;
			}
		} else {
			result = collect(incoming, &cursor, &record, state);
		}
		skip_soa = 0;
	}
	state->at = cursor.pos;
	state->left = cursor.left[ANSWER];
	note_collected(state, &incoming->collector);
	return result;
}

int xd_incoming_add(xd_incoming *incoming, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                    size_t rdata_len, xd_incoming_state *state)
{
	int result = xd_collector_set_owner(&incoming->collector, owner);

	if (result < 0)
		return result;
	uint8_t *at = xd_collector_reserve(&incoming->collector);
	if (!at)
		return -XD_E_NOMEM;
	memcpy(at, rdata, rdata_len);
	xd_collector_commit(&incoming->collector, type, ttl, rdata_len);
	note_record(state, xd_name_len(owner), rdata_len);
	note_collected(state, &incoming->collector);
	return XD_OK;
}

static void report(void *context, enum xd_collect_finding finding, const uint8_t *key, size_t key_len)
{
	xd_incoming_state *state = context;

	(void)key;
	(void)key_len;
	if (finding == XD_COLLECT_TOO_MANY)
		state->too_many = 1;
}

int xd_incoming_finish(xd_incoming *incoming, xd_incoming_state *state, xd_pairs *pairs)
{
	int result = xd_collector_finish(&incoming->collector, pairs, report, state);

	xd_collector_init(&incoming->collector, incoming->apex, incoming->zone_id);
	note_collected(state, &incoming->collector);
	return result;
}

int xd_incoming_peek(const xd_incoming *incoming, uint64_t from, uint64_t count, xd_pairs *pairs)
{
	return xd_collector_peek(&incoming->collector, from, from + count, pairs);
}
