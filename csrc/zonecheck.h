/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks every zone has to pass before it is served: SOA and NS at the apex, what may lie beside CNAME and DNAME, nothing
 * below DNAME. They run over sorted pairs and need no memory that grows with the zone.
 */
#ifndef XD_ZONECHECK_H
#define XD_ZONECHECK_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "pairs.h"

/* X(name, text) */
#define XD_ZONECHECK_TABLE(X) \
	X(NO_SOA, "missing SOA at the zone apex") \
	X(MULTIPLE_SOA, "multiple SOA records") \
	X(SOA_ELSEWHERE, "SOA record exists outside the zone apex") \
	X(NO_APEX_NS, "missing NS at the zone apex") \
	X(CNAME_OTHER, "another record exists beside CNAME") \
	X(MULTIPLE_CNAME, "multiple CNAME records") \
	X(DNAME_NS, "NS record exists beside DNAME") \
	X(MULTIPLE_DNAME, "multiple DNAME records") \
	X(BELOW_DNAME, "child record exists under DNAME") \
	X(APEX_DS, "DS record exists at the zone apex") \
	X(OUT_OF_ZONE, "record exists outside the zone")

enum xd_zonecheck_code {
/* clang-format off */
#define X(name, text) XD_ZONECHECK_##name,
	XD_ZONECHECK_TABLE(X)
#undef X
	XD_ZONECHECK_COUNT
	/* clang-format on */
};

/* cdef: begin */

typedef struct xd_zonecheck_finding {
	uint8_t owner[256]; /* wire form */
	int code;
} xd_zonecheck_finding;

/* Static string. */
const char *xd_zonecheck_text(int code);

/*
 * Checks the pairs of the zone at `apex` (wire form). The first `room` findings are written; returns how many there are, 0 for a
 * zone that may be served.
 */
size_t xd_zonecheck(const xd_pairs *pairs, const uint8_t *apex, xd_zonecheck_finding *findings, size_t room);

/* cdef: end */

#endif
