/* SPDX-License-Identifier: Apache-2.0 */
#include "compose.h"

#include <string.h>

#include "node.h"
#include "rr.h"

#define POINTER 0xc000u
#define POINTER_MAX 0x3fffu
#define RECORD_HEADER_BYTES 12u

bool xd_message_has(const struct xd_message *message, const struct xd_fragment *fragment)
{
	for (unsigned i = 0; i < message->added_count; i++) {
		if (message->added[i] == fragment)
			return true;
	}
	return false;
}

static void note_added(struct xd_message *message, const struct xd_fragment *fragment)
{
	if (message->added_count < XD_ADDED_MAX)
		message->added[message->added_count++] = fragment;
}

/* Writes `owner` over the owners of `count` records from `at` on. */
static void patch_owners(uint8_t *at, unsigned count, uint16_t owner)
{
	for (; count; count--) {
		xd_store_be16(at, owner);
		at += RECORD_HEADER_BYTES + xd_load_be16(at + 10);
	}
}

/* The suffix of the node's owner that starts `offset` octets into it, as labels of the place's name. */
static unsigned suffix_labels(const struct xd_place *place, const struct xd_node *node, unsigned offset)
{
	unsigned start = offset + place->name->len - node->owner_len;
	unsigned labels = place->name->labels;

	while (labels > 0 && place->name->start[labels] < start)
		labels--;
	return labels;
}

/*
 * Lets the pointers in the rdata of a fragment that was copied to `at` point to what they mean in this message. False when a
 * pointer would have to reach further than pointers can.
 */
static bool patch_fixups(struct xd_message *message, size_t at, const struct xd_place *place, const struct xd_node *node,
                         const struct xd_fragment *fragment)
{
	const uint32_t *fixups = xd_fragment_fixups(fragment);
	unsigned shift = (unsigned)(place->name->len - node->owner_len);

	for (unsigned i = 0; i < fragment->fixup_count; i++) {
		uint8_t *pointer = message->bytes + at + (fixups[i] & ~XD_FIXUP_LOCAL);
		unsigned target = xd_load_be16(pointer) & POINTER_MAX;

		if (fixups[i] & XD_FIXUP_LOCAL)
			target += (unsigned)at;
		else if (place->is_question)
			target += shift;
		else
			target = place->at[suffix_labels(place, node, target - XD_MSG_HEADER_BYTES)];
		if (target > POINTER_MAX)
			return false;
		xd_store_be16(pointer, (uint16_t)(POINTER | target));
	}
	return true;
}

/* Is there room? Copies records [from, to) of a fragment to the end of the message. */
static uint8_t *append(struct xd_message *message, const struct xd_fragment *fragment, uint32_t from, uint32_t to)
{
	uint8_t *at = message->bytes + message->len;

	if (message->len + (to - from) > message->limit)
		return NULL;
	memcpy(at, xd_fragment_records(fragment) + from, to - from);
	message->len += to - from;
	return at;
}

static bool append_octets(struct xd_message *message, const uint8_t *octets, size_t len)
{
	if (message->len + len > message->limit)
		return false;
	memcpy(message->bytes + message->len, octets, len);
	message->len += len;
	return true;
}

static bool append_pointer(struct xd_message *message, unsigned target)
{
	uint8_t pointer[2];

	xd_store_be16(pointer, (uint16_t)(POINTER | target));
	return target <= POINTER_MAX && append_octets(message, pointer, sizeof(pointer));
}

static const uint32_t *find_fixup(const struct xd_fragment *fragment, uint32_t place)
{
	const uint32_t *fixups = xd_fragment_fixups(fragment);

	for (unsigned i = 0; i < fragment->fixup_count; i++) {
		if ((fixups[i] & ~XD_FIXUP_LOCAL) == place)
			return &fixups[i];
	}
	return NULL;
}

