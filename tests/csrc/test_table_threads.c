/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers verify every answer while the writer updates, rebuilds and grows the zone: each answer is of one version, and
 * versions never go back. Arguments: updates, and names that the largest zone has more than the smallest. Under ThreadSanitizer
 * no block is written while a reader may look at it.
 */
#include <pthread.h>
#include <unistd.h>

#include "stress_table.h"

#define READERS 3u
static unsigned extra_names = 3000;

static _Atomic bool is_over;
static _Atomic bool has_failed;
static xd_table *table;
static xd_shm *shm;

static void *read_on(void *context)
{
	struct stress_reader *reader = context;

	for (unsigned round = 0; !atomic_load(&is_over); round++) {
		if (!stress_read(reader, round)) {
			atomic_store(&has_failed, true);
			break;
		}
	}
	xd_responder_leave(reader->responder);
	return NULL;
}

static void add_names(uint32_t version, unsigned from, unsigned to, const char *records)
{
	char owner[64];
	char text[128];

	NEED(xd_txn_begin(table) == 0);
	for (unsigned i = from; i < to; i++) {
		snprintf(owner, sizeof(owner), "e%u.v.test.", i);
		snprintf(text, sizeof(text), "%s%s", *records ? owner : "", records);
		NEED(test_update(table, "v.test.", version, owner, text) == 0);
	}
	NEED(xd_txn_commit(table) == 0);
}

static void write_versions(uint32_t updates)
{
	uint32_t version = 1;

	for (uint32_t i = 0; i < updates && !atomic_load(&has_failed); i++) {
		NEED(stress_update(table, ++version) == 0);
		if (i % 1000 == 500)
			NEED(stress_build(table, ++version, i % 2000 == 500 ? extra_names : 0) == 0);
		if (i % 100 == 1)
			add_names(version, 0, 60, " 1 A 10.0.0.4\n");
		if (i % 100 == 51)
			add_names(version, 0, 60, "");
	}
}

int main(int argc, char **argv)
{
	uint32_t updates = argc > 1 ? (uint32_t)atoi(argv[1]) : 3000;
	struct stress_reader readers[READERS] = { 0 };
	pthread_t threads[READERS];
	uint64_t answers = 0;
	xd_table_stats stats;

	if (argc > 2)
		extra_names = (unsigned)atoi(argv[2]);
	NEED(xd_table_create("stress_table", &table) == 0 && xd_shm_create("stress_shm", READERS, &shm) == 0);
	xd_table_set_readers(table, shm);
	NEED(stress_build(table, 1, 1) == 0);
	for (unsigned i = 0; i < READERS; i++) {
		NEED(xd_responder_create(table, shm, i, &readers[i].responder) == 0);
		NEED(pthread_create(&threads[i], NULL, read_on, &readers[i]) == 0);
	}
	write_versions(updates);
	atomic_store(&is_over, true);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		xd_responder_free(readers[i].responder);
		answers += readers[i].answers;
	}
	NEED(xd_table_check(table) == 0);
	xd_table_reclaim(table);
	xd_table_get_stats(table, &stats);
	printf("%u updates, %llu answers, file %llu octets\n", updates, (unsigned long long)answers,
	       (unsigned long long)stats.file_bytes);
	xd_table_close(table);
	xd_shm_close(shm);
	unlink("stress_table");
	unlink("stress_shm");
	return atomic_load(&has_failed) || stats.retired_bytes != 0 || answers == 0;
}
