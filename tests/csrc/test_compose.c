/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large responses over TCP: wherever an RRset comes to stand, the names in it, compressed among themselves, mean what they
 * should; what cannot be pointed to any more is not put.
 */
#include <unistd.h>

#include "reply_check.h"
#include "zone_text.h"

#include "answer.h"

#define EXCHANGES 60u

static int failures;

#define EXPECT(cond, what, n) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s %u: %s\n", __FILE__, __LINE__, what, n, #cond); \
		} \
	} while (0)

/* An alias whose signature takes `filler` octets leads to the MX records, so that these stand as far into the message. */
static void write_zone(char *text, unsigned filler)
{
	text += sprintf(text, "$ORIGIN c.test.\n$TTL 60\n@ SOA a b 1 1 1 1 60\n@ NS a\n"
	                      "q CNAME t\nq RRSIG CNAME 13 3 60 20300101000000 20200101000000 7 @ ");
	for (unsigned i = 0; i < filler / 3; i++)
		text += sprintf(text, "AAAA");
	text += sprintf(text, "\n");
	for (unsigned i = 0; i < EXCHANGES; i++)
		text += sprintf(text, "t MX %u m%u.mx.other.\n", i, i % 7 ? i : 0);
}

/* The name at `at`, its pointers followed, in wire form. */
static size_t expand(const uint8_t *msg, size_t at, uint8_t *name)
{
	size_t len = 0;

	while (msg[at]) {
		if (msg[at] >= 0xc0) {
			at = xd_load_be16(msg + at) & 0x3fffu;
			continue;
		}
		memcpy(name + len, msg + at, msg[at] + 1u);
		len += msg[at] + 1u;
		at += msg[at] + 1u;
	}
	name[len++] = 0;
	return len;
}

/* Every exchange of the reply is the one of its preference. */
static unsigned count_right(const uint8_t *msg, size_t len, unsigned filler)
{
	unsigned records = xd_load_be16(msg + 6);
	size_t at = reply_skip_name(msg, len, 12) + 4;
	uint8_t wanted[XD_NAME_MAX];
	uint8_t owner[XD_NAME_MAX];
	uint8_t name[XD_NAME_MAX];
	unsigned right = 0;

	for (; records; records--) {
		size_t owner_len = expand(msg, at, owner);

		at = reply_skip_name(msg, len, at);
		if (xd_load_be16(msg + at) == XD_T_MX) {
			unsigned i = xd_load_be16(msg + at + 10);
			char text[64];
			size_t wanted_len;

			snprintf(text, sizeof(text), "m%u.mx.other.", i % 7 ? i : 0);
			wanted_len = test_name(wanted, text);
			EXPECT(expand(msg, at + 12, name) == wanted_len && memcmp(name, wanted, wanted_len) == 0, "exchange",
			       filler);
			EXPECT(owner_len == 10 && memcmp(owner, "\1t\1c\4test", 10) == 0, "owner", filler);
			right++;
		}
		at += 10 + (size_t)xd_load_be16(msg + at + 8);
	}
	return right;
}

static void test_place(unsigned filler)
{
	static uint8_t msg[XD_MSG_MAX];
	static char text[200000];
	xd_responder *responder;
	xd_table *table;
	xd_reply reply;
	size_t len;

	write_zone(text, filler);
	NEED(xd_table_create("test_compose.file", &table) == 0 && xd_txn_begin(table) == 0);
	NEED(test_build(table, "c.test.", 1, text) == 0 && xd_txn_commit(table) == 0 && xd_table_check(table) == 0);
	NEED(xd_responder_create(table, NULL, 0, &responder) == 0);
	xd_responder_enter(responder);
	for (unsigned wants_dnssec = 0; wants_dnssec < 2; wants_dnssec++) {
		len = test_query(msg, "q.c.test.", XD_T_MX, 1232, wants_dnssec);
		xd_responder_answer(responder, &(xd_client){ .transport = XD_TCP4 }, msg, len, sizeof(msg), &reply);
		EXPECT(reply_is_sound(msg, reply.len) && !reply.truncated, "reply", filler);
		EXPECT(count_right(msg, reply.len, filler) == EXCHANGES, "exchanges", filler);
		len = test_query(msg, "q.c.test.", XD_T_MX, 1232, wants_dnssec);
		xd_responder_answer(responder, &(xd_client){ .transport = XD_UDP4 }, msg, len, sizeof(msg), &reply);
		EXPECT(reply_is_sound(msg, reply.len) && reply.len <= 1232, "UDP", filler);
	}
	xd_responder_free(responder);
	xd_table_close(table);
}

int main(void)
{
	/* In front of, across and behind the reach of pointers. */
	static const unsigned fillers[] = { 3, 12000, 15000, 16200, 16290, 16320, 16350, 16380, 17000, 20000, 45000 };

	for (size_t i = 0; i < sizeof(fillers) / sizeof(fillers[0]); i++)
		test_place(fillers[i]);
	unlink("test_compose.file");
	return failures != 0;
}
