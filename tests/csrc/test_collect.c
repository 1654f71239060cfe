/* SPDX-License-Identifier: Apache-2.0 */
/* The collector: any order in, canonical order out; RRsets without duplicates; limits of an RRset. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect.h"
#include "name.h"
#include "rdata.h"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

static const uint8_t apex[] = "\7example";
static int findings[2];

static void count_finding(void *context, enum xd_collect_finding finding, const uint8_t *key, size_t key_len)
{
	(void)context;
	findings[finding]++;
	EXPECT(key_len >= 7 && key[key_len - 3] == 0, "key of a finding");
}

static void add(struct xd_collector *collector, const uint8_t *owner, uint16_t type, uint32_t ttl, const void *rdata,
                size_t len)
{
	EXPECT(xd_collector_set_owner(collector, owner) == 0, "owner");
	uint8_t *out = xd_collector_reserve(collector);
	EXPECT(out != NULL, "memory");
	memcpy(out, rdata, len);
	xd_collector_commit(collector, type, ttl, len);
}

/* A name below the apex from a number: one to three labels, with long common prefixes and octets that need escapes. */
static void make_name(uint8_t *name, unsigned number)
{
	static const char *const stems[] = { "commonprefix", "commonprefix\001", "commonprefix\002", "a", "b\0", "\377" };
	uint8_t *at = name;

	for (unsigned depth = 0; depth <= number % 3; depth++) {
		const char *stem = stems[(number >> (3 * depth)) % 6];
		size_t len = strlen(stem) + (stem[0] == 'b');
		unsigned tail = (number >> (5 + depth)) % 50;
		*at++ = (uint8_t)(len + 2);
		memcpy(at, stem, len);
		at += len;
		*at++ = (uint8_t)tail;
		*at++ = (uint8_t)(number >> 12);
	}
	memcpy(at, apex, sizeof(apex));
}

static void check_order(const xd_pairs *pairs, size_t records)
{
	uint8_t previous[XD_NAME_MAX], name[XD_NAME_MAX];
	size_t len, seen = 0;
	uint16_t type;

	for (size_t i = 0; i < pairs->count; i++) {
		const uint8_t *key = pairs->bytes + pairs->offsets[2 * i];
		const uint8_t *value = pairs->bytes + pairs->offsets[2 * i + 1];
		EXPECT(xd_key_parse(key, (size_t)(value - key), name, &len, &type) == 0, "key");
		EXPECT(i == 0 || xd_name_compare(previous, name) < 0, "canonical order");
		seen += (size_t)(value[4] << 8 | value[5]);
		memcpy(previous, name, len);
	}
	EXPECT(seen == records, "no record is lost");
}

/* Runs of all sizes around those where the sort changes its way, in random order. */
static void test_order(void)
{
	static const size_t counts[] = { 0, 1, 2, 11, 12, 13, 24, 25, 100, 5000 };
	struct xd_collector collector;
	uint8_t name[XD_NAME_MAX];
	xd_pairs pairs;

	for (size_t c = 0; c < sizeof(counts) / sizeof(*counts); c++) {
		unsigned random = 1;
		xd_collector_init(&collector, apex, 1);
		for (unsigned i = 0; i < counts[c]; i++) {
			random = random * 1103515245u + 12345u;
			make_name(name, random >> 8);
			add(&collector, name, 1, 60, &i, sizeof(i));
		}
		EXPECT(xd_collector_finish(&collector, &pairs, count_finding, NULL) == 0, "finish");
		check_order(&pairs, counts[c]);
		xd_pairs_uninit(&pairs);
	}
}

/* The same owner in several places of the file makes one RRset, the last TTL wins, duplicates go, rdatas are sorted. */
static void test_grouping(void)
{
	static const uint8_t expected[] = "\0\0\0\0\7example\0a\0\0\0\20"
					  "\0\0\0\5"
					  "\0\3"
					  "\0\0"
					  "\0\1b"
					  "\0\2ba";
	struct xd_collector collector;
	xd_pairs pairs;

	memset(findings, 0, sizeof(findings));
	xd_collector_init(&collector, apex, 7);
	add(&collector, (const uint8_t *)"\1A\7eXample", 16, 9, "ba", 2);
	add(&collector, apex, 16, 6, "x", 1);
	add(&collector, (const uint8_t *)"\1a\7example", 16, 9, "", 0);
	add(&collector, (const uint8_t *)"\1a\7example", 1, 9, "x", 1);
	add(&collector, apex, 16, 6, "x", 1);
	add(&collector, (const uint8_t *)"\1a\7example", 16, 5, "b", 1);
	add(&collector, (const uint8_t *)"\1a\7example", 16, 5, "ba", 2);
	EXPECT(xd_collector_set_owner(&collector, (const uint8_t *)"\10aexample") == -XD_E_ZONE, "outside");
	EXPECT(xd_collector_finish(&collector, &pairs, count_finding, NULL) == 0, "finish");
	EXPECT(pairs.count == 3 && findings[XD_COLLECT_TTL_DIFFERS] == 1, "three RRsets, one TTL corrected");
	const uint8_t *value = pairs.bytes + pairs.offsets[5];
	size_t len = pairs.offsets[6] - pairs.offsets[5];
	const uint8_t *expected_value = expected + sizeof(expected) - 1 - len;
	EXPECT(len == 17 - 2 && !memcmp(value, expected_value, len), "sorted without duplicates");
	xd_pairs_uninit(&pairs);
}

