/* SPDX-License-Identifier: Apache-2.0 */
/* Large pages for large blocks of memory: a fault for every 2 MiB that is written, where the system has them. */
#ifndef XD_HUGE_H
#define XD_HUGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define XD_HUGE_BYTES ((size_t)1 << 21)
#define XD_HUGE_FROM_BYTES (2 * XD_HUGE_BYTES)

/*
 * For a block from malloc or realloc, which may be NULL. All pages that it touches are named, so that the mapping stays in one piece: the
 * allocator can then move it without copying.
 */
static inline void xd_huge_advise(void *block, size_t bytes)
{
	const uintptr_t page = 4095;
	uintptr_t first = (uintptr_t)block & ~page, end = ((uintptr_t)block + bytes + page) & ~page;

	if (block && bytes >= XD_HUGE_FROM_BYTES)
		madvise((void *)first, end - first, MADV_HUGEPAGE);
}

#endif
