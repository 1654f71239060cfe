/* SPDX-License-Identifier: Apache-2.0 */
/* Composing a response: RRsets go from nodes into the message, owners and compression pointers made to fit. */
#ifndef XD_COMPOSE_H
#define XD_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"
#include "limits.h"
#include "suffix.h"

enum xd_section { XD_ANSWER, XD_AUTHORITY, XD_ADDITIONAL, XD_SECTIONS };

/* The name being answered and where in the message it stands: the question, or the target of an alias. */
struct xd_place {
	const struct xd_suffixes *name;
	bool is_question;
	uint16_t at[XD_LABELS_MAX + 1]; /* at[k]: offset of the suffix of k labels, unless it is the question */
};

static inline uint16_t xd_place_of(const struct xd_place *place, unsigned labels)
{
	return place->is_question ? (uint16_t)(XD_MSG_HEADER_BYTES + place->name->start[labels]) : place->at[labels];
}

/* RRsets already in the message; duplicates beyond that many are harmless. */
#define XD_ADDED_MAX 48u

/* RRsets whose targets' addresses are to be added. */
#define XD_SOURCES_MAX 32u

struct xd_source {
	const struct xd_zone *zone;
	const struct xd_fragment *fragment;
	uint16_t at; /* of its records in the message */
	bool is_referral;
};

struct xd_message {
	uint8_t *bytes;
	size_t len;
	size_t limit; /* what may be filled, the OPT record's room already taken off */
	uint16_t counts[XD_SECTIONS];
	bool is_truncated;
	bool wants_dnssec;
	unsigned added_count;
	unsigned source_count;
	const struct xd_fragment *added[XD_ADDED_MAX];
	struct xd_source sources[XD_SOURCES_MAX];
};

/* Has this RRset been put into the message? */
bool xd_message_has(const struct xd_message *message, const struct xd_fragment *fragment);

/*
 * Puts an RRset of a node into a section. The owner in the message is the whole name of `place` (a wildcard's answer takes
 * the name asked for) with `is_synthesized`, else the node's owner. Signatures go along when wanted. False when it does not
 * fit, then nothing was put.
 */
bool xd_message_put(struct xd_message *message, enum xd_section section, const struct xd_place *place,
                    const struct xd_zone *zone, const struct xd_node *node, const struct xd_fragment *fragment,
                    bool is_synthesized);

/* Puts an RRset whose owner stands at `owner_at` in the message and has no pointers in its rdata (addresses). */
bool xd_message_put_at(struct xd_message *message, enum xd_section section, uint16_t owner_at,
                       const struct xd_fragment *fragment);

/* Puts the signatures only of an RRset (a question for RRSIG), or records that are signatures themselves. */
bool xd_message_put_signatures(struct xd_message *message, const struct xd_place *place, const struct xd_fragment *fragment,
                               uint16_t type);

/*
 * Reads the name at `at` in the message, compressed or not, into lower-case wire form (XD_NAME_MAX octets of room), and where
 * each of its labels stands (`starts` by label from the left; NULL: not wanted). Returns its length; 0 when it is malformed.
 */
size_t xd_message_read_name(const struct xd_message *message, size_t at, uint8_t *name, uint16_t *starts);

#endif
