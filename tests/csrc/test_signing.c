/* SPDX-License-Identifier: Apache-2.0 */
/* Signing and validating: chains, changes carried out, keys, bitmaps, hashes, and RRsets of any size. */
#include "signed_zone.h"

#include "signing/bitmap.h"
#include "signing/nsec3.h"
#include "signing/rrsig.h"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

static const char zone_text[] = "@ 3600 SOA ns admin 1 3600 900 604800 300\n@ 3600 NS ns\nns A 192.0.2.1\n"
				"a.b.c A 192.0.2.2\n*.w TXT x\nsub NS ns.sub\nns.sub A 192.0.2.3\nsec NS ns\n"
				"sec DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n"
				"dn DNAME example.org.\nbelow.dn A 192.0.2.9\n\\000 TXT x\n\\001.\\000 TXT y\n";

static const xd_nsec3_params plain = { 0 };
static const xd_nsec3_params opt_out = { .iterations = 2, .salt_len = 2, .salt = { 0xab, 0xcd }, .opt_out = 1 };
static const xd_nsec3_params *const chains[] = { NULL, &plain, &opt_out };

/* From any chain to any other, again and again; what comes out is valid, and signed again it does not change. */
static void test_chains(const struct test_keys *keys, const char *apex, unsigned threads)
{
	xd_ring *ring = test_ring(keys, apex);
	xd_sign_result result;
	xd_pairs pairs;
	xd_fault fault;

	test_unsigned_zone(keys, apex, zone_text, &pairs);
	for (unsigned step = 0; step < 9; step++) {
		EXPECT(test_sign(ring, &pairs, chains[step % 3], threads, &result) == 0, apex);
		EXPECT(result.signatures && result.earliest_expiration == test_validity.expiration, apex);
		EXPECT(test_validate(apex, &pairs, threads, &fault) == 0, apex);
		EXPECT(test_sign(ring, &pairs, chains[step % 3], threads, &result) == 0, apex);
		EXPECT(result.new_signatures == 0, apex);
	}
	xd_pairs_uninit(&pairs);
	xd_ring_free(ring);
}

/* Octets of a signed zone changed, each chain from another one on: nothing is read that is not there. */
static void test_changed_octets(const struct test_keys *keys, size_t chain)
{
	xd_ring *ring = test_ring(keys, "example.");
	xd_sign_result result;
	xd_pairs pairs;
	uint8_t apex[XD_NAME_MAX];
	xd_validate_plan plan = { .apex = apex, .now = TEST_NOW, .threads = 1 };

	test_name(apex, "example.");
	test_unsigned_zone(keys, "example.", zone_text, &pairs);
	EXPECT(test_sign(ring, &pairs, chains[chain], 1, &result) == 0, "sign");
	for (size_t at = chain; at < pairs.offsets[2 * pairs.count]; at += 5) {
		xd_sign_plan again = { .validity = test_validity, .nsec3 = chains[chain], .nsec_ttl = -1, .threads = 1 };
		xd_validation validation = { 0 };
		pairs.bytes[at] ^= 0x41;
		(void)!xd_validate_zone(pairs.bytes, pairs.offsets, pairs.count, &plan, &validation);
		if (xd_sign_zone(ring, pairs.bytes, pairs.offsets, pairs.count, &again, &result) == 0)
			xd_pairs_uninit(&result.changes);
		pairs.bytes[at] ^= 0x41;
	}
	xd_pairs_uninit(&pairs);
	xd_ring_free(ring);
}

/* One pair after the other cut short in front, so that nothing reads behind the end. */
static void test_cut_pairs(const struct test_keys *keys)
{
	xd_ring *ring = test_ring(keys, "example.");
	xd_sign_plan plan = { .validity = test_validity, .nsec_ttl = -1, .threads = 1 };
	xd_sign_result result;
	xd_pairs pairs;

	test_unsigned_zone(keys, "example.", zone_text, &pairs);
	EXPECT(test_sign(ring, &pairs, NULL, 1, &result) == 0, "sign");
	for (size_t count = 0; count < pairs.count; count++) {
		size_t len = pairs.offsets[2 * count];
		uint8_t *exact = malloc(len + 1);
		memcpy(exact, pairs.bytes, len);
		if (xd_sign_zone(ring, exact, pairs.offsets, count, &plan, &result) == 0)
			xd_pairs_uninit(&result.changes);
		for (size_t shorter = 0; count && shorter < 40 && shorter < len; shorter++) {
			uint64_t end = pairs.offsets[2 * count];
			pairs.offsets[2 * count] = len - shorter;
			EXPECT(!shorter || xd_sign_zone(ring, exact, pairs.offsets, count, &plan, &result) < 0, "cut value");
			pairs.offsets[2 * count] = end;
		}
		free(exact);
	}
	xd_pairs_uninit(&pairs);
	xd_ring_free(ring);
}

