/* SPDX-License-Identifier: Apache-2.0 */
#include "pack_names.h"

#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "name.h"
#include "pairs.h"

#define POINTER_MAX 0x3fffu
#define POINTER 0xc000u
#define PROBES 8u
#define KEY_TAIL 3u /* zero and type */

/* No secret: a zone that is made for collisions is compressed less, since probes are bounded. */
static const uint64_t seed[2] = { UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd1342543de82ef95) };

static void remember(struct pack_names *names, uint64_t hash, size_t offset)
{
	if (offset > POINTER_MAX || names->kept == PACK_KEPT)
		return;
	for (unsigned i = 0; i < PROBES; i++) {
		struct pack_slot *slot = &names->slots[(hash + i) % PACK_SLOTS];
		if (slot->epoch == names->epoch)
			continue;
		*slot = (struct pack_slot){ (uint32_t)(hash >> 32), names->epoch, (uint16_t)offset };
		names->kept++;
		return;
	}
}

/* Without case: the question has the client's. */
static bool same_label(const uint8_t *a, const uint8_t *b)
{
	if (a[0] != b[0])
		return false;
	if (xd_same(a + 1, b + 1, a[0]))
		return true;
	for (unsigned i = 1; i <= a[0]; i++)
		if (xd_lower_table[a[i]] != xd_lower_table[b[i]])
			return false;
	return true;
}

static bool same_name(const uint8_t *message, size_t at, const uint8_t *name)
{
	for (;;) {
		if (message[at] >= POINTER >> 8)
			at = xd_load_be16(message + at) & POINTER_MAX;
		if (!same_label(message + at, name))
			return false;
		if (!*name)
			return true;
		at += 1u + *name;
		name += 1u + *name;
	}
}

/* Offset of a suffix in the message, or 0. */
static size_t find(const struct pack_names *names, const uint8_t *message, uint64_t hash, const uint8_t *name)
{
	for (unsigned i = 0; i < PROBES; i++) {
		const struct pack_slot *slot = &names->slots[(hash + i) % PACK_SLOTS];
		if (slot->epoch != names->epoch)
			return 0;
		if (slot->tag == hash >> 32 && same_name(message, slot->offset, name))
			return slot->offset;
	}
	return 0;
}

void xd__pack_names_init(struct pack_names *names, const uint8_t *apex)
{
	struct xd_suffixes suffixes;

	memset(names, 0, sizeof(*names));
	xd_suffixes_init(&suffixes, apex, xd_name_len(apex), seed);
	names->apex_depth = suffixes.labels;
	memcpy(names->apex, suffixes.name, suffixes.len);
	for (unsigned k = 1; k <= suffixes.labels; k++) {
		names->apex_starts[k] = suffixes.start[k];
		names->apex_hashes[k] = suffixes.hash[k];
	}
	names->labels[0].hash = suffixes.hash[0];
}

static uint16_t apex_offset(const struct pack_names *names, unsigned label)
{
	return (uint16_t)(XD_MSG_HEADER_BYTES + names->apex_starts[label]);
}

void xd__pack_names_begin(struct pack_names *names)
{
	if (++names->epoch == 0) {
		memset(names->slots, 0, sizeof(names->slots));
		names->epoch = 1;
	}
	names->kept = 0;
	for (unsigned k = 1; k <= names->apex_depth; k++)
		remember(names, names->apex_hashes[k], apex_offset(names, k));
	for (unsigned k = 1; k <= names->depth; k++)
		names->labels[k].offset = k <= names->apex_shared ? apex_offset(names, k) : 0;
}

static size_t common_octets(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t at = 0;

	for (; at + 8 <= len; at += 8) {
		uint64_t differing = xd_load_64(a + at) ^ xd_load_64(b + at);
		if (differing)
			return at + (size_t)__builtin_ctzll(differing) / 8;
	}
	while (at < len && a[at] == b[at])
		at++;
	return at;
}

