/* SPDX-License-Identifier: Apache-2.0 */
/* What modules are made of: SipHash, cookies, token buckets, rows of zones; at their limits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cookie.h"
#include "limits.h"
#include "rrl.h"
#include "siphash.h"
#include "zone_stats.h"

static int failures;

#define EXPECT(condition, what) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #condition); \
			failures++; \
		} \
	} while (0)

#define SECOND UINT64_C(1000000000)

/* The vectors its authors published: key and message are 0, 1, 2, ... */
static void test_siphash(void)
{
	static const uint8_t empty[8] = { 0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72 };
	static const uint8_t fifteen[8] = { 0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1 };
	uint8_t key[16], data[15], out[8];

	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	memcpy(data, key, sizeof(data));
	xd_siphash24(key, data, 0, out);
	EXPECT(memcmp(out, empty, 8) == 0, "no octets");
	xd_siphash24(key, data, 15, out);
	EXPECT(memcmp(out, fifteen, 8) == 0, "15 octets");
}

static void test_cookie_lengths(void)
{
	static const uint8_t secrets[1][XD_COOKIE_SECRET_BYTES] = { "secret" };
	static const uint8_t address[4] = { 192, 0, 2, 1 };
	uint8_t out[XD_COOKIE_BYTES];

	for (size_t len = 0; len <= 48; len++) {
		/* A block of its own for each length, so that a read behind its end is found. */
		uint8_t *option = calloc(1, len ? len : 1);
		enum xd_cookie_kind kind = xd_cookie_check(secrets, 1, option, len, address, 4, 1000, out);
		bool is_formed = len == 8 || (len >= 16 && len <= 40);

		EXPECT(kind == (is_formed ? XD_COOKIE_UNPROVEN : XD_COOKIE_MALFORMED), "length");
		free(option);
	}
}

static void test_cookie_clock_wraps(void)
{
	static const uint8_t secrets[2][XD_COOKIE_SECRET_BYTES] = { "new", "old" };
	static const uint8_t address[16] = { 0x20, 1 };
	static const uint8_t client[8] = { 1 };
	uint8_t made[XD_COOKIE_BYTES], again[XD_COOKIE_BYTES];

	EXPECT(xd_cookie_check(&secrets[1], 1, client, 8, address, 16, UINT32_MAX, made) == XD_COOKIE_UNPROVEN, "made");
	EXPECT(xd_cookie_check(secrets, 2, made, sizeof(made), address, 16, 100, again) == XD_COOKIE_VALID, "after the wrap");
	EXPECT(memcmp(again, made, sizeof(made)) != 0, "the secret before makes no more cookies");
	EXPECT(xd_cookie_check(secrets, 1, made, sizeof(made), address, 16, 100, again) == XD_COOKIE_UNPROVEN, "forgotten");
	EXPECT(xd_cookie_check(secrets, 2, made, sizeof(made), address, 4, 100, again) == XD_COOKIE_UNPROVEN, "IP version");
}

static void test_cookie_options(void)
{
	static const uint8_t two[] = { 0, 3, 0, 0, 0, 10, 0, 1, 'a', 0, 10, 0, 1, 'b' };
	static const uint8_t cut[] = { 0, 10, 0, 2, 'a' };
	size_t len = 0;
	const uint8_t *found = xd_cookie_find(two, sizeof(two), &len);

	EXPECT(found == two + 8 && len == 1, "the first counts");
	EXPECT(!xd_cookie_find(two, 4, &len), "none");
	EXPECT(!xd_cookie_find(cut, sizeof(cut), &len), "cut off");
	EXPECT(!xd_cookie_find(two, 0, &len), "no options");
}

static unsigned answered(xd_rrl *rrl, const xd_rrl_conf *conf, const uint8_t *address, unsigned times, uint64_t now)
{
	unsigned count = 0;

	for (unsigned i = 0; i < times; i++)
		count += xd_rrl_limit(rrl, conf, 4, address, now) == 0;
	return count;
}

static void test_rates(void)
{
	static const uint8_t address[4] = { 192, 0, 2, 1 };
	static const uint32_t rates[] = { 1, 50, 1000000, UINT32_MAX };
	xd_rrl_conf *conf = calloc(1, sizeof(*conf));
	xd_rrl *rrl;

	EXPECT(xd_rrl_create(&rrl) == 0 && conf, "made");
	EXPECT(xd_rrl_limit(rrl, conf, 4, address, 0) == 0, "nothing is limited before it is configured");
	*conf = (xd_rrl_conf){ .instant_limit = 3, .table_size = 1024, .slip = 3 };
	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		conf->rate_limit = rates[i];
		conf->table_size++;
		EXPECT(xd_rrl_configure(rrl, conf) == 0, "configured");
		EXPECT(answered(rrl, conf, address, 10, SECOND) >= (rates[i] < 10000000 ? 3u : 0u), "a burst");
		EXPECT(rates[i] > 1000000 || answered(rrl, conf, address, 10, SECOND) == 0, "and no more");
	}
	conf->rate_limit = 0;
	EXPECT(xd_rrl_configure(rrl, conf) == 0, "off");
	EXPECT(answered(rrl, conf, address, 10, SECOND) == 10, "rate 0 is no limit");
	EXPECT(!xd_rrl_slips(rrl, conf) && !xd_rrl_slips(rrl, conf) && xd_rrl_slips(rrl, conf), "one in three");
	conf->slip = 0;
	EXPECT(!xd_rrl_slips(rrl, conf), "none");
	EXPECT(!xd_rrl_notes(rrl, conf, 0), "no log");
	xd_rrl_free(rrl);
	xd_rrl_free(NULL);
	free(conf);
}

