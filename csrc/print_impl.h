/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a print: fields of record data into text. There is always room: it is reserved per record. */
#ifndef XD_PRINT_IMPL_H
#define XD_PRINT_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "rdata.h"

/*
 * Octets of text that one octet of record data makes at most: eight types of ten characters in a bitmap. Names, numbers and
 * what else has a bound is in the constant part.
 */
#define PRINT_RDATA_FACTOR 88u
#define PRINT_RDATA_EXTRA 4096u

/* Each writes at `out` and returns the end of what it wrote. */
char *xd__print_number(char *out, uint32_t value);
char *xd__print_base64(char *out, const uint8_t *data, size_t len);
char *xd__print_hex(char *out, const uint8_t *data, size_t len);
/* Octets with the escapes of a quoted string; the quotes are the caller's. */
char *xd__print_octets(char *out, const uint8_t *data, size_t len);
char *xd__print_quoted(char *out, const uint8_t *data, size_t len);
char *xd__print_ipv4(char *out, const uint8_t *address);
char *xd__print_ipv6(char *out, const uint8_t *address);

/* As above; NULL for what text cannot express. */
char *xd__print_fields(char *out, const struct xd_type_info *info, const uint8_t *rdata, size_t len);
char *xd__print_svcparams(char *out, const uint8_t *data, size_t len);

#endif
