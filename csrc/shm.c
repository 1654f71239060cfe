/* SPDX-License-Identifier: Apache-2.0 */
#include "shm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t region_bytes(uint32_t slot_count)
{
	return xd_shm_rows_at(slot_count) + slot_count * sizeof(struct xd_stats_row);
}

size_t xd_shm_bytes(const struct xd_shm *shm)
{
	return region_bytes(shm->slot_count);
}

uint32_t xd_shm_control_slot(const struct xd_shm *shm)
{
	return shm->slot_count - XD_CONTROL_SLOTS;
}

static void reset_slot(struct xd_worker_slot *slot, uint32_t kind, uint32_t queue)
{
	slot->kind = kind;
	slot->queue = queue;
	slot->ifindex = 0;
	slot->cpu = -1;
	for (int i = 0; i < XD_COUNTER_SLOTS; i++)
		atomic_store_explicit(&slot->counters[i], 0, memory_order_relaxed);
	atomic_store_explicit(&slot->seen, XD_SEEN_IDLE, memory_order_release);
}

static void fill_in(struct xd_shm *shm, uint32_t workers)
{
	shm->magic = XD_SHM_MAGIC;
	shm->layout = XD_SHM_LAYOUT;
	shm->slot_bytes = sizeof(struct xd_worker_slot);
	shm->slot_count = workers + XD_CONTROL_SLOTS;
	shm->engine_pid = (uint32_t)getpid();
	for (uint32_t i = 0; i < workers; i++)
		reset_slot(&shm->slots[i], XD_WORKER_NONE, 0);
	for (uint32_t i = 0; i < XD_CONTROL_SLOTS; i++)
		reset_slot(&shm->slots[workers + i], XD_WORKER_CONTROL, i);
}

static bool take_over(const char *path, uint32_t workers, struct xd_shm **out)
{
	struct xd_shm *shm;

	if (xd_shm_open(path, &shm))
		return false;
	if (shm->slot_count != workers + XD_CONTROL_SLOTS) {
		xd_shm_close(shm);
		return false;
	}
	shm->engine_pid = (uint32_t)getpid();
	for (uint32_t i = 0; i < workers; i++)
		reset_slot(&shm->slots[i], XD_WORKER_NONE, 0);
	*out = shm;
	return true;
}

static int map_region(int fd, size_t bytes, struct xd_shm **out)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -XD_E_SYSTEM;
	*out = at;
	return 0;
}

/* Space is allocated here, so that a full memory file system is an error now and no SIGBUS later. */
int xd_shm_create(const char *path, uint32_t workers, struct xd_shm **out)
{
	size_t bytes = region_bytes(workers + XD_CONTROL_SLOTS);
	char temporary[4096];
	int fd, result, failed;

	if (workers + XD_CONTROL_SLOTS > XD_WORKERS_MAX)
		return -XD_E_RANGE;
	if (take_over(path, workers, out))
		return 0;
	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return -XD_E_RANGE;
	fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);
	if (fd < 0)
		return -XD_E_SYSTEM;
	failed = posix_fallocate(fd, 0, (off_t)bytes);
	if (failed) {
		errno = failed;
		result = -XD_E_SYSTEM;
		goto remove;
	}
	result = map_region(fd, bytes, out);
	if (result)
		goto remove;
	fill_in(*out, workers);
	if (rename(temporary, path)) {
		result = -XD_E_SYSTEM;
		goto unmap;
	}
	close(fd);
	return 0;
unmap:
	failed = errno;
	munmap(*out, bytes);
	errno = failed;
remove:
	failed = errno;
	unlink(temporary);
	close(fd);
	errno = failed;
	return result;
}

static int check_region(const struct xd_shm *header, off_t size)
{
	if (header->magic != XD_SHM_MAGIC || header->layout != XD_SHM_LAYOUT)
		return -XD_E_SHM;
	if (header->slot_bytes != sizeof(struct xd_worker_slot) || header->slot_count > XD_WORKERS_MAX ||
	    header->slot_count < XD_CONTROL_SLOTS || size < (off_t)region_bytes(header->slot_count))
		return -XD_E_SHM;
	return 0;
}

int xd_shm_open(const char *path, struct xd_shm **out)
{
	struct xd_shm header;
	struct stat status;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int result = -XD_E_SYSTEM;
	int failed;

	if (fd < 0)
		return -XD_E_SYSTEM;
	if (fstat(fd, &status))
		goto close;
	result = -XD_E_SHM;
	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		goto close;
	result = check_region(&header, status.st_size);
	if (!result)
		result = map_region(fd, region_bytes(header.slot_count), out);
close:
	failed = errno;
	close(fd);
	errno = failed;
	return result;
}

void xd_shm_close(struct xd_shm *shm)
{
	if (shm)
		munmap(shm, xd_shm_bytes(shm));
}