/* What the pointer of a fixup stands for: labels written out up to a pointer to the owner, or to the root. */
static bool append_meant(struct xd_message *message, const struct xd_place *place, const struct xd_node *node,
                         const struct xd_fragment *fragment, const uint32_t *fixup)
{
	const uint8_t *records = xd_fragment_records(fragment);

	while (fixup && *fixup & XD_FIXUP_LOCAL) {
		uint32_t at = xd_load_be16(records + (*fixup & ~XD_FIXUP_LOCAL)) & POINTER_MAX;
		uint32_t end = at;

		while (records[end] != 0 && records[end] < POINTER >> 8)
			end += records[end] + 1u;
		if (records[end] == 0)
			return append_octets(message, records + at, end + 1 - at);
		if (!append_octets(message, records + at, end - at))
			return false;
		fixup = find_fixup(fragment, end);
	}
	if (!fixup)
		return false;
	return append_pointer(message, xd_place_of(place, suffix_labels(place, node,
	                                                                (xd_load_be16(records + *fixup) & POINTER_MAX) -
	                                                                        XD_MSG_HEADER_BYTES)));
}

/*
 * A fragment too far into the message for pointers into itself, which are written out instead. Only responses beyond 12 KiB
 * come here.
 */
static bool put_expanded(struct xd_message *message, const struct xd_place *place, const struct xd_node *node,
                         const struct xd_fragment *fragment, uint16_t owner)
{
	const uint8_t *records = xd_fragment_records(fragment);
	const uint32_t *fixups = xd_fragment_fixups(fragment);
	unsigned next = 0;
	uint32_t at = 0;

	for (unsigned n = fragment->count; n; n--) {
		uint32_t end = at + RECORD_HEADER_BYTES + xd_load_be16(records + at + 10);
		size_t start = message->len;

		for (; next < fragment->fixup_count && (fixups[next] & ~XD_FIXUP_LOCAL) < end; next++) {
			uint32_t pointer = fixups[next] & ~XD_FIXUP_LOCAL;

			if (!append_octets(message, records + at, pointer - at) ||
			    !append_meant(message, place, node, fragment, &fixups[next]))
				return false;
			at = pointer + 2;
		}
		if (!append_octets(message, records + at, end - at))
			return false;
		xd_store_be16(message->bytes + start, owner);
		xd_store_be16(message->bytes + start + 10, (uint16_t)(message->len - start - RECORD_HEADER_BYTES));
		at = end;
	}
	return true;
}

/* Is the node's owner the place's name or an ancestor of it? */
static bool is_on_place(const struct xd_place *place, const struct xd_zone *zone, const struct xd_node *node)
{
	const struct xd_suffixes *name = place->name;

	if (node->name_len == 0)
		return true;
	return node->labels <= name->labels && name->start[zone->labels] - name->start[node->labels] == node->name_len &&
	       xd_same(name->name + name->start[node->labels], xd_node_name(node), node->name_len);
}

/*
 * Records of a node that is not on the way to the name (an NSEC that covers it): the first owner is written out up to the
 * apex, which always is on the way; the others point to it. Such records have no pointers in their rdata.
 */
static bool put_spelled(struct xd_message *message, const struct xd_place *place, const struct xd_zone *zone,
                        const struct xd_node *node, const struct xd_fragment *fragment, uint32_t to, unsigned count)
{
	size_t start = message->len;
	uint16_t apex = xd_place_of(place, zone->labels);
	uint8_t *out = message->bytes + start;

	if (start > POINTER_MAX || apex > POINTER_MAX || start + node->name_len + to > message->limit)
		return false;
	memcpy(out, xd_node_name(node), node->name_len);
	out += node->name_len;
	memcpy(out, xd_fragment_records(fragment), to);
	xd_store_be16(out, (uint16_t)(POINTER | apex));
	patch_owners(out + RECORD_HEADER_BYTES + xd_load_be16(out + 10), count - 1, (uint16_t)(POINTER | start));
	message->len += node->name_len + to;
	return true;
}

