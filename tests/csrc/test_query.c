/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing queries: each way in which header, question or EDNS can be wrong has its verdict, and nothing behind the end is read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"
#include "rr.h"

static int failures;

static const uint64_t seed[2] = { 5, 7 };

#define HEAD "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00"
#define QUESTION "\1a\0\0\1\0\1"
#define OPT(version, flags) "\0\0\x29\4\xd0\0" version flags

enum reads { EDNS = 1, NSID = 2, SIGNED = 4 };

struct query_case {
	const char *what;
	const char *octets;
	size_t len;
	enum xd_query_fault fault;
	unsigned reads;
};

#define CASE(what, octets, fault, reads) \
	{ \
		what, octets, sizeof(octets) - 1, fault, reads \
	}

static const struct query_case cases[] = {
	CASE("empty", "", XD_QUERY_SHORT, 0),
	CASE("eleven octets", HEAD, XD_QUERY_SHORT, 0),
	CASE("header alone", HEAD "\0", XD_QUERY_BAD_QUESTION, 0),
	CASE("plain", HEAD "\0" QUESTION, XD_QUERY_OK, 0),
	CASE("response", "\0\0\x81\0\0\1\0\0\0\0\0\0" QUESTION, XD_QUERY_RESPONSE, 0),
	CASE("opcode", "\0\0\x10\0\0\1\0\0\0\0\0\0" QUESTION, XD_QUERY_OPCODE, 0),
	CASE("no question", "\0\0\0\0\0\0\0\0\0\0\0\0", XD_QUERY_BAD_QUESTION, 0),
	CASE("EDNS without a question", "\0\0\0\0\0\0\0\0\0\0\0\1" OPT("\0", "\0\0") "\0\0", XD_QUERY_NO_QUESTION, 0),
	CASE("two questions", "\0\0\0\0\0\2\0\0\0\0\0\0" QUESTION QUESTION, XD_QUERY_BAD_QUESTION, 0),
	CASE("no type", HEAD "\0\1a\0", XD_QUERY_BAD_QUESTION, 0),
	CASE("half a class", HEAD "\0\1a\0\0\1\0", XD_QUERY_BAD_QUESTION, 0),
	CASE("no end of the name", HEAD "\0\1a", XD_QUERY_BAD_QUESTION, 0),
	CASE("label beyond the end",
	     HEAD "\0\x3f"
	          "a\0\0\1\0\1",
	     XD_QUERY_BAD_QUESTION, 0),
	CASE("label type 01",
	     HEAD "\0\x41"
	          "a\0\0\1\0\1",
	     XD_QUERY_BAD_QUESTION, 0),
	CASE("pointer", HEAD "\0\xc0\x0c\0\1\0\1", XD_QUERY_BAD_QUESTION, 0),
	CASE("EDNS", HEAD "\1" QUESTION OPT("\0", "\x80\0") "\0\0", XD_QUERY_OK, EDNS),
	CASE("NSID", HEAD "\1" QUESTION OPT("\0", "\0\0") "\0\4\0\3\0\0", XD_QUERY_OK, EDNS | NSID),
	CASE("two options", HEAD "\1" QUESTION OPT("\0", "\0\0") "\0\x09\0\x0a\0\1x\0\3\0\0", XD_QUERY_OK, EDNS | NSID),
	CASE("option beyond the record", HEAD "\1" QUESTION OPT("\0", "\0\0") "\0\4\0\3\0\1", XD_QUERY_BAD_RECORDS, 0),
	CASE("half an option", HEAD "\1" QUESTION OPT("\0", "\0\0") "\0\3\0\3\0", XD_QUERY_BAD_RECORDS, 0),
	CASE("record beyond the end", HEAD "\1" QUESTION OPT("\0", "\0\0") "\0\1", XD_QUERY_BAD_RECORDS, 0),
	CASE("cut in the record", HEAD "\1" QUESTION "\0\0\x29\4\xd0", XD_QUERY_BAD_RECORDS, 0),
	CASE("OPT missing", HEAD "\1" QUESTION, XD_QUERY_BAD_RECORDS, 0),
	CASE("two OPTs", HEAD "\2" QUESTION OPT("\0", "\0\0") "\0\0" OPT("\0", "\0\0") "\0\0", XD_QUERY_BAD_RECORDS, 0),
	CASE("OPT of a name", HEAD "\1" QUESTION "\1b" OPT("\0", "\0\0") "\0\0", XD_QUERY_BAD_RECORDS, 0),
	CASE("TSIG", HEAD "\1" QUESTION "\1k\0\0\xfa\0\xff\0\0\0\0\0\0", XD_QUERY_OK, SIGNED),
	CASE("SIG(0)", HEAD "\1" QUESTION "\0\0\x18\0\xff\0\0\0\0\0\2\0\0", XD_QUERY_OK, SIGNED),
	CASE("TSIG not last", HEAD "\2" QUESTION "\1k\0\0\xfa\0\xff\0\0\0\0\0\0" OPT("\0", "\0\0") "\0\0", XD_QUERY_BAD_RECORDS,
	     0),
	CASE("record in the answer section", "\0\0\0\0\0\1\0\1\0\0\0\0" QUESTION "\xc0\x0c\0\1\0\1\0\0\0\0\0\0", XD_QUERY_OK,
	     0),
};