/* Adds the label at `pos` of the key to the owner. */
XD_CHECKED static int push_label(struct pack_names *names, size_t pos)
{
	const struct pack_label *above = &names->labels[names->depth];
	unsigned depth = names->depth + 1;
	uint8_t label[1 + XD_LABEL_MAX + 8];
	size_t used = xd_key_read_label(names->key + pos, names->key_len - pos, label);

	/* The root label is an octet too. */
	if (!used || depth > XD_LABELS_MAX || above->at + label[0] + 2u > XD_NAME_MAX)
		return -XD_E_KEY_ORDER;
	struct pack_label *own = &names->labels[depth];
	own->start = above->at;
	own->at = (uint16_t)(above->at + label[0] + 1u);
	memcpy(names->text + own->start, label, label[0] + 1u);
	own->hash = xd_hash_label(above->hash, names->text + own->start, seed);
	own->end = (uint16_t)(pos + used);
	own->offset = 0;
	if (depth <= names->apex_depth && names->apex_shared == names->depth &&
	    same_label(names->apex + names->apex_starts[depth], label)) {
		names->apex_shared = depth;
		own->offset = apex_offset(names, depth);
	}
	names->depth = depth;
	return XD_OK;
}

int xd__pack_names_set_owner(struct pack_names *names, const uint8_t *key, size_t key_len)
{
	const uint8_t *owner = key + XD_KEY_ZONE_ID_BYTES;
	size_t len = key_len - XD_KEY_ZONE_ID_BYTES - KEY_TAIL;

	if (key_len < XD_KEY_ZONE_ID_BYTES + KEY_TAIL || len > XD_KEY_OWNER_MAX)
		return -XD_E_KEY_ORDER;
	size_t common = common_octets(names->key, owner, len < names->key_len ? len : names->key_len);
	if (common == len && len == names->key_len)
		return XD_OK;
	while (names->depth && names->labels[names->depth].end > common)
		names->depth--;
	if (names->apex_shared > names->depth)
		names->apex_shared = names->depth;
	memcpy(names->key + common, owner + common, len - common);
	names->key_len = len;
	while (names->labels[names->depth].end < len) {
		int result = push_label(names, names->labels[names->depth].end);
		if (result < 0)
			return result;
	}
	return XD_OK;
}

static size_t write_pointer(uint8_t *message, size_t at, size_t offset)
{
	if (!offset) {
		message[at] = 0;
		return at + 1;
	}
	xd_store_be16(message + at, (uint16_t)(POINTER | offset));
	return at + 2;
}

size_t xd__pack_names_owner(struct pack_names *names, uint8_t *message, size_t at)
{
	unsigned k = names->depth;

	for (; k && !names->labels[k].offset; k--) {
		struct pack_label *label = &names->labels[k];
		size_t len = (size_t)label->at - label->start;
		memcpy(message + at, names->text + label->start, len);
		if (at <= POINTER_MAX) {
			label->offset = (uint16_t)at;
			remember(names, label->hash, at);
		}
		at += len;
	}
	return write_pointer(message, at, names->labels[k].offset);
}

size_t xd__pack_names_write(struct pack_names *names, uint8_t *message, size_t at, const uint8_t *name, size_t room,
                            size_t *used)
{
	struct xd_suffixes suffixes;
	size_t offset = 0;
	unsigned k;

	*used = xd_suffixes_scan(&suffixes, name, room, seed);
	for (k = suffixes.labels; k; k--) {
		offset = find(names, message, suffixes.hash[k], suffixes.name + suffixes.start[k]);
		if (offset)
			break;
	}
	memcpy(message + at, name, suffixes.start[k]);
	for (unsigned written = suffixes.labels; written > k; written--)
		remember(names, suffixes.hash[written], at + suffixes.start[written]);
	return write_pointer(message, at + suffixes.start[k], offset);
}
