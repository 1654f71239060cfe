/* SPDX-License-Identifier: Apache-2.0 */
/* The place of a TSIG record in a message (RFC 8945, section 5.1). */
#ifndef XD_TSIG_H
#define XD_TSIG_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* cdef: begin */

/*
 * Offset of the TSIG record that ends the message of `len` octets; 0 when there is none, -XD_E_RANGE when the message is
 * malformed or has such a record elsewhere.
 */
int xd_tsig_find(const uint8_t *msg, size_t len);

/* cdef: end */

#endif
