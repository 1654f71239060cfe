/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted pairs of one zone, read in parts, as one: what is larger than memory is sorted in parts and merged in files. */
#ifndef XD_PAIRS_MERGE_H
#define XD_PAIRS_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "pairs.h"

/* cdef: begin */

/*
 * Merges well-formed `parts`, each in key order and under the same zone id, into flat form: bytes and offsets are written to
 * the two open files. RRsets of the same key become one, with the TTL of the last part that has it. Returns 0 with *merged
 * set to the number of pairs; -XD_E_RANGE for an RRset of more than 65535 records, -XD_E_NOMEM, or -XD_E_SYSTEM.
 */
int xd_pairs_merge(const xd_pairs *parts, size_t count, int bytes_fd, int offsets_fd, uint64_t *merged);

/* cdef: end */

#endif
