/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of a store's pages: what they hold, bounds of every kind, and pages that are not as they should be. */
#include "store_pages.h"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

#define KEY(letter) ((const uint8_t[]){ 0, 0, 0, 1, letter, 0, 0, 0, 1 })
enum { KEY_LEN = 9, PAIRS = 6, LARGE = 600 };

static int fd = -1;

/* A stored value of one record. */
static size_t make_value(uint8_t *out, size_t rdata_len)
{
	memset(out, 0, 6);
	out[5] = 1;
	xd_store_be16(out + 6, (uint16_t)rdata_len);
	memset(out + 8, 'x', rdata_len);
	return 8 + rdata_len;
}

static void add_pair(uint8_t *file, unsigned page, uint8_t letter, size_t rdata_len)
{
	uint8_t value[PAGE_BYTES];
	size_t len = make_value(value, rdata_len);

	add_node(file, page, (uint32_t)len, 0, KEY(letter), KEY_LEN, value, len);
}

/* Two levels: b d | f h | j l; the value of h lies on the pages from 8 on, the last ones of the file. */
static void make_file(uint8_t *file, uint8_t *table)
{
	uint64_t large = FILE_BYTES / PAGE_BYTES - 3;

	memset(file, 0, FILE_BYTES);
	write_meta(file);
	begin_page(file, 2, BRANCH);
	begin_page(file, 5, LEAF);
	begin_page(file, 3, LEAF);
	begin_page(file, 7, LEAF);
	begin_page(file, (unsigned)large, OVERFLOW);
	add_node(file, 2, 5, 0, "", 0, "", 0);
	add_node(file, 2, 3, 0, KEY('f'), KEY_LEN, "", 0);
	add_node(file, 2, 7, 0, KEY('j'), KEY_LEN, "", 0);
	add_pair(file, 5, 'b', 1);
	add_pair(file, 5, 'd', 90);
	add_pair(file, 3, 'f', 0);
	size_t len = make_value(file + large * PAGE_BYTES + 16, LARGE);
	add_node(file, 3, (uint32_t)len, 1, KEY('h'), KEY_LEN, &large, sizeof(large));
	add_pair(file, 7, 'j', 30);
	add_pair(file, 7, 'l', 30);
	make_table(table, 2, PAIRS, 2);
}

/* Reads a range; letters[] gets the keys' letters. Returns the result of the last call. */
static int read_range(const uint8_t *file, const uint8_t *table, const uint8_t *from, size_t from_len, const uint8_t *to,
                      size_t to_len, char letters[PAIRS + 1])
{
	uint8_t bytes[FILE_BYTES];
	uint64_t offsets[2 * PAIRS + 1];
	xd_btree_flat flat = { bytes, sizeof(bytes), offsets, PAIRS, 0, 0 };
	xd_store_map *map = map_pages(&fd, file);
	xd_btree *tree;

	letters[0] = 0;
	int result = xd_btree_create(map, FILE_BYTES, &(xd_btree_range){ table, from, from_len, to, to_len }, &tree);
	if (result == 0) {
		result = xd_btree_copy(tree, &flat);
		for (size_t i = 0; i < flat.count; i++)
			letters[i] = (char)bytes[offsets[2 * i] + XD_KEY_ZONE_ID_BYTES];
		letters[flat.count] = 0;
		EXPECT(flat.used == offsets[2 * flat.count], "octets");
		xd_btree_free(tree);
	}
	xd_store_map_close(map);
	return result;
}

static void test_every_range(void)
{
	uint8_t file[FILE_BYTES], table[XD_BTREE_TABLE_BYTES];
	char letters[PAIRS + 1], expected[PAIRS + 1];

	make_file(file, table);
	for (uint8_t from = 'a'; from <= 'n'; from++) {
		for (uint8_t to = 'a'; to <= 'n'; to++) {
			size_t count = 0;
			for (uint8_t letter = 'b'; letter <= 'l'; letter = (uint8_t)(letter + 2))
				if (letter >= from && letter < to)
					expected[count++] = (char)letter;
			expected[count] = 0;
			EXPECT(read_range(file, table, KEY(from), KEY_LEN, KEY(to), KEY_LEN, letters) == 0, "read");
			EXPECT(!strcmp(letters, expected), "keys");
		}
	}
	EXPECT(read_range(file, table, KEY(0), 0, KEY(255), 5, letters) == 0 && !strcmp(letters, "bdfhjl"), "all");
}

