/* SPDX-License-Identifier: Apache-2.0 */
/* The allocator: what may be used again and when, and that no two blocks in use overlap. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "limits.h"

#define PATH "test_alloc.file"
#define START XD_HEADER_BYTES

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

static void init(struct xd_alloc *alloc)
{
	int fd = open(PATH, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		abort();
	xd_alloc_init(alloc, fd, 0, START);
}

static void uninit(struct xd_alloc *alloc)
{
	close(alloc->fd);
	xd_alloc_uninit(alloc);
	unlink(PATH);
}

static uint64_t take(struct xd_alloc *alloc, uint64_t bytes)
{
	uint64_t offset = 0;

	EXPECT(xd_alloc_block(alloc, bytes, &offset) == 0 && offset >= START && offset % XD_BLOCK_ALIGN == 0, "block");
	return offset;
}

static void commit(struct xd_alloc *alloc, uint64_t generation)
{
	EXPECT(xd_alloc_reserve_commit(alloc) == 0, "room for what is retired");
	xd_alloc_commit(alloc, generation);
}

/* A retired block comes back when every reader has seen the generation that retired it, not before. */
static void test_reuse(uint64_t bytes)
{
	struct xd_alloc alloc;
	uint64_t first;

	init(&alloc);
	first = take(&alloc, bytes);
	commit(&alloc, 1);
	EXPECT(xd_alloc_retire(&alloc, first, bytes) == 0, "retire");
	EXPECT(take(&alloc, bytes) != first, "still published");
	commit(&alloc, 2);
	EXPECT(alloc.retired_bytes == xd_block_round(bytes) && alloc.used_bytes == xd_block_round(bytes), "counted");
	xd_alloc_reclaim(&alloc, 1);
	EXPECT(take(&alloc, bytes) != first, "a reader has seen the generation before only");
	xd_alloc_reclaim(&alloc, 2);
	EXPECT(alloc.retired_bytes == 0 && take(&alloc, bytes) == first, "every reader has seen it");
	uninit(&alloc);
}

/* Gaps found at start-up wait for readers as well. */
static void test_gap(void)
{
	struct xd_alloc alloc;
	uint64_t fresh;

	init(&alloc);
	alloc.end = START + 320;
	EXPECT(xd_alloc_add_gap(&alloc, START + 64, 64, 9) == 0 && alloc.retired_bytes == 64, "gap");
	fresh = take(&alloc, 64);
	EXPECT(fresh >= START + 320, "waits");
	xd_alloc_reclaim(&alloc, 9);
	EXPECT(take(&alloc, 64) == START + 64, "free");
	uninit(&alloc);
}

static void test_abort(void)
{
	struct xd_alloc alloc;
	uint64_t kept;
	uint64_t made;

	init(&alloc);
	kept = take(&alloc, 100);
	commit(&alloc, 1);
	made = take(&alloc, 200);
	EXPECT(xd_alloc_retire(&alloc, kept, 100) == 0, "retire");
	xd_alloc_abort(&alloc);
	EXPECT(alloc.used_bytes == xd_block_round(100) && alloc.retired_bytes == 0, "counted");
	EXPECT(take(&alloc, 200) == made, "free again");
	xd_alloc_reclaim(&alloc, UINT64_MAX);
	EXPECT(take(&alloc, 100) != kept, "not retired after all");
	uninit(&alloc);
}

#define SLOTS 200u

/* Random sizes around the limits of the size classes, taken and retired: blocks in use never overlap. */
static void test_overlap(void)
{
	static const uint64_t sizes[] = { 1, 16, 17, 96, 4080, 4096, 4097, 4112, 9000, 70000 };
	struct xd_block in_use[SLOTS] = { { 0, 0 } };
	struct xd_alloc alloc;
	uint64_t generation = 1;

	srand(3);
	init(&alloc);
	for (unsigned step = 0; step < 20000 && !failures; step++) {
		struct xd_block *slot = &in_use[(unsigned)rand() % SLOTS];

		if (slot->bytes) {
			EXPECT(xd_alloc_retire(&alloc, slot->offset, slot->bytes) == 0, "retire");
			slot->bytes = 0;
			continue;
		}
		slot->bytes = sizes[(unsigned)rand() % (sizeof(sizes) / sizeof(sizes[0]))];
		slot->offset = take(&alloc, slot->bytes);
		EXPECT(slot->offset + slot->bytes <= alloc.file_bytes, "inside the file");
		for (unsigned i = 0; i < SLOTS; i++) {
			if (&in_use[i] != slot && in_use[i].bytes)
				EXPECT(slot->offset + slot->bytes <= in_use[i].offset ||
				               in_use[i].offset + in_use[i].bytes <= slot->offset,
				       "overlap");
		}
		if (step % 50 == 0) {
			commit(&alloc, ++generation);
			xd_alloc_reclaim(&alloc, generation - 2);
		}
	}
	uninit(&alloc);
}

static void test_full(void)
{
	struct xd_alloc alloc;
	uint64_t offset;

	init(&alloc);
	EXPECT(xd_alloc_block(&alloc, XD_TABLE_MAP_BYTES, &offset) == -XD_E_TABLE_FULL, "no more addresses");
	EXPECT(alloc.used_bytes == 0 && take(&alloc, 16) == START, "goes on");
	uninit(&alloc);
}

int main(void)
{
	static const uint64_t sizes[] = { 16, 40, 4096, 4097, 100000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		test_reuse(sizes[i]);
	test_gap();
	test_abort();
	test_overlap();
	test_full();
	return failures != 0;
}