/* RFC 4034, section 3: the TTL of an RRSIG is that of what it covers. */
static void test_rrsig_ttls(void)
{
	struct xd_collector collector;
	xd_pairs pairs;

	memset(findings, 0, sizeof(findings));
	xd_collector_init(&collector, apex, 7);
	add(&collector, apex, XD_TYPE_RRSIG, 5, "a", 1);
	add(&collector, apex, XD_TYPE_RRSIG, 6, "b", 1);
	EXPECT(xd_collector_finish(&collector, &pairs, count_finding, NULL) == 0, "finish");
	EXPECT(findings[XD_COLLECT_TTL_DIFFERS] == 0, "no warning");
	xd_pairs_uninit(&pairs);
}

/* 65535 records are an RRset, one more is reported and left out. */
static void test_rrset_limit(void)
{
	for (uint32_t count = 65535; count <= 65536; count++) {
		struct xd_collector collector;
		xd_pairs pairs;
		memset(findings, 0, sizeof(findings));
		xd_collector_init(&collector, apex, 1);
		for (uint32_t i = 0; i < count; i++)
			add(&collector, apex, 1, 60, &i, sizeof(i));
		EXPECT(xd_collector_finish(&collector, &pairs, count_finding, NULL) == 0, "finish");
		EXPECT(pairs.count == (count == 65535 ? 1 : 0), "RRset of the most records");
		EXPECT(findings[XD_COLLECT_TOO_MANY] == (count == 65535 ? 0 : 1), "RRset of too many records");
		xd_pairs_uninit(&pairs);
	}
}

/* Owners that come in order are known to, and are written part by part with what the whole has there. */
static void test_peek(void)
{
	struct xd_collector collector;
	xd_pairs part, rest, all;

	xd_collector_init(&collector, apex, 3);
	for (unsigned i = 0; i < 4; i++) {
		uint8_t name[XD_NAME_MAX] = { 1, (uint8_t)('a' + i) };
		memcpy(name + 2, apex, sizeof(apex));
		for (uint16_t type = 16; type; type = type == 16 ? 1 : 0)
			add(&collector, name, type, 60, "data", i + 1);
	}
	EXPECT(!collector.is_unordered, "in order");
	EXPECT(xd_collector_peek(&collector, 0, 2, &part) == 0 && xd_collector_peek(&collector, 2, 3, &rest) == 0, "peek");
	EXPECT(part.count == 4 && rest.count == 2, "pairs of the owners asked for");
	EXPECT(xd_collector_finish(&collector, &all, count_finding, NULL) == 0 && all.count == 8, "whole");
	EXPECT(!memcmp(all.bytes, part.bytes, part.offsets[8]), "first part");
	EXPECT(!memcmp(all.bytes + all.offsets[8], rest.bytes, rest.offsets[4]), "second part");
	xd_pairs_uninit(&part);
	xd_pairs_uninit(&rest);
	xd_pairs_uninit(&all);
}

/* An owner in front of the last one, or one that comes again, ends the order, and what is written is sorted. */
static void test_lost_order(void)
{
	static const char *const orders[] = { "ba", "aba", "abca", "ab" };

	for (size_t o = 0; o < sizeof(orders) / sizeof(*orders); o++) {
		struct xd_collector collector;
		xd_pairs pairs;
		xd_collector_init(&collector, apex, 3);
		for (const char *at = orders[o]; *at; at++) {
			uint8_t name[XD_NAME_MAX] = { 1, (uint8_t)*at }, place = (uint8_t)(at - orders[o]);
			memcpy(name + 2, apex, sizeof(apex));
			add(&collector, name, 1, 60, &place, 1);
		}
		EXPECT(collector.is_unordered == (o != 3), orders[o]);
		EXPECT(xd_collector_finish(&collector, &pairs, count_finding, NULL) == 0, orders[o]);
		check_order(&pairs, strlen(orders[o]));
		xd_pairs_uninit(&pairs);
	}
}

int main(void)
{
	test_peek();
	test_lost_order();
	test_order();
	test_grouping();
	test_rrsig_ttls();
	test_rrset_limit();
	return failures != 0;
}
