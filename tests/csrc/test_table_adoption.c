/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers and writers as processes with mappings of their own: a writer is killed at a random moment, in the middle of its
 * transactions, and another adopts the table while the readers go on. No answer is wrong, no version is lost or mixed.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress_table.h"

#define READERS 2u
#define TABLE "adoption_table"
#define SHM "adoption_shm"

/* Of anonymous shared memory: what the processes tell the one that judges. */
struct tally {
	_Atomic bool is_over;
	_Atomic uint64_t answers;
	_Atomic uint32_t version; /* last one committed */
};

static pid_t start(int (*run)(struct tally *tally, unsigned n), struct tally *tally, unsigned n)
{
	pid_t pid = fork();

	NEED(pid >= 0);
	if (pid == 0)
		_exit(run(tally, n));
	return pid;
}

static int read_on(struct tally *tally, unsigned n)
{
	struct stress_reader reader = { 0 };
	xd_table *table;
	xd_shm *shm;

	NEED(xd_shm_open(SHM, &shm) == 0 && xd_table_open_reader(TABLE, &table) == 0);
	NEED(xd_responder_create(table, shm, n, &reader.responder) == 0);
	for (unsigned round = 0; !atomic_load(&tally->is_over); round++) {
		if (!stress_read(&reader, round))
			return 1;
	}
	atomic_fetch_add(&tally->answers, reader.answers);
	return reader.answers == 0;
}

/* Goes on from the version found until it is killed. */
static int write_on(struct tally *tally, unsigned n)
{
	uint8_t apex[XD_NAME_MAX];
	xd_zone_info info;
	xd_table *table;
	xd_shm *shm;
	uint32_t version;

	test_name(apex, "v.test.");
	NEED(xd_shm_open(SHM, &shm) == 0 && xd_table_open_writer(TABLE, &table) == 0);
	xd_table_set_readers(table, shm);
	NEED(xd_table_check(table) == 0 && xd_table_zone_info(table, apex, &info) == 0);
	NEED(info.version == info.serial && info.version >= atomic_load(&tally->version));
	version = (uint32_t)info.version;
	for (unsigned i = 0;; i++) {
		version++;
		if (i % 50 == 20 + n % 7)
			NEED(stress_build(table, version, i % 300) == 0);
		else
			NEED(stress_update(table, version) == 0);
		atomic_store(&tally->version, version);
	}
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000L }, NULL);
}

static void make_table(void)
{
	xd_table *table;
	xd_shm *shm;

	NEED(xd_table_create(TABLE, &table) == 0 && stress_build(table, 1, 10) == 0);
	NEED(xd_shm_create(SHM, READERS, &shm) == 0);
	xd_table_close(table);
	xd_shm_close(shm);
}

int main(int argc, char **argv)
{
	unsigned writers = argc > 1 ? (unsigned)atoi(argv[1]) : 30;
	struct tally *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t readers[READERS];
	bool is_right = true;
	int status;

	NEED(tally != MAP_FAILED);
	srand(1);
	make_table();
	for (unsigned i = 0; i < READERS; i++)
		readers[i] = start(read_on, tally, i);
	for (unsigned n = 0; n < writers; n++) {
		pid_t writer = start(write_on, tally, n);

		sleep_ms(60 + rand() % 60);
		kill(writer, SIGKILL);
		NEED(waitpid(writer, &status, 0) == writer);
		is_right = is_right && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	}
	atomic_store(&tally->is_over, true);
	for (unsigned i = 0; i < READERS; i++) {
		NEED(waitpid(readers[i], &status, 0) == readers[i]);
		is_right = is_right && status == 0;
	}
	printf("%u writers, version %u, %llu answers\n", writers, atomic_load(&tally->version),
	       (unsigned long long)atomic_load(&tally->answers));
	unlink(TABLE);
	unlink(SHM);
	return !is_right || atomic_load(&tally->version) < writers;
}
