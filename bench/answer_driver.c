/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers one question again and again, so that its instructions can be counted:
 *
 *     answer_driver build TABLE APEX-HEX ZONE-FILE   publishes a zone to a new table
 *     answer_driver count TABLE                      has what mod-stats counts by default counted
 *     answer_driver ask TABLE COUNT QUERY-HEX        answers the query COUNT times; prints RCODE and length
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "answer.h"
#include "limits.h"
#include "scan.h"
#include "shm.h"
#include "stats.h"
#include "table.h"

#define ROOM 4096u

/* Instead of the C library's: a table made here has the same seed every time, and so the same counts. */
ssize_t getrandom(void *out, size_t len, unsigned flags)
{
	(void)flags;
	memset(out, 0x5a, len);
	return (ssize_t)len;
}

static void fail(const char *what, int code)
{
	fprintf(stderr, "answer_driver: %s: %s\n", what, xd_error_text(-code));
	exit(1);
}

/* Returns the number of octets, at most `room`. */
static size_t read_hex(const char *text, uint8_t *out, size_t room)
{
	size_t len = strlen(text) / 2;
	if (len > room)
		fail("hexadecimal argument", -XD_E_RANGE);
	for (size_t i = 0; i < len; i++) {
		const char pair[3] = { text[2 * i], text[2 * i + 1], 0 };
		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return len;
}

static int build(const char *path, const char *apex_hex, const char *zone_file)
{
	uint8_t apex[XD_NAME_MAX];
	xd_scan *scan;
	xd_pairs pairs;
	xd_table *table;
	int err;

	read_hex(apex_hex, apex, sizeof(apex));
	if ((err = xd_scan_create(apex, 0, 3600, &scan)) || (err = xd_scan_file(scan, zone_file)) ||
	    (err = xd_scan_finish(scan, &pairs)))
		fail(zone_file, err);
	xd_scan_free(scan);
	if ((err = xd_table_create(path, &table)) || (err = xd_txn_begin(table)) ||
	    (err = xd_txn_zone_build(table, apex, 1, pairs.bytes, pairs.offsets, pairs.count)) ||
	    (err = xd_txn_commit(table)) || (err = xd_table_sync(table)))
		fail(path, err);
	printf("%zu RRsets\n", pairs.count);
	xd_pairs_uninit(&pairs);
	xd_table_close(table);
	return 0;
}

static int count(const char *path)
{
	static const xd_server_info info = {
		.udp_payload_ipv4 = 1232,
		.udp_payload_ipv6 = 1232,
		.stats_families = 1u << XD_STATS_request_protocol | 1u << XD_STATS_server_operation |
		                  1u << XD_STATS_request_bytes | 1u << XD_STATS_response_bytes | 1u << XD_STATS_response_code,
	};
	xd_table *table;
	int err;

	if ((err = xd_table_open_writer(path, &table)) || (err = xd_txn_begin(table)) ||
	    (err = xd_txn_set_server_info(table, &info)) || (err = xd_txn_commit(table)) || (err = xd_table_sync(table)))
		fail(path, err);
	xd_table_close(table);
	return 0;
}

/* A shared region of no file that outlives the process. */
static xd_shm *make_shm(void)
{
	char path[] = "/tmp/answer_driver_XXXXXX";
	int fd = mkstemp(path);
	xd_shm *shm;
	int err;

	if (fd < 0 || (err = xd_shm_create(path, 1, &shm)))
		fail(path, fd < 0 ? -XD_E_SYSTEM : err);
	close(fd);
	unlink(path);
	return shm;
}

static int ask(const char *path, unsigned long count, const char *query_hex)
{
	uint8_t query[ROOM], message[ROOM];
	size_t len = read_hex(query_hex, query, sizeof(query));
	xd_table *table;
	xd_responder *responder;
	xd_reply reply = { 0 };
	xd_shm *shm = make_shm();
	/* Called through a pointer, the function stays one with a name of its own, which callgrind can tell from the rest. */
	void (*volatile answer)(xd_responder *, const xd_client *, uint8_t *, size_t, size_t, xd_reply *) = xd_responder_answer;
	int err;

	if ((err = xd_table_open_reader(path, &table)) || (err = xd_responder_create(table, shm, 0, &responder)))
		fail(path, err);
	xd_responder_enter(responder);
	for (unsigned long i = 0; i < count; i++) {
		memcpy(message, query, len);
		answer(responder, &(xd_client){ .transport = XD_UDP4 }, message, len, sizeof(message), &reply);
	}
	xd_responder_leave(responder);
	printf("%u %" PRIu32 "\n", reply.rcode, reply.len);
	xd_responder_free(responder);
	xd_shm_close(shm);
	xd_table_close(table);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "build"))
		return build(argv[2], argv[3], argv[4]);
	if (argc == 3 && !strcmp(argv[1], "count"))
		return count(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "ask"))
		return ask(argv[2], strtoul(argv[3], NULL, 10), argv[4]);
	fprintf(stderr, "usage: answer_driver build TABLE APEX-HEX ZONE-FILE | count TABLE | ask TABLE COUNT QUERY-HEX\n");
	return 2;
}