static void fail(const char *what, const char *found)
{
	failures++;
	fprintf(stderr, "%s: %s\n", what, found);
}

/* In memory of exactly its size, so that reading beyond is found. */
static enum xd_query_fault parse(struct xd_query *query, const void *octets, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	enum xd_query_fault fault;

	if (!copy)
		abort();
	memcpy(copy, octets, len);
	fault = xd_query_parse(query, copy, len, seed);
	free(copy);
	return fault;
}

static unsigned reads_of(const struct xd_query *query)
{
	return (query->has_edns ? EDNS : 0u) | (query->wants_nsid ? NSID : 0u) | (query->is_signed ? SIGNED : 0u);
}

static void test_cases(void)
{
	struct xd_query query;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct query_case *c = &cases[i];

		if (parse(&query, c->octets, c->len) != c->fault)
			fail(c->what, "another verdict");
		else if (c->fault == XD_QUERY_OK && reads_of(&query) != c->reads)
			fail(c->what, "another reading");
		/* Cut short anywhere behind the question, it is malformed; nothing reads beyond the cut. */
		for (size_t len = 0; len < c->len; len++) {
			if (parse(&query, c->octets, len) == XD_QUERY_OK && c->fault != XD_QUERY_OK)
				fail(c->what, "a part of it is accepted");
		}
	}
}

/* The fields of EDNS, and a version that is to be answered BADVERS. */
static void test_edns(void)
{
	static const char octets[] = HEAD "\1" QUESTION OPT("\2", "\x80\0") "\0\0";
	struct xd_query query;

	if (parse(&query, octets, sizeof(octets) - 1) != XD_QUERY_OK || query.edns_version != 2 || query.payload != 0x4d0 ||
	    !query.wants_dnssec)
		fail("EDNS fields", "another reading");
}

/* Names of 255 octets are the longest; upper case is folded. */
static void test_names(void)
{
	for (size_t last = 60; last <= 62; last++) {
		uint8_t msg[512] = HEAD;
		struct xd_query query;
		size_t at = 12;

		for (unsigned i = 0; i < 4; i++) {
			size_t len = i < 3 ? 63 : last;

			msg[at] = (uint8_t)len;
			memset(msg + at + 1, 'A', len);
			at += len + 1;
		}
		msg[at + 2] = msg[at + 4] = 1;
		if ((parse(&query, msg, at + 5) == XD_QUERY_OK) != (last <= 61))
			fail("long name", last <= 61 ? "refused" : "accepted");
		if (last <= 61 && (query.name.labels != 4 || query.name.name[1] != 'a' || query.name.len != at + 1 - 12))
			fail("long name", "another reading");
	}
}

int main(void)
{
	test_cases();
	test_edns();
	test_names();
	return failures != 0;
}
