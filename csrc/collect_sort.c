/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorts runs by owner, eight octets of the key at a time: a merge sort on the words, then every group of equal words again by
 * the next eight octets. Zero octets behind the end of a key keep the order, since a key has no empty label.
 */
#include "collect.h"

#include "collect_impl.h"

/* Below this a run of insertions is faster than merging. */
#define INSERTION_COUNT 12

static void insertion_sort(struct xd_run *runs, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct xd_run run = runs[i];
		size_t j = i;
		for (; j && runs[j - 1].word > run.word; j--)
			runs[j] = runs[j - 1];
		runs[j] = run;
	}
}

static void merge(struct xd_run *out, const struct xd_run *a, size_t a_count, const struct xd_run *b, size_t b_count)
{
	while (a_count && b_count) {
		/* Without a branch: which side is smaller cannot be predicted. */
		size_t take_b = b->word < a->word;
		const struct xd_run *from = take_b ? b : a;
		*out++ = *from;
		b += take_b;
		b_count -= take_b;
		a += !take_b;
		a_count -= !take_b;
	}
	memcpy(out, a, a_count * sizeof(*a));
	memcpy(out + a_count, b, b_count * sizeof(*b));
}

static bool is_sorted(const struct xd_run *runs, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (runs[i - 1].word > runs[i].word)
			return false;
	return true;
}

/* One pass: neighbouring blocks of `width` from `in` merged into `out`. */
static void merge_pass(struct xd_run *out, const struct xd_run *in, size_t count, size_t width)
{
	for (size_t at = 0; at < count; at += 2 * width) {
		size_t a_count = count - at < width ? count - at : width;
		size_t b_count = count - at - a_count < width ? count - at - a_count : width;
		merge(out + at, in + at, a_count, in + at + a_count, b_count);
	}
}

static void sort_words(struct xd_run *runs, struct xd_run *scratch, size_t count)
{
	struct xd_run *in = runs, *out = scratch;

	if (is_sorted(runs, count))
		return;
	for (size_t at = 0; at < count; at += INSERTION_COUNT)
		insertion_sort(runs + at, count - at < INSERTION_COUNT ? count - at : INSERTION_COUNT);
	for (size_t width = INSERTION_COUNT; width < count; width *= 2) {
		merge_pass(out, in, count, width);
		struct xd_run *swap = in;
		in = out;
		out = swap;
	}
	if (in != runs)
		memcpy(runs, in, count * sizeof(*runs));
}

/* Loads the words at `at` of a group; false when every key ends in front of it, so that all are equal. */
static bool load_words(const uint8_t *arena, struct xd_run *runs, size_t count, size_t at)
{
	bool more = false;

	for (size_t i = 0; i < count; i++) {
		const uint8_t *run = arena + runs[i].offset;
		size_t key_len = read_run(run).key_len;
		runs[i].word = key_word(run + sizeof(struct run_header), key_len, at);
		more |= key_len > at;
	}
	return more;
}

/* Depth of recursion: XD_KEY_OWNER_MAX / 8. */
static void sort_groups(const uint8_t *arena, struct xd_run *runs, struct xd_run *scratch, size_t count, size_t at)
{
	sort_words(runs, scratch, count);
	for (size_t start = 0, end; start < count; start = end) {
		for (end = start + 1; end < count && runs[end].word == runs[start].word; end++)
			;
		if (end - start > 1 && load_words(arena, runs + start, end - start, at + 8))
			sort_groups(arena, runs + start, scratch, end - start, at + 8);
	}
}

void xd__runs_sort(const uint8_t *arena, struct xd_run *runs, struct xd_run *scratch, size_t count)
{
	sort_groups(arena, runs, scratch, count, 0);
}
