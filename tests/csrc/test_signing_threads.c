/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that sign and validate one zone, and calls that use one ring at the same time, give what one thread gives. */
#include "signed_zone.h"

#include <pthread.h>

enum { NAMES = 2000, CALLS = 3 };

static xd_ring *ring;
static char *text;
static struct test_keys keys;
static xd_pairs results[CALLS];

static void *sign(void *number)
{
	size_t call = (size_t)(uintptr_t)number;
	static const xd_nsec3_params params = { .iterations = 1 };
	xd_sign_result result;
	xd_fault fault;

	test_unsigned_zone(&keys, "example.", text, &results[call]);
	NEED(test_sign(ring, &results[call], &params, (unsigned)call + 1, &result) == 0);
	NEED(test_validate("example.", &results[call], (unsigned)call + 1, &fault) == 0);
	return NULL;
}

int main(void)
{
	pthread_t threads[CALLS];
	int failures = 0;
	char *at;

	test_keys_init(&keys);
	ring = test_ring(&keys, "example.");
	at = text = malloc(64 * NAMES + 128);
	NEED(text);
	at += sprintf(at, "@ 3600 SOA ns admin 1 3600 900 604800 300\n@ 3600 NS ns\n");
	for (int i = 0; i < NAMES; i++)
		at += sprintf(at, "h%d A 192.0.2.%d\n", i, i % 256);
	for (size_t i = 0; i < CALLS; i++)
		NEED(pthread_create(&threads[i], NULL, sign, (void *)(uintptr_t)i) == 0);
	for (size_t i = 0; i < CALLS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < CALLS; i++)
		failures += results[i].count != results[0].count ||
		            memcmp(results[i].bytes, results[0].bytes, results[0].offsets[2 * results[0].count]) != 0;
	for (size_t i = 0; i < CALLS; i++)
		xd_pairs_uninit(&results[i]);
	free(text);
	xd_ring_free(ring);
	test_keys_uninit(&keys);
	return failures != 0;
}
