/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolving a question from the zones of a table: which RRsets make up the response (RFC 1034, section 4.3.2; RFC 4592;
 * RFC 6672). Writes the sections behind the question.
 */
#ifndef XD_RESOLVE_H
#define XD_RESOLVE_H

#include "access.h"
#include "compose.h"
#include "layout.h"
#include "lookup.h"
#include "query.h"

/* One name of an alias chain; the first is the question. */
struct xd_step {
	struct xd_place place;
	struct xd_suffixes name; /* of a target; the first step uses the question's */
	/* A wildcard answered: what is needed to prove, once all answers are in, that it had to. */
	bool is_synthesized;
	const struct xd_zone *zone;
	struct xd_lookup lookup;
};

struct xd_resolution {
	const uint8_t *base;
	const struct xd_root *root;
	const uint64_t *seed;
	const struct xd_query *query;
	const struct xd_zone *zone; /* that answers the question, when it has been found already; else NULL */
	struct xd_message *message; /* len stands behind the question */
	struct xd_step *steps;      /* XD_CHAIN_MAX + 1, scratch */
	const xd_client *client;    /* who asks, where a zone is closed */
	bool composes_all;          /* templates are not used */
	uint8_t rcode;
	bool is_authoritative;
};

/* The zone that answers a question, or NULL. */
const struct xd_zone *xd_resolve_zone(const uint8_t *base, const struct xd_root *root, const struct xd_query *query);

/* Sets rcode, is_authoritative and the message's sections, counts and truncation. */
void xd_resolve(struct xd_resolution *resolution);

#endif
