/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with one owner of a zone that is being validated. */
#ifndef XD_SIGNING_VALIDATE_NODE_H
#define XD_SIGNING_VALIDATE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "signing/octets.h"
#include "signing/validate.h"
#include "signing/verify.h"
#include "signing/zone.h"

/* The faults that a thread has found: in the order of nodes, the first XD_FAULTS_MAX of them. */
#define XD_FAULTS_MAX 100u

struct xd_faults {
	xd_fault *items;
	size_t kept;
	uint64_t count;
};

/* A zone: read by all threads. */
struct xd_validating {
	const xd_validate_plan *plan;
	struct xd_zone zone;
	struct xd_keyset set;
	bool is_hashed; /* NSEC3 */
};

/* The state of one thread. */
struct xd_node_validator {
	const struct xd_validating *validating;
	struct xd_verifier verifier;
	struct xd_faults faults;
	struct xd_octets expected; /* value of an NSEC */
};

XD_CHECKED int xd_node_validator_init(struct xd_node_validator *validator, const struct xd_validating *validating);
void xd_node_validator_uninit(struct xd_node_validator *validator);

/* 0 whatever is found, or a negated code. */
XD_CHECKED int xd_node_validate(struct xd_node_validator *validator, size_t node);

/* Notes a fault of an owner in wire form. */
void xd_faults_add(struct xd_faults *faults, uint64_t order, const uint8_t *owner, uint16_t type, enum xd_fault_code code);

/* Is the node's name a hash in base32hex directly below the apex, the owner of an NSEC3? With `hash` its 20 octets. */
bool xd_node_is_hash(const struct xd_zone *zone, size_t node, uint8_t *hash);

/* The checks of the NSEC3 chain as a whole, after those of all nodes. */
XD_CHECKED int xd_validate_nsec3(const struct xd_validating *validating, struct xd_faults *faults);

#endif
