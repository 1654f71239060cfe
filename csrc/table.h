/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The response table: one memory-mapped file, one writer, many readers in other processes.
 *
 * Everything reachable from the published root is immutable. A transaction builds new blocks beside the old ones and
 * publishes them all by one release store of the root's offset; what it replaced is reused only after every reader
 * has passed a quiescent point (shm.h). See docs/design.md, "The response table".
 */
#ifndef XD_TABLE_H
#define XD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "pairs.h"

/* cdef: begin */

typedef struct xd_table xd_table;
typedef struct xd_shm xd_shm;

/* Inclusive; IPv4 addresses as mapped ones (::ffff:0:0/96). */
typedef struct xd_rrl_range {
	uint8_t first[16];
	uint8_t last[16];
} xd_rrl_range;

/* Response rate limiting (mod-rrl). */
typedef struct xd_rrl_conf {
	uint32_t rate_limit;    /* replies per second to an address; 0: not limited */
	uint32_t instant_limit; /* replies at once */
	uint32_t slip;          /* every so many limited replies goes out truncated; 0: none */
	uint32_t table_size;    /* prefixes kept in mind, by each thread */
	uint32_t log_period_ms; /* least time between two notes for the log; 0: none */
	uint16_t exempt_count;
	uint8_t is_dry_run;       /* everything but the limiting itself */
	xd_rrl_range exempt[256]; /* ascending, apart from each other; XD_RRL_EXEMPT_MAX */
} xd_rrl_conf;

/* DNS cookies (mod-cookies). */
typedef struct xd_cookie_conf {
	uint32_t badcookie_slip; /* every so many queries without a valid cookie gets BADCOOKIE, at least 1 */
	uint8_t secret_count;    /* 0: no cookies; the first secret signs, each verifies */
	uint8_t secrets[2][16];
} xd_cookie_conf;

/* What the server says of itself; published with the table so that a change needs no engine restart. */
typedef struct xd_server_info {
	uint16_t udp_payload_ipv4; /* octets, server.udp-max-payload-ipv4 */
	uint16_t udp_payload_ipv6;
	uint16_t identity_len; /* octets; 0: not told */
	uint16_t version_len;
	uint16_t nsid_len;
	uint8_t identity[256];
	uint8_t version[256];
	uint8_t nsid[256];
	uint32_t stats_families; /* counted by the server; bits of enum xd_stats_family, 0: none */
	uint8_t has_zone_stats;  /* some zones have rows of their own */
	uint8_t has_modules;     /* any of the above or below; set by xd_txn_set_server_info */
	xd_cookie_conf cookies;
	xd_rrl_conf rrl;
} xd_server_info;

typedef struct xd_zone_info {
	uint64_t version;     /* the store's version of the zone that the table answers from */
	uint64_t names;       /* nodes, empty non-terminals included */
	uint32_t serial;      /* of the SOA; 0 when the zone has no contents */
	uint8_t has_contents; /* 0: answered SERVFAIL (not loaded or expired) */
	uint8_t is_nsec;
	uint8_t is_nsec3;
	uint32_t stats_row; /* of its own statistics, counted from 1; 0: none */
	uint32_t stats_families;
	uint8_t is_closed; /* access rules say who may ask */
	uint8_t access_count;
} xd_zone_info;

/* Who is meant by a rule about access: octets only, so that rules may lie anywhere. */
typedef struct xd_access_rule {
	uint8_t first[16];   /* addresses from here */
	uint8_t last[16];    /* to here */
	uint8_t address_len; /* 4 or 16; 0: any address */
	uint8_t transports;  /* XD_ACCESS_UDP, XD_ACCESS_TCP, XD_ACCESS_TLS */
	uint8_t is_allowed;
} xd_access_rule;

typedef struct xd_table_stats {
	uint64_t file_bytes;
	uint64_t used_bytes;    /* allocated to blocks */
	uint64_t retired_bytes; /* replaced, waiting for readers */
	uint64_t generation;    /* of the published root */
	uint64_t zones;
} xd_table_stats;

/* Creates an empty table at `path` (replacing a file there atomically) and opens it as the writer. */
int xd_table_create(const char *path, xd_table **out);

