/* SPDX-License-Identifier: Apache-2.0 */
/* The table as a file: made, opened, validated, written out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block_map.h"
#include "table_writer.h"
#include "walk.h"

#define PATH_BYTES 4096
#define TABLE_START_BYTES (UINT64_C(1) << 20)

uint8_t *xd_scratch_add(struct xd_scratch *scratch, size_t len)
{
	if (scratch->room - scratch->len < len || !scratch->bytes) {
		size_t room = scratch->room ? scratch->room : 4096;
		uint8_t *grown;

		while (room - scratch->len < len)
			room *= 2;
		grown = realloc(scratch->bytes, room);
		if (!grown)
			return NULL;
		scratch->bytes = grown;
		scratch->room = room;
	}
	scratch->len += len;
	return scratch->bytes + scratch->len - len;
}

uint32_t xd_crc32c(const void *data, size_t len)
{
	const uint8_t *at = data;
	uint32_t crc = UINT32_MAX;

	for (; len; len--, at++) {
		crc ^= *at;
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static int read_boot_id(uint8_t boot_id[16])
{
	char text[64] = "";
	unsigned n = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		close(fd);
	memset(boot_id, 0, 16);
	for (ssize_t i = 0; i + 1 < got && n < 16; i++) {
		unsigned value;

		if (text[i] == '-')
			continue;
		if (sscanf(text + i, "%2x", &value) != 1)
			break;
		boot_id[n++] = (uint8_t)value;
		i++;
	}
	return n == 16 ? 0 : -XD_E_SYSTEM;
}

static int map_table(xd_table *table)
{
	int protection = table->is_writer ? PROT_READ | PROT_WRITE : PROT_READ;
	void *base = mmap(NULL, XD_TABLE_MAP_BYTES, protection, MAP_SHARED | MAP_NORESERVE, table->fd, 0);

	if (base == MAP_FAILED)
		return -XD_E_SYSTEM;
	table->base = base;
	table->map_bytes = XD_TABLE_MAP_BYTES;
	return 0;
}

void xd_table_close(xd_table *table)
{
	if (!table)
		return;
	if (table->is_writer && table->in_txn)
		xd_txn_abort(table);
	if (table->base)
		munmap(table->base, table->map_bytes);
	if (table->fd >= 0)
		close(table->fd);
	if (table->is_writer)
		xd_alloc_uninit(&table->alloc);
	free(table->open.changed.bytes);
	free(table->node.bytes);
	free(table->records.bytes);
	free(table->fixups.bytes);
	free(table->targets.bytes);
	free(table);
}

static uint32_t header_checksum(const struct xd_header *header)
{
	return xd_crc32c(header, offsetof(struct xd_header, checksum));
}

static int fill_header(struct xd_header *header)
{
	header->magic = XD_TABLE_MAGIC;
	header->layout = XD_TABLE_LAYOUT;
	header->endian = XD_TABLE_ENDIAN;
	if (getrandom(header->seed, sizeof(header->seed), 0) != sizeof(header->seed))
		return -XD_E_SYSTEM;
	header->seed[1] |= 1;
	header->checksum = header_checksum(header);
	return read_boot_id(header->boot_id);
}

static int open_file(const char *path, int flags, bool is_writer, xd_table **out)
{
	xd_table *table = calloc(1, sizeof(*table));
	int rc;

	if (!table)
		return -XD_E_NOMEM;
	table->is_writer = is_writer;
	/* It holds the secrets of DNS cookies. A FIFO in its place is refused and not waited for. */
	table->fd = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0640);
	rc = table->fd < 0 ? -XD_E_SYSTEM : 0;
	if (!rc && is_writer && flock(table->fd, LOCK_EX | LOCK_NB) != 0)
		rc = errno == EWOULDBLOCK ? -XD_E_BUSY : -XD_E_SYSTEM;
	if (rc) {
		int err = errno;

		xd_table_close(table);
		errno = err;
		return rc;
	}
	*out = table;
	return 0;
}

/* The first transaction, so that an empty table has a root. */
static int publish_empty(xd_table *table)
{
	int rc;

	table->root.magic = XD_ROOT_MAGIC;
	rc = xd_txn_begin(table);
	return rc ? rc : xd_txn_commit(table);
}

