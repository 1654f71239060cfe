/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of NSEC owners and NSEC3 hashes against a sorted array: random insertions, replacements, removals and searches,
 * with names that share long prefixes and octets that need escapes.
 */
#include <unistd.h>

#include "zone_text.h"

#include "order.h"
#include "zone_writer.h"

#define NAMES 700u

static int failures;
static uint32_t state = 7;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

static unsigned roll(unsigned sides)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % sides;
}

struct entry {
	struct xd_order_key key;
	uint64_t node; /* in the tree; 0: not there */
	uint64_t made;
};

static struct entry entries[NAMES];
static unsigned count;

static int compare(const void *a, const void *b)
{
	const struct xd_order_key *left = &((const struct entry *)a)->key;
	const struct xd_order_key *right = &((const struct entry *)b)->key;
	size_t common = left->len < right->len ? left->len : right->len;
	int c = memcmp(left->bytes, right->bytes, common);

	return c ? c : (int)left->len - (int)right->len;
}

/* Labels that differ late, are empty of letters, or need escapes. */
static size_t make_labels(uint8_t *out)
{
	unsigned labels = 1 + roll(3);
	size_t at = 0;

	for (; labels; labels--) {
		unsigned shared = roll(2) ? roll(40) : 0;
		unsigned own = 1 + roll(3);

		out[at++] = (uint8_t)(shared + own);
		memset(out + at, roll(8) ? 'p' : (int)roll(2), shared);
		at += shared;
		for (; own; own--)
			out[at++] = (uint8_t)(roll(2) ? roll(4) : 'a' + roll(3));
	}
	return at;
}

static void make_hash(uint8_t *out)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

	out[0] = 32;
	for (unsigned i = 1; i <= 32; i++)
		out[i] = (uint8_t)digits[i < 24 && roll(50) ? 0 : roll(32)];
}

/* A node with nothing but a name, as far as the order looks. */
static uint64_t make_node(xd_table *table, enum xd_order_kind kind, struct xd_order_key *key)
{
	uint8_t name[XD_NAME_MAX];
	size_t len = 33;
	struct xd_node *node;
	uint64_t offset;

	if (kind == XD_ORDER_NSEC)
		len = make_labels(name);
	else
		make_hash(name);
	NEED(xd_table_alloc(table, sizeof(*node) + len, &offset, (void **)&node) == 0);
	memset(node, 0, sizeof(*node));
	node->name_len = (uint8_t)len;
	memcpy(node + 1, name, len);
	NEED(xd_order_key_from_node(key, node, kind));
	return offset;
}

static void make_entries(xd_table *table, enum xd_order_kind kind)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < NAMES; i++)
		entries[i].made = make_node(table, kind, &entries[i].key);
	qsort(entries, NAMES, sizeof(entries[0]), compare);
	for (unsigned i = 0; i < NAMES; i++) {
		if (kept == 0 || compare(&entries[kept - 1], &entries[i]) != 0)
			entries[kept++] = entries[i];
	}
	count = kept;
	for (unsigned i = 0; i < count; i++)
		entries[i].node = 0;
}

static void check_find(const xd_table *table, uint64_t root, unsigned wanted, enum xd_order_kind kind)
{
	struct xd_order_found found = xd_order_find(table->base, root, &entries[wanted].key, kind);
	uint64_t expected = 0;

	for (unsigned i = 0; i < count && !expected; i++)
		expected = entries[(wanted + count - i) % count].node;
	EXPECT(found.offset == expected, "the entry before or at the key, around the ring");
	EXPECT(found.is_exact == (entries[wanted].node != 0), "exact");
}

static void change(xd_table *table, uint64_t *root, enum xd_order_kind kind, unsigned fullness)
{
	unsigned i = roll(count);

	if (roll(100) < fullness) {
		uint64_t copy;
		void *block;
		const struct xd_node *node = xd_at(table, entries[i].made);

		/* A new node of the same name takes the place of the old one. */
		NEED(xd_table_alloc(table, sizeof(*node) + node->name_len, &copy, &block) == 0);
		memcpy(block, node, sizeof(*node) + node->name_len);
		entries[i].node = entries[i].made = copy;
		EXPECT(xd_order_put(table, root, copy, kind) == 0, "put");
	} else {
		entries[i].node = 0;
		EXPECT(xd_order_remove(table, root, &entries[i].key, kind) == 0, "remove");
	}
}

static void test_kind(enum xd_order_kind kind)
{
	uint64_t root = 0;
	xd_table *table;

	NEED(xd_table_create("test_order.file", &table) == 0 && xd_txn_begin(table) == 0);
	make_entries(table, kind);
	EXPECT(xd_order_find(table->base, 0, &entries[0].key, kind).offset == 0, "empty");
	for (unsigned step = 0; step < 12000 && !failures; step++) {
		/* Fill, thin out to nothing, fill again. */
		change(table, &root, kind, step / 3000 % 2 ? 5 : 90);
		if (step % 97 == 0)
			table->root.generation++;
		check_find(table, root, roll(count), kind);
	}
	for (unsigned i = 0; i < count; i++)
		EXPECT(xd_order_remove(table, &root, &entries[i].key, kind) == 0, "remove all");
	EXPECT(root == 0, "nothing is left");
	xd_txn_abort(table);
	xd_table_close(table);
}

/* Built at once equals put one by one, at the sizes where levels begin. */
static void test_build_sizes(enum xd_order_kind kind)
{
	static const unsigned sizes[] = { 0, 1, 27, 28, 29, 32, 33, 600 };
	static uint64_t nodes[NAMES];
	xd_table *table;

	NEED(xd_table_create("test_order.file", &table) == 0 && xd_txn_begin(table) == 0);
	make_entries(table, kind);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		unsigned used = sizes[s] < count ? sizes[s] : count;
		uint64_t root;

		for (unsigned i = 0; i < count; i++)
			entries[i].node = i < used ? entries[i].made : 0;
		for (unsigned i = 0; i < used; i++)
			nodes[i] = entries[i].made;
		EXPECT(xd_order_build(table, nodes, used, kind, &root) == 0, "build");
		for (unsigned i = 0; i < count && used; i++)
			check_find(table, root, i, kind);
		EXPECT(used || root == 0, "nothing to build");
	}
	xd_txn_abort(table);
	xd_table_close(table);
}

int main(void)
{
	test_kind(XD_ORDER_NSEC);
	test_kind(XD_ORDER_NSEC3);
	test_build_sizes(XD_ORDER_NSEC);
	test_build_sizes(XD_ORDER_NSEC3);
	unlink("test_order.file");
	return failures != 0;
}
