/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a store's file of a few small pages, octet by octet, in a file that has no name. */
#ifndef XD_TEST_STORE_PAGES_H
#define XD_TEST_STORE_PAGES_H

#include <sys/mman.h>
#include <unistd.h>

#include "btree.h"
#include "zone_text.h"

/* The file is as long as a page of memory: reading behind it ends the program. */
enum { PAGE_BYTES = 256, FILE_BYTES = 4096, MAPPED_BYTES = 2 * FILE_BYTES };
enum { BRANCH = 1, LEAF = 2, OVERFLOW = 4, META = 8 };

static inline void put_number(uint8_t *at, uint64_t number, size_t octets)
{
	memcpy(at, &number, octets); /* little-endian, as bytes.h has it */
}

static inline void begin_page(uint8_t *file, unsigned number, uint16_t kind)
{
	uint8_t *page = file + (size_t)number * PAGE_BYTES;

	memset(page, 0, PAGE_BYTES);
	put_number(page, number, 8);
	put_number(page + 10, kind, 2);
	put_number(page + 12, 16, 2);
	put_number(page + 14, PAGE_BYTES, 2);
}

static inline void write_meta(uint8_t *file)
{
	begin_page(file, 0, META);
	put_number(file + 16, 0xbeefc0de, 4);
	put_number(file + 20, 1, 4);
	put_number(file + 40, PAGE_BYTES, 4);
}

/* Adds a node: `low` is the size of its data, or with `flags` the number of a page; `data` is behind the key. */
static inline void add_node(uint8_t *file, unsigned number, uint32_t low, uint16_t flags, const void *key, size_t key_len,
                            const void *data, size_t data_len)
{
	uint8_t *page = file + (size_t)number * PAGE_BYTES;
	size_t lower = page[12] | (size_t)page[13] << 8;
	size_t upper = (page[14] | (size_t)page[15] << 8) - 8 - key_len - data_len;

	upper &= ~(size_t)1;
	NEED(upper >= lower + 2 && upper < PAGE_BYTES);
	put_number(page + upper, low, 4);
	put_number(page + upper + 4, flags, 2);
	put_number(page + upper + 6, key_len, 2);
	memcpy(page + upper + 8, key, key_len);
	memcpy(page + upper + 8 + key_len, data, data_len);
	put_number(page + lower, upper, 2);
	put_number(page + 12, lower + 2, 2);
	put_number(page + 14, upper, 2);
}

static inline void make_table(uint8_t table[XD_BTREE_TABLE_BYTES], unsigned depth, uint64_t entries, uint64_t root)
{
	memset(table, 0, XD_BTREE_TABLE_BYTES);
	put_number(table + 6, depth, 2);
	put_number(table + 32, entries, 8);
	put_number(table + 40, root, 8);
}

/* Octets FILE_BYTES of a file as a map of twice the size; `fd` is kept from call to call, -1 at first. */
static inline xd_store_map *map_pages(int *fd, const uint8_t *file)
{
	xd_store_map *map;

	if (*fd < 0)
		*fd = memfd_create("store", MFD_CLOEXEC);
	NEED(*fd >= 0 && pwrite(*fd, file, FILE_BYTES, 0) == FILE_BYTES);
	NEED(xd_store_map_open(*fd, MAPPED_BYTES, PAGE_BYTES, &map) == 0);
	return map;
}

#endif
