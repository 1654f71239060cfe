/* SPDX-License-Identifier: Apache-2.0 */
#include "pairs_merge.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "rdata.h"

#define VALUE_FIXED_BYTES 6u

/* One part, and where in it the merge is. */
struct part {
	const xd_pairs *pairs;
	size_t next;          /* pair */
	const uint8_t *rdata; /* length and data of the next record of that pair, while RRsets are merged */
	const uint8_t *end;
	bool is_in; /* its next pair has the least key */
};

struct merger {
	struct part *parts;
	size_t count;
	FILE *bytes, *offsets;
	uint64_t written;
};

static const uint8_t *key_of(const struct part *part, size_t *len)
{
	const uint64_t *offsets = part->pairs->offsets + 2 * part->next;

	*len = (size_t)(offsets[1] - offsets[0]);
	return part->pairs->bytes + offsets[0];
}

static const uint8_t *value_of(const struct part *part, size_t *len)
{
	const uint64_t *offsets = part->pairs->offsets + 2 * part->next + 1;

	*len = (size_t)(offsets[1] - offsets[0]);
	return part->pairs->bytes + offsets[0];
}

static int compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int diff = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return diff ? diff : (a_len > b_len) - (a_len < b_len);
}

/* Marks the parts that have the least key; the last of them, or NULL when all are at their end. */
static struct part *find_least(struct merger *merger)
{
	const uint8_t *least = NULL;
	size_t least_len = 0;
	struct part *last = NULL;

	for (struct part *part = merger->parts; part < merger->parts + merger->count; part++) {
		size_t len;
		part->is_in = false;
		if (part->next == part->pairs->count)
			continue;
		const uint8_t *key = key_of(part, &len);
		int diff = least ? compare(key, len, least, least_len) : -1;
		if (diff > 0)
			continue;
		for (struct part *other = merger->parts; diff < 0 && other < part; other++)
			other->is_in = false;
		part->is_in = true;
		last = part;
		least = key;
		least_len = len;
	}
	return last;
}

static void begin_rdatas(struct merger *merger)
{
	for (struct part *part = merger->parts; part < merger->parts + merger->count; part++) {
		size_t len;
		if (!part->is_in)
			continue;
		const uint8_t *value = value_of(part, &len);
		part->rdata = value + VALUE_FIXED_BYTES;
		part->end = value + len;
	}
}

/* The next record of all RRsets of the least key, duplicates stepped over; NULL behind the last. */
static const uint8_t *next_rdata(struct merger *merger)
{
	const uint8_t *least = NULL;

	for (struct part *part = merger->parts; part < merger->parts + merger->count; part++)
		if (part->is_in && part->rdata < part->end &&
		    (!least || compare(part->rdata + 2, xd_load_be16(part->rdata), least + 2, xd_load_be16(least)) < 0))
			least = part->rdata;
	for (struct part *part = merger->parts; least && part < merger->parts + merger->count; part++)
		if (part->is_in && part->rdata < part->end &&
		    !compare(part->rdata + 2, xd_load_be16(part->rdata), least + 2, xd_load_be16(least)))
			part->rdata += 2u + xd_load_be16(part->rdata);
	return least;
}

static void put(struct merger *merger, const uint8_t *octets, size_t len)
{
	fwrite(octets, 1, len, merger->bytes);
	merger->written += len;
}

static void put_mark(struct merger *merger)
{
	fwrite(&merger->written, sizeof(merger->written), 1, merger->offsets);
}

static int put_union(struct merger *merger, const struct part *last, uint16_t type)
{
	uint8_t head[VALUE_FIXED_BYTES];
	size_t len, count = 0;
	const uint8_t *rdata, *first;

	begin_rdatas(merger);
	first = rdata = next_rdata(merger);
	for (; rdata; rdata = next_rdata(merger))
		count++;
	if (count > UINT16_MAX)
		return -XD_E_RANGE;
	memcpy(head, value_of(last, &len), sizeof(head));
	/* A signature tells the TTL of what it covers (RFC 4034, section 3). */
	if (type == XD_TYPE_RRSIG && first && xd_load_be16(first) >= 8)
		memcpy(head, first + 2 + 4, 4);
	xd_store_be16(head + 4, (uint16_t)count);
	put(merger, head, sizeof(head));
	begin_rdatas(merger);
	while ((rdata = next_rdata(merger)) != NULL)
		put(merger, rdata, 2u + xd_load_be16(rdata));
	return XD_OK;
}

/* Writes the RRset of the least key and steps over it. */
static int put_rrset(struct merger *merger, const struct part *last)
{
	size_t key_len, value_len, having = 0;
	const uint8_t *key = key_of(last, &key_len), *value = value_of(last, &value_len);
	int result = XD_OK;

	for (size_t i = 0; i < merger->count; i++)
		having += merger->parts[i].is_in;
	put(merger, key, key_len);
	put_mark(merger);
	if (having == 1)
		put(merger, value, value_len);
	else
		result = put_union(merger, last, xd_load_be16(key + key_len - 2));
	put_mark(merger);
	for (size_t i = 0; i < merger->count; i++)
		merger->parts[i].next += merger->parts[i].is_in;
	return result;
}

static int run(struct merger *merger, uint64_t *merged)
{
	struct part *last;
	int result = XD_OK;

	put_mark(merger);
	for (*merged = 0; result == XD_OK && (last = find_least(merger)) != NULL; ++*merged)
		result = put_rrset(merger, last);
	if (result == XD_OK &&
	    (fflush(merger->bytes) || fflush(merger->offsets) || ferror(merger->bytes) || ferror(merger->offsets)))
		result = -XD_E_SYSTEM;
	return result;
}

static FILE *open_copy(int fd)
{
	int copy = dup(fd);
	FILE *file = copy < 0 ? NULL : fdopen(copy, "wb");

	if (!file && copy >= 0)
		close(copy);
	return file;
}

int xd_pairs_merge(const xd_pairs *parts, size_t count, int bytes_fd, int offsets_fd, uint64_t *merged)
{
	struct merger merger = { .parts = calloc(count + 1, sizeof(*merger.parts)), .count = count };
	int result = -XD_E_NOMEM;

	merger.bytes = open_copy(bytes_fd);
	merger.offsets = open_copy(offsets_fd);
	if (merger.parts && merger.bytes && merger.offsets) {
		for (size_t i = 0; i < count; i++)
			merger.parts[i].pairs = &parts[i];
		result = run(&merger, merged);
	}
	int error = errno;
	if (merger.bytes)
		fclose(merger.bytes);
	if (merger.offsets)
		fclose(merger.offsets);
	free(merger.parts);
	errno = error;
	return result;
}
