/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Response rate limiting: token buckets for the prefixes of a source, one limiter per thread. A bucket is one point in time,
 * that at which it will be full again (the generic cell rate algorithm), so that a bucket that is full and one that does not
 * exist are the same.
 */
#ifndef XD_RRL_H
#define XD_RRL_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "table.h"

typedef struct xd_rrl xd_rrl;

/* A limiter without memory of anyone, its hash seeded at random. */
XD_CHECKED int xd_rrl_create(xd_rrl **out);
void xd_rrl_free(xd_rrl *rrl);

/*
 * Takes over the settings: at no cost when they are as they were. A changed table size forgets every
 * source. Returns -XD_E_NOMEM while there is no memory for a table of that size: the one before stays in use, and without
 * one nothing is limited.
 */
XD_CHECKED int xd_rrl_configure(xd_rrl *rrl, const xd_rrl_conf *conf);

/*
 * Takes a token for a source of IP version 4 or 6 from each of its prefixes at `now_ns`. Returns 0, or the length of the
 * first prefix that has none, and then none is taken. Sources on the allow list are never limited.
 */
unsigned xd_rrl_limit(xd_rrl *rrl, const xd_rrl_conf *conf, unsigned ip_version, const uint8_t *address, uint64_t now_ns);

/* A limited reply goes out truncated instead of not at all: one in `slip`, none with 0. */
bool xd_rrl_slips(xd_rrl *rrl, const xd_rrl_conf *conf);

/* It is time to tell the log of a limited source. */
bool xd_rrl_notes(xd_rrl *rrl, const xd_rrl_conf *conf, uint64_t now_ns);

/* Is the address on the allow list? */
bool xd_rrl_is_exempt(const xd_rrl_conf *conf, unsigned ip_version, const uint8_t *address);

#endif
