/* SPDX-License-Identifier: Apache-2.0 */
#include "btree.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bytes.h"
#include "limits.h"

/* LMDB, data version 1; numbers are of the host's byte order. */
#define MAGIC 0xbeefc0deu
#define DATA_VERSION 1u
#define PAGE_HEAD_BYTES 16u /* number (8), unused (2), flags (2), end of the node index (2), start of nodes (2) */
#define NODE_HEAD_BYTES 8u  /* size of data or page (4), flags or page (2), size of key (2) */
#define META_BYTES (PAGE_HEAD_BYTES + 24u + 4u)
#define DEPTH_MAX 32u
#define NO_ROOT UINT64_MAX

enum { IS_BRANCH = 1, IS_LEAF = 2, IS_OVERFLOW = 4, IS_META = 8 };
enum { ON_OVERFLOW_PAGES = 1 };

struct xd_store_map {
	const uint8_t *pages;
	size_t bytes;
	uint32_t page_bytes;
};

/* The way to the pair at hand. */
struct level {
	const uint8_t *page;
	unsigned at;
	unsigned count; /* of nodes */
};

struct node {
	const uint8_t *key;
	size_t key_len;
	uint32_t size; /* of the data; in branches the low half of the child's number */
	uint16_t flags;
};

struct xd_btree {
	const uint8_t *pages;
	size_t bytes; /* of the file */
	uint32_t page_bytes;
	unsigned depth;   /* pages from the root to a leaf; 0: the table is empty */
	uint64_t entries; /* of the table that were not yet at hand: no damage makes a reading endless */
	struct level levels[DEPTH_MAX];
	uint8_t to[XD_KEY_MAX];
	size_t to_len;
};

static uint16_t load_16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t load_32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool is_format(const struct xd_store_map *map)
{
	const uint8_t *meta = map->pages + PAGE_HEAD_BYTES;

	return load_16(map->pages + 10) & IS_META && load_32(meta) == MAGIC && load_32(meta + 4) == DATA_VERSION &&
	       load_32(meta + 24) == map->page_bytes;
}

