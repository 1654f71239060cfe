/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a message: the reply stays inside its buffer and the size agreed on, is well-formed and repeats the question.
 * The first octet chooses the transport and whether cookies, rate limits and statistics are on, the second the room.
 */
#include <unistd.h>

#include "../csrc/reply_check.h"
#include "../csrc/zone_text.h"
#include "answer.h"
#include "query.h"
#include "zones.h"

#define PAYLOAD 1232u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t seed[2] = { 1, 3 };

static xd_responder *make_responder(bool has_modules)
{
	static xd_server_info info = {
		.udp_payload_ipv4 = PAYLOAD, .udp_payload_ipv6 = PAYLOAD, .nsid_len = 255, .version_len = 255
	};
	char directory[] = "/tmp/fuzz_query_XXXXXX";
	char path[sizeof(directory) + 8];
	xd_responder *responder;
	xd_table *table;
	uint8_t apex[XD_NAME_MAX];

	NEED(mkdtemp(directory) != NULL);
	snprintf(path, sizeof(path), "%s/table", directory);
	memset(info.nsid, 'n', sizeof(info.nsid));
	if (has_modules) {
		info.stats_families = UINT32_MAX;
		info.cookies = (xd_cookie_conf){ .secret_count = 2, .badcookie_slip = 2, .secrets = { "one", "other" } };
		info.rrl = (xd_rrl_conf){ .rate_limit = 10, .instant_limit = 20, .slip = 2, .table_size = 16 };
	}
	memset(info.version, 'v', sizeof(info.version));
	test_name(apex, "empty.test.");
	NEED(xd_table_create(path, &table) == 0 && xd_txn_begin(table) == 0);
	NEED(xd_txn_set_server_info(table, &info) == 0 && xd_txn_zone_empty(table, apex) == 0);
	NEED(test_build(table, "n.test.", 1, nsec_zone) == 0 && test_build(table, "h.test.", 1, nsec3_zone) == 0);
	NEED(test_build(table, "p.test.", 1, plain_zone) == 0 && xd_txn_commit(table) == 0 && xd_table_check(table) == 0);
	NEED(unlink(path) == 0 && rmdir(directory) == 0);
	NEED(xd_responder_create(table, NULL, 0, &responder) == 0);
	xd_responder_enter(responder);
	return responder;
}

static size_t size_agreed(const struct xd_query *query, bool has_edns, int transport, size_t room)
{
	size_t limit = 512;

	if (transport == XD_TCP4 || transport == XD_TCP6)
		return room;
	if (has_edns)
		limit = query->payload < 512 ? 512 : query->payload > PAYLOAD ? PAYLOAD : query->payload;
	return limit < room ? limit : room;
}

static void check_reply(const uint8_t *query_msg, size_t len, const uint8_t *msg, const xd_reply *reply, int transport,
                        size_t room)
{
	struct xd_query query;
	enum xd_query_fault fault = xd_query_parse(&query, query_msg, len, seed);

	NEED(reply->len <= size_agreed(&query, fault == XD_QUERY_OK && query.has_edns, transport, room));
	NEED(reply_is_sound(msg, reply->len));
	NEED(memcmp(msg, query_msg, 2) == 0);
	NEED(((msg[2] ^ query_msg[2]) & 0x79) == 0);
	if (fault == XD_QUERY_OK)
		NEED(reply->len >= query.question_end && memcmp(msg + 12, query_msg + 12, query.question_end - 12u) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t rooms[] = { 512, 1232, 4096, XD_MSG_MAX };
	static const uint8_t address[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	static xd_responder *responders[2];
	xd_client client = { .address = address };
	xd_responder *responder;
	xd_reply reply;
	uint8_t *msg;
	size_t room;

	if (!responders[0]) {
		responders[0] = make_responder(false);
		responders[1] = make_responder(true);
	}
	if (size < 2)
		return 0;
	responder = responders[data[0] >> 7];
	client.transport = (data[0] & 0x7f) % 6;
	room = rooms[data[1] % 4];
	data += 2;
	size -= 2;
	if (size > room)
		return 0;
	msg = malloc(room);
	NEED(msg);
	memcpy(msg, data, size);
	xd_responder_answer(responder, &client, msg, size, room, &reply);
	if (reply.verdict == XD_REPLY)
		check_reply(data, size, msg, &reply, client.transport, room);
	else
		NEED(reply.len == 0 && memcmp(msg, data, size) == 0);
	free(msg);
	return 0;
}
