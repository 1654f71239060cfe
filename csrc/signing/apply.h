/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of a zone's pairs carried out, a run of pairs at a time. */
#ifndef XD_SIGNING_APPLY_H
#define XD_SIGNING_APPLY_H

#include <stddef.h>
#include <stdint.h>

#include "signing/octets.h"

/*
 * Appends pairs first to end - 1 of a zone with the changes carried out, all of which belong among them: they lie behind pair
 * first - 1 and before pair `end`. The changes are empty afterwards. 0 or -XD_E_NOMEM.
 */
XD_CHECKED int xd_apply_run(struct xd_writer *out, const uint8_t *bytes, const uint64_t *offsets, size_t first, size_t end,
                            struct xd_writer *changes);

#endif