int xd_table_create(const char *path, xd_table **out)
{
	char made[PATH_BYTES];
	xd_table *table;
	int rc;
	int err;

	if ((size_t)snprintf(made, sizeof(made), "%s.new", path) >= sizeof(made))
		return -XD_E_RANGE;
	if (unlink(made) != 0 && errno != ENOENT)
		return -XD_E_SYSTEM;
	rc = open_file(made, O_RDWR | O_CREAT | O_EXCL, true, &table);
	if (rc)
		return rc;
	err = posix_fallocate(table->fd, 0, (off_t)TABLE_START_BYTES);
	if (err) {
		errno = err;
		rc = -XD_E_SYSTEM;
	}
	if (!rc)
		rc = map_table(table);
	if (!rc)
		rc = fill_header(xd_table_header(table));
	if (!rc) {
		xd_alloc_init(&table->alloc, table->fd, TABLE_START_BYTES, XD_HEADER_BYTES);
		rc = publish_empty(table);
	}
	if (!rc && rename(made, path) != 0)
		rc = -XD_E_SYSTEM;
	if (rc) {
		err = errno;
		xd_table_close(table);
		unlink(made);
		errno = err;
		return rc;
	}
	*out = table;
	return 0;
}

static int check_root(const xd_table *table, uint64_t offset, uint64_t file_bytes)
{
	const struct xd_root *root;

	if (offset < XD_HEADER_BYTES || offset % XD_BLOCK_ALIGN || offset > file_bytes - sizeof(*root))
		return -XD_E_TABLE_TRUNCATED;
	root = xd_at(table, offset);
	if (root->magic != XD_ROOT_MAGIC ||
	    root->checksum != xd_crc32c(&root->generation, sizeof(*root) - offsetof(struct xd_root, generation)))
		return -XD_E_TABLE_CHECKSUM;
	if (root->end % XD_BLOCK_ALIGN)
		return -XD_E_TABLE_CORRUPT;
	return root->end <= file_bytes ? 0 : -XD_E_TABLE_TRUNCATED;
}

static int check_header(const xd_table *table, uint64_t file_bytes)
{
	const struct xd_header *header = xd_table_header(table);
	uint64_t offset;
	int rc;

	if (header->magic != XD_TABLE_MAGIC)
		return -XD_E_TABLE_MAGIC;
	if (header->layout != XD_TABLE_LAYOUT || header->endian != XD_TABLE_ENDIAN)
		return -XD_E_TABLE_LAYOUT;
	if (header->checksum != header_checksum(header))
		return -XD_E_TABLE_CHECKSUM;
	/* The writer does not know of this reader yet: while it publishes, the root just found may be gone again. */
	do {
		offset = atomic_load_explicit(&header->root, memory_order_acquire);
		rc = check_root(table, offset, file_bytes);
	} while (rc && offset != atomic_load_explicit(&header->root, memory_order_acquire));
	return rc;
}

/*
 * While the system that wrote the table runs, its pages are whole whoever died. After a crash of the system only what
 * had been written out is: the root must be one that xd_table_sync put there.
 */
static int check_boot(const xd_table *table, bool *is_this_boot)
{
	const struct xd_header *header = xd_table_header(table);
	const struct xd_root *root;
	uint8_t boot_id[16];
	int rc = read_boot_id(boot_id);

	*is_this_boot = !rc && memcmp(boot_id, header->boot_id, sizeof(boot_id)) == 0;
	if (rc || *is_this_boot)
		return rc;
	root = xd_at(table, atomic_load_explicit(&header->root, memory_order_relaxed));
	return atomic_load_explicit(&header->synced, memory_order_relaxed) == root->generation ? 0 : -XD_E_TABLE_STALE;
}

static int visit_nothing(void *context, enum xd_block_kind kind, uint64_t offset, uint64_t bytes)
{
	(void)context;
	(void)kind;
	(void)offset;
	(void)bytes;
	return 0;
}

static struct xd_walk make_walk(const xd_table *table, const struct xd_root *root)
{
	return (struct xd_walk){
		.base = table->base,
		.end = root->end,
		.seed = xd_table_header(table)->seed,
		.visit = visit_nothing,
	};
}

int xd_table_check(xd_table *table)
{
	uint64_t offset = atomic_load_explicit(&xd_table_header(table)->root, memory_order_acquire);
	struct xd_walk walk = make_walk(table, xd_at(table, offset));

	return xd_walk_root(&walk, offset);
}