static void test_room(void)
{
	uint8_t file[FILE_BYTES], table[XD_BTREE_TABLE_BYTES], bytes[FILE_BYTES];
	uint64_t offsets[2 * PAIRS + 1];
	xd_btree *tree;

	make_file(file, table);
	xd_store_map *map = map_pages(&fd, file);
	NEED(xd_btree_create(map, FILE_BYTES, &(xd_btree_range){ table, KEY(0), 0, KEY(255), 5 }, &tree) == 0);
	xd_btree_flat flat = { bytes, KEY_LEN + 9 - 1, offsets, 4, 0, 0 };
	EXPECT(xd_btree_copy(tree, &flat) == 1 && !flat.count, "no room for one");
	flat.room++;
	EXPECT(xd_btree_copy(tree, &flat) == 1 && flat.count == 1, "room for one");
	flat.room = sizeof(bytes);
	EXPECT(xd_btree_copy(tree, &flat) == 1 && flat.count == 4, "four");
	size_t key_len;
	EXPECT(xd_btree_key(tree, &key_len)[4] == 'j' && key_len == KEY_LEN, "the key at hand");
	flat.most = PAIRS;
	EXPECT(xd_btree_copy(tree, &flat) == 0 && flat.count == PAIRS, "all");
	EXPECT(offsets[8] - offsets[7] == LARGE + 8, "the large value");
	xd_btree_key(tree, &key_len);
	EXPECT(key_len == 0, "no key at the end");
	xd_btree_free(tree);
	xd_store_map_close(map);
}

/* Any octet of pages or table may be another: reading ends, with no more pairs than the table has. */
static void test_every_octet_damaged(void)
{
	uint8_t file[FILE_BYTES], table[XD_BTREE_TABLE_BYTES];
	char letters[PAIRS + 1];
	unsigned refused = 0;

	make_file(file, table);
	for (size_t at = PAGE_BYTES; at < FILE_BYTES; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			file[at] ^= (uint8_t)(1u << bit);
			refused += read_range(file, table, KEY(0), 0, KEY(255), 5, letters) < 0;
			file[at] ^= (uint8_t)(1u << bit);
		}
	}
	for (size_t at = 0; at < sizeof(table); at++) {
		table[at] ^= 0xff;
		refused += read_range(file, table, KEY(0), 0, KEY(255), 5, letters) < 0;
		table[at] ^= 0xff;
	}
	EXPECT(refused > 1000, "damage is seen");
}

static void test_circles_end(void)
{
	uint8_t file[FILE_BYTES], table[XD_BTREE_TABLE_BYTES];
	char letters[PAIRS + 1];

	make_file(file, table);
	make_table(table, 32, PAIRS, 2);
	begin_page(file, 2, BRANCH);
	add_node(file, 2, 2, 0, "", 0, "", 0);
	add_node(file, 2, 2, 0, KEY('f'), KEY_LEN, "", 0);
	EXPECT(read_range(file, table, KEY(0), 0, KEY(255), 5, letters) == -XD_E_STORE, "a branch below itself");
	make_file(file, table);
	make_table(table, 2, 1, 2);
	EXPECT(read_range(file, table, KEY(0), 0, KEY(255), 5, letters) == -XD_E_STORE, "more pairs than the table has");
	make_table(table, 33, PAIRS, 2);
	EXPECT(read_range(file, table, KEY(0), 0, KEY(255), 5, letters) == -XD_E_STORE, "too deep");
	make_table(table, 0, 0, UINT64_MAX);
	EXPECT(read_range(file, table, KEY(0), 0, KEY(255), 5, letters) == 0 && !letters[0], "an empty table");
}

static void test_other_files(void)
{
	uint8_t file[FILE_BYTES], table[XD_BTREE_TABLE_BYTES], key[XD_KEY_MAX + 1] = { 0 };
	xd_store_map *map;
	xd_btree *tree;

	make_file(file, table);
	map = map_pages(&fd, file);
	xd_btree_range range = { table, key, sizeof(key), key, 1 };
	EXPECT(xd_btree_create(map, FILE_BYTES, &range, &tree) == -XD_E_RANGE, "no key");
	range.from_len = 1;
	EXPECT(xd_btree_create(map, 2 * PAGE_BYTES, &range, &tree) == -XD_E_STORE, "behind the file");
	EXPECT(xd_btree_create(map, MAPPED_BYTES + 1, &range, &tree) == -XD_E_STORE, "behind the map");
	xd_store_map_close(map);
	EXPECT(xd_store_map_open(fd, MAPPED_BYTES, 2 * PAGE_BYTES, &map) == -XD_E_STORE, "another size of pages");
	EXPECT(xd_store_map_open(fd, MAPPED_BYTES, 8192, &map) == -XD_E_STORE, "pages larger than the file");
	for (size_t at = 10; at < 44; at++) {
		if (at >= 24 && at < 40) /* where LMDB would map the file */
			continue;
		uint8_t octet = file[at] ^ 0xff;
		NEED(pwrite(fd, &octet, 1, (off_t)at) == 1);
		int result = xd_store_map_open(fd, MAPPED_BYTES, PAGE_BYTES, &map);
		EXPECT((at > 10 && at < 16) || result == -XD_E_STORE, "another format");
		if (result == 0)
			xd_store_map_close(map);
		NEED(pwrite(fd, file + at, 1, (off_t)at) == 1);
	}
	EXPECT(xd_store_map_open(-1, MAPPED_BYTES, PAGE_BYTES, &map) == -XD_E_SYSTEM, "no file");
}

int main(void)
{
	test_every_range();
	test_room();
	test_every_octet_damaged();
	test_circles_end();
	test_other_files();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
