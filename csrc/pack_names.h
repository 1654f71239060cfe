/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of a message that a packer writes, so that further ones are compressed towards them (RFC 1035, section 4.1.4).
 *
 * Owners come in the order of store keys, in which a name follows the one it is below: what an owner shares with the one before
 * is found by comparing keys. Names in record data are found by the hash of each suffix. Pointers lead to octets below 16384.
 */
#ifndef XD_PACK_NAMES_H
#define XD_PACK_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "limits.h"
#include "suffix.h"

/* A power of two: twice the names that are kept of a message, so that most are found at their first place. */
#define PACK_SLOTS 2048u
#define PACK_KEPT 1024u
/* Octets that hashing may read behind a name. */
#define PACK_SLACK 8u

/* A suffix in the message. */
struct pack_slot {
	uint32_t tag;   /* of its hash */
	uint16_t epoch; /* of another message: the slot is free */
	uint16_t offset;
};

/* A label of the owner at hand, counted from the root. */
struct pack_label {
	uint64_t hash;   /* of the suffix that begins with it */
	uint16_t start;  /* the label in `text`, length octet first */
	uint16_t at;     /* its end there */
	uint16_t end;    /* octets of the owner's key with this label */
	uint16_t offset; /* of the suffix in the message; 0: it is not there */
};

struct pack_names {
	uint16_t epoch;
	unsigned kept;                               /* slots in use */
	unsigned depth;                              /* labels of the owner at hand */
	unsigned apex_depth;                         /* labels of the question's name */
	unsigned apex_shared;                        /* of these, the ones the owner has */
	size_t key_len;                              /* of the owner in `key` */
	struct pack_label labels[XD_LABELS_MAX + 1]; /* [k]: the suffix of k labels */
	uint64_t apex_hashes[XD_LABELS_MAX + 1];
	uint8_t apex_starts[XD_LABELS_MAX + 1]; /* of the suffix of k labels in `apex` */
	struct pack_slot slots[PACK_SLOTS];
	uint8_t apex[XD_NAME_MAX];
	uint8_t key[XD_KEY_OWNER_MAX];
	uint8_t text[XD_NAME_MAX + PACK_SLACK]; /* labels of the owner from the root down */
};

/* `apex` is the name at the start of every message's question. */
void xd__pack_names_init(struct pack_names *names, const uint8_t *apex);

/* A new message begins; it has the question. */
void xd__pack_names_begin(struct pack_names *names);

/* The owner of a store key becomes the one at hand. 0 or -XD_E_KEY_ORDER. */
XD_CHECKED int xd__pack_names_set_owner(struct pack_names *names, const uint8_t *key, size_t key_len);

/* Write the owner at hand, or the name at `name` (valid, `used` octets of `room`), at `at`; they return where it ends. */
size_t xd__pack_names_owner(struct pack_names *names, uint8_t *message, size_t at);
size_t xd__pack_names_write(struct pack_names *names, uint8_t *message, size_t at, const uint8_t *name, size_t room,
                            size_t *used);

#endif
