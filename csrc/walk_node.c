/* SPDX-License-Identifier: Apache-2.0 */
#include "walk_node.h"

#include <string.h>

#include "bytes.h"
#include "limits.h"
#include "rr.h"

#define RECORD_HEADER_BYTES 12u
#define POINTER 0xc000u

/* The owner of the node under validation, with its label boundaries. */
struct owner {
	uint8_t name[XD_NAME_MAX + 1];
	size_t len;
	bool is_label_start[XD_NAME_MAX + 1];
	bool is_wildcard;
};

static bool read_owner(struct owner *owner, const struct xd_node *node, const uint8_t *apex, size_t apex_len)
{
	size_t at = 0;
	unsigned labels = 0;

	owner->len = (size_t)node->name_len + apex_len;
	if (owner->len > XD_NAME_MAX || owner->len != node->owner_len)
		return false;
	memset(owner->is_label_start, 0, sizeof(owner->is_label_start));
	memcpy(owner->name, xd_node_name(node), node->name_len);
	memcpy(owner->name + node->name_len, apex, apex_len);
	while (at < owner->len && owner->name[at] != 0) {
		if (owner->name[at] > XD_LABEL_MAX || (at < node->name_len && at + owner->name[at] + 1u > node->name_len))
			return false;
		owner->is_label_start[at] = true;
		at += (size_t)owner->name[at] + 1;
		labels++;
	}
	owner->is_wildcard = owner->name[0] == 1 && owner->name[1] == '*';
	return at + 1 == owner->len && labels == node->labels;
}

/* Do `count` records fill exactly the octets from *at on to `end`? */
static bool records_fill(const uint8_t *records, uint64_t *at, uint64_t end, unsigned count, int type)
{
	for (; count; count--) {
		if (end - *at < RECORD_HEADER_BYTES || xd_load_be16(records + *at) != (POINTER | XD_MSG_HEADER_BYTES))
			return false;
		if (xd_load_be16(records + *at + 2) != type)
			return false;
		*at += RECORD_HEADER_BYTES + (uint64_t)xd_load_be16(records + *at + 10);
		if (*at > end)
			return false;
	}
	return true;
}

/* A name inside the records ends within them; pointers in it are checked as fixups. */
static bool name_ends(const uint8_t *records, uint64_t at, uint64_t end)
{
	while (at < end) {
		if (records[at] == 0)
			return true;
		if (records[at] >= (POINTER >> 8))
			return at + 2 <= end;
		if (records[at] > XD_LABEL_MAX)
			return false;
		at += (uint64_t)records[at] + 1;
	}
	return false;
}

/* Would following the name at `from` through local pointers come to an end before `from` again? They only go backwards. */
static bool fixup_is_sound(const struct owner *owner, const uint8_t *records, uint32_t plain_len, uint32_t fixup)
{
	uint32_t place = fixup & ~XD_FIXUP_LOCAL;
	unsigned target;

	if ((uint64_t)place + 2 > plain_len || (xd_load_be16(records + place) & POINTER) != POINTER)
		return false;
	target = xd_load_be16(records + place) & (unsigned)~POINTER;
	if (fixup & XD_FIXUP_LOCAL)
		return target < place && name_ends(records, target, plain_len);
	if (target < XD_MSG_HEADER_BYTES || target - XD_MSG_HEADER_BYTES >= owner->len)
		return false;
	target -= XD_MSG_HEADER_BYTES;
	return owner->is_label_start[target] && !(owner->is_wildcard && target == 0);
}

/* The octets of a type whose rdata answering reads must have the right form. */
static bool rdata_is_readable(const struct xd_fragment *fragment, int type)
{
	const uint8_t *records = xd_fragment_records(fragment);
	unsigned len = xd_load_be16(records + 10);

	switch (type) {
	case XD_T_CNAME:
	case XD_T_DNAME:
		return fragment->count == 1 && name_ends(records, RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + len);
	case XD_T_SOA:
		return fragment->count == 1 && len >= 22;
	default:
		return true;
	}
}

static bool fragment_is_sound(const struct xd_fragment *fragment, uint64_t room, const struct owner *owner, int type)
{
	const uint32_t *fixups;
	const uint8_t *records;
	uint64_t front;
	uint64_t at = 0;

	if (room < sizeof(*fragment) || fragment->count == 0)
		return false;
	fixups = xd_fragment_fixups(fragment);
	records = xd_fragment_records(fragment);
	front = sizeof(*fragment) + fragment->fixup_count * sizeof(uint32_t) +
	        fragment->target_count * sizeof(struct xd_target);
	if (front > room || fragment->full_len > room - front || fragment->plain_len > fragment->full_len)
		return false;
	if (!records_fill(records, &at, fragment->plain_len, fragment->count, type) || at != fragment->plain_len ||
	    !records_fill(records, &at, fragment->full_len, fragment->sig_count, XD_T_RRSIG) || at != fragment->full_len)
		return false;
	for (unsigned i = 0; i < fragment->fixup_count; i++) {
		if (!fixup_is_sound(owner, records, fragment->plain_len, fixups[i]))
			return false;
	}
	for (unsigned i = 0; i < fragment->target_count; i++) {
		if (!name_ends(records, xd_fragment_targets(fragment)[i].place, fragment->plain_len))
			return false;
	}
	return rdata_is_readable(fragment, type);
}

/* The flags that promise an RRset, as answering reads them. */
static bool flags_are_sound(const struct xd_node *node)
{
	unsigned flags = 0;

	for (unsigned i = 0; i < node->rrset_count; i++) {
		if (node->rrsets[i].type == XD_T_NS && node->name_len > 0)
			flags |= XD_NODE_CUT;
		else if (node->rrsets[i].type == XD_T_DNAME)
			flags |= XD_NODE_DNAME;
		else if (node->rrsets[i].type == XD_T_CNAME)
			flags |= XD_NODE_CNAME;
	}
	return (node->flags & ~(unsigned)XD_NODE_WILDCARD) == flags;
}

bool xd_node_is_sound(const struct xd_node *node, uint64_t room, const uint8_t *apex, size_t apex_len)
{
	struct owner owner;
	uint64_t front;
	int last_type = -1;

	if (room < sizeof(*node) || node->bytes > room)
		return false;
	front = sizeof(*node) + node->rrset_count * sizeof(node->rrsets[0]) + node->name_len;
	if (front > node->bytes || !read_owner(&owner, node, apex, apex_len))
		return false;
	if (node->occluded > node->labels + 1u || !flags_are_sound(node))
		return false;
	for (unsigned i = 0; i < node->rrset_count; i++) {
		const struct xd_rrset_entry *entry = &node->rrsets[i];

		if (entry->type <= last_type || entry->fragment < front || entry->fragment % 4 || entry->fragment > node->bytes)
			return false;
		last_type = entry->type;
		if (!fragment_is_sound((const struct xd_fragment *)((const uint8_t *)node + entry->fragment),
		                       node->bytes - entry->fragment, &owner, entry->type))
			return false;
	}
	return true;
}