static bool put_records(struct xd_message *message, const struct xd_place *place, const struct xd_zone *zone,
                        const struct xd_node *node, const struct xd_fragment *fragment, bool is_synthesized, uint32_t to,
                        unsigned count)
{
	size_t start = message->len;
	unsigned owner_at;
	uint8_t *at;

	if (!is_synthesized && !is_on_place(place, zone, node))
		return put_spelled(message, place, zone, node, fragment, to, count);
	owner_at = xd_place_of(place, is_synthesized ? place->name->labels : node->labels);
	at = append(message, fragment, 0, to);
	if (!at || owner_at > POINTER_MAX)
		return false;
	if (owner_at != XD_MSG_HEADER_BYTES)
		patch_owners(at, count, (uint16_t)(POINTER | owner_at));
	if (fragment->fixup_count == 0 || patch_fixups(message, start, place, node, fragment))
		return true;
	message->len = start;
	if (!put_expanded(message, place, node, fragment, (uint16_t)(POINTER | owner_at)))
		return false;
	at = append(message, fragment, fragment->plain_len, to);
	if (!at)
		return false;
	patch_owners(at, count - fragment->count, (uint16_t)(POINTER | owner_at));
	return true;
}

bool xd_message_put(struct xd_message *message, enum xd_section section, const struct xd_place *place,
                    const struct xd_zone *zone, const struct xd_node *node, const struct xd_fragment *fragment,
                    bool is_synthesized)
{
	uint32_t to = message->wants_dnssec ? fragment->full_len : fragment->plain_len;
	unsigned count = fragment->count + (message->wants_dnssec ? fragment->sig_count : 0u);
	size_t start = message->len;

	if (!put_records(message, place, zone, node, fragment, is_synthesized, to, count)) {
		message->len = start;
		return false;
	}
	message->counts[section] = (uint16_t)(message->counts[section] + count);
	note_added(message, fragment);
	return true;
}

bool xd_message_put_at(struct xd_message *message, enum xd_section section, uint16_t owner_at,
                       const struct xd_fragment *fragment)
{
	uint32_t to = message->wants_dnssec ? fragment->full_len : fragment->plain_len;
	unsigned count = fragment->count + (message->wants_dnssec ? fragment->sig_count : 0u);
	uint8_t *at;

	if (owner_at > POINTER_MAX)
		return false;
	at = append(message, fragment, 0, to);
	if (!at)
		return false;
	patch_owners(at, count, (uint16_t)(POINTER | owner_at));
	message->counts[section] = (uint16_t)(message->counts[section] + count);
	note_added(message, fragment);
	return true;
}

bool xd_message_put_signatures(struct xd_message *message, const struct xd_place *place, const struct xd_fragment *fragment,
                               uint16_t type)
{
	bool is_orphan = type == XD_T_RRSIG;
	uint32_t from = is_orphan ? 0 : fragment->plain_len;
	uint32_t to = is_orphan ? fragment->plain_len : fragment->full_len;
	unsigned count = is_orphan ? fragment->count : fragment->sig_count;
	unsigned owner_at = xd_place_of(place, place->name->labels);
	uint8_t *at;

	if (owner_at > POINTER_MAX)
		return false;
	at = append(message, fragment, from, to);
	if (!at)
		return false;
	patch_owners(at, count, (uint16_t)(POINTER | owner_at));
	message->counts[XD_ANSWER] = (uint16_t)(message->counts[XD_ANSWER] + count);
	return true;
}

size_t xd_message_read_name(const struct xd_message *message, size_t at, uint8_t *name, uint16_t *starts)
{
	size_t len = 0;

	while (at < message->len) {
		unsigned label = message->bytes[at];

		if (label >= POINTER >> 8) {
			size_t target;

			if (at + 2 > message->len)
				return 0;
			/* Pointers go backwards only: that is what makes the walk end. */
			target = xd_load_be16(message->bytes + at) & POINTER_MAX;
			if (target >= at)
				return 0;
			at = target;
			continue;
		}
		if (label > XD_LABEL_MAX || len + label + 1 > XD_NAME_MAX || at + label + 1 > message->len)
			return 0;
		if (starts)
			*starts++ = (uint16_t)at;
		for (unsigned i = 0; i <= label; i++) {
			uint8_t octet = message->bytes[at + i];

			name[len + i] = (uint8_t)((uint8_t)(octet - 'A') < 26 ? octet + 32 : octet);
		}
		len += label + 1;
		at += label + 1;
		if (label == 0)
			return len;
	}
	return 0;
}
