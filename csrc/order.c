/* SPDX-License-Identifier: Apache-2.0 */
#include "order.h"

#include <stdlib.h>
#include <string.h>

/* Bulk building leaves room for a few insertions in every tree node. */
#define BUILD_FILL 60u

void xd_order_key_from_hash(struct xd_order_key *key, const uint8_t hash[XD_NSEC3_HASH_BYTES])
{
	key->len = XD_NSEC3_HASH_BYTES;
	memcpy(key->bytes, hash, XD_NSEC3_HASH_BYTES);
	memset(key->bytes + key->len, 0, XD_ORDER_PREFIX_MAX + 8);
}

/* Does any of eight octets need escaping, being 0 or 1? */
static inline bool has_escape(uint64_t v)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t without_lowest = v & ~ones;

	return ((without_lowest - ones) & ~without_lowest & (0x80 * ones)) != 0;
}

static uint8_t *write_label(uint8_t *out, const uint8_t *octets, unsigned len)
{
	unsigned i = 0;

	for (; i + 8 <= len && !has_escape(xd_load_64(octets + i)); i += 8)
		memcpy(out + i, octets + i, 8);
	/* The last octets once more with some of those before, which are known to need no escaping. */
	if (i > 0 && i + 8 > len && !has_escape(xd_load_64(octets + len - 8))) {
		memcpy(out + len - 8, octets + len - 8, 8);
		i = len;
	}
	out += i;
	for (; i < len; i++) {
		if (__builtin_expect(octets[i] <= 1, 0)) {
			*out++ = 1;
			*out++ = (uint8_t)(octets[i] + 1);
		} else {
			*out++ = octets[i];
		}
	}
	*out++ = 0;
	return out;
}

void xd_order_key_from_labels(struct xd_order_key *key, const uint8_t *labels, size_t len)
{
	uint8_t starts[XD_LABELS_MAX + 1];
	uint8_t *out = key->bytes;
	unsigned count = 0;

	if (len > 0 && len == (size_t)labels[0] + 1) {
		out = write_label(out, labels + 1, labels[0]);
		len = 0;
	}
	for (size_t at = 0; at < len; at += (size_t)labels[at] + 1)
		starts[count++] = (uint8_t)at;
	while (count-- > 0) {
		const uint8_t *label = labels + starts[count];

		out = write_label(out, label + 1, label[0]);
	}
	key->len = (uint16_t)(out - key->bytes);
	memset(out, 0, XD_ORDER_PREFIX_MAX + 8);
}

