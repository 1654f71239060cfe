/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record types and the fields of their rdata: one table from which text is read, and wire form is checked and made
 * canonical. A type without fields in the table is opaque: any octets, in text only in the form of RFC 3597.
 */
#ifndef XD_RDATA_H
#define XD_RDATA_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum xd_rrtype {
	XD_TYPE_A = 1,
	XD_TYPE_NS = 2,
	XD_TYPE_CNAME = 5,
	XD_TYPE_SOA = 6,
	XD_TYPE_KEY = 25,
	XD_TYPE_AAAA = 28,
	XD_TYPE_DNAME = 39,
	XD_TYPE_OPT = 41,
	XD_TYPE_DS = 43,
	XD_TYPE_RRSIG = 46,
	XD_TYPE_NSEC = 47,
	XD_TYPE_NSEC3 = 50,
	XD_TYPE_NSEC3PARAM = 51,
	XD_TYPE_ZONEMD = 63,
};

enum xd_field {
	XD_F_END,
	XD_F_U8,
	XD_F_U16,
	XD_F_U32,
	XD_F_TTL,        /* 32 bits, text may have units */
	XD_F_NAME,       /* case kept: not in the list of RFC 4034, section 6.2 */
	XD_F_NAME_LOWER, /* lower case in canonical form */
	XD_F_IPV4,
	XD_F_IPV6,
	XD_F_STRING,  /* one character string */
	XD_F_STRINGS, /* one or more, to the end */
	XD_F_TEXT,    /* octets to the end, written as one string */
	XD_F_TAG,     /* character string of letters and digits, not empty */
	XD_F_TYPE,    /* mnemonic of a record type */
	XD_F_ALGORITHM,
	XD_F_CERT_TIME,    /* YYYYMMDDHHmmSS or seconds */
	XD_F_BITMAP,       /* types, to the end */
	XD_F_SALT,         /* length and octets, hexadecimal, "-" for none */
	XD_F_HASH32,       /* length and octets, base32hex */
	XD_F_HEX,          /* to the end, not empty */
	XD_F_BASE64,       /* to the end, not empty */
	XD_F_BASE64_MAYBE, /* to the end, may be empty */
	XD_F_EUI48,
	XD_F_EUI64,
	XD_F_LOCATOR64, /* four groups of hexadecimal digits */
	XD_F_SVCPARAMS, /* to the end */
};

#define XD_FIELDS_MAX 10

struct xd_type_info {
	uint16_t type;
	uint8_t fields[XD_FIELDS_MAX]; /* enum xd_field, closed by XD_F_END */
	char text[11];
};

/* NULL for a type whose fields are unknown. */
const struct xd_type_info *xd_type_info(uint16_t type);

/* A mnemonic without case of a type whose fields are known, or TYPEnnn: the type, or -XD_E_NOT_FOUND. */
XD_CHECKED int xd_type_scan(const char *text, size_t len);

/* Octets of a field of fixed size (XD_F_*), 0 for the others. */
size_t xd_field_fixed_bytes(uint8_t field);

/* The mnemonic, or TYPEnnn, with a NUL (16 octets of room). */
void xd_type_text(char *out, uint16_t type);

/* cdef: begin */

/* As xd_type_scan, with the mnemonics of all other types too, for fields that name a type. */
int xd_type_scan_any(const char *text, size_t len);

/* As xd_type_text, with the mnemonics of all types that xd_type_scan_any knows. */
void xd_type_text_any(char *out, uint16_t type);

/* 1 for a type whose fields are known, else 0. */
int xd_type_is_known(uint16_t type);

/* cdef: end */

/* Checks a field at the start of `len` octets: those it takes, or negative. */
XD_CHECKED ptrdiff_t xd_rdata_field_size(uint8_t field, const uint8_t *data, size_t len);

/* Checks rdata of `type` in wire form (names not compressed). 0 or -XD_E_RDATA. */
XD_CHECKED int xd_rdata_check(uint16_t type, const uint8_t *rdata, size_t len);

/*
 * Checks rdata of `type` in wire form (names not compressed) and folds in place the names that canonical form has in lower
 * case. 0 or -XD_E_RDATA.
 */
XD_CHECKED int xd_rdata_canonize(uint16_t type, uint8_t *rdata, size_t len);

#endif