static int open_existing(const char *path, bool is_writer, xd_table **out, bool *is_this_boot)
{
	struct stat st;
	xd_table *table;
	int rc = open_file(path, is_writer ? O_RDWR : O_RDONLY, is_writer, &table);
	int err;

	if (rc)
		return rc;
	if (fstat(table->fd, &st) != 0)
		rc = -XD_E_SYSTEM;
	else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size < XD_HEADER_BYTES + sizeof(struct xd_root))
		rc = -XD_E_TABLE_TRUNCATED;
	if (!rc)
		rc = map_table(table);
	if (!rc)
		rc = check_header(table, (uint64_t)st.st_size);
	if (!rc)
		rc = check_boot(table, is_this_boot);
	if (rc) {
		err = errno;
		xd_table_close(table);
		errno = err;
		return rc;
	}
	table->alloc.fd = table->fd;
	table->alloc.file_bytes = (uint64_t)st.st_size;
	*out = table;
	return 0;
}

int xd_table_open_reader(const char *path, xd_table **out)
{
	bool is_this_boot;
	int rc = open_existing(path, false, out, &is_this_boot);

	if (rc || is_this_boot)
		return rc;
	rc = xd_table_check(*out);
	if (rc)
		xd_table_close(*out);
	return rc;
}

/* What rebuild_alloc gathers on its walk. */
struct used_blocks {
	struct xd_block_map map;
	uint64_t bytes;
};

static int add_block(void *context, enum xd_block_kind kind, uint64_t offset, uint64_t bytes)
{
	struct used_blocks *used = context;

	(void)kind;
	used->bytes += xd_block_round(bytes);
	return xd_block_map_add(&used->map, offset, xd_block_round(bytes));
}

/*
 * What the root reaches is in use. The gaps between become free when the readers, who may still look at what an earlier root
 * had there, have seen this root. Blocks that overlap are no table.
 */
static int rebuild_alloc(xd_table *table, uint64_t root_offset)
{
	const struct xd_root *root = xd_at(table, root_offset);
	struct used_blocks used = { .bytes = 0 };
	struct xd_walk walk = make_walk(table, root);
	int rc = xd_block_map_init(&used.map, root->end);

	if (rc)
		return rc;
	walk.visit = add_block;
	walk.context = &used;
	xd_alloc_init(&table->alloc, table->fd, table->alloc.file_bytes, root->end);
	rc = xd_walk_root(&walk, root_offset);
	table->alloc.used_bytes = used.bytes;
	for (uint64_t at = XD_HEADER_BYTES, gap; !rc && xd_block_map_next_gap(&used.map, &at, &gap); at += gap)
		rc = xd_alloc_add_gap(&table->alloc, at, gap, root->generation);
	xd_block_map_uninit(&used.map);
	return rc;
}

int xd_table_open_writer(const char *path, xd_table **out)
{
	bool is_this_boot;
	xd_table *table;
	int rc = open_existing(path, true, &table, &is_this_boot);
	int err;

	if (rc)
		return rc;
	table->root_offset = atomic_load_explicit(&xd_table_header(table)->root, memory_order_acquire);
	table->root = *(const struct xd_root *)xd_at(table, table->root_offset);
	rc = rebuild_alloc(table, table->root_offset);
	if (!rc && !is_this_boot)
		rc = read_boot_id(xd_table_header(table)->boot_id);
	/* The writer before may have died between publishing and saying so. */
	if (!rc && atomic_load_explicit(&xd_table_header(table)->synced, memory_order_relaxed) != table->root.generation)
		rc = xd_table_forget_synced(table);
	if (rc) {
		err = errno;
		xd_table_close(table);
		errno = err;
		return rc;
	}
	*out = table;
	return 0;
}

/*
 * First the blocks, then the note that they are there. A change published in between is not covered by the note, which
 * names the root it is about.
 */
int xd_table_sync(xd_table *table)
{
	struct xd_header *header = xd_table_header(table);
	const struct xd_root *root = xd_at(table, atomic_load_explicit(&header->root, memory_order_acquire));
	uint64_t generation = root->generation;

	if (atomic_load_explicit(&header->synced, memory_order_relaxed) == generation)
		return 0;
	if (msync(table->base, table->alloc.file_bytes, MS_SYNC) != 0)
		return -XD_E_SYSTEM;
	atomic_store_explicit(&header->synced, generation, memory_order_relaxed);
	return msync(table->base, XD_HEADER_BYTES, MS_SYNC) == 0 ? 0 : -XD_E_SYSTEM;
}

void xd_table_get_stats(xd_table *table, xd_table_stats *out)
{
	uint64_t offset = atomic_load_explicit(&xd_table_header(table)->root, memory_order_acquire);
	const struct xd_root *root = xd_at(table, offset);

	out->file_bytes = table->alloc.file_bytes;
	out->used_bytes = table->alloc.used_bytes;
	out->retired_bytes = table->alloc.retired_bytes;
	out->generation = root->generation;
	out->zones = root->zone_count;
}
