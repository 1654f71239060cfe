/* SPDX-License-Identifier: Apache-2.0 */
#include "pack.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "limits.h"
#include "name.h"
#include "pack_names.h"
#include "pairs.h"
#include "rdata.h"
#include "rr.h"

#define FRAME_BYTES 2u
#define FIXED_BYTES 10u     /* type, class, TTL, rdlength */
#define VALUE_HEAD_BYTES 6u /* of stored values: TTL, count */
#define HEAD_MAX (XD_MSG_HEADER_BYTES + XD_NAME_MAX + 4u)
#define TAIL_MAX 512u
/* Finished messages are to be taken from here on: enough to share the way from thread to thread, and what a client takes in time. */
#define ROOM_BYTES (128u << 10)

/* A message and a record that turns out not to fit. */
#define ATTEMPT_MAX (FRAME_BYTES + HEAD_MAX + XD_MSG_MAX + XD_NAME_MAX + FIXED_BYTES + XD_RDATA_MAX)

enum { FITS = 0, FULL = 1 };

struct xd_pack {
	struct pack_names names;
	uint8_t *message; /* the one at hand, in out[] */
	size_t len;
	size_t done; /* octets of finished messages */
	uint32_t records;
	size_t record; /* of the pair at hand of a range: where its next record begins; 0: none was taken */
	size_t head_len, tail_len, fill, most;
	uint8_t head[HEAD_MAX];
	uint8_t tail[TAIL_MAX];
	uint8_t out[ROOM_BYTES + FRAME_BYTES + XD_MSG_MAX + ATTEMPT_MAX];
};

static void begin_message(xd_pack *pack)
{
	pack->message = pack->out + pack->done + FRAME_BYTES;
	memcpy(pack->message, pack->head, pack->head_len);
	pack->len = pack->head_len;
	pack->records = 0;
	xd__pack_names_begin(&pack->names);
}

int xd_pack_create(const xd_pack_options *options, xd_pack **out)
{
	if (options->head_len < XD_MSG_HEADER_BYTES + 5 || options->head_len > HEAD_MAX || options->tail_len > TAIL_MAX ||
	    options->most > XD_MSG_MAX || options->fill > options->most ||
	    options->head_len + options->tail_len >= options->fill)
		return -XD_E_RANGE;
	const uint8_t *question = options->head + XD_MSG_HEADER_BYTES;
	size_t room = options->head_len - XD_MSG_HEADER_BYTES - 4;
	if (xd_name_check(question, room) != (int)room)
		return -XD_E_RANGE;
	xd_pack *pack = malloc(sizeof(*pack));
	if (!pack)
		return -XD_E_NOMEM;
	pack->done = 0;
	pack->record = 0;
	pack->fill = options->fill - options->tail_len;
	pack->most = options->most - options->tail_len;
	pack->head_len = options->head_len;
	pack->tail_len = options->tail_len;
	memcpy(pack->head, options->head, options->head_len);
	if (options->tail_len)
		memcpy(pack->tail, options->tail, options->tail_len);
	xd__pack_names_init(&pack->names, question);
	begin_message(pack);
	*out = pack;
	return XD_OK;
}

void xd_pack_free(xd_pack *pack)
{
	free(pack);
}

void xd_pack_finish(xd_pack *pack)
{
	uint8_t *message = pack->message;

	if (!pack->records)
		return;
	if (pack->tail_len)
		memcpy(message + pack->len, pack->tail, pack->tail_len);
	pack->len += pack->tail_len;
	xd_store_be16(message + 6, (uint16_t)pack->records);
	xd_store_be16(message + 10, pack->tail_len ? 1 : 0);
	xd_store_be16(message - FRAME_BYTES, (uint16_t)pack->len);
	pack->done += FRAME_BYTES + pack->len;
	begin_message(pack);
}

const uint8_t *xd_pack_messages(const xd_pack *pack, size_t *len)
{
	*len = pack->done;
	return pack->out;
}

void xd_pack_clear(xd_pack *pack)
{
	memmove(pack->out + FRAME_BYTES, pack->message, pack->len);
	pack->message = pack->out + FRAME_BYTES;
	pack->done = 0;
}

/* An RRSIG has the TTL of what it covers, which it tells (RFC 4034, section 3). */
static uint32_t record_ttl(uint16_t type, const uint8_t *value, const uint8_t *rdata, size_t len)
{
	return xd_load_be32(type == XD_TYPE_RRSIG && len >= 8 ? rdata + 4 : value);
}

/*
 * How record data with names that may be compressed begins: octets before the first name, and how many names there are.
 * RFC 3597, section 4: only types of RFC 1035.
 */
