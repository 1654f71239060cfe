/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What merging is to give: records collected in parts and merged are the records collected as a whole.
 *
 * The parts are collected in turn with the whole, so that the record of an RRset that came last is in the last part that has it.
 */
#ifndef MERGE_LAW_H
#define MERGE_LAW_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collect.h"
#include "pairs_merge.h"

enum { LAW_PARTS_MAX = 8 };

struct merge_law {
	struct xd_collector whole, part;
	xd_pairs parts[LAW_PARTS_MAX];
	size_t count;
};

static inline void law_ignore(void *context, enum xd_collect_finding finding, const uint8_t *key, size_t key_len)
{
	(void)context;
	(void)finding;
	(void)key;
	(void)key_len;
}

static inline void law_begin(struct merge_law *law)
{
	memset(law, 0, sizeof(*law));
	xd_collector_init(&law->whole, (const uint8_t *)"\7example", 1);
	xd_collector_init(&law->part, (const uint8_t *)"\7example", 1);
}

static inline void law_put(struct xd_collector *collector, const uint8_t *owner, uint16_t type, uint32_t ttl,
                           const uint8_t *rdata, size_t len)
{
	uint8_t *out = NULL;

	if (xd_collector_set_owner(collector, owner) == 0)
		out = xd_collector_reserve(collector);
	if (!out)
		abort();
	memcpy(out, rdata, len);
	xd_collector_commit(collector, type, ttl, len);
}

static inline void law_add(struct merge_law *law, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                           size_t len)
{
	law_put(&law->whole, owner, type, ttl, rdata, len);
	law_put(&law->part, owner, type, ttl, rdata, len);
}

/* Ends a part, which may be empty; false when there are as many as can be. */
static inline bool law_cut(struct merge_law *law)
{
	if (law->count == LAW_PARTS_MAX)
		return false;
	if (xd_collector_finish(&law->part, &law->parts[law->count], law_ignore, NULL) < 0)
		abort();
	law->count++;
	xd_collector_init(&law->part, (const uint8_t *)"\7example", 1);
	return true;
}

static inline bool law_holds(int fd, const void *expected, size_t size)
{
	bool same = lseek(fd, 0, SEEK_END) == (off_t)size;
	void *found = same && size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;

	if (size)
		same = same && found != MAP_FAILED && !memcmp(found, expected, size);
	if (found && found != MAP_FAILED)
		munmap(found, size);
	return same;
}

/* Merges and compares; what the merge returned, or 1 when it gave something else than the whole. */
static inline int law_check(struct merge_law *law)
{
	static const uint64_t nothing;
	int bytes = memfd_create("bytes", 0), offsets = memfd_create("offsets", 0);
	xd_pairs whole;
	uint64_t merged = 0;

	if (bytes < 0 || offsets < 0 || xd_collector_finish(&law->whole, &whole, law_ignore, NULL) < 0)
		abort();
	int result = xd_pairs_merge(law->parts, law->count, bytes, offsets, &merged);
	if (result == XD_OK) {
		const uint64_t *marks = whole.count ? whole.offsets : &nothing;
		bool same = merged == whole.count && law_holds(bytes, whole.bytes, marks[2 * whole.count]) &&
		            law_holds(offsets, marks, (2 * whole.count + 1) * sizeof(*marks));
		result = same ? XD_OK : 1;
	}
	xd_pairs_uninit(&whole);
	close(bytes);
	close(offsets);
	return result;
}

static inline void law_end(struct merge_law *law)
{
	for (size_t i = 0; i < law->count; i++)
		xd_pairs_uninit(&law->parts[i]);
	xd_collector_uninit(&law->part);
	xd_collector_uninit(&law->whole);
}

#endif
