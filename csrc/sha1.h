/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-1 (FIPS 180-4) of short inputs, for NSEC3 owner hashes. */
#ifndef XD_SHA1_H
#define XD_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define XD_SHA1_BYTES 20u

void xd_sha1(uint8_t out[XD_SHA1_BYTES], const uint8_t *data, size_t len);

#endif
