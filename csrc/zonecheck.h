/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Semantic checks of a whole zone. Mandatory ones: SOA at the apex, what may lie beside CNAME and DNAME, nothing below DNAME.
 * Extra ones, which never keep a zone from being served: NS at the apex, addresses of name servers within the zone, DS that
 * validators can use. They run over sorted pairs and need no memory that grows with the zone.
 */
#ifndef XD_ZONECHECK_H
#define XD_ZONECHECK_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "pairs.h"

/* X(name, severity, text) */
#define XD_ZONECHECK_TABLE(X) \
	X(NO_SOA, ESSENTIAL, "missing SOA at the zone apex") \
	X(MULTIPLE_SOA, ESSENTIAL, "multiple SOA records") \
	X(SOA_ELSEWHERE, ESSENTIAL, "SOA record exists outside the zone apex") \
	X(NO_APEX_NS, EXTRA, "missing NS at the zone apex") \
	X(CNAME_OTHER, MANDATORY, "another record exists beside CNAME") \
	X(MULTIPLE_CNAME, MANDATORY, "multiple CNAME records") \
	X(DNAME_NS, MANDATORY, "NS record exists beside DNAME") \
	X(MULTIPLE_DNAME, MANDATORY, "multiple DNAME records") \
	X(BELOW_DNAME, MANDATORY, "child record exists under DNAME") \
	X(APEX_DS, MANDATORY, "DS record exists at the zone apex") \
	X(OUT_OF_ZONE, ESSENTIAL, "record exists outside the zone") \
	X(NO_GLUE, EXTRA, "missing glue record") \
	X(DS_ALGORITHM, EXTRA, "invalid algorithm in DS") \
	X(DS_LENGTH, EXTRA, "invalid digest length in DS")

enum xd_zonecheck_code {
/* clang-format off */
#define X(name, severity, text) XD_ZONECHECK_##name,
	XD_ZONECHECK_TABLE(X)
#undef X
	XD_ZONECHECK_COUNT
	/* clang-format on */
};

/* cdef: begin */

enum xd_zonecheck_severity {
	XD_ZONECHECK_EXTRA,
	XD_ZONECHECK_MANDATORY, /* tolerated with semantic-checks: soft */
	XD_ZONECHECK_ESSENTIAL, /* without it there is no zone */
};

typedef struct xd_zonecheck_finding {
	uint8_t owner[256]; /* wire form */
	int code;
	int severity;
	int keytag; /* of the DS it concerns, or -1 */
} xd_zonecheck_finding;

/* `items` has room for `room` findings and is the caller's; further ones are only counted. */
typedef struct xd_zonecheck_findings {
	xd_zonecheck_finding *items;
	size_t room;
	size_t kept;
	size_t counts[3]; /* by severity */
} xd_zonecheck_findings;

/* Static string. */
const char *xd_zonecheck_text(int code);

/*
 * Checks the pairs of the zone at `apex` (wire form). Findings are appended. Mandatory rules, and NS at the apex; then the
 * extra ones over every delegation.
 */
void xd_zonecheck(const xd_pairs *pairs, const uint8_t *apex, xd_zonecheck_findings *findings);
void xd_zonecheck_delegations(const xd_pairs *pairs, const uint8_t *apex, xd_zonecheck_findings *findings);

/* cdef: end */

/* Appends a finding about the owner of a store key, given without its zero and type. */
void xd__zonecheck_add(xd_zonecheck_findings *findings, const uint8_t *key, size_t key_len, enum xd_zonecheck_code code,
                       int keytag);

/* Writes zone id and owner part of the keys of `name`, under the zone id of the pairs; returns its length. */
size_t xd__zonecheck_key(uint8_t *out, const xd_pairs *pairs, const uint8_t *name);

#endif
