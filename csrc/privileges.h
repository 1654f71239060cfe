/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up what a thread may do. Linux keeps capabilities, bounding set and securebits per thread. */
#ifndef XD_PRIVILEGES_H
#define XD_PRIVILEGES_H

#include <stdint.h>

#include "error.h"

/* cdef: begin */

/*
 * The calling thread becomes `uid` and `gid` (-1: stays who it is), without supplementary groups when that changes,
 * loses every capability in every set for good, and can gain none by executing a program.
 */
int xd_privileges_drop(int64_t uid, int64_t gid);

/*
 * What the calling thread does with files it does as `uid` and `gid` from now on, so that the files it makes are theirs
 * and it opens none that they may not. Needs root, and gives nothing up: 0 and 0 undo it.
 */
int xd_privileges_files_as(uint32_t uid, uint32_t gid);

/* cdef: end */

#endif
