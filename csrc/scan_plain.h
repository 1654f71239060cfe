/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many small zone files at once. Only plain ones are read here: regular, small, including no other file, without anything to
 * be said of them. What is not plain is left to a scan of its own (scan.h), which says why.
 */
#ifndef XD_SCAN_PLAIN_H
#define XD_SCAN_PLAIN_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "pairs.h"

/* cdef: begin */

typedef struct xd_plain_zone {
	/* Set by the caller: */
	const char *path;
	const uint8_t *origin; /* wire form, valid */
	uint32_t zone_id;
	uint32_t default_ttl;
	uint64_t octets_max; /* a larger zone is not plain */
	uint8_t extra_checks;
	/* Found: */
	uint8_t is_plain; /* else nothing below is set */
	uint32_t serial;
	size_t first; /* number of its first pair */
	size_t count;
	uint64_t records;
	uint64_t octets; /* of all records in wire form, names not compressed */
	/* The file, as it was before it was read: */
	uint64_t device;
	uint64_t inode;
	uint64_t file_bytes;
	uint64_t mtime_ns;
	uint64_t ctime_ns;
} xd_plain_zone;

/* Reads zones into `pairs`, one behind the other, which become the caller's. 0 or -XD_E_NOMEM. */
int xd_scan_plain(xd_plain_zone *zones, size_t count, xd_pairs *pairs);

/* cdef: end */

#endif
