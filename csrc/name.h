/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domain names in uncompressed wire form (RFC 1035, section 3.1), and their presentation form.
 *
 * A "name" below is valid wire form unless a function says that it checks. Length octets are at most 63, so folding case
 * octet by octet over a whole name never touches them.
 */
#ifndef XD_NAME_H
#define XD_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "limits.h"

/* Presentation form: every octet as \DDD, the dots, and a closing NUL. */
#define XD_NAME_TEXT_MAX (4u * XD_NAME_MAX + 1u)

/* ASCII upper case folded to lower case, every other octet itself. */
extern const uint8_t xd_lower_table[256];

/* cdef: begin */

/* Checks the name that starts at `wire` within `len` octets (no compression). Its length, or -XD_E_NAME. */
int xd_name_check(const uint8_t *wire, size_t len);

/* Octets of a name, the root label included. */
size_t xd_name_len(const uint8_t *name);

/* Writes presentation form with a final dot and a NUL (4 * XD_NAME_MAX + 1 octets of room). Returns its length. */
size_t xd_name_text(char *out, const uint8_t *name);

/*
 * Reads presentation form (\X and \DDD escapes; "@" is the origin). A name without a final dot gets `origin` appended;
 * with origin NULL that is an error. `out` holds XD_NAME_MAX octets. The length, or -XD_E_NAME.
 */
int xd_name_scan(uint8_t *out, const char *text, size_t len, const uint8_t *origin);

/* cdef: end */

/* Labels of a name, the root label not counted; with `starts` their offsets from the left (room for XD_LABELS_MAX). */
size_t xd_name_labels(const uint8_t *name, uint8_t *starts);

/* Folds `len` octets to lower case; `out` may be `in`. */
void xd_bytes_lower(uint8_t *out, const uint8_t *in, size_t len);

/* Copies a name in lower case (XD_NAME_MAX octets of room; in place allowed). Returns its length. */
size_t xd_name_lower(uint8_t *out, const uint8_t *name);

/* Without case. */
bool xd_name_equal(const uint8_t *a, const uint8_t *b);

/* `name` is `apex` or below it, without case. */
bool xd_name_is_within(const uint8_t *name, const uint8_t *apex);

/* Canonical order (RFC 4034, section 6.1): negative, 0 or positive. */
int xd_name_compare(const uint8_t *a, const uint8_t *b);

#endif
