/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/work.h"

#include <pthread.h>
#include <stdatomic.h>

struct crew {
	const struct xd_work *work;
	size_t count;
	atomic_size_t next; /* block that nobody has taken; relaxed */
	atomic_int result;  /* first error; relaxed, read after all have ended */
};

struct member {
	struct crew *crew;
	unsigned number;
	pthread_t thread;
};

static int run_block(const struct xd_work *work, unsigned worker, size_t block)
{
	if (work->stop && __atomic_load_n(work->stop, __ATOMIC_RELAXED))
		return -XD_E_STOPPED;
	return work->run(work->arg, worker, block);
}

static void *take_blocks(void *arg)
{
	struct member *member = arg;
	struct crew *crew = member->crew;
	size_t block;

	while (!atomic_load_explicit(&crew->result, memory_order_relaxed) &&
	       (block = atomic_fetch_add_explicit(&crew->next, 1, memory_order_relaxed)) < crew->count) {
		int result = run_block(crew->work, member->number, block);
		int none = 0;
		if (result < 0)
			atomic_compare_exchange_strong(&crew->result, &none, result);
	}
	return NULL;
}

int xd_work_run(const struct xd_work *work, size_t count)
{
	struct crew crew = { .work = work, .count = count };
	struct member members[XD_WORK_THREADS_MAX];
	unsigned started = 1;

	while (started < work->threads && started < XD_WORK_THREADS_MAX && started < count) {
		members[started] = (struct member){ .crew = &crew, .number = started };
		if (pthread_create(&members[started].thread, NULL, take_blocks, &members[started]))
			break;
		started++;
	}
	members[0] = (struct member){ .crew = &crew };
	take_blocks(&members[0]);
	while (started > 1)
		pthread_join(members[--started].thread, NULL);
	return atomic_load(&crew.result);
}
