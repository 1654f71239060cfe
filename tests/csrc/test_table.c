/* SPDX-License-Identifier: Apache-2.0 */
/* The table as a file: who may open it, what is refused, what survives a writer that dies, gives up or runs out of disk. */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reply_check.h"
#include "zone_text.h"

#include "answer.h"
#include "layout.h"
#include "table_writer.h"

#define PATH "test_table.file"
#define ZONE "$ORIGIN t.test.\n$TTL 60\n@ SOA a b 1 1 1 1 60\n@ NS a\na A 192.0.2.1\nx.y A 192.0.2.2\n"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

static xd_table *make_table(void)
{
	xd_table *table;

	NEED(xd_table_create(PATH, &table) == 0 && xd_txn_begin(table) == 0);
	NEED(test_build(table, "t.test.", 1, ZONE) == 0 && xd_txn_commit(table) == 0);
	return table;
}

static uint64_t version_of(xd_table *table)
{
	uint8_t apex[XD_NAME_MAX];
	xd_zone_info info;

	test_name(apex, "t.test.");
	NEED(xd_table_zone_info(table, apex, &info) == 0);
	return info.version;
}

static void test_one_writer(void)
{
	xd_table *table = make_table();
	xd_table *second;

	EXPECT(xd_table_open_writer(PATH, &second) == -XD_E_BUSY, "second writer");
	EXPECT(xd_table_open_reader(PATH, &second) == 0, "reader beside a writer");
	EXPECT(xd_txn_begin(second) == -XD_E_BUSY, "transaction of a reader");
	xd_table_close(second);
	NEED(xd_txn_begin(table) == 0);
	EXPECT(xd_txn_begin(table) == -XD_E_BUSY, "second transaction");
	xd_table_close(table);
	EXPECT(xd_table_open_writer(PATH, &table) == 0 && version_of(table) == 1, "writer after the writer");
	xd_table_close(table);
	EXPECT(xd_table_open_writer("no/such/file", &table) == -XD_E_SYSTEM, "no file");
}

static void write_at(off_t offset, const void *octets, size_t len)
{
	int fd = open(PATH, O_WRONLY | O_CLOEXEC);

	NEED(fd >= 0 && pwrite(fd, octets, len, offset) == (ssize_t)len && close(fd) == 0);
}

static void expect_refused(int rc, const char *what)
{
	xd_table *table;

	EXPECT(xd_table_open_reader(PATH, &table) == rc, what);
	EXPECT(xd_table_open_writer(PATH, &table) == rc, what);
}

