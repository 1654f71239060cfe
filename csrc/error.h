/* SPDX-License-Identifier: Apache-2.0 */
/* Error codes. One table gives the enum, the names Python maps by, and the texts. */
#ifndef XD_ERROR_H
#define XD_ERROR_H

/* X(name, text): the text says what is wrong; the caller adds what it concerns. */
#define XD_ERROR_TABLE(X) \
	X(NOMEM, "not enough memory") \
	X(SYSTEM, "system call failed") \
	X(RANGE, "value out of range") \
	X(BUSY, "resource busy") \
	X(NOT_FOUND, "not found") \
	X(EXISTS, "already exists") \
	X(NAME, "malformed domain name") \
	X(RDATA, "malformed record data") \
	X(SYNTAX, "syntax error") \
	X(ZONE, "zone contents rejected") \
	X(KEY_ORDER, "store keys out of order or malformed") \
	X(TABLE_MAGIC, "not a response table") \
	X(TABLE_LAYOUT, "response table of another layout version or byte order") \
	X(TABLE_CHECKSUM, "response table header fails its checksum") \
	X(TABLE_TRUNCATED, "response table shorter than its header says") \
	X(TABLE_STALE, "response table was not completely written before the system went down") \
	X(TABLE_CORRUPT, "response table contents fail validation") \
	X(TABLE_FULL, "response table reached its maximum size") \
	X(NO_XDP, "AF_XDP is not available on this interface") \
	X(SHM, "not a shared region of this engine version") \
	X(STORE, "store file has unexpected pages") \
	X(CRYPTO, "cryptographic operation failed") \
	X(KEY, "not a usable key") \
	X(KEY_PAIR, "private key of another public key") \
	X(STOPPED, "stopped before the end")

enum xd_error {
	XD_OK = 0,
/* clang-format off */
#define X(name, text) XD_E_##name,
	XD_ERROR_TABLE(X)
#undef X
	XD_ERROR_COUNT
	/* clang-format on */
};

/* cdef: begin */

/* Every function that can fail returns 0 or a negated code; these describe a code (positive). Static strings. */
const char *xd_error_name(int code);
const char *xd_error_text(int code);
int xd_error_count(void);

/* cdef: end */

#define XD_CHECKED __attribute__((warn_unused_result))

#endif