static void test_keys_refused(const struct test_keys *keys)
{
	xd_signing_key wrong = keys->keys[0];
	xd_ring *ring = NULL;
	size_t failed = 9;
	xd_signing_key many[XD_RING_KEYS_MAX + 1] = { 0 };

	for (size_t len = 0; len < wrong.dnskey_len; len++) {
		xd_signing_key cut = wrong;
		cut.dnskey_len = len;
		EXPECT(xd_ring_create((const uint8_t *)"", &cut, 1, &ring, &failed) == -XD_E_KEY && failed == 0, "DNSKEY cut");
	}
	for (size_t len = 0; len < wrong.der_len; len++) {
		xd_signing_key pair[2] = { wrong, wrong };
		pair[1].der_len = len;
		EXPECT(xd_ring_create((const uint8_t *)"", pair, 2, &ring, &failed) == -XD_E_KEY && failed == 1, "DER cut");
	}
	wrong.der = keys->keys[1].der;
	EXPECT(xd_ring_create((const uint8_t *)"", &wrong, 1, &ring, &failed) == -XD_E_KEY_PAIR, "other key");
	EXPECT(xd_ring_create((const uint8_t *)"", many, XD_RING_KEYS_MAX + 1, &ring, &failed) == -XD_E_RANGE, "many");
	xd_ring_free(NULL);
}