/*
 * Opens an existing table. A writer rebuilds its allocator by walking the table (which validates it); a second writer
 * gets XD_E_BUSY. A reader checks the header only when the file was written since boot, everything otherwise.
 */
int xd_table_open_writer(const char *path, xd_table **out);
int xd_table_open_reader(const char *path, xd_table **out);
void xd_table_close(xd_table *table);

/* Validates everything reachable from the published root. 0 or XD_E_TABLE_CORRUPT. */
int xd_table_check(xd_table *table);

void xd_table_get_stats(xd_table *table, xd_table_stats *out);

/* Zone names are wire form. XD_E_NOT_FOUND when the table has no such zone. */
int xd_table_zone_info(xd_table *table, const uint8_t *apex, xd_zone_info *out);

/*
 * The wire-form names of all zones, back to back, in no particular order. Returns the octets they take, which may be
 * more than `room`: then some are missing, and the caller asks again with that much room.
 */
size_t xd_table_zone_names(xd_table *table, uint8_t *names, size_t room);

/* An order-independent digest of a zone's answers: equal contents give equal digests in any two tables. */
int xd_table_zone_digest(xd_table *table, const uint8_t *apex, uint64_t out[2]);

/*
 * The reader slots to wait for before memory is reused; without it the writer never waits. A writer that adopts a table which
 * is being read sets them before its first transaction. The region stays the caller's.
 */
void xd_table_set_readers(xd_table *table, const xd_shm *shm);

/*
 * One transaction at a time, by one thread. Nothing is visible before commit; abort undoes everything. After a step that
 * failed, commit fails too (and aborts).
 *
 * Prepare does all of a commit that may be refused (then it aborts); after it there is nothing but commit or abort.
 */
int xd_txn_begin(xd_table *table);
int xd_txn_prepare(xd_table *table);
int xd_txn_commit(xd_table *table);
void xd_txn_abort(xd_table *table);

int xd_txn_set_server_info(xd_table *table, const xd_server_info *info);

/*
 * Replaces the whole zone by `count` RRsets in key order (pairs.h). The zone must have passed the semantic checks; what
 * would make it unanswerable (no SOA, owner outside the zone) is refused with XD_E_ZONE.
 */
int xd_txn_zone_build(xd_table *table, const uint8_t *apex, uint64_t version, const uint8_t *bytes, const uint64_t *offsets,
                      size_t count);

/* A zone that is configured but has nothing to answer from: SERVFAIL. */
int xd_txn_zone_empty(xd_table *table, const uint8_t *apex);

/*
 * Replaces one owner by the RRsets given, which are all it has (pairs.h); none removes it. When the owner becomes or
 * stops being a zone cut or DNAME, the caller also gives each owner below, before or after it, but before another zone's turn. The zone's `version` becomes `version`.
 */
int xd_txn_zone_update_owner(xd_table *table, const uint8_t *apex, uint64_t version, const uint8_t *owner, const uint8_t *bytes,
                             const uint64_t *offsets, size_t count);

int xd_txn_zone_remove(xd_table *table, const uint8_t *apex);

/*
 * Gives a zone of the table a row of statistics of its own (zone_stats.h; counted from 1) with these families, or takes it
 * away (0). It stays with the zone, whatever becomes of its contents.
 */
int xd_txn_zone_set_stats(xd_table *table, const uint8_t *apex, uint32_t row, uint32_t families);

/*
 * Closes a zone: the first of `count` rules (255 at most) that matches who asks says whether he may, where none does he may
 * not (NOTAUTH). With `rules` NULL the zone is open again. A zone the table lacks is made, without contents.
 */
int xd_txn_zone_set_access(xd_table *table, const uint8_t *apex, const xd_access_rule *rules, size_t count);

/* Frees what no reader can still see. Cheap; called by commit as well. */
void xd_table_reclaim(xd_table *table);

/* The oldest generation that a reader may still work from; UINT64_MAX while none works. */
uint64_t xd_table_oldest_seen(const xd_table *table);

/* Writes everything published so far to disk, so that it is answered from after a power loss. Blocks on I/O. */
int xd_table_sync(xd_table *table);

/* cdef: end */

#define XD_ACCESS_UDP 1u
#define XD_ACCESS_TCP 2u
#define XD_ACCESS_TLS 4u
#define XD_ACCESS_RULES_MAX 255u

#endif
