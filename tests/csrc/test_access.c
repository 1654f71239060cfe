/* SPDX-License-Identifier: Apache-2.0 */
/* Closed zones: who may ask, whatever path a query takes, and what the zone keeps. */
#include "access.h"

#include "answer.h"
#include "reply_check.h"
#include "rr.h"
#include "zone_text.h"

#define PATH "test_access.file"
#define TEXT "$ORIGIN c.test.\n$TTL 60\n@ SOA a b 1 1 1 1 60\n@ NS a\na A 192.0.2.1\nw CNAME a\n"
#define OTHER "$ORIGIN o.test.\n$TTL 60\n@ SOA a b 1 1 1 1 60\n@ NS a.c.test.\ninto CNAME a.c.test.\n"
#define BOTH (XD_ACCESS_UDP | XD_ACCESS_TCP)

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

static const xd_access_rule rules[] = {
	{ .first = { 192, 0, 2, 7 }, .last = { 192, 0, 2, 7 }, .address_len = 4, .transports = BOTH, .is_allowed = 0 },
	{ .first = { 192, 0, 2, 0 }, .last = { 192, 0, 2, 9 }, .address_len = 4, .transports = BOTH, .is_allowed = 1 },
	{ .first = { 0x20, 1 }, .last = { 0x20, 1, 1 }, .address_len = 16, .transports = XD_ACCESS_TCP, .is_allowed = 1 },
};

struct asked {
	const char *what;
	uint8_t address[16];
	uint8_t transport;
	unsigned rcode;
};

static const struct asked asked[] = {
	{ "first address", { 192, 0, 2, 0 }, XD_UDP4, XD_RCODE_NOERROR },
	{ "last address", { 192, 0, 2, 9 }, XD_UDP4_XDP, XD_RCODE_NOERROR },
	{ "over TCP", { 192, 0, 2, 1 }, XD_TCP4, XD_RCODE_NOERROR },
	{ "denied by an earlier rule", { 192, 0, 2, 7 }, XD_UDP4, XD_RCODE_NOTAUTH },
	{ "before the first", { 192, 0, 1, 255 }, XD_UDP4, XD_RCODE_NOTAUTH },
	{ "behind the last", { 192, 0, 2, 10 }, XD_UDP4_XDP, XD_RCODE_NOTAUTH },
	{ "IPv6 over TCP", { 0x20, 1, 0, 5 }, XD_TCP6, XD_RCODE_NOERROR },
	{ "IPv6 over UDP", { 0x20, 1, 0, 5 }, XD_UDP6, XD_RCODE_NOTAUTH },
	{ "IPv6 that begins like the IPv4 address", { 192, 0, 2, 1 }, XD_TCP6, XD_RCODE_NOTAUTH },
};

static uint8_t message[XD_MSG_MAX];

/* The reply to a question, by the parsed path or the plain one, composed or from templates. */
static xd_reply ask(xd_responder *responder, const char *name, const xd_client *client, unsigned path)
{
	size_t len = test_query(message, name, XD_T_A, 1232, false);
	xd_reply reply;

	xd_responder_compose_all(responder, path & 1);
	xd_responder_enter(responder);
	if (path & 2) {
		xd_responder_parse(responder, 1, message, len);
		xd_responder_fetch(responder, 1);
		xd_responder_answer_parsed(responder, 1, client, message, sizeof(message), &reply);
	} else {
		xd_responder_answer(responder, client, message, len, sizeof(message), &reply);
	}
	xd_responder_leave(responder);
	EXPECT(reply_is_sound(message, reply.len), name);
	return reply;
}

static unsigned answers_in(void)
{
	return xd_load_be16(message + 6);
}

static void test_rules(xd_responder *responder)
{
	for (unsigned path = 0; path < 4; path++) {
		for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
			xd_client client = { .address = asked[i].address, .transport = asked[i].transport };
			xd_reply reply = ask(responder, "a.c.test.", &client, path);

			EXPECT(reply.rcode == asked[i].rcode, asked[i].what);
			EXPECT(answers_in() == (reply.rcode == XD_RCODE_NOERROR), asked[i].what);
			EXPECT(((message[2] & 4) != 0) == (reply.rcode == XD_RCODE_NOERROR), asked[i].what);
		}
	}
}

static void test_others(xd_responder *responder)
{
	uint8_t address[4] = { 192, 0, 2, 1 };
	xd_client known = { .address = address, .transport = XD_UDP4 };
	xd_client unknown = { .transport = XD_UDP4 };
	xd_client decided = { .transport = XD_UDP4, .is_recount = 1 };

	for (unsigned path = 0; path < 4; path++) {
		EXPECT(ask(responder, "a.c.test.", &unknown, path).rcode == XD_RCODE_NOTAUTH, "no address");
		EXPECT(ask(responder, "a.c.test.", &decided, path).rcode == XD_RCODE_NOERROR, "handed off");
		EXPECT(ask(responder, "none.c.test.", &known, path).rcode == XD_RCODE_NXDOMAIN, "no such name");
		EXPECT(ask(responder, "none.c.test.", &unknown, path).rcode == XD_RCODE_NOTAUTH, "no such name, denied");
		EXPECT(ask(responder, "into.o.test.", &known, path).rcode == XD_RCODE_NOERROR, "alias into a closed zone");
		EXPECT(answers_in() == 1, "the alias is not followed");
		EXPECT(ask(responder, "x.test.", &unknown, path).rcode == XD_RCODE_REFUSED, "no zone");
	}
}

