/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a table file: it is refused, or what passes validation can be answered from and written without a memory
 * error. The sums of header and root are made right first, so that mutations reach what is behind them.
 */
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "../csrc/zone_text.h"
#include "answer.h"
#include "layout.h"
#include "table_writer.h"

#define FILE_BYTES_MAX 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *path;

/*
 * The stored form leaves the header's page out: seed (16 octets), root offset (8), then the file from the first block on. So
 * inputs stay small. The root's sum is made right in place.
 */
#define FRONT 24u

static void put_front(struct xd_header *header, const uint8_t *data)
{
	uint64_t root;

	memset(header, 0, XD_HEADER_BYTES);
	header->magic = XD_TABLE_MAGIC;
	header->layout = XD_TABLE_LAYOUT;
	header->endian = XD_TABLE_ENDIAN;
	memcpy(header->seed, data, sizeof(header->seed));
	header->checksum = xd_crc32c(header, offsetof(struct xd_header, checksum));
	memcpy(&root, data + 16, sizeof(root));
	atomic_store(&header->root, root);
	/* The boot id is another system's: readers must validate everything. */
	atomic_store(&header->synced, 0);
}

static void fix_root(uint8_t *file, size_t size)
{
	struct xd_header *header = (struct xd_header *)file;
	uint64_t at = atomic_load(&header->root);
	struct xd_root *root;

	if (at < XD_HEADER_BYTES || at % XD_BLOCK_ALIGN || at > size - sizeof(*root))
		return;
	root = (struct xd_root *)(file + at);
	root->magic = XD_ROOT_MAGIC;
	root->checksum = xd_crc32c(&root->generation, sizeof(*root) - offsetof(struct xd_root, generation));
	atomic_store(&header->synced, root->generation);
}

static void write_file(const uint8_t *data, size_t size)
{
	static _Alignas(16) uint8_t file[FILE_BYTES_MAX + XD_HEADER_BYTES];
	size_t file_size = XD_HEADER_BYTES + size - FRONT;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	put_front((struct xd_header *)file, data);
	memcpy(file + XD_HEADER_BYTES, data + FRONT, size - FRONT);
	fix_root(file, file_size);
	NEED(fd >= 0 && write(fd, file, file_size) == (ssize_t)file_size && close(fd) == 0);
}

static void ask(xd_table *table)
{
	static const struct {
		const char *name;
		uint16_t type;
	} questions[] = {
		{ "n.test.", 6 },         { "n.test.", 15 },     { "x.n.test.", 1 },       { "www.sub.n.test.", 1 },
		{ "sub.n.test.", 43 },    { "q.w.n.test.", 16 }, { "q.w.n.test.", 1 },     { "a.n.test.", 1 },
		{ "x.y.d2.n.test.", 28 }, { "d.n.test.", 1 },    { "x.plain.n.test.", 1 }, { "mx.n.test.", 15 },
		{ "h.test.", 255 },       { "x.h.test.", 1 },    { "q.w.h.test.", 28 },    { "ent.x.h.test.", 43 },
		{ "ns.n.test.", 46 },     { "x.a.p.test.", 1 },  { "p.test.", 2 },         { "org.", 1 },
	};
	xd_responder *responder;
	uint8_t *msg = malloc(XD_MSG_MAX);

	NEED(msg && xd_responder_create(table, NULL, 0, &responder) == 0);
	xd_responder_enter(responder);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		size_t len = test_query(msg, questions[i].name, questions[i].type, 4096, i % 4 != 0);
		xd_reply reply;

		xd_responder_answer(responder, &(xd_client){ .transport = i % 5 ? XD_UDP4 : XD_TCP4 }, msg, len, XD_MSG_MAX,
		                    &reply);
	}
	xd_responder_free(responder);
	free(msg);
}

static void write_to(xd_table *table)
{
	if (xd_txn_begin(table))
		return;
	if (test_update(table, "n.test.", 9, "new.sub.n.test.", "new.sub.n.test. 300 A 192.0.2.9\n") == 0 &&
	    test_update(table, "n.test.", 9, "sub.n.test.", "") == 0 && xd_txn_commit(table) == 0)
		ask(table);
	else
		xd_txn_abort(table);
}

static void make_path(void)
{
	static char made[64];

	snprintf(made, sizeof(made), "/dev/shm/fuzz_table_%d", (int)getpid());
	path = made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	xd_table *table;

	if (!path)
		make_path();
	if (size < FRONT || size > FILE_BYTES_MAX)
		return 0;
	write_file(data, size);
	if (xd_table_open_reader(path, &table) == 0) {
		ask(table);
		xd_table_close(table);
		if (xd_table_open_writer(path, &table) == 0) {
			write_to(table);
			xd_table_close(table);
		}
	}
	unlink(path);
	return 0;
}
