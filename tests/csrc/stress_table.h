/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of readers beside a writer: a zone each record of which carries the version of the zone it belongs to, the
 * questions that reach every part of it, and the check that an answer holds one version only.
 *
 *   v.test. SOA serial = version; NSEC chain; d<i> A 10.x.y.z = version; a cut with glue; an alias; a wildcard
 */
#ifndef XD_TEST_STRESS_TABLE_H
#define XD_TEST_STRESS_TABLE_H

#include "reply_check.h"
#include "zone_text.h"

#include "answer.h"
#include "shm.h"

#define STRESS_TTL_BASE 1000000u

/* Every TTL is STRESS_TTL_BASE + version, so that each record of an answer shows its version. */
static inline size_t stress_apex(char *text, size_t room, uint32_t version)
{
	unsigned ttl = STRESS_TTL_BASE + version;

	return (size_t)snprintf(text, room,
	                        "$ORIGIN v.test.\n$TTL %u\n@ SOA ns h %u 1 1 1 2000000000\n@ NS ns\n@ NSEC *.w NS SOA NSEC\n",
	                        ttl, version);
}

/* The owners that every version has, beside the apex. */
static const char *const stress_owners[] = { "*.w", "a", "ns", "sub", "ns.sub", "z" };
#define STRESS_OWNERS (sizeof(stress_owners) / sizeof(stress_owners[0]))

static inline size_t stress_owner(char *text, size_t room, unsigned which, uint32_t version)
{
	static const char *const records[STRESS_OWNERS] = {
		"*.w TXT \"%1$u\"\n*.w NSEC a TXT NSEC\n",
		"a CNAME z\na NSEC ns CNAME NSEC\n",
		"ns A 10.0.0.1\nns NSEC sub A NSEC\n",
		"sub NS ns.sub\nsub NSEC z NS NSEC\n",
		"ns.sub A 10.0.0.2\n",
		"z TXT \"%1$u\"\nz NSEC @ TXT NSEC\n",
	};
	int len = snprintf(text, room, "$ORIGIN v.test.\n$TTL %u\n", STRESS_TTL_BASE + version);

	return (size_t)(len + snprintf(text + len, room - (size_t)len, records[which], version));
}

/* One transaction that moves all fixed owners and the apex to `version`. */
static inline int stress_update(xd_table *table, uint32_t version)
{
	char text[512];
	char owner[64];
	int rc = xd_txn_begin(table);

	stress_apex(text, sizeof(text), version);
	if (!rc)
		rc = test_update(table, "v.test.", version, "v.test.", text);
	for (unsigned i = 0; i < STRESS_OWNERS && !rc; i++) {
		stress_owner(text, sizeof(text), i, version);
		snprintf(owner, sizeof(owner), "%s.v.test.", stress_owners[i]);
		rc = test_update(table, "v.test.", version, owner, text);
	}
	return rc ? (xd_txn_abort(table), rc) : xd_txn_commit(table);
}

/* The whole zone anew with `extra` more names, all in `version`. */
static inline int stress_build(xd_table *table, uint32_t version, unsigned extra)
{
	size_t room = 4096 + (size_t)extra * 32;
	char *text = malloc(room);
	size_t len;
	int rc;

	NEED(text);
	len = stress_apex(text, room, version);
	for (unsigned i = 0; i < STRESS_OWNERS; i++)
		len += stress_owner(text + len, room - len, i, version);
	for (unsigned i = 0; i < extra; i++)
		len += (size_t)snprintf(text + len, room - len, "d%u A 10.0.0.3\n", i);
	rc = xd_txn_begin(table);
	if (!rc)
		rc = test_build(table, "v.test.", version, text);
	free(text);
	return rc ? (xd_txn_abort(table), rc) : xd_txn_commit(table);
}

struct stress_reader {
	xd_responder *responder;
	uint32_t last; /* version seen before: versions never go back */
	uint64_t answers;
};

/* The one version of all records of a reply; 0 when they differ or the reply is malformed. */
static inline uint32_t stress_version(const uint8_t *msg, size_t len)
{
	unsigned records = (unsigned)xd_load_be16(msg + 6) + xd_load_be16(msg + 8) + xd_load_be16(msg + 10) - 1; /* not OPT */
	uint32_t version = 0;
	size_t at;

	if (!reply_is_sound(msg, len))
		return 0;
	at = reply_skip_name(msg, len, 12) + 4;
	for (; records; records--) {
		uint32_t own;

		at = reply_skip_name(msg, len, at);
		own = xd_load_be32(msg + at + 4) - STRESS_TTL_BASE;
		if (version && own != version)
			return 0;
		version = own;
		if (xd_load_be16(msg + at) == XD_T_SOA && xd_load_be32(msg + at + 10 + xd_load_be16(msg + at + 8) - 20) != own)
			return 0;
		at += 10 + (size_t)xd_load_be16(msg + at + 8);
	}
	return version;
}

/* Asks one question after another between enter and leave; false at the first answer that is wrong. */
static inline bool stress_read(struct stress_reader *reader, unsigned round)
{
	static const struct {
		const char *name;
		uint16_t type;
		uint16_t records; /* answer, authority and additional section, OPT included */
		uint8_t rcode;
	} questions[] = {
		{ "v.test.", XD_T_SOA, 2, 0 },      { "nope.v.test.", XD_T_A, 4, 3 }, { "x.sub.v.test.", XD_T_A, 4, 0 },
		{ "q.w.v.test.", XD_T_TXT, 3, 0 },  { "a.v.test.", XD_T_TXT, 3, 0 },  { "z.v.test.", XD_T_A, 3, 0 },
		{ "ns.sub.v.test.", XD_T_A, 4, 0 }, { "v.test.", XD_T_NS, 3, 0 },
	};
	uint8_t msg[1232];
	bool is_right = true;

	xd_responder_enter(reader->responder);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]) && is_right; i++) {
		size_t len = test_query(msg, questions[i].name, questions[i].type, 1232, true);
		uint32_t version;
		xd_reply reply;

		xd_responder_answer(reader->responder, &(xd_client){ .transport = XD_UDP4 }, msg, len, sizeof(msg), &reply);
		version = reply.verdict == XD_REPLY ? stress_version(msg, reply.len) : 0;
		is_right = version && version >= reader->last && reply.rcode == questions[i].rcode &&
		           xd_load_be16(msg + 6) + xd_load_be16(msg + 8) + xd_load_be16(msg + 10) == questions[i].records;
		if (!is_right)
			fprintf(stderr, "%s type %u: version %u after %u, rcode %u, records %u %u %u, %u octets\n",
			        questions[i].name, questions[i].type, version, reader->last, reply.rcode, xd_load_be16(msg + 6),
			        xd_load_be16(msg + 8), xd_load_be16(msg + 10), reply.len);
		reader->last = version;
		reader->answers++;
	}
	if (round % 3 == 0)
		xd_responder_leave(reader->responder);
	return is_right;
}

#endif
