/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "name.h"
#include "rdata.h"

/* RFC 2136, sections 2.4 and 2.5. */
enum { CLASS_IN = 1, CLASS_NONE = 254, CLASS_ANY = 255 };

/* Behind the owner: type, class, TTL, length of data (RFC 1035, section 3.2.1). */
#define RECORD_FIXED_BYTES 10u
#define QUESTION_FIXED_BYTES 4u
#define POINTER_BYTES 2u

/*
 * Reads the name at *pos, whose own octets end before `end`, and moves *pos behind them. Its length, or -XD_E_NAME. Each
 * jump leads in front of where the name, or the part before, began: there are fewer jumps than octets.
 */
static int read_name(uint8_t *out, const struct xd_message_cursor *cursor, size_t *pos, size_t end, bool may_jump)
{
	const uint8_t *message = cursor->message;
	size_t at = *pos, least = *pos, used = 0;
	bool has_jumped = false;

	while (at < end) {
		size_t label = message[at];
		if (label >= 0xc0) {
			if (!may_jump || end - at < POINTER_BYTES)
				return -XD_E_NAME;
			size_t target = (label & 0x3f) << 8 | message[at + 1];
			if (target < XD_MSG_HEADER_BYTES || target >= least)
				return -XD_E_NAME;
			if (!has_jumped)
				*pos = at + POINTER_BYTES;
			has_jumped = true;
			at = least = target;
			end = cursor->len;
			continue;
		}
		if (label > XD_LABEL_MAX || end - at < label + 1 || used + label + 1 > XD_NAME_MAX)
			return -XD_E_NAME;
		memcpy(out + used, message + at, label + 1);
		used += label + 1;
		at += label + 1;
		if (label == 0) {
			if (!has_jumped)
				*pos = at;
			return (int)used;
		}
	}
	return -XD_E_NAME;
}

int xd_message_name(uint8_t *out, const struct xd_message_cursor *cursor, size_t *pos)
{
	return read_name(out, cursor, pos, cursor->len, true);
}

int xd_message_begin(struct xd_message_cursor *cursor, const uint8_t *message, size_t len)
{
	uint8_t name[XD_NAME_MAX];

	*cursor = (struct xd_message_cursor){ .message = message, .len = len, .pos = XD_MSG_HEADER_BYTES };
	if (len < XD_MSG_HEADER_BYTES)
		return -XD_E_SYNTAX;
	for (size_t i = 0; i < 4; i++)
		cursor->left[i] = xd_load_be16(message + 4 + 2 * i);
	for (; cursor->left[0]; cursor->left[0]--) {
		int result = read_name(name, cursor, &cursor->pos, len, true);
		if (result < 0)
			return result;
		if (len - cursor->pos < QUESTION_FIXED_BYTES)
			return -XD_E_SYNTAX;
		cursor->pos += QUESTION_FIXED_BYTES;
	}
	return XD_OK;
}

int xd_message_next(struct xd_message_cursor *cursor, struct xd_message_record *record)
{
	uint8_t section = 1;

	while (section < 4 && !cursor->left[section])
		section++;
	if (section == 4)
		return 0;
	int owner_len = read_name(record->owner, cursor, &cursor->pos, cursor->len, true);
	if (owner_len < 0)
		return owner_len;
	if (cursor->len - cursor->pos < RECORD_FIXED_BYTES)
		return -XD_E_SYNTAX;
	const uint8_t *fixed = cursor->message + cursor->pos;
	xd_bytes_lower(record->owner, record->owner, (size_t)owner_len);
	record->owner_len = (uint8_t)owner_len;
	record->section = section;
	record->type = xd_load_be16(fixed);
	record->class = xd_load_be16(fixed + 2);
	record->ttl = xd_load_be32(fixed + 4);
	record->rdata_len = xd_load_be16(fixed + 8);
	record->rdata_at = cursor->pos + RECORD_FIXED_BYTES;
	if (cursor->len - record->rdata_at < record->rdata_len)
		return -XD_E_SYNTAX;
	cursor->pos = record->rdata_at + record->rdata_len;
	cursor->left[section]--;
	return 1;
}