int xd_store_map_open(int fd, size_t bytes, uint32_t page_bytes, xd_store_map **out)
{
	struct stat stat;

	if (fstat(fd, &stat) < 0)
		return -XD_E_SYSTEM;
	if (page_bytes < META_BYTES || page_bytes > 1u << 16 || (uint64_t)stat.st_size < page_bytes || bytes < page_bytes)
		return -XD_E_STORE;
	xd_store_map *map = malloc(sizeof(*map));
	if (!map)
		return -XD_E_NOMEM;
	void *pages = mmap(NULL, bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (pages == MAP_FAILED) {
		free(map);
		return -XD_E_SYSTEM;
	}
	*map = (xd_store_map){ pages, bytes, page_bytes };
	if (!is_format(map)) {
		xd_store_map_close(map);
		return -XD_E_STORE;
	}
	*out = map;
	return XD_OK;
}

void xd_store_map_close(xd_store_map *map)
{
	if (!map)
		return;
	munmap((void *)(uintptr_t)map->pages, map->bytes);
	free(map);
}

/* A page of this kind, or NULL. */
static const uint8_t *find_page(const struct xd_btree *tree, uint64_t number, uint16_t kind)
{
	if (number >= tree->bytes / tree->page_bytes)
		return NULL;
	const uint8_t *page = tree->pages + number * tree->page_bytes;
	const uint16_t kinds = IS_BRANCH | IS_LEAF | IS_OVERFLOW | IS_META;
	return xd_load_64(page) == number && (load_16(page + 10) & kinds) == kind ? page : NULL;
}

/* The level begins at the first node of a page. */
XD_CHECKED static int enter(const struct xd_btree *tree, struct level *level, uint64_t number, uint16_t kind)
{
	const uint8_t *page = find_page(tree, number, kind);
	size_t lower = page ? load_16(page + 12) : 0;

	if (lower <= PAGE_HEAD_BYTES || lower > tree->page_bytes || lower % 2)
		return -XD_E_STORE;
	*level = (struct level){ page, 0, (unsigned)(lower - PAGE_HEAD_BYTES) / 2 };
	return XD_OK;
}

XD_CHECKED static int read_node(const struct xd_btree *tree, const struct level *level, unsigned number, struct node *node)
{
	size_t at = load_16(level->page + PAGE_HEAD_BYTES + 2 * number);

	if (at < PAGE_HEAD_BYTES || at + NODE_HEAD_BYTES > tree->page_bytes)
		return -XD_E_STORE;
	const uint8_t *head = level->page + at;
	*node = (struct node){ head + NODE_HEAD_BYTES, load_16(head + 6), load_32(head), load_16(head + 4) };
	return at + NODE_HEAD_BYTES + node->key_len <= tree->page_bytes ? XD_OK : -XD_E_STORE;
}

/* Enters the page below the branch at hand of level `k`. */
XD_CHECKED static int descend(struct xd_btree *tree, unsigned k)
{
	struct node node;
	int result = read_node(tree, &tree->levels[k], tree->levels[k].at, &node);

	if (result < 0)
		return result;
	uint64_t child = node.size | (uint64_t)node.flags << 32;
	return enter(tree, &tree->levels[k + 1], child, k + 2 == tree->depth ? IS_LEAF : IS_BRANCH);
}

static int compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* Is the key of a node before this one, or with `same` this one? 1, 0 or -XD_E_STORE. */
XD_CHECKED static int is_before(const struct xd_btree *tree, const struct level *level, unsigned number,
                                const xd_btree_range *range, bool same)
{
	struct node node;
	int result = read_node(tree, level, number, &node);

	return result < 0 ? result : compare(node.key, node.key_len, range->from, range->from_len) < same;
}

/* Sets `at` to the first of the nodes behind `at` that is not before `from`. */
XD_CHECKED static int search(const struct xd_btree *tree, struct level *level, const xd_btree_range *range, bool same)
{
	unsigned most = level->count;

	while (level->at < most) {
		unsigned middle = (level->at + most) / 2;
		int result = is_before(tree, level, middle, range, same);
		if (result < 0)
			return result;
		if (result)
			level->at = middle + 1;
		else
			most = middle;
	}
	return XD_OK;
}

/* Steps to the next leaf where the one at hand has ended; at the end of the table the depth becomes 0. */
XD_CHECKED static int settle(struct xd_btree *tree)
{
	unsigned k = tree->depth - 1;

	if (tree->levels[k].at < tree->levels[k].count)
		return XD_OK;
	while (k && tree->levels[k - 1].at + 1 >= tree->levels[k - 1].count)
		k--;
	if (!k) {
		tree->depth = 0;
		return XD_OK;
	}
	tree->levels[k - 1].at++;
	for (int result; k < tree->depth; k++)
		if ((result = descend(tree, k - 1)) < 0)
			return result;
	return XD_OK;
}

/* The first pair whose key is `from` or greater becomes the one at hand. A branch's first key is not looked at: it may be empty. */
XD_CHECKED static int seek(struct xd_btree *tree, uint64_t root, const xd_btree_range *range)
{
	int result = enter(tree, &tree->levels[0], root, tree->depth == 1 ? IS_LEAF : IS_BRANCH);

	for (unsigned k = 0; k + 1 < tree->depth && result == XD_OK; k++) {
		struct level *level = &tree->levels[k];
		level->at = 1;
		result = search(tree, level, range, true);
		level->at--;
		if (result == XD_OK)
			result = descend(tree, k);
	}
	if (result == XD_OK)
		result = search(tree, &tree->levels[tree->depth - 1], range, false);
	return result < 0 ? result : settle(tree);
}

int xd_btree_create(const xd_store_map *map, size_t file_bytes, const xd_btree_range *range, xd_btree **out)
{
	const uint16_t flags = load_16(range->table + 4), depth = load_16(range->table + 6);
	const uint64_t root = xd_load_64(range->table + 40);

	if (range->from_len > XD_KEY_MAX || range->to_len > XD_KEY_MAX)
		return -XD_E_RANGE;
	if (flags || depth > DEPTH_MAX || file_bytes > map->bytes || (root == NO_ROOT) != !depth)
		return -XD_E_STORE;
	xd_btree *tree = malloc(sizeof(*tree));
	if (!tree)
		return -XD_E_NOMEM;
	tree->pages = map->pages;
	tree->bytes = file_bytes;
	tree->page_bytes = map->page_bytes;
	tree->depth = depth;
	tree->entries = xd_load_64(range->table + 32);
	tree->to_len = range->to_len;
	memcpy(tree->to, range->to, range->to_len);
	int result = depth ? seek(tree, root, range) : XD_OK;
	if (result < 0) {
		free(tree);
		return result;
	}
	*out = tree;
	return XD_OK;
}

void xd_btree_free(xd_btree *tree)
{
	free(tree);
}

/* The value of a node on pages of its own, whose number the leaf has. */
static const uint8_t *overflow_value(const struct xd_btree *tree, const uint8_t *number_at, uint32_t len)
{
	uint64_t number = xd_load_64(number_at);
	const uint8_t *page = find_page(tree, number, IS_OVERFLOW);

	if (!page || len > tree->bytes - number * tree->page_bytes - PAGE_HEAD_BYTES)
		return NULL;
	return page + PAGE_HEAD_BYTES;
}

static const uint8_t *node_value(const struct xd_btree *tree, const uint8_t *page, const struct node *node)
{
	const uint8_t *at = node->key + node->key_len;
	size_t room = (size_t)(page + tree->page_bytes - at);

	if (node->flags == ON_OVERFLOW_PAGES)
		return room < sizeof(uint64_t) ? NULL : overflow_value(tree, at, node->size);
	return node->flags || room < node->size ? NULL : at;
}

int xd_btree_pair(const xd_btree *tree, struct xd_pair *pair)
{
	struct node node;

	if (!tree->depth)
		return 0;
	const struct level *leaf = &tree->levels[tree->depth - 1];
	int result = read_node(tree, leaf, leaf->at, &node);
	if (result < 0)
		return result;
	if (compare(node.key, node.key_len, tree->to, tree->to_len) >= 0)
		return 0;
	const uint8_t *value = node_value(tree, leaf->page, &node);
	if (!value || !tree->entries)
		return -XD_E_STORE;
	result = xd_pair_make(pair, node.key, node.key_len, value, node.size);
	return result < 0 ? result : 1;
}

const uint8_t *xd_btree_key(const xd_btree *tree, size_t *len)
{
	struct xd_pair pair = { .key = tree->to };

	*len = xd_btree_pair(tree, &pair) > 0 ? pair.key_len : 0;
	return pair.key;
}

int xd_btree_step(xd_btree *tree)
{
	tree->entries--;
	tree->levels[tree->depth - 1].at++;
	return settle(tree);
}

int xd_btree_copy(xd_btree *tree, xd_btree_flat *flat)
{
	struct xd_pair pair;
	int result;

	flat->offsets[2 * flat->count] = flat->used;
	while ((result = xd_btree_pair(tree, &pair)) > 0) {
		if (flat->count == flat->most || pair.key_len + pair.value_len > flat->room - flat->used)
			return 1;
		uint8_t *at = flat->bytes + flat->used;
		memcpy(at, pair.key, pair.key_len);
		memcpy(at + pair.key_len, pair.value, pair.value_len);
		flat->offsets[2 * flat->count + 1] = flat->used + pair.key_len;
		flat->used += pair.key_len + pair.value_len;
		flat->offsets[2 * ++flat->count] = flat->used;
		result = xd_btree_step(tree);
		if (result < 0)
			return result;
	}
	return result;
}
