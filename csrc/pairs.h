/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs: the RRsets of a zone as store keys and values, in key order.
 *
 * This one form travels between the zone file scanner, the store (LMDB) and the table writer:
 *
 *   key    zone id (4, big endian) | owner | 0x00 | type (2, big endian)
 *          owner: labels from the root down, lower case, each octet 0x00 escaped as 01 01 and 0x01 as 01 02,
 *          each label closed by 0x00. Octet order of keys is DNSSEC canonical order (RFC 4034, section 6.1).
 *   value  ttl (4, big endian) | count (2, big endian) | count times: rdlength (2, big endian), rdata
 *          rdata in canonical form (RFC 4034, section 6.2, as amended by RFC 6840, section 5.1), sorted, no duplicates.
 *
 * Flat form: `bytes` holds key 0, value 0, key 1, value 1, ...; `offsets` has 2 * n + 1 entries: key i is
 * bytes[offsets[2i] .. offsets[2i+1]), value i is bytes[offsets[2i+1] .. offsets[2i+2]).
 */
#ifndef XD_PAIRS_H
#define XD_PAIRS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* cdef: begin */

typedef struct xd_pairs {
	uint8_t *bytes;    /* keys and values, back to back */
	uint64_t *offsets; /* 2 * count + 1 entries */
	size_t count;      /* RRsets */
} xd_pairs;

/* Frees what xd_pairs points to; the struct itself is the caller's. */
void xd_pairs_uninit(xd_pairs *pairs);

typedef struct xd_pairs_size {
	uint64_t records;
	uint64_t octets; /* of all records in wire form, names not compressed */
} xd_pairs_size;

/* Counts what `count` well-formed pairs in flat form hold. */
xd_pairs_size xd_pairs_measure(const uint8_t *bytes, const uint64_t *offsets, size_t count);

/* The largest TTL of well-formed pairs in flat form, 0 when there are none. */
uint32_t xd_pairs_largest_ttl(const uint8_t *bytes, const uint64_t *offsets, size_t count);

/* Is one of well-formed pairs in flat form of one of `type_count` types? */
int xd_pairs_have_types(const uint8_t *bytes, const uint64_t *offsets, size_t count, const uint16_t *types, size_t type_count);

/* Gives the keys of well-formed pairs another zone id. */
void xd_pairs_move(xd_pairs *pairs, uint32_t zone_id);

/* Room for a key and a value in xd_pairs_format; the final zero needs one octet more. */
#define XD_PAIRS_FORMAT_BYTES 24

/*
 * Writes the sizes of the keys and values of `count` pairs as the format that Python's module struct takes them apart by
 * ("30s41s..."), with a final zero, and returns its length.
 */
size_t xd_pairs_format(const uint64_t *offsets, size_t count, char *out);

/* cdef: end */

/*
 * Writes the owner part of a store key (escaped, reversed labels, without the closing zero before the type) of a
 * wire-form name; `out` holds XD_KEY_OWNER_MAX octets. Returns its length. The name must be valid.
 */
size_t xd_key_write_owner(uint8_t *out, const uint8_t *name);

/*
 * Reads one escaped label of a key, which ends at its closing zero, into `label` (1 + XD_LABEL_MAX octets), length first.
 * Returns the octets read, 0 when it is no label in lower case.
 */
size_t xd_key_read_label(const uint8_t *in, size_t len, uint8_t *label);

/*
 * Reads the owner from a store key into a lower-case wire name (`name` holds XD_NAME_MAX octets).
 * On success *name_len and *type are set.
 */
XD_CHECKED int xd_key_parse(const uint8_t *key, size_t key_len, uint8_t *name, size_t *name_len, uint16_t *type);

/* A pair where it lies. */
struct xd_pair {
	const uint8_t *key;
	const uint8_t *value; /* its rdlengths add up to value_len */
	size_t key_len;
	size_t value_len;
	uint16_t type;
};

/*
 * Takes the pair at the start of `len` octets apart; the next one starts at the end of its value. The owner in the key is not
 * checked (xd_key_parse). 0 or -XD_E_KEY_ORDER.
 */
XD_CHECKED int xd_pair_read(struct xd_pair *pair, const uint8_t *bytes, size_t len);

/* The same of a pair whose key and value lie apart. */
XD_CHECKED int xd_pair_make(struct xd_pair *pair, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len);

#endif
