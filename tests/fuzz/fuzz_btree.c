/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a table and the pages of a store's file: reading ends, and gives well-formed pairs or an error. The pages are at
 * the end of the file, with nothing behind them.
 */
#include "../csrc/store_pages.h"
#include "pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pack_range(const xd_store_map *map, const uint8_t *table)
{
	static const uint8_t head[] = "\0\0\0\0\0\1\0\0\0\0\0\0\7example\0\0\xfc\0\1";
	const xd_pack_options options = { head, sizeof(head) - 1, NULL, 0, 512, XD_MSG_MAX };
	xd_pack *pack;
	xd_btree *tree;
	size_t len;
	int result;

	const xd_btree_range range = { table, table, 8, (const uint8_t *)"\xff", 1 };
	if (xd_btree_create(map, FILE_BYTES, &range, &tree) < 0)
		return;
	NEED(xd_pack_create(&options, &pack) == 0);
	while ((result = xd_pack_add_range(pack, tree)) == 1)
		xd_pack_clear(pack);
	if (result == 0)
		xd_pack_finish(pack);
	xd_pack_messages(pack, &len);
	xd_pack_free(pack);
	xd_btree_free(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[FILE_BYTES], bytes[FILE_BYTES];
	static uint64_t offsets[2 * FILE_BYTES + 1];
	static int fd = -1;
	xd_btree *tree;
	xd_btree_flat flat = { bytes, sizeof(bytes), offsets, FILE_BYTES, 0, 0 };

	if (size < XD_BTREE_TABLE_BYTES || size - XD_BTREE_TABLE_BYTES > FILE_BYTES - PAGE_BYTES)
		return 0;
	const size_t pages = size - XD_BTREE_TABLE_BYTES;
	memset(file, 0, sizeof(file));
	write_meta(file);
	memcpy(file + FILE_BYTES - pages, data + XD_BTREE_TABLE_BYTES, pages);
	xd_store_map *map = map_pages(&fd, file);
	if (xd_btree_create(map, FILE_BYTES, &(xd_btree_range){ data, data, 0, data, 4 }, &tree) == 0) {
		struct xd_pair pair;
		while (xd_btree_copy(tree, &flat) == 1 && flat.count)
			flat.used = flat.count = 0;
		for (size_t i = 0; i < flat.count; i++)
			NEED(xd_pair_make(&pair, bytes + offsets[2 * i], offsets[2 * i + 1] - offsets[2 * i],
			                  bytes + offsets[2 * i + 1], offsets[2 * i + 2] - offsets[2 * i + 1]) == 0);
		xd_btree_free(tree);
	}
	pack_range(map, data);
	xd_store_map_close(map);
	return 0;
}
