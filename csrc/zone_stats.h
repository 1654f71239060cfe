/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters of single zones: a file beside the shared region, made by the engine, with an area for each of its slots and in
 * it a row (stats.h) for every zone that has statistics of its own. The table's zone names its row. The file is sparse:
 * the control plane reserves the memory of the rows it has given to zones, and threads count in reserved rows only, so
 * that a full memory file system is an error there and no signal here.
 */
#ifndef XD_ZONE_STATS_H
#define XD_ZONE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "error.h"
#include "stats.h"

#define XD_ZONE_STATS_MAGIC UINT64_C(0x3130737a68736458) /* "Xdshzs01" */
#define XD_ZONE_STATS_LAYOUT 1u
#define XD_ZONE_STATS_HEADER_BYTES 4096u
#define XD_ZONE_STATS_BASIC_BYTES (XD_STATS_BASIC * 8u)
#define XD_ZONE_STATS_WIDE_BYTES (XD_STATS_WIDE * 8u)

struct xd_zone_stats_header {
	uint64_t magic;
	uint32_t layout;
	uint32_t slot_count;             /* slots of the shared region that count, from the first on */
	uint32_t zones_max;              /* XD_ZONE_STATS_MAX */
	_Atomic uint32_t basic_reserved; /* rows whose basic part may be written; stored by the control plane (release) */
	_Atomic uint32_t wide_reserved;  /* the same of the wide part */
};

/* cdef: begin */

typedef struct xd_zone_stats xd_zone_stats;

/* Makes the file for the first `slot_count` slots of a shared region, or takes over one of that size. */
int xd_zone_stats_create(const char *path, uint32_t slot_count, xd_zone_stats **out);

/* Maps an existing file. */
int xd_zone_stats_open(const char *path, xd_zone_stats **out);
void xd_zone_stats_close(xd_zone_stats *stats);

/* Reserves memory for the first `rows` rows of every area, wide parts too when asked for. By the control plane only. */
int xd_zone_stats_reserve(xd_zone_stats *stats, uint32_t rows, int with_wide);

/* Sets every counter of a row to 0; no thread may count in it, now or later by an older table. */
void xd_zone_stats_clear(xd_zone_stats *stats, uint32_t row);

/* Adds up the counters of a row over all areas into `out`, in the order of a row (504 of them). */
int xd_zone_stats_sum(xd_zone_stats *stats, uint32_t row, uint64_t *out);

/* cdef: end */

/* The row of a zone in the area of `slot`; without parts when it is not reserved. */
struct xd_stats_target xd_zone_stats_target(const xd_zone_stats *stats, uint32_t slot, uint32_t row, uint32_t families);

#endif
