/* SPDX-License-Identifier: Apache-2.0 */
/* The shared region: made, taken over by the next engine of the same size, replaced by one of another, refused. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shm.h"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

static const char path[] = "test-shm.region";

static uint64_t seen(struct xd_shm *shm, uint32_t slot)
{
	return atomic_load_explicit(&shm->slots[slot].seen, memory_order_acquire);
}

static void test_made_and_opened(void)
{
	struct xd_shm *made = NULL, *opened = NULL;

	EXPECT(xd_shm_create(path, 3, &made) == 0, "created");
	EXPECT(xd_shm_open(path, &opened) == 0, "opened");
	if (!made || !opened)
		return;
	EXPECT(opened->slot_count == 3 + XD_CONTROL_SLOTS && xd_shm_control_slot(opened) == 3, "control slots come last");
	EXPECT(xd_shm_rows_at(opened->slot_count) % 4096 == 0 &&
	               xd_shm_rows_at(opened->slot_count) >= 64 + opened->slot_count * sizeof(struct xd_worker_slot),
	       "rows begin on a page behind the slots");
	EXPECT(xd_shm_bytes(opened) == xd_shm_rows_at(opened->slot_count) + opened->slot_count * 4096u, "size");
	EXPECT(opened->engine_pid == (uint32_t)getpid(), "whose it is");
	for (uint32_t i = 0; i < opened->slot_count; i++) {
		EXPECT(seen(opened, i) == XD_SEEN_IDLE, "nobody reads yet");
		EXPECT(opened->slots[i].kind == (i < 3 ? XD_WORKER_NONE : XD_WORKER_CONTROL), "kinds");
	}
	xd_count(&made->slots[1], XD_C_rx_packets, 5);
	xd_count(&made->slots[1], XD_C_rx_packets, 2);
	EXPECT(atomic_load(&opened->slots[1].counters[XD_C_rx_packets]) == 7, "counts are seen by others");
	xd_shm_close(opened);
	xd_shm_close(made);
}

static void test_taken_over(void)
{
	struct xd_shm *old = NULL, *next = NULL;

	EXPECT(xd_shm_create(path, 3, &old) == 0, "created");
	if (!old)
		return;
	xd_count(&old->slots[0], XD_C_rx_packets, 5);
	atomic_store(&old->slots[0].seen, 4);
	atomic_store(&old->slots[4].seen, 6);
	EXPECT(xd_shm_create(path, 3, &next) == 0 && next, "taken over");
	EXPECT(atomic_load(&old->slots[0].counters[XD_C_rx_packets]) == 0, "counters begin at 0");
	EXPECT(seen(old, 0) == XD_SEEN_IDLE, "the dead reader holds nothing");
	EXPECT(seen(next, 4) == 6, "readers of the control plane go on");
	xd_shm_close(next);
	next = NULL;
	EXPECT(xd_shm_create(path, 4, &next) == 0 && next, "replaced by a larger one");
	EXPECT(old->slot_count == 3 + XD_CONTROL_SLOTS && next->slot_count == 4 + XD_CONTROL_SLOTS, "the old one stays");
	EXPECT(seen(next, 5) == XD_SEEN_IDLE, "nothing of the old one is in the new one");
	xd_shm_close(next);
	xd_shm_close(old);
}

static void write_file(const void *octets, size_t len)
{
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(octets, 1, len, file) != len)
		failures++;
	if (file)
		fclose(file);
}

static void test_refused(void)
{
	static uint8_t octets[64 + 16 * sizeof(struct xd_worker_slot)];
	struct xd_shm header = { .magic = XD_SHM_MAGIC, .layout = XD_SHM_LAYOUT, .slot_bytes = sizeof(struct xd_worker_slot) };
	struct xd_shm *shm = NULL;

	write_file("junk", 4);
	EXPECT(xd_shm_open(path, &shm) == -XD_E_SHM, "shorter than a header");
	write_file(octets, sizeof(octets));
	EXPECT(xd_shm_open(path, &shm) == -XD_E_SHM, "no magic");
	header.slot_count = 17;
	memcpy(octets, &header, sizeof(header));
	write_file(octets, sizeof(octets));
	EXPECT(xd_shm_open(path, &shm) == -XD_E_SHM, "more slots than octets");
	header.slot_count = XD_CONTROL_SLOTS - 1;
	memcpy(octets, &header, sizeof(header));
	write_file(octets, sizeof(octets));
	EXPECT(xd_shm_open(path, &shm) == -XD_E_SHM, "no room for the control plane");
	header.slot_count = 16;
	header.layout = XD_SHM_LAYOUT + 1;
	memcpy(octets, &header, sizeof(header));
	write_file(octets, sizeof(octets));
	EXPECT(xd_shm_open(path, &shm) == -XD_E_SHM, "another layout");
	EXPECT(xd_shm_create(path, 2, &shm) == 0, "what is refused is replaced");
	xd_shm_close(shm);
	EXPECT(xd_shm_create(path, XD_WORKERS_MAX, &shm) == -XD_E_RANGE, "too many workers");
	unlink(path);
	EXPECT(xd_shm_open(path, &shm) == -XD_E_SYSTEM, "missing");
	EXPECT(xd_shm_create("no-such-directory/region", 1, &shm) == -XD_E_SYSTEM, "nowhere to make it");
}

int main(void)
{
	test_made_and_opened();
	test_taken_over();
	test_refused();
	unlink(path);
	return failures != 0;
}