static void test_bitmaps(void)
{
	static const struct {
		uint16_t types[8];
		size_t count;
		const char *octets;
		size_t len;
	} cases[] = {
		{ { 0 }, 0, "", 0 },
		{ { 0 }, 1, "\0\1\200", 3 },
		{ { 46, 47, 1, 255 }, 4, "\0\40\100\0\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 34 },
		/* RFC 4034, section 4.3. */
		{ { 46, 47, 1, 15, 1234 },
		  5,
		  "\0\6\100\1\0\0\0\3\4\33\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\40",
		  37 },
		{ { 256, 65535 }, 2, "\1\1\200\377\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 37 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t out[XD_BITMAP_MAX];
		struct xd_bitmap bitmap;
		xd_bitmap_init(&bitmap, out);
		for (size_t type = 0; type < cases[i].count; type++)
			xd_bitmap_add(&bitmap, cases[i].types[type]);
		size_t len = (size_t)(xd_bitmap_finish(&bitmap) - out);
		EXPECT(len == cases[i].len && !memcmp(out, cases[i].octets, len), "bitmap");
	}
	uint8_t *all = malloc(XD_BITMAP_MAX);
	struct xd_bitmap bitmap;
	xd_bitmap_init(&bitmap, all);
	for (unsigned type = 0; type <= UINT16_MAX; type++)
		xd_bitmap_add(&bitmap, (uint16_t)type);
	EXPECT(xd_bitmap_finish(&bitmap) == all + XD_BITMAP_MAX, "every type");
	free(all);
}

/* RFC 5155, appendix A, and the longest name with the longest salt. */
static void test_hashes(void)
{
	xd_nsec3_params params = { .iterations = 12, .salt_len = 4, .salt = { 0xaa, 0xbb, 0xcc, 0xdd } };
	uint8_t hash[XD_SHA1_BYTES], label[XD_NSEC3_LABEL_BYTES], name[XD_NAME_MAX] = { 0 };

	xd_nsec3_hash(&params, (const uint8_t *)"\7example", 9, hash);
	xd_nsec3_label(label, hash);
	EXPECT(!memcmp(label, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", sizeof(label)), "hash of the apex");
	params.salt_len = 255;
	xd_nsec3_hash(&params, name, sizeof(name), hash);
}

/* A large RRset, one of many types, and an owner of as many signatures as a value counts. */
static void test_sizes(const struct test_keys *keys)
{
	xd_ring *ring = test_ring(keys, "example.");
	struct xd_octets text = { 0 };
	xd_sign_result result;
	xd_pairs pairs;
	xd_fault fault;
	char line[128];

	NEED(xd_octets_reserve(&text, 1) == 0);
	xd_octets_put(&text, zone_text, sizeof(zone_text) - 1);
	for (int i = 0; i < 2000; i++) {
		int len = sprintf(line, "many TYPE%d \\# 2 %04x\nlarge TXT text%d\nmany%d A 192.0.2.1\n", 1000 + i, i, i, i);
		NEED(xd_octets_reserve(&text, (size_t)len + 1) == 0);
		xd_octets_put(&text, line, (size_t)len);
	}
	text.data[text.used] = '\0';
	test_unsigned_zone(keys, "example.", (const char *)text.data, &pairs);
	for (size_t i = 0; i < 3; i++) {
		EXPECT(test_sign(ring, &pairs, chains[i], 2, &result) == 0, "sizes");
		EXPECT(test_validate("example.", &pairs, 2, &fault) == 0, "sizes");
	}
	xd_octets_uninit(&text);
	xd_pairs_uninit(&pairs);
	xd_ring_free(ring);
}

/* Changes before, between, over and behind what is there. */
static void test_changes(void)
{
	static const char old[] = "b1d2f3", changed[] = "a4bd5e6f7g8";
	static const uint64_t old_offsets[] = { 0, 1, 2, 3, 4, 5, 6 };
	static const uint64_t changed_offsets[] = { 0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
	xd_pairs merged;

	NEED(xd_apply_changes((const uint8_t *)old, old_offsets, 3, (const uint8_t *)changed, changed_offsets, 6, &merged) ==
	     0);
	EXPECT(merged.count == 5 && !memcmp(merged.bytes, "a4d5e6f7g8", 10), "merged");
	xd_pairs_uninit(&merged);
	NEED(xd_apply_changes((const uint8_t *)old, old_offsets, 3, NULL, NULL, 0, &merged) == 0);
	EXPECT(merged.count == 3 && !memcmp(merged.bytes, old, 6), "no change");
	xd_pairs_uninit(&merged);
	NEED(xd_apply_changes(NULL, NULL, 0, NULL, NULL, 0, &merged) == 0);
	EXPECT(merged.count == 0 && merged.offsets[0] == 0, "nothing");
	xd_pairs_uninit(&merged);
}

static void test_rrsig_reading(void)
{
	uint8_t rdata[40] = { 0, 1, 13, 2, 0, 0, 0, 60, 0x80, 0, 0, 1, 0x7f, 0, 0, 1, 1, 2, 3, 'a', 'b', 'c', 0, 9 };
	struct xd_rrsig rrsig;

	for (size_t len = 0; len < 23; len++) {
		uint8_t *exact = malloc(len + 1);
		memcpy(exact + 1, rdata, len);
		EXPECT(xd_rrsig_read(&rrsig, exact + 1, len) < 0, "cut");
		free(exact);
	}
	EXPECT(xd_rrsig_read(&rrsig, rdata, 24) == 0 && rrsig.signature_len == 1 && *rrsig.signature == 9, "read");
	EXPECT(rrsig.head_len == 23 && rrsig.tag == 0x102 && rrsig.original_ttl == 60, "read");
	EXPECT(xd_time_after(0x80000001, 0x7fffffff) && xd_time_after(1, UINT32_MAX) && !xd_time_after(5, 5), "times");
}

int main(void)
{
	struct test_keys keys;

	test_keys_init(&keys);
	test_chains(&keys, "example.", 1);
	test_chains(&keys, ".", 3);
	for (size_t i = 0; i < 3; i++)
		test_changed_octets(&keys, i);
	test_cut_pairs(&keys);
	test_keys_refused(&keys);
	test_bitmaps();
	test_hashes();
	test_sizes(&keys);
	test_changes();
	test_rrsig_reading();
	test_keys_uninit(&keys);
	return failures != 0;
}
