/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stored records into zone file text (RFC 1035, section 5; RFC 3597, section 5): the reverse of the scanner.
 *
 * What is printed reads back as the same octets. Names are absolute; every octet that is special in a zone file, or no visible
 * ASCII, is escaped, so neither tab nor line end is ever inside a field. Record data whose type has no fields in rdata.h, or
 * which text cannot express, is printed as \# LENGTH HEX.
 *
 * A print belongs to one thread at a time.
 */
#ifndef XD_PRINT_H
#define XD_PRINT_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* cdef: begin */

/* Text that grows as it is written; all zero at first. */
typedef struct xd_print {
	char *text; /* no NUL behind it */
	size_t len;
	size_t room;
	size_t records; /* printed so far */
} xd_print;

/* Frees the text; the struct itself is the caller's and is all zero again. */
void xd_print_uninit(xd_print *print);

/* Appends record data. 0 or -XD_E_NOMEM. */
int xd_print_rdata(xd_print *print, uint16_t type, const uint8_t *rdata, size_t len);

/*
 * Appends a line "owner TAB ttl TAB type TAB rdata" for each record of `len` octets of pairs: key, value, key, value, as in the
 * flat form of pairs.h. Owners are padded with blanks to `pad` columns (at most 64). `skip` is a set of types left out: 8192
 * octets, type t at bit 7 - t % 8 of octet t / 8; NULL: none. The TTL of an RRSIG is its original TTL.
 * 0, -XD_E_NOMEM, or -XD_E_KEY_ORDER when the pairs are malformed.
 */
int xd_print_pairs(xd_print *print, const uint8_t *bytes, size_t len, const uint8_t *skip, unsigned pad);

/*
 * Appends the records of `len` octets of pairs in canonical wire form (RFC 4034, section 6), as a digest of the zone at `apex`
 * (wire form, lower case) is taken of them (RFC 8976, section 3.3.1): without the apex' ZONEMD and its signatures.
 * 0, -XD_E_NOMEM, or -XD_E_KEY_ORDER when the pairs are malformed.
 */
int xd_print_digested(xd_print *print, const uint8_t *bytes, size_t len, const uint8_t *apex);

/* cdef: end */

#endif