static void test_refusals(void)
{
	static const struct {
		off_t offset;
		int rc;
		const char *what;
	} cases[] = {
		{ offsetof(struct xd_header, magic), -XD_E_TABLE_MAGIC, "magic" },
		{ offsetof(struct xd_header, layout), -XD_E_TABLE_LAYOUT, "layout" },
		{ offsetof(struct xd_header, endian), -XD_E_TABLE_LAYOUT, "byte order" },
		{ offsetof(struct xd_header, seed), -XD_E_TABLE_CHECKSUM, "seed" },
		{ offsetof(struct xd_header, checksum), -XD_E_TABLE_CHECKSUM, "checksum" },
		{ offsetof(struct xd_header, root) + 7, -XD_E_TABLE_TRUNCATED, "root beyond the file" },
		{ offsetof(struct xd_header, root), -XD_E_TABLE_TRUNCATED, "root at no block boundary" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		xd_table_close(make_table());
		write_at(cases[i].offset, "\x5a", 1);
		if (cases[i].offset == offsetof(struct xd_header, root))
			write_at(cases[i].offset, "\1\x10", 2);
		expect_refused(cases[i].rc, cases[i].what);
	}
	for (off_t size = 0; size <= 4096 + 512; size += 512) {
		xd_table_close(make_table());
		NEED(truncate(PATH, size) == 0);
		expect_refused(-XD_E_TABLE_TRUNCATED, "truncated");
	}
}

/* Any single octet of a block changed: the table is refused, or it holds the same kinds of blocks and can be answered from. */
static void test_damage(void)
{
	xd_table *table = make_table();
	xd_table_stats stats;
	unsigned refused = 0;
	uint8_t octet;
	int fd;

	xd_table_get_stats(table, &stats);
	xd_table_close(table);
	fd = open(PATH, O_RDWR | O_CLOEXEC);
	for (off_t at = XD_HEADER_BYTES; at < (off_t)(XD_HEADER_BYTES + stats.used_bytes); at += 3) {
		uint8_t damaged;

		NEED(pread(fd, &octet, 1, at) == 1);
		damaged = octet ^ 0x81;
		NEED(pwrite(fd, &damaged, 1, at) == 1);
		if (xd_table_open_writer(PATH, &table) == 0) {
			EXPECT(xd_table_check(table) == 0, "accepted, so sound");
			xd_table_close(table);
		} else {
			refused++;
		}
		NEED(pwrite(fd, &octet, 1, at) == 1);
	}
	close(fd);
	EXPECT(refused > 50, "damage is found");
}

/* The blocks of another boot count only as far as they were written out. */
static void test_power_loss(void)
{
	xd_table *table = make_table();
	xd_table *reader;

	NEED(xd_table_sync(table) == 0);
	write_at(offsetof(struct xd_header, boot_id), "another system..", 16);
	EXPECT(xd_table_open_reader(PATH, &reader) == 0, "all on disk");
	xd_table_close(reader);
	NEED(xd_txn_begin(table) == 0 && test_update(table, "t.test.", 2, "n.t.test.", "n.t.test. 1 A 192.0.2.9\n") == 0);
	NEED(xd_txn_commit(table) == 0);
	EXPECT(xd_table_open_reader(PATH, &reader) == -XD_E_TABLE_STALE, "changed since");
	NEED(xd_table_sync(table) == 0);
	EXPECT(xd_table_open_reader(PATH, &reader) == 0, "synced again");
	xd_table_close(reader);
	xd_table_close(table);
	EXPECT(xd_table_open_writer(PATH, &table) == 0 && version_of(table) == 2, "adopted after a reboot");
	xd_table_close(table);
}

static void test_crash(void)
{
	xd_table *table;
	int status;
	pid_t pid;

	xd_table_close(make_table());
	pid = fork();
	if (pid == 0) {
		NEED(xd_table_open_writer(PATH, &table) == 0 && xd_txn_begin(table) == 0);
		NEED(test_build(table, "t.test.", 2, ZONE "z A 192.0.2.3\n") == 0);
		NEED(test_update(table, "t.test.", 3, "q.t.test.", "q.t.test. 1 A 192.0.2.4\n") == 0);
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(xd_table_open_writer(PATH, &table) == 0 && version_of(table) == 1 && xd_table_check(table) == 0, "old version");
	NEED(xd_txn_begin(table) == 0 && test_build(table, "t.test.", 4, ZONE) == 0 && xd_txn_commit(table) == 0);
	EXPECT(version_of(table) == 4 && xd_table_check(table) == 0, "writing goes on");
	xd_table_close(table);
}

static void test_failed_steps(void)
{
	static const char *const wrong[] = { "t.test.", "u.test." };
	xd_table *table = make_table();
	uint8_t name[XD_NAME_MAX];
	xd_table_stats before;
	xd_table_stats after;
	uint64_t digest[2];
	uint64_t same[2];

	test_name(name, "t.test.");
	NEED(xd_table_zone_digest(table, name, digest) == 0);
	xd_table_get_stats(table, &before);
	for (size_t i = 0; i < 2; i++) {
		NEED(xd_txn_begin(table) == 0 && test_update(table, "t.test.", 2, "a.t.test.", "") == 0);
		EXPECT(test_update(table, wrong[i], 2, wrong[i], "") == -XD_E_ZONE,
		       "apex without records, zone that is not there");
		EXPECT(xd_txn_commit(table) < 0, "commit after a failed step");
		EXPECT(version_of(table) == 1, "nothing changed");
	}
	NEED(xd_txn_begin(table) == 0);
	test_name(name, "u.test.");
	EXPECT(xd_txn_zone_remove(table, name) == -XD_E_NOT_FOUND && xd_txn_commit(table) < 0, "no such zone");
	xd_table_get_stats(table, &after);
	test_name(name, "t.test.");
	NEED(xd_table_zone_digest(table, name, same) == 0);
	EXPECT(memcmp(digest, same, sizeof(same)) == 0 && before.used_bytes == after.used_bytes, "abort undoes");
	EXPECT(after.zones == 1, "abort undoes");
	xd_table_close(table);
}

/* What answering or validation could not do with is not let in. */
static void test_refused_rrsets(void)
{
	static const struct {
		const char *text;
		const char *what;
	} cases[] = {
		{ "c CNAME a\nc CNAME b\n", "two CNAMEs" },
		{ "c DNAME a\nc DNAME b\n", "two DNAMEs" },
		{ "c SOA a b 1 1 1 1 1\nc SOA a b 2 1 1 1 1\n", "two SOAs" },
		{ "c NSEC3 1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A\n", "NSEC3 at no hash" },
	};
	char text[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		xd_table *table = make_table();

		snprintf(text, sizeof(text), "%s%s", ZONE, cases[i].text);
		NEED(xd_txn_begin(table) == 0);
		EXPECT(test_build(table, "t.test.", 2, text) < 0, cases[i].what);
		EXPECT(xd_txn_commit(table) < 0 && version_of(table) == 1, cases[i].what);
		xd_table_close(table);
	}
}

static void test_disk_full(void)
{
	struct rlimit old;
	struct rlimit low;
	xd_table *table = make_table();
	static char text[300000] = ZONE;
	size_t len = strlen(text);
	int rc;

	for (unsigned i = 0; len + 64 < sizeof(text); i++)
		len += (size_t)sprintf(text + len, "n%u A 192.0.2.1\n", i);
	NEED(getrlimit(RLIMIT_FSIZE, &old) == 0);
	low = old;
	low.rlim_cur = 1 << 20;
	signal(SIGXFSZ, SIG_IGN);
	NEED(setrlimit(RLIMIT_FSIZE, &low) == 0 && xd_txn_begin(table) == 0);
	rc = test_build(table, "t.test.", 2, text);
	EXPECT(rc == -XD_E_SYSTEM, "no space");
	EXPECT(xd_txn_commit(table) < 0 && version_of(table) == 1 && xd_table_check(table) == 0, "old version after no space");
	NEED(setrlimit(RLIMIT_FSIZE, &old) == 0 && xd_txn_begin(table) == 0);
	EXPECT(test_build(table, "t.test.", 3, text) == 0 && xd_txn_commit(table) == 0, "space again");
	EXPECT(version_of(table) == 3 && xd_table_check(table) == 0, "space again");
	xd_table_close(table);
}

/* The same names gone and back many times: the file does not grow. */
static void test_steady_size(void)
{
	xd_table *table = make_table();
	xd_table_stats stats;
	xd_table_stats first = { 0 };

	for (unsigned round = 0; round < 400; round++) {
		NEED(xd_txn_begin(table) == 0);
		for (unsigned i = 0; i < 40; i++) {
			char owner[64];
			char text[96];

			snprintf(owner, sizeof(owner), "n%u.x.t.test.", i);
			snprintf(text, sizeof(text), "%s 1 A 192.0.2.1\n", owner);
			NEED(test_update(table, "t.test.", round, owner, round % 2 ? "" : text) == 0);
		}
		NEED(xd_txn_commit(table) == 0);
		xd_table_get_stats(table, &stats);
		if (round == 21)
			first = stats;
	}
	EXPECT(stats.file_bytes == first.file_bytes && stats.used_bytes == first.used_bytes, "steady size");
	xd_table_close(table);
}

/* The longest question, the longest NSID and the least room: the reply keeps within it. */
static void test_least_room(void)
{
	static const uint8_t nsid[] = { 0, 3, 0, 0 };
	static xd_server_info info = { .udp_payload_ipv4 = 512, .udp_payload_ipv6 = 512, .nsid_len = 255 };
	xd_table *table = make_table();
	uint8_t *msg = malloc(512);
	xd_responder *responder;
	char name[260];
	xd_reply reply;
	size_t len;

	memset(name, 'a', 247);
	for (size_t i = 63; i < 247; i += 64)
		name[i] = '.';
	strcpy(name + 247, ".test.");
	NEED(msg && xd_txn_begin(table) == 0 && xd_txn_set_server_info(table, &info) == 0 && xd_txn_commit(table) == 0);
	NEED(xd_responder_create(table, NULL, 0, &responder) == 0);
	xd_responder_enter(responder);
	len = test_query(msg, name, XD_T_A, 512, false);
	memcpy(msg + len, nsid, sizeof(nsid));
	msg[len - 1] = sizeof(nsid);
	xd_responder_answer(responder, &(xd_client){ .transport = XD_TCP4 }, msg, len + sizeof(nsid), 512, &reply);
	EXPECT(reply.verdict == XD_REPLY && reply.len <= 512 && reply_is_sound(msg, reply.len), "least room");
	xd_responder_free(responder);
	xd_table_close(table);
	free(msg);
}

int main(void)
{
	test_one_writer();
	test_refusals();
	test_damage();
	test_power_loss();
	test_crash();
	test_failed_steps();
	test_refused_rrsets();
	test_disk_full();
	test_steady_size();
	test_least_room();
	unlink(PATH);
	return failures != 0;
}
