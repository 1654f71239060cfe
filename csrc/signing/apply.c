/* SPDX-License-Identifier: Apache-2.0 */
/* Carrying changes out: runs of pairs that stay are copied at once. */
#include <stdbool.h>
#include <string.h>

#include "signing/apply.h"
#include "signing/sign.h"

/* Pairs, and how far they were taken. */
struct source {
	const uint8_t *bytes;
	const uint64_t *offsets;
	size_t count;
	size_t next;
};

static int compare_next(const struct source *a, const struct source *b)
{
	const uint64_t *at = a->offsets + 2 * a->next, *bt = b->offsets + 2 * b->next;
	size_t a_len = (size_t)(at[1] - at[0]), b_len = (size_t)(bt[1] - bt[0]);
	int diff = memcmp(a->bytes + at[0], b->bytes + bt[0], a_len < b_len ? a_len : b_len);

	return diff ? diff : (a_len > b_len) - (a_len < b_len);
}

static int copy(struct xd_writer *out, const struct source *from, size_t first, size_t count)
{
	return xd_writer_copy(out, from->bytes, from->offsets + 2 * first, count);
}

static bool is_removal(const struct source *changes)
{
	const uint64_t *at = changes->offsets + 2 * changes->next;

	return at[1] == at[2];
}

/* Copies the pairs before the next change, steps over the one that it replaces, and takes the change. */
static int take_change(struct xd_writer *out, struct source *old, struct source *changes)
{
	size_t first = old->next;
	int diff = 1;

	while (old->next < old->count && (diff = compare_next(old, changes)) < 0)
		old->next++;
	int result = copy(out, old, first, old->next - first);
	if (old->next < old->count && !diff)
		old->next++;
	if (result == XD_OK && !is_removal(changes))
		result = copy(out, changes, changes->next, 1);
	changes->next++;
	return result;
}

static int take_all(struct xd_writer *out, struct source *old, struct source *changes)
{
	int result = XD_OK;

	while (result == XD_OK && changes->next < changes->count)
		result = take_change(out, old, changes);
	return result == XD_OK ? copy(out, old, old->next, old->count - old->next) : result;
}

int xd_apply_run(struct xd_writer *out, const uint8_t *bytes, const uint64_t *offsets, size_t first, size_t end,
                 struct xd_writer *changes)
{
	struct source old = { bytes, offsets, end, first };
	struct source changed = { changes->bytes.data, changes->offsets, changes->count, 0 };
	int result = take_all(out, &old, &changed);

	xd_writer_clear(changes);
	return result;
}

int xd_apply_changes(const uint8_t *bytes, const uint64_t *offsets, size_t count, const uint8_t *changed_bytes,
                     const uint64_t *changed_offsets, size_t changed_count, xd_pairs *merged)
{
	struct source old = { bytes, offsets, count, 0 }, changes = { changed_bytes, changed_offsets, changed_count, 0 };
	struct xd_writer out = { 0 };
	size_t room = (size_t)((count ? offsets[2 * count] : 0) + (changed_count ? changed_offsets[2 * changed_count] : 0));
	int result = xd_octets_reserve(&out.bytes, room);

	if (result == XD_OK)
		result = take_all(&out, &old, &changes);
	if (result == XD_OK)
		result = xd_writer_finish(&out, merged);
	xd_writer_uninit(&out);
	return result;
}