/* Types in whose data names may be compressed: those of RFC 1035, and those RFC 3597, section 4, has receivers accept. */
static bool may_compress(uint16_t type)
{
	static const uint64_t types = 1ull << 2 | 1ull << 3 | 1ull << 4 | 1ull << 5 | 1ull << 6 | 1ull << 7 | 1ull << 8 |
	                              1ull << 9 | 1ull << 12 | 1ull << 14 | 1ull << 15 | 1ull << 17 | 1ull << 18 | 1ull << 21 |
	                              1ull << 26 | 1ull << 33 | 1ull << 35;

	return type < 64 && types >> type & 1;
}

static int copy_opaque(uint8_t *out, const struct xd_message_cursor *cursor, const struct xd_message_record *record)
{
	memcpy(out, cursor->message + record->rdata_at, record->rdata_len);
	return record->rdata_len;
}

/* Reads one field at *pos into `out`: the octets written, or negative. */
static ptrdiff_t read_field(uint8_t field, uint8_t *out, const struct xd_message_cursor *cursor, size_t *pos, size_t end,
                            bool may_jump)
{
	ptrdiff_t used;

	if (field == XD_F_NAME || field == XD_F_NAME_LOWER) {
		used = read_name(out, cursor, pos, end, may_jump);
		if (field == XD_F_NAME_LOWER && used > 0)
			xd_bytes_lower(out, out, (size_t)used);
		return used;
	}
	used = xd_rdata_field_size(field, cursor->message + *pos, end - *pos);
	if (used > 0) {
		memcpy(out, cursor->message + *pos, (size_t)used);
		*pos += (size_t)used;
	}
	return used;
}

int xd_message_rdata(uint8_t *out, const struct xd_message_cursor *cursor, const struct xd_message_record *record)
{
	const struct xd_type_info *info = xd_type_info(record->type);
	bool is_update = record->class == CLASS_ANY || record->class == CLASS_NONE;
	size_t pos = record->rdata_at, end = pos + record->rdata_len, written = 0;

	if (!info || (record->class != CLASS_IN && !is_update) || (is_update && !record->rdata_len))
		return copy_opaque(out, cursor, record);
	bool may_jump = may_compress(record->type);
	for (const uint8_t *field = info->fields; *field; field++) {
		ptrdiff_t used = read_field(*field, out + written, cursor, &pos, end, may_jump);
		if (used < 0)
			return -XD_E_RDATA;
		written += (size_t)used;
	}
	return pos == end && written <= XD_RDATA_MAX ? (int)written : -XD_E_RDATA;
}

static int write_record(uint8_t *out, size_t room, const struct xd_message_cursor *cursor,
                        const struct xd_message_record *record)
{
	size_t head = XD_MESSAGE_FIXED_BYTES + record->owner_len;
	/* What decompression may add: two names. */
	if (room < head + record->rdata_len + 2u * XD_NAME_MAX)
		return -XD_E_RANGE;
	int rdata_len = xd_message_rdata(out + head, cursor, record);
	if (rdata_len < 0)
		return rdata_len;
	out[0] = record->section;
	out[1] = record->owner_len;
	xd_store_be16(out + 2, record->type);
	xd_store_be16(out + 4, record->class);
	xd_store_be32(out + 6, record->ttl);
	xd_store_be16(out + 10, (uint16_t)rdata_len);
	memcpy(out + XD_MESSAGE_FIXED_BYTES, record->owner, record->owner_len);
	return (int)head + rdata_len;
}

int xd_message_read(const uint8_t *message, size_t len, int first, int last, uint8_t *out, size_t room, size_t *used)
{
	struct xd_message_cursor cursor;
	struct xd_message_record record;
	size_t written = 0, number = 0;
	int count = 0, result = xd_message_begin(&cursor, message, len);

	while (result == XD_OK && (result = xd_message_next(&cursor, &record)) > 0) {
		number++;
		result = XD_OK;
		if (record.section < first || record.section > last)
			continue;
		int octets = write_record(out + written, room - written, &cursor, &record);
		if (octets < 0) {
			*used = number;
			return octets;
		}
		written += (size_t)octets;
		count++;
	}
	if (result == XD_OK && cursor.pos != len)
		result = -XD_E_SYNTAX;
	*used = result < 0 ? number + 1 : written;
	return result < 0 ? result : count;
}
