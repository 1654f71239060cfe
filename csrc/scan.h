/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The zone file scanner (RFC 1035, section 5; $TTL of RFC 2308, RFC 3597 types): text into the RRsets of one zone.
 *
 * Errors in the text do not end a scan: they are kept with file, line and reason, and reading goes on at the next entry, so
 * that all of them are known at once. Records of types the scanner does not know are handed out as foreign ones; the caller
 * converts them by other means and adds them in wire form.
 *
 * A scan belongs to one thread at a time.
 */
#ifndef XD_SCAN_H
#define XD_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "pairs.h"

/* cdef: begin */

typedef struct xd_scan xd_scan;

typedef struct xd_scan_note {
	const char *file;
	const char *text;
	uint32_t line;    /* 0: the file as a whole, or a finding of the finish step */
	uint8_t is_error; /* else a warning: the record was ignored or corrected */
} xd_scan_note;

/* A record of a type the scanner does not know. All names are wire form. */
typedef struct xd_scan_foreign {
	const char *file;
	const char *type;  /* as written */
	const char *rdata; /* as written, comments and line ends included */
	const uint8_t *owner;
	const uint8_t *origin;
	uint32_t line;
	uint32_t ttl;
} xd_scan_foreign;

/* `origin` is the apex in wire form; `default_ttl` is for records in front of any TTL. Names are copied. */
int xd_scan_create(const uint8_t *origin, uint32_t zone_id, uint32_t default_ttl, xd_scan **out);
void xd_scan_free(xd_scan *scan);

/* Reads one more file, or text in memory that `name` stands for. 0 or -XD_E_NOMEM; all else becomes notes. */
int xd_scan_file(xd_scan *scan, const char *path);
int xd_scan_memory(xd_scan *scan, const char *name, const uint8_t *text, size_t len);

/* Adds a record in wire form. 0, -XD_E_NAME, -XD_E_RDATA, -XD_E_ZONE (owner outside the zone) or -XD_E_NOMEM. */
int xd_scan_add(xd_scan *scan, const uint8_t *owner, size_t owner_len, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                size_t rdata_len);

/* The n-th note or foreign record; NULL past the last. Valid until the scan is freed. */
const xd_scan_note *xd_scan_get_note(const xd_scan *scan, size_t n);
const xd_scan_foreign *xd_scan_get_foreign(const xd_scan *scan, size_t n);

/* The n-th file from the last one opened to the first; NULL past that. Included files are among them. */
const char *xd_scan_get_file(const xd_scan *scan, size_t n);

/* Errors so far, those beyond the number of notes kept included. */
size_t xd_scan_errors(const xd_scan *scan);
size_t xd_scan_records(const xd_scan *scan);

/*
 * Sorts and groups what was read into `pairs`, which becomes the caller's. Once per scan, and only without errors.
 * 0, -XD_E_ZONE with a note, or -XD_E_NOMEM.
 */
int xd_scan_finish(xd_scan *scan, xd_pairs *pairs);

/* cdef: end */

#endif