/* Five bits of each base32hex digit (RFC 4648, section 7), plus one; 0 for what is none. */
static const uint8_t digit_values[256] = {
	['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,  ['8'] = 9,
	['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['g'] = 17, ['h'] = 18,
	['i'] = 19, ['j'] = 20, ['k'] = 21, ['l'] = 22, ['m'] = 23, ['n'] = 24, ['o'] = 25, ['p'] = 26, ['q'] = 27,
	['r'] = 28, ['s'] = 29, ['t'] = 30, ['u'] = 31, ['v'] = 32, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14,
	['E'] = 15, ['F'] = 16, ['G'] = 17, ['H'] = 18, ['I'] = 19, ['J'] = 20, ['K'] = 21, ['L'] = 22, ['M'] = 23,
	['N'] = 24, ['O'] = 25, ['P'] = 26, ['Q'] = 27, ['R'] = 28, ['S'] = 29, ['T'] = 30, ['U'] = 31, ['V'] = 32,
};

bool xd_base32hex_decode(uint8_t hash[XD_NSEC3_HASH_BYTES], const uint8_t *text)
{
	for (unsigned group = 0; group < 4; group++) {
		uint64_t bits = 0;

		for (unsigned i = 0; i < 8; i++) {
			uint8_t value = digit_values[text[8 * group + i]];

			if (!value)
				return false;
			bits = bits << 5 | (value - 1u);
		}
		for (unsigned i = 0; i < 5; i++)
			hash[5 * group + i] = (uint8_t)(bits >> (32 - 8 * i));
	}
	return true;
}

bool xd_order_key_from_node(struct xd_order_key *key, const struct xd_node *node, enum xd_order_kind kind)
{
	const uint8_t *name = xd_node_name(node);
	uint8_t hash[XD_NSEC3_HASH_BYTES];

	if (kind == XD_ORDER_NSEC) {
		xd_order_key_from_labels(key, name, node->name_len);
		return true;
	}
	if (node->name_len != 33 || name[0] != 32 || !xd_base32hex_decode(hash, name + 1))
		return false;
	xd_order_key_from_hash(key, hash);
	return true;
}

static int compare_keys(const struct xd_order_key *a, const struct xd_order_key *b)
{
	size_t common = a->len < b->len ? a->len : b->len;
	int c = memcmp(a->bytes, b->bytes, common);

	return c ? c : (int)a->len - (int)b->len;
}

/* The node whose key an entry of a tree node stands for. */
static const struct xd_node *entry_node(const uint8_t *base, const struct xd_order_node *tree, unsigned i)
{
	while (tree->level > 0) {
		tree = (const struct xd_order_node *)(base + tree->children[i]);
		i = 0;
	}
	return (const struct xd_node *)(base + tree->children[i]);
}

static int compare_entry(const uint8_t *base, const struct xd_order_node *tree, unsigned i, const struct xd_order_key *key,
                         enum xd_order_kind kind)
{
	struct xd_order_key own;

	xd_order_key_from_node(&own, entry_node(base, tree, i), kind);
	return compare_keys(&own, key);
}

/* Compares the first `len` octets, at most XD_ORDER_PREFIX_MAX, of a key and a prefix; eight more are readable behind both. */
static inline int compare_prefix(const uint8_t *key, const uint8_t *prefix, unsigned len)
{
	for (; len > 8; len -= 8, key += 8, prefix += 8) {
		if (xd_load_64(key) != xd_load_64(prefix))
			return xd_load_be64(key) < xd_load_be64(prefix) ? -1 : 1;
	}
	if (len) {
		uint64_t a = xd_load_be64(key) >> (64 - 8 * len);
		uint64_t b = xd_load_be64(prefix) >> (64 - 8 * len);

		return (a > b) - (a < b);
	}
	return 0;
}

/* How many of the ascending `keys` are less than `wanted`; without branches that could be mispredicted. */
static inline unsigned count_below(const uint64_t *keys, unsigned count, uint64_t wanted)
{
	const uint64_t *at = keys;

	while (count > 1) {
		unsigned half = count / 2;

		at = at[half - 1] < wanted ? at + half : at;
		count -= half;
	}
	return (unsigned)(at - keys) + (*at < wanted);
}

/* How many entries of a tree node have keys not greater than `key`. */
static unsigned rank(const uint8_t *base, const struct xd_order_node *tree, const struct xd_order_key *key,
                     enum xd_order_kind kind)
{
	int c = compare_prefix(key->bytes, tree->prefix, tree->prefix_len);
	uint64_t wanted = xd_load_be64(key->bytes + tree->prefix_len);
	unsigned n;

	if (__builtin_expect(c, 0))
		return c < 0 ? 0 : tree->count;
	n = count_below(tree->keys, tree->count, wanted);
	while (n < tree->count && tree->keys[n] == wanted && compare_entry(base, tree, n, key, kind) <= 0)
		n++;
	return n;
}

static uint64_t last_node(const uint8_t *base, uint64_t root)
{
	const struct xd_order_node *tree = (const struct xd_order_node *)(base + root);

	while (tree->level > 0)
		tree = (const struct xd_order_node *)(base + tree->children[tree->count - 1]);
	return tree->children[tree->count - 1];
}

struct xd_order_found xd_order_find(const uint8_t *base, uint64_t root, const struct xd_order_key *key, enum xd_order_kind kind)
{
	const struct xd_order_node *tree;
	unsigned n;

	if (!root)
		return (struct xd_order_found){ 0, false };
	tree = (const struct xd_order_node *)(base + root);
	for (;;) {
		n = rank(base, tree, key, kind);
		if (n == 0)
			return (struct xd_order_found){ last_node(base, root), false };
		if (tree->level == 0)
			break;
		tree = (const struct xd_order_node *)(base + tree->children[n - 1]);
	}
	return (struct xd_order_found){
		tree->children[n - 1],
		tree->keys[n - 1] == xd_load_be64(key->bytes + tree->prefix_len) &&
			compare_entry(base, tree, n - 1, key, kind) == 0,
	};
}

/* Recomputes the shared prefix and the short keys of a tree node from the names of its entries. */
static void refresh(const xd_table *table, struct xd_order_node *tree, enum xd_order_kind kind)
{
	struct xd_order_key first;
	struct xd_order_key last;
	size_t shared = 0;

	xd_order_key_from_node(&first, entry_node(table->base, tree, 0), kind);
	xd_order_key_from_node(&last, entry_node(table->base, tree, tree->count - 1u), kind);
	while (shared < XD_ORDER_PREFIX_MAX && shared < first.len && shared < last.len &&
	       first.bytes[shared] == last.bytes[shared])
		shared++;
	tree->prefix_len = (uint8_t)shared;
	memset(tree->prefix, 0, sizeof(tree->prefix));
	memcpy(tree->prefix, first.bytes, shared);
	for (unsigned i = 0; i < tree->count; i++) {
		xd_order_key_from_node(&first, entry_node(table->base, tree, i), kind);
		tree->keys[i] = xd_load_be64(first.bytes + shared);
	}
}

static int make_tree_node(xd_table *table, unsigned level, uint64_t *offset, struct xd_order_node **tree)
{
	int rc = xd_table_alloc(table, sizeof(**tree), offset, (void **)tree);

	if (rc)
		return rc;
	memset(*tree, 0, sizeof(**tree));
	(*tree)->generation = table->root.generation;
	(*tree)->level = (uint16_t)level;
	return 0;
}

static int own_tree_node(xd_table *table, uint64_t *offset, struct xd_order_node **tree)
{
	struct xd_order_node *old = xd_at(table, *offset);
	uint64_t old_offset = *offset;
	int rc;

	*tree = old;
	if (old->generation == table->root.generation)
		return 0;
	rc = xd_table_alloc(table, sizeof(**tree), offset, (void **)tree);
	if (rc)
		return rc;
	memcpy(*tree, old, sizeof(**tree));
	(*tree)->generation = table->root.generation;
	return xd_table_drop(table, old_offset, sizeof(*old));
}

static void insert_at(struct xd_order_node *tree, unsigned at, uint64_t child)
{
	memmove(&tree->children[at + 1], &tree->children[at], (tree->count - at) * sizeof(tree->children[0]));
	tree->children[at] = child;
	tree->count++;
}

static void remove_at(struct xd_order_node *tree, unsigned at)
{
	tree->count--;
	memmove(&tree->children[at], &tree->children[at + 1], (tree->count - at) * sizeof(tree->children[0]));
}

/* Inserts into a tree node with room, or moves its upper half to a new sibling first. *sibling is 0 when none was made. */
static int insert_child(xd_table *table, struct xd_order_node *tree, unsigned at, uint64_t child, enum xd_order_kind kind,
                        uint64_t *sibling)
{
	struct xd_order_node *upper;
	int rc;

	*sibling = 0;
	if (tree->count < XD_ORDER_FANOUT) {
		insert_at(tree, at, child);
		refresh(table, tree, kind);
		return 0;
	}
	rc = make_tree_node(table, tree->level, sibling, &upper);
	if (rc)
		return rc;
	upper->count = XD_ORDER_FANOUT / 2;
	tree->count = XD_ORDER_FANOUT / 2;
	memcpy(upper->children, &tree->children[XD_ORDER_FANOUT / 2], upper->count * sizeof(upper->children[0]));
	if (at > tree->count)
		insert_at(upper, at - tree->count, child);
	else
		insert_at(tree, at, child);
	refresh(table, tree, kind);
	refresh(table, upper, kind);
	return 0;
}

struct put {
	xd_table *table;
	const struct xd_order_key *key;
	uint64_t node;
	enum xd_order_kind kind;
};

static int put_below(const struct put *put, uint64_t *offset, uint64_t *sibling)
{
	const uint8_t *base = put->table->base;
	struct xd_order_node *tree;
	uint64_t made = 0;
	unsigned n;
	int rc = own_tree_node(put->table, offset, &tree);

	*sibling = 0;
	if (rc)
		return rc;
	n = rank(base, tree, put->key, put->kind);
	if (tree->level == 0) {
		if (n > 0 && compare_entry(base, tree, n - 1, put->key, put->kind) == 0) {
			tree->children[n - 1] = put->node;
			return 0;
		}
		return insert_child(put->table, tree, n, put->node, put->kind, sibling);
	}
	rc = put_below(put, &tree->children[n ? n - 1 : 0], &made);
	if (rc)
		return rc;
	if (made)
		return insert_child(put->table, tree, n ? n : 1, made, put->kind, sibling);
	if (n == 0)
		refresh(put->table, tree, put->kind);
	return 0;
}

int xd_order_put(xd_table *table, uint64_t *root, uint64_t node, enum xd_order_kind kind)
{
	struct xd_order_node *tree;
	struct xd_order_key key;
	uint64_t sibling = 0;
	uint64_t top;
	int rc;

	if (!xd_order_key_from_node(&key, xd_at(table, node), kind))
		return -XD_E_ZONE;
	if (!*root)
		return xd_order_build(table, &node, 1, kind, root);
	rc = put_below(&(struct put){ table, &key, node, kind }, root, &sibling);
	if (rc || !sibling)
		return rc;
	tree = xd_at(table, *root);
	rc = make_tree_node(table, tree->level + 1u, &top, &tree);
	if (rc)
		return rc;
	tree->count = 2;
	tree->children[0] = *root;
	tree->children[1] = sibling;
	refresh(table, tree, kind);
	*root = top;
	return 0;
}

static int remove_below(xd_table *table, uint64_t *offset, const struct xd_order_key *key, enum xd_order_kind kind)
{
	struct xd_order_node *tree;
	unsigned n;
	int rc = own_tree_node(table, offset, &tree);

	if (rc)
		return rc;
	n = rank(table->base, tree, key, kind);
	if (n == 0)
		return 0;
	if (tree->level == 0) {
		if (compare_entry(table->base, tree, n - 1, key, kind) != 0)
			return 0;
		remove_at(tree, n - 1);
	} else {
		rc = remove_below(table, &tree->children[n - 1], key, kind);
		if (rc)
			return rc;
		if (!tree->children[n - 1])
			remove_at(tree, n - 1);
	}
	if (tree->count == 0) {
		rc = xd_table_drop(table, *offset, sizeof(*tree));
		*offset = 0;
		return rc;
	}
	refresh(table, tree, kind);
	return 0;
}

int xd_order_remove(xd_table *table, uint64_t *root, const struct xd_order_key *key, enum xd_order_kind kind)
{
	int rc = *root ? remove_below(table, root, key, kind) : 0;

	while (!rc && *root) {
		struct xd_order_node *tree = xd_at(table, *root);
		uint64_t only = tree->children[0];

		if (tree->level == 0 || tree->count > 1)
			break;
		rc = xd_table_drop(table, *root, sizeof(*tree));
		*root = only;
	}
	return rc;
}

/* One level of tree nodes over `count` children; their offsets replace the children in `nodes`. */
static int build_level(xd_table *table, uint64_t *nodes, size_t *count, unsigned level, enum xd_order_kind kind)
{
	size_t made = 0;

	for (size_t from = 0; from < *count;) {
		size_t left = *count - from;
		size_t take = left > BUILD_FILL ? BUILD_FILL : left;
		struct xd_order_node *tree;
		uint64_t offset;
		int rc = make_tree_node(table, level, &offset, &tree);

		if (rc)
			return rc;
		tree->count = (uint16_t)take;
		memcpy(tree->children, nodes + from, take * sizeof(*nodes));
		refresh(table, tree, kind);
		from += take;
		nodes[made++] = offset;
	}
	*count = made;
	return 0;
}

int xd_order_build(xd_table *table, const uint64_t *nodes, size_t count, enum xd_order_kind kind, uint64_t *root)
{
	uint64_t *level_nodes;
	unsigned level = 0;
	int rc;

	*root = 0;
	if (!count)
		return 0;
	level_nodes = malloc(count * sizeof(*level_nodes));
	if (!level_nodes)
		return -XD_E_NOMEM;
	memcpy(level_nodes, nodes, count * sizeof(*level_nodes));
	do {
		rc = build_level(table, level_nodes, &count, level++, kind);
	} while (!rc && count > 1);
	if (!rc)
		*root = level_nodes[0];
	free(level_nodes);
	return rc;
}
