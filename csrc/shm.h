/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared region: what engine threads tell the control plane. A file on a memory file system (server.rundir), made by
 * the engine, mapped by both. Each thread owns one slot and is the only one that writes it; everyone else reads, relaxed.
 * Behind the slots, from the next page on, each has its row of statistics (stats.h).
 *
 * `seen` is the quiescent point of table reclamation: the generation of the root the reader works from or newer, 0 when
 * that is not known yet, XD_SEEN_IDLE while the reader holds nothing. Memory retired by generation G may be reused once
 * every slot has seen >= G.
 */
#ifndef XD_SHM_H
#define XD_SHM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "counters.h"
#include "error.h"
#include "limits.h"
#include "stats.h"
#include "table.h"

#define XD_SEEN_IDLE UINT64_MAX
#define XD_SHM_MAGIC UINT64_C(0x31306d68736458) /* "Xdshm01" */

/* A hand-off thread receives nothing: it counts the replies of the control plane that it sends or drops. */
enum xd_worker_kind { XD_WORKER_NONE, XD_WORKER_XDP, XD_WORKER_UDP, XD_WORKER_CONTROL, XD_WORKER_HANDOFF };

struct xd_worker_slot {
	_Alignas(64) _Atomic uint64_t seen; /* written by the worker (release), read by the table writer (acquire) */
	uint32_t kind;                      /* enum xd_worker_kind; written once before the worker starts */
	uint32_t queue;                     /* RX queue, or index of the UDP worker */
	uint32_t ifindex;                   /* XDP workers; 0 otherwise */
	int32_t cpu;                        /* pinned to, or -1 */
	_Alignas(64) _Atomic uint64_t counters[XD_COUNTER_SLOTS]; /* written by the worker (relaxed), read by anyone */
};

struct xd_shm {
	uint64_t magic;      /* XD_SHM_MAGIC, in the byte order of the machine */
	uint32_t layout;     /* XD_SHM_LAYOUT */
	uint32_t slot_bytes; /* sizeof(struct xd_worker_slot) */
	uint32_t slot_count; /* slots in use: engine workers first, then the control plane's */
	uint32_t engine_pid;
	struct xd_worker_slot slots[];
};

#define XD_SHM_LAYOUT 2u

_Static_assert(offsetof(struct xd_worker_slot, counters) == 64, "readers of other languages know the layout");
_Static_assert(sizeof(struct xd_worker_slot) == 64 + 8 * XD_COUNTER_SLOTS, "readers of other languages know the layout");
_Static_assert(offsetof(struct xd_shm, slots) == 64, "readers of other languages know the layout");

/* Offset of the first row. */
static inline size_t xd_shm_rows_at(uint32_t slot_count)
{
	size_t end = sizeof(struct xd_shm) + slot_count * sizeof(struct xd_worker_slot);

	return (end + sizeof(struct xd_stats_row) - 1) / sizeof(struct xd_stats_row) * sizeof(struct xd_stats_row);
}

static inline struct xd_stats_row *xd_shm_row(struct xd_shm *shm, uint32_t slot)
{
	return (struct xd_stats_row *)((uint8_t *)shm + xd_shm_rows_at(shm->slot_count)) + slot;
}

/* Counts `n` more; the slot's own thread only. A plain addition in memory, which readers never see torn. */
static inline void xd_count(struct xd_worker_slot *slot, int counter, uint64_t n)
{
	uint64_t now = atomic_load_explicit(&slot->counters[counter], memory_order_relaxed);

	atomic_store_explicit(&slot->counters[counter], now + n, memory_order_relaxed);
}

/* cdef: begin */

/*
 * Makes the region with `workers` slots and XD_CONTROL_SLOTS more of kind control, all of them idle. A region of that size
 * at `path`, left behind by an engine that ended, is taken over with its control slots: who has it mapped, the table
 * writer above all, then sees the new readers without doing anything. Any other file there is replaced.
 */
int xd_shm_create(const char *path, uint32_t workers, xd_shm **out);

/* Maps an existing region. It is the caller's to close; only its own slots may be written. */
int xd_shm_open(const char *path, xd_shm **out);
void xd_shm_close(xd_shm *shm);

/* Octets of the mapping, slot count included. */
size_t xd_shm_bytes(const xd_shm *shm);

/* Index of the first control plane slot; there are XD_CONTROL_SLOTS of them, the rest of the slots. */
uint32_t xd_shm_control_slot(const xd_shm *shm);

/* cdef: end */

#endif
