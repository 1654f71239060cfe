/* SPDX-License-Identifier: Apache-2.0 */
#include "zone_stats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "limits.h"

enum { PATH_BYTES = 4096 };

#define AREA_BYTES ((uint64_t)XD_ZONE_STATS_MAX * (XD_ZONE_STATS_BASIC_BYTES + XD_ZONE_STATS_WIDE_BYTES))

struct xd_zone_stats {
	int fd;
	uint8_t *base;
	uint64_t bytes;
};

static uint64_t file_bytes(uint32_t slot_count)
{
	return XD_ZONE_STATS_HEADER_BYTES + slot_count * AREA_BYTES;
}

static struct xd_zone_stats_header *header_of(const struct xd_zone_stats *stats)
{
	return (struct xd_zone_stats_header *)stats->base;
}

static uint64_t basic_at(uint32_t slot, uint32_t row)
{
	return XD_ZONE_STATS_HEADER_BYTES + slot * AREA_BYTES + (uint64_t)row * XD_ZONE_STATS_BASIC_BYTES;
}

static uint64_t wide_at(uint32_t slot, uint32_t row)
{
	return XD_ZONE_STATS_HEADER_BYTES + slot * AREA_BYTES + (uint64_t)XD_ZONE_STATS_MAX * XD_ZONE_STATS_BASIC_BYTES +
	       (uint64_t)row * XD_ZONE_STATS_WIDE_BYTES;
}

/* Maps an open file, which becomes the result's, or is closed. */
static int map_file(int fd, uint64_t bytes, struct xd_zone_stats **out)
{
	struct xd_zone_stats *stats = calloc(1, sizeof(*stats));
	void *base = MAP_FAILED;
	int failed;

	if (stats)
		base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (base == MAP_FAILED) {
		failed = errno;
		free(stats);
		close(fd);
		errno = failed;
		return stats ? -XD_E_SYSTEM : -XD_E_NOMEM;
	}
	stats->fd = fd;
	stats->base = base;
	stats->bytes = bytes;
	*out = stats;
	return 0;
}

static int make_file(const char *path, uint32_t slot_count)
{
	const struct xd_zone_stats_header header = {
		.magic = XD_ZONE_STATS_MAGIC,
		.layout = XD_ZONE_STATS_LAYOUT,
		.slot_count = slot_count,
		.zones_max = XD_ZONE_STATS_MAX,
	};
	char temporary[PATH_BYTES];
	int failed, fd;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= PATH_BYTES)
		return -XD_E_RANGE;
	fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);
	if (fd < 0)
		return -XD_E_SYSTEM;
	if (ftruncate(fd, (off_t)file_bytes(slot_count)) || pwrite(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    rename(temporary, path)) {
		failed = errno;
		unlink(temporary);
		close(fd);
		errno = failed;
		return -XD_E_SYSTEM;
	}
	close(fd);
	return 0;
}

int xd_zone_stats_create(const char *path, uint32_t slot_count, struct xd_zone_stats **out)
{
	int result;

	if (slot_count > XD_WORKERS_MAX)
		return -XD_E_RANGE;
	if (!xd_zone_stats_open(path, out)) {
		if (header_of(*out)->slot_count == slot_count)
			return 0;
		xd_zone_stats_close(*out);
	}
	result = make_file(path, slot_count);
	return result ? result : xd_zone_stats_open(path, out);
}

int xd_zone_stats_open(const char *path, struct xd_zone_stats **out)
{
	struct xd_zone_stats_header header;
	struct stat status;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -XD_E_SYSTEM;
	if (fstat(fd, &status) || pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    header.magic != XD_ZONE_STATS_MAGIC || header.layout != XD_ZONE_STATS_LAYOUT ||
	    header.zones_max != XD_ZONE_STATS_MAX || header.slot_count > XD_WORKERS_MAX ||
	    (uint64_t)status.st_size != file_bytes(header.slot_count)) {
		close(fd);
		return -XD_E_SHM;
	}
	return map_file(fd, (uint64_t)status.st_size, out);
}

