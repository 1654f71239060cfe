/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any record data of the types that DNSSEC makes, and of keys, at the names of a zone: signing it gives a zone that signing
 * does not change any more, and whose validation finds nothing wrong with what was signed.
 *
 * The input is pieces: name, type, length, octets.
 */
#include "../csrc/signed_zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECE_HEAD = 3, PIECES_MAX = 40, NAMES = 8, TYPES = 8 };

static const char zone_text[] = "@ 3600 SOA ns admin 1 3600 900 604800 300\n@ 3600 NS ns\nns A 192.0.2.1\n"
				"a.b.c A 192.0.2.2\n*.w TXT x\nsub NS ns.sub\nns.sub A 192.0.2.3\nsec NS ns\n"
				"sec DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n";

static struct test_keys keys;
static xd_ring *ring;
static xd_pairs base;

static void require(int condition)
{
	if (!condition)
		abort();
}

static void prepare(void)
{
	if (ring)
		return;
	test_keys_init(&keys);
	ring = test_ring(&keys, "example.");
	test_unsigned_zone(&keys, "example.", zone_text, &base);
}

/* The piece as a pair whose value has one record. */
static int put_piece(struct xd_writer *writer, const uint8_t *piece, size_t len)
{
	static const char *const names[NAMES] = { "\7example",
		                                  "\2ns\7example",
		                                  "\3sub\7example",
		                                  "\2ns\3sub\7example",
		                                  "\1c\7example",
		                                  "\1a\1b\1c\7example",
		                                  "\1z\7example",
		                                  "\40"
		                                  "00000000000000000000000000000000\7example" };
	static const uint16_t types[TYPES] = { 46, 47, 50, 51, 48, 43, 1, 39 };
	uint8_t key[XD_KEY_MAX] = { 0 }, value[8 + 255] = { 0, 0, 1, 44, 0, 1 };
	size_t prefix_len = 4 + xd_key_write_owner(key + 4, (const uint8_t *)names[piece[0] % NAMES]);
	size_t rdlength = piece[2] < len - PIECE_HEAD ? piece[2] : len - PIECE_HEAD;

	xd_store_be16(value + 6, (uint16_t)rdlength);
	memcpy(value + 8, piece + PIECE_HEAD, rdlength);
	return xd_writer_put(writer, key, prefix_len + 1, types[piece[1] % TYPES], value, 8 + rdlength);
}

/* The zone with the pieces carried out one after the other. */
static void change_zone(xd_pairs *pairs, const uint8_t *data, size_t size)
{
	require(xd_apply_changes(base.bytes, base.offsets, base.count, NULL, NULL, 0, pairs) == 0);
	for (int i = 0; i < PIECES_MAX && size >= PIECE_HEAD; i++) {
		struct xd_writer writer = { 0 };
		size_t used = PIECE_HEAD + data[2] < size ? PIECE_HEAD + data[2] : size;
		xd_pairs change, merged;
		require(put_piece(&writer, data, used) == 0 && xd_writer_finish(&writer, &change) == 0);
		require(xd_apply_changes(pairs->bytes, pairs->offsets, pairs->count, change.bytes, change.offsets, 1,
		                         &merged) == 0);
		xd_pairs_uninit(&change);
		xd_pairs_uninit(pairs);
		*pairs = merged;
		data += used;
		size -= used;
	}
}

static void check_chain(const xd_pairs *unsigned_pairs, const xd_nsec3_params *params)
{
	xd_sign_result result;
	xd_pairs pairs;
	xd_fault fault;

	require(xd_apply_changes(unsigned_pairs->bytes, unsigned_pairs->offsets, unsigned_pairs->count, NULL, NULL, 0,
	                         &pairs) == 0);
	require(test_sign(ring, &pairs, params, 1, &result) == 0);
	uint64_t signatures = result.signatures;
	require(test_sign(ring, &pairs, params, 1, &result) == 0);
	require(result.new_signatures == 0 && result.signatures == signatures);
	uint64_t faults = test_validate("example.", &pairs, 1, &fault);
	/* Other DNSKEY records than those that sign make any number of faults. */
	for (size_t i = 0; i < base.count && faults; i++) {
		const uint64_t *at = base.offsets + 2 * i;
		if (xd_load_be16(base.bytes + at[1] - 2) != 48)
			continue;
		for (size_t other = 0; other < pairs.count; other++) {
			const uint64_t *to = pairs.offsets + 2 * other;
			if (to[2] - to[0] == at[2] - at[0] && !memcmp(pairs.bytes + to[0], base.bytes + at[0], at[2] - at[0]))
				abort();
		}
	}
	xd_pairs_uninit(&pairs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const xd_nsec3_params opt_out = { .salt_len = 1, .salt = { 7 }, .opt_out = 1 };
	xd_pairs pairs;
	xd_fault fault;

	prepare();
	change_zone(&pairs, data, size);
	(void)test_validate("example.", &pairs, 1, &fault);
	check_chain(&pairs, NULL);
	check_chain(&pairs, &opt_out);
	xd_pairs_uninit(&pairs);
	return 0;
}
