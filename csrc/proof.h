/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs of what does not exist: the NSEC (RFC 4035, section 3.1.3) or NSEC3 records (RFC 5155, section 7.2) of an answer. */
#ifndef XD_PROOF_H
#define XD_PROOF_H

#include "compose.h"
#include "lookup.h"

struct xd_proof {
	const uint8_t *base;
	const struct xd_zone *zone;
	struct xd_message *message;
	const struct xd_place *place; /* its name is what the proof is about */
};

/* Each puts records into the authority section; false when they do not fit. A zone without NSEC or NSEC3 needs none. */

/* Neither the name nor a wildcard for it exists. */
bool xd_prove_no_name(const struct xd_proof *proof, const struct xd_lookup *lookup);

/* The node exists without the type. */
bool xd_prove_no_type(const struct xd_proof *proof, const struct xd_node *node);

/* The name does not exist, so that a wildcard answers (below the closest encloser). */
bool xd_prove_no_closer_name(const struct xd_proof *proof, const struct xd_lookup *lookup);

/* The name does not exist, and the wildcard that answers lacks the type. */
bool xd_prove_wildcard_no_type(const struct xd_proof *proof, const struct xd_lookup *lookup, const struct xd_node *wildcard);

/* The zone cut has no DS. */
bool xd_prove_no_ds(const struct xd_proof *proof, const struct xd_node *cut);

#endif
