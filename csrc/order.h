/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order: a B+ tree over the owners of NSEC records in canonical order (RFC 4034, section 6.1), or over the hashes
 * of NSEC3 owners (RFC 5155, section 1.3). Finds the record that matches or covers a name. Separators are exact: the key
 * of an inner entry is the least key below it.
 */
#ifndef XD_ORDER_H
#define XD_ORDER_H

#include <stdbool.h>

#include "layout.h"
#include "table_writer.h"

#define XD_NSEC3_HASH_BYTES 20u

enum xd_order_kind { XD_ORDER_NSEC, XD_ORDER_NSEC3 };

/* A key; what follows its end is zero as far as the tree looks. */
struct xd_order_key {
	uint16_t len;
	uint8_t bytes[XD_KEY_OWNER_MAX + XD_ORDER_PREFIX_MAX + 8];
};

struct xd_order_found {
	uint64_t offset; /* of the node; 0 when the tree is empty */
	bool is_exact;
};

/* Key of the first `len` octets (whole labels, no root label) of a lower-case name. */
void xd_order_key_from_labels(struct xd_order_key *key, const uint8_t *labels, size_t len);
void xd_order_key_from_hash(struct xd_order_key *key, const uint8_t hash[XD_NSEC3_HASH_BYTES]);

/* Key of a node. False for an NSEC3 owner whose first label is not a SHA-1 hash in base32hex. */
bool xd_order_key_from_node(struct xd_order_key *key, const struct xd_node *node, enum xd_order_kind kind);

/* Decodes 32 characters of base32hex (RFC 4648, section 7) in either case. */
bool xd_base32hex_decode(uint8_t hash[XD_NSEC3_HASH_BYTES], const uint8_t *text);

/* The node with the greatest key that is not greater than `key`; the last one when there is none (the order is a ring). */
struct xd_order_found xd_order_find(const uint8_t *base, uint64_t root, const struct xd_order_key *key,
                                    enum xd_order_kind kind);

/* Puts a node under its key, in place of the node that has that key already. */
XD_CHECKED int xd_order_put(xd_table *table, uint64_t *root, uint64_t node, enum xd_order_kind kind);

/* Takes away the entry with this key, if there is one. */
XD_CHECKED int xd_order_remove(xd_table *table, uint64_t *root, const struct xd_order_key *key, enum xd_order_kind kind);

/* Builds a tree from nodes in key order. */
XD_CHECKED int xd_order_build(xd_table *table, const uint64_t *nodes, size_t count, enum xd_order_kind kind, uint64_t *root);

#endif