void xd_zone_stats_close(struct xd_zone_stats *stats)
{
	if (!stats)
		return;
	munmap(stats->base, stats->bytes);
	close(stats->fd);
	free(stats);
}

static int reserve(int fd, uint64_t from, uint64_t to)
{
	int failed = to > from ? posix_fallocate(fd, (off_t)from, (off_t)(to - from)) : 0;

	errno = failed;
	return failed ? -XD_E_SYSTEM : 0;
}

int xd_zone_stats_reserve(struct xd_zone_stats *stats, uint32_t rows, int with_wide)
{
	struct xd_zone_stats_header *header = header_of(stats);
	uint32_t basic = atomic_load_explicit(&header->basic_reserved, memory_order_relaxed);
	uint32_t wide = atomic_load_explicit(&header->wide_reserved, memory_order_relaxed);
	int result = 0;

	if (rows > XD_ZONE_STATS_MAX)
		return -XD_E_RANGE;
	for (uint32_t slot = 0; slot < header->slot_count && !result; slot++) {
		result = reserve(stats->fd, basic_at(slot, basic), basic_at(slot, rows));
		if (!result && with_wide)
			result = reserve(stats->fd, wide_at(slot, wide), wide_at(slot, rows));
	}
	if (result)
		return result;
	if (rows > basic)
		atomic_store_explicit(&header->basic_reserved, rows, memory_order_release);
	if (with_wide && rows > wide)
		atomic_store_explicit(&header->wide_reserved, rows, memory_order_release);
	return 0;
}

struct xd_stats_target xd_zone_stats_target(const struct xd_zone_stats *stats, uint32_t slot, uint32_t row, uint32_t families)
{
	const struct xd_zone_stats_header *header = header_of(stats);
	struct xd_stats_target target = { .families = families };

	if (slot >= header->slot_count || row >= atomic_load_explicit(&header->basic_reserved, memory_order_acquire))
		return target;
	target.basic = (_Atomic uint64_t *)(stats->base + basic_at(slot, row));
	if (row < atomic_load_explicit(&header->wide_reserved, memory_order_acquire))
		target.wide = (_Atomic uint64_t *)(stats->base + wide_at(slot, row));
	return target;
}

void xd_zone_stats_clear(struct xd_zone_stats *stats, uint32_t row)
{
	uint32_t slot_count = header_of(stats)->slot_count;

	for (uint32_t slot = 0; slot < slot_count; slot++) {
		struct xd_stats_target target = xd_zone_stats_target(stats, slot, row, 0);

		for (unsigned i = 0; target.basic && i < XD_STATS_BASIC; i++)
			atomic_store_explicit(&target.basic[i], 0, memory_order_relaxed);
		for (unsigned i = 0; target.wide && i < XD_STATS_WIDE; i++)
			atomic_store_explicit(&target.wide[i], 0, memory_order_relaxed);
	}
}

int xd_zone_stats_sum(struct xd_zone_stats *stats, uint32_t row, uint64_t *out)
{
	uint32_t slot_count = header_of(stats)->slot_count;

	for (unsigned i = 0; i < XD_STATS_BASIC + XD_STATS_WIDE; i++)
		out[i] = 0;
	if (row >= XD_ZONE_STATS_MAX)
		return -XD_E_RANGE;
	for (uint32_t slot = 0; slot < slot_count; slot++) {
		struct xd_stats_target target = xd_zone_stats_target(stats, slot, row, 0);

		for (unsigned i = 0; target.basic && i < XD_STATS_BASIC; i++)
			out[i] += atomic_load_explicit(&target.basic[i], memory_order_relaxed);
		for (unsigned i = 0; target.wide && i < XD_STATS_WIDE; i++)
			out[XD_STATS_BASIC + i] += atomic_load_explicit(&target.wide[i], memory_order_relaxed);
	}
	return 0;
}