static bool has_names(uint16_t type, size_t *before, unsigned *names)
{
	*before = 0;
	*names = 1;
	switch (type) {
	case XD_T_NS:
	case XD_T_MD:
	case XD_T_MF:
	case XD_T_CNAME:
	case XD_T_MB:
	case XD_T_MG:
	case XD_T_MR:
	case XD_T_PTR:
		return true;
	case XD_T_SOA:
	case XD_T_MINFO:
		*names = 2;
		return true;
	case XD_T_MX:
		*before = 2;
		return true;
	default:
		return false;
	}
}

/* The data of a type with names. Data that does not hold them is copied as it is. Returns the new end of the message. */
static size_t write_names(xd_pack *pack, size_t at, const uint8_t *rdata, size_t len, size_t before, unsigned names)
{
	size_t pos = before;

	for (unsigned i = 0; i < names; i++) {
		size_t used = pos <= len ? xd_wire_name_len(rdata + pos, len - pos) : 0;
		if (!used) {
			memcpy(pack->message + at, rdata, len);
			return at + len;
		}
		pos += used;
	}
	memcpy(pack->message + at, rdata, before);
	at += before;
	for (pos = before; names; names--) {
		size_t used;
		at = xd__pack_names_write(&pack->names, pack->message, at, rdata + pos, len - pos, &used);
		pos += used;
	}
	memcpy(pack->message + at, rdata + pos, len - pos);
	return at + len - pos;
}

/* Writes one record where there is room for it uncompressed or, at the end of a message, compressed. */
static size_t write_record(xd_pack *pack, const struct xd_pair *pair, const uint8_t *rdata, size_t len)
{
	uint8_t *message = pack->message;
	size_t before;
	unsigned names;
	size_t at = xd__pack_names_owner(&pack->names, message, pack->len);

	xd_store_be16(message + at, pair->type);
	xd_store_be16(message + at + 2, XD_CLASS_IN);
	xd_store_be32(message + at + 4, record_ttl(pair->type, pair->value, rdata, len));
	size_t start = at + FIXED_BYTES;
	if (has_names(pair->type, &before, &names)) {
		at = write_names(pack, start, rdata, len, before, names);
	} else {
		memcpy(message + start, rdata, len);
		at = start + len;
	}
	xd_store_be16(message + start - 2, (uint16_t)(at - start));
	return at;
}

/*
 * Adds one record to the message at hand, or to a new one when it is full. The first record of a message may make it as large
 * as messages get. What a record that did not fit has left in the message lies behind its end.
 */
XD_CHECKED static int add_record(xd_pack *pack, const struct xd_pair *pair, const uint8_t *rdata, size_t len)
{
	if (pack->records) {
		size_t end = pack->len + len <= XD_MSG_MAX ? write_record(pack, pair, rdata, len) : SIZE_MAX;
		if (end <= pack->fill && pack->records < UINT16_MAX) {
			pack->len = end;
			pack->records++;
			return XD_OK;
		}
		xd_pack_finish(pack);
	}
	size_t end = write_record(pack, pair, rdata, len);
	if (end > pack->most)
		return -XD_E_RANGE;
	pack->len = end;
	pack->records = 1;
	return XD_OK;
}

/* Adds what is left of a pair. `*record` is where its next record begins in its value; 0: none was taken. */
XD_CHECKED static int add_pair(xd_pack *pack, const struct xd_pair *pair, size_t *record)
{
	int result = xd__pack_names_set_owner(&pack->names, pair->key, pair->key_len);

	if (result < 0)
		return result;
	if (!*record)
		*record = VALUE_HEAD_BYTES;
	while (*record < pair->value_len) {
		const uint8_t *rdata = pair->value + *record + 2;
		size_t len = xd_load_be16(rdata - 2);
		if (pack->done >= ROOM_BYTES)
			return FULL;
		result = add_record(pack, pair, rdata, len);
		if (result < 0)
			return result;
		*record += 2 + len;
	}
	*record = 0;
	return FITS;
}

int xd_pack_add(xd_pack *pack, const uint8_t *bytes, size_t len, xd_pack_cursor *cursor)
{
	struct xd_pair pair;

	while (cursor->pair < len) {
		int result = xd_pair_read(&pair, bytes + cursor->pair, len - cursor->pair);
		if (result == XD_OK)
			result = add_pair(pack, &pair, &cursor->record);
		if (result != FITS)
			return result;
		cursor->pair += pair.key_len + pair.value_len;
	}
	return FITS;
}

int xd_pack_add_range(xd_pack *pack, xd_btree *tree)
{
	struct xd_pair pair;
	int result;

	while ((result = xd_btree_pair(tree, &pair)) > 0) {
		result = add_pair(pack, &pair, &pack->record);
		if (result == FITS)
			result = xd_btree_step(tree);
		if (result != FITS)
			return result;
	}
	return result;
}
