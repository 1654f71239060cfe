/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the table: the mapping and the open transaction. Shared by the table's own modules only. */
#ifndef XD_TABLE_WRITER_H
#define XD_TABLE_WRITER_H

#include <stdbool.h>

#include "alloc.h"
#include "layout.h"
#include "suffix.h"
#include "table.h"

/* Growable octets. */
struct xd_scratch {
	uint8_t *bytes;
	size_t len;
	size_t room;
};

/* The zone a transaction works on, unpacked; packed into a new struct xd_zone when another zone's turn comes. */
struct xd_open_zone {
	bool is_open;
	uint64_t old_offset; /* the published struct xd_zone it replaces, 0 if none */
	struct xd_suffixes apex_name;
	struct xd_zone zone; /* without its trailing bytes */
	uint8_t salt[255];
	xd_access_rule access[XD_ACCESS_RULES_MAX];
	bool moves_cuts;           /* an owner became or stopped being a zone cut or DNAME */
	struct xd_scratch changed; /* names of the owners updated, back to back */
};

struct xd_table {
	int fd;
	bool is_writer;
	uint8_t *base;
	uint64_t map_bytes;
	const xd_shm *shm;
	/* Writer only from here on. */
	struct xd_alloc alloc;
	uint64_t prepared_root; /* of the open transaction, once it is prepared */
	bool in_txn;
	bool has_failed;     /* a step of the open transaction failed: it can only be aborted */
	struct xd_root root; /* of the open transaction, or a copy of the published one */
	uint64_t root_offset;
	struct xd_open_zone open;
	struct xd_scratch node; /* a node being rendered, and its parts */
	struct xd_scratch records;
	struct xd_scratch fixups;
	struct xd_scratch targets;
};

static inline struct xd_header *xd_table_header(const xd_table *table)
{
	return (struct xd_header *)table->base;
}

static inline void *xd_at(const xd_table *table, uint64_t offset)
{
	return table->base + offset;
}

/* Appends room for `len` octets; NULL without memory. */
uint8_t *xd_scratch_add(struct xd_scratch *scratch, size_t len);

/* Allocates a block in the open transaction and gives its address. */
XD_CHECKED int xd_table_alloc(xd_table *table, uint64_t bytes, uint64_t *offset, void **block);

/* The open transaction replaced this block: it is retired when the transaction is published. */
XD_CHECKED int xd_table_drop(xd_table *table, uint64_t offset, uint64_t bytes);

/* The result of a step of the open transaction: after one that failed it can only be aborted. */
static inline int xd_txn_step(xd_table *table, int rc)
{
	if (rc)
		table->has_failed = true;
	return rc;
}

/*
 * A newer root than the one noted as synced is published: from here on blocks of the older one may be written over, so the
 * disk must not go on calling it complete. Comes after the change is visible and before anything is reused.
 */
XD_CHECKED int xd_table_forget_synced(xd_table *table);

/* Lengths and counts are within what the structure holds. */
static inline bool xd_server_info_is_sound(const xd_server_info *info)
{
	return info->identity_len <= XD_IDENTITY_MAX && info->version_len <= XD_IDENTITY_MAX &&
	       info->nsid_len <= XD_IDENTITY_MAX && info->cookies.secret_count <= 2 &&
	       info->rrl.exempt_count <= XD_RRL_EXEMPT_MAX && (!info->rrl.rate_limit || info->rrl.table_size);
}

uint32_t xd_crc32c(const void *data, size_t len);

#endif