/* A table far too small forgets sources, and nothing worse. */
static void test_small_table(void)
{
	xd_rrl_conf *conf = calloc(1, sizeof(*conf));
	uint8_t address[16] = { 0x20, 1 };
	xd_rrl *rrl;

	*conf = (xd_rrl_conf){ .rate_limit = 1, .instant_limit = 1, .table_size = 1 };
	EXPECT(xd_rrl_create(&rrl) == 0, "made");
	EXPECT(xd_rrl_configure(rrl, conf) == 0, "configured");
	for (unsigned i = 0; i < 100000; i++) {
		address[7] = (uint8_t)i;
		address[15] = (uint8_t)(i >> 8);
		(void)xd_rrl_limit(rrl, conf, i & 1 ? 4 : 6, address, i);
	}
	xd_rrl_free(rrl);
	free(conf);
}

static void test_exempt(void)
{
	static const uint8_t inside[4] = { 10, 0, 0, 255 }, below[4] = { 9, 255, 255, 255 }, above[4] = { 10, 0, 1, 0 };
	static const uint8_t any6[16] = { 0x20, 1 };
	xd_rrl_conf *conf = calloc(1, sizeof(*conf));

	EXPECT(!xd_rrl_is_exempt(conf, 4, inside), "no list");
	conf->exempt_count = 1;
	memcpy(conf->exempt[0].first, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\0", 16);
	memcpy(conf->exempt[0].last, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\xff", 16);
	EXPECT(xd_rrl_is_exempt(conf, 4, inside), "last of the range");
	EXPECT(!xd_rrl_is_exempt(conf, 4, below) && !xd_rrl_is_exempt(conf, 4, above), "beside it");
	memset(conf->exempt[0].first, 0, 16);
	memset(conf->exempt[0].last, 0xff, 16);
	EXPECT(xd_rrl_is_exempt(conf, 4, below) && xd_rrl_is_exempt(conf, 6, any6), "everyone");
	free(conf);
}

static void test_zone_rows(void)
{
	static const char path[] = "zones.shm";
	static uint64_t sums[XD_STATS_BASIC + XD_STATS_WIDE];
	const struct xd_stats_request request = { .operation = XD_STATS_QUERY, .len = 100 };
	struct xd_stats_target target;
	xd_zone_stats *made = NULL, *opened = NULL;

	EXPECT(xd_zone_stats_create(path, 2, &made) == 0 && xd_zone_stats_open(path, &opened) == 0, "made and opened");
	target = xd_zone_stats_target(made, 0, 0, UINT32_MAX);
	EXPECT(!target.basic && !target.wide, "nothing is reserved yet");
	EXPECT(xd_zone_stats_reserve(opened, 3, 0) == 0, "reserved");
	target = xd_zone_stats_target(made, 1, 2, UINT32_MAX);
	EXPECT(target.basic && !target.wide, "the basic part alone");
	xd_stats_count_request(&target, &request);
	EXPECT(!xd_zone_stats_target(made, 1, 3, 1).basic && !xd_zone_stats_target(made, 2, 0, 1).basic, "beyond the end");
	EXPECT(xd_zone_stats_reserve(opened, 3, 1) == 0, "the wide part, later");
	target = xd_zone_stats_target(made, 0, 2, UINT32_MAX);
	xd_stats_count_request(&target, &request);
	EXPECT(xd_zone_stats_sum(opened, 2, sums) == 0, "summed");
	EXPECT(sums[xd_stats_family_at(XD_STATS_server_operation)] == 2, "over both areas");
	EXPECT(sums[xd_stats_family_at(XD_STATS_query_size) + 6] == 1, "wide ones where they were reserved");
	EXPECT(xd_zone_stats_sum(opened, 1, sums) == 0 && sums[0] == 0, "a row beside it");
	xd_zone_stats_clear(opened, 2);
	EXPECT(xd_zone_stats_sum(opened, 2, sums) == 0 && sums[xd_stats_family_at(XD_STATS_server_operation)] == 0, "cleared");
	EXPECT(xd_zone_stats_reserve(opened, XD_ZONE_STATS_MAX + 1, 0) == -XD_E_RANGE, "too many");
	EXPECT(xd_zone_stats_sum(opened, XD_ZONE_STATS_MAX, sums) == -XD_E_RANGE, "no such row");
	xd_zone_stats_close(made);
	EXPECT(xd_zone_stats_create(path, 2, &made) == 0, "taken over");
	EXPECT(xd_zone_stats_target(made, 0, 2, 1).basic != NULL, "with what was reserved");
	xd_zone_stats_close(made);
	EXPECT(xd_zone_stats_create(path, 3, &made) == 0, "of another size: made anew");
	EXPECT(!xd_zone_stats_target(made, 0, 2, 1).basic, "with nothing reserved");
	xd_zone_stats_close(made);
	xd_zone_stats_close(opened);
	EXPECT(truncate(path, 100) == 0 && xd_zone_stats_open(path, &opened) == -XD_E_SHM, "cut off");
	unlink(path);
	EXPECT(xd_zone_stats_open(path, &opened) == -XD_E_SYSTEM, "none");
}

static void test_note(void)
{
	static const uint8_t address[4] = { 192, 0, 2, 1 };
	static struct xd_stats_note note;

	xd_stats_write_note(&note, address, 4, 24);
	EXPECT(note.sequence == 2 && note.prefix == (4 << 8 | 24), "written");
	EXPECT(memcmp((const uint8_t *)&note.address, address, 4) == 0, "address");
}

int main(void)
{
	test_siphash();
	test_cookie_lengths();
	test_cookie_clock_wraps();
	test_cookie_options();
	test_rates();
	test_small_table();
	test_exempt();
	test_zone_rows();
	test_note();
	return failures != 0;
}