static void set_access(xd_table *table, const xd_access_rule *list, size_t count)
{
	uint8_t apex[XD_NAME_MAX];

	test_name(apex, "c.test.");
	NEED(xd_txn_begin(table) == 0);
	EXPECT(xd_txn_zone_set_access(table, apex, list, count) == 0, "rules");
	NEED(xd_txn_commit(table) == 0);
}

static bool is_closed(xd_table *table, unsigned count)
{
	uint8_t apex[XD_NAME_MAX];
	xd_zone_info info;

	test_name(apex, "c.test.");
	NEED(xd_table_zone_info(table, apex, &info) == 0);
	return info.is_closed && info.access_count == count;
}

/* Emptied, built anew, changed: a zone stays closed to the same clients. */
static void test_rules_stay(xd_table *table, xd_responder *responder)
{
	xd_client unknown = { .transport = XD_UDP4 };
	xd_client decided = { .transport = XD_UDP4, .is_recount = 1 };
	uint8_t apex[XD_NAME_MAX];

	test_name(apex, "c.test.");
	NEED(xd_txn_begin(table) == 0 && xd_txn_zone_empty(table, apex) == 0 && xd_txn_commit(table) == 0);
	EXPECT(is_closed(table, 3), "emptied");
	EXPECT(ask(responder, "a.c.test.", &unknown, 0).rcode == XD_RCODE_NOTAUTH, "empty, denied");
	EXPECT(ask(responder, "a.c.test.", &decided, 0).rcode == XD_RCODE_SERVFAIL, "empty, allowed");
	NEED(xd_txn_begin(table) == 0 && test_build(table, "c.test.", 2, TEXT) == 0 && xd_txn_commit(table) == 0);
	EXPECT(is_closed(table, 3), "built anew");
	NEED(xd_txn_begin(table) == 0);
	NEED(test_update(table, "c.test.", 3, "b.c.test.", "$ORIGIN c.test.\n$TTL 60\nb A 192.0.2.3\n") == 0);
	NEED(xd_txn_commit(table) == 0);
	EXPECT(is_closed(table, 3), "changed");
	EXPECT(xd_table_check(table) == 0, "sound");
	test_rules(responder);
}

int main(void)
{
	xd_access_rule many[XD_ACCESS_RULES_MAX + 1] = { rules[0] };
	xd_client unknown = { .transport = XD_UDP4 };
	uint8_t apex[XD_NAME_MAX];
	xd_responder *responder;
	xd_table *table;

	NEED(xd_table_create(PATH, &table) == 0 && xd_responder_create(table, NULL, 0, &responder) == 0);
	set_access(table, rules, 3);
	EXPECT(is_closed(table, 3), "a zone that comes later");
	EXPECT(ask(responder, "a.c.test.", &unknown, 0).rcode == XD_RCODE_NOTAUTH, "before it comes");
	NEED(xd_txn_begin(table) == 0);
	NEED(test_build(table, "c.test.", 1, TEXT) == 0 && test_build(table, "o.test.", 1, OTHER) == 0);
	NEED(xd_txn_commit(table) == 0);
	test_rules(responder);
	test_others(responder);
	test_rules_stay(table, responder);

	set_access(table, many, 0);
	EXPECT(is_closed(table, 0) && ask(responder, "a.c.test.", &unknown, 0).rcode == XD_RCODE_NOTAUTH, "closed to all");
	set_access(table, NULL, 0);
	EXPECT(!is_closed(table, 0) && ask(responder, "a.c.test.", &unknown, 0).rcode == XD_RCODE_NOERROR, "open again");
	for (size_t i = 0; i < XD_ACCESS_RULES_MAX; i++)
		many[i] = rules[0];
	set_access(table, many, XD_ACCESS_RULES_MAX);
	EXPECT(is_closed(table, XD_ACCESS_RULES_MAX), "as many as there may be");
	EXPECT(xd_table_check(table) == 0, "sound");

	test_name(apex, "c.test.");
	NEED(xd_txn_begin(table) == 0);
	EXPECT(xd_txn_zone_set_access(table, apex, many, XD_ACCESS_RULES_MAX + 1) == -XD_E_RANGE, "too many");
	xd_txn_abort(table);
	many[0].address_len = 5;
	NEED(xd_txn_begin(table) == 0);
	EXPECT(xd_txn_zone_set_access(table, apex, many, 1) == -XD_E_RANGE, "no address has that many octets");
	xd_txn_abort(table);
	NEED(xd_txn_begin(table) == 0 && xd_txn_zone_remove(table, apex) == 0 && xd_txn_commit(table) == 0);
	EXPECT(xd_table_check(table) == 0, "removed");

	xd_responder_free(responder);
	xd_table_close(table);
	return failures ? 1 : 0;
}
