/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of work shared out to threads that end before the call returns. */
#ifndef XD_SIGNING_WORK_H
#define XD_SIGNING_WORK_H

#include <stddef.h>

#include "error.h"

/* Threads of one call. */
#define XD_WORK_THREADS_MAX 64u

struct xd_work {
	int (*run)(void *arg, unsigned worker, size_t block); /* 0 or a negated code, which ends the work */
	void *arg;
	unsigned threads; /* the caller's among them; worker numbers are below it */
	const int *stop;  /* may be NULL; nonzero, written by any thread, ends the work */
};

/*
 * Runs blocks 0 .. count - 1. 0, the first error of a block, or -XD_E_STOPPED. When the system gives fewer threads, those do
 * all the work.
 */
XD_CHECKED int xd_work_run(const struct xd_work *work, size_t count);

#endif
