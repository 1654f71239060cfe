/* SPDX-License-Identifier: Apache-2.0 */
/* The packer: every record of the pairs is in the messages once and in order, whatever their size; limits and bad pairs. */
#include <stdbool.h>
#include <stdint.h>

#include "pack.h"
#include "rr.h"
#include "zone_text.h"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

#define RECORD_FIXED 10u

static const uint8_t opt[] = { 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0 };

/* Reads messages and compares them with pairs. */
struct reader {
	const uint8_t *pairs;
	size_t len;
	xd_pack_cursor expected;
	size_t messages;
	size_t octets;
	size_t largest;
};

static size_t read_name(uint8_t *out, const uint8_t *message, size_t at)
{
	size_t end = 0, len = 0;

	for (;;) {
		unsigned label = message[at];
		if (label >= 0xc0) {
			size_t target = xd_load_be16(message + at) & 0x3fff;
			NEED(target < at);
			end = end ? end : at + 2;
			at = target;
			continue;
		}
		NEED(label <= XD_LABEL_MAX && len + label + 1 <= XD_NAME_MAX);
		xd_bytes_lower(out + len, message + at, label + 1);
		len += label + 1;
		at += label + 1;
		if (!label)
			return end ? end : at;
	}
}

/* Record data with its names in full, read from `at` to `end`. */
static size_t read_rdata(uint8_t *out, const uint8_t *message, size_t at, size_t end, uint16_t type)
{
	unsigned names = type == XD_T_NS || type == XD_T_CNAME || type == XD_T_MX ? 1 : type == XD_T_SOA ? 2 : 0;
	size_t len = type == XD_T_MX ? 2 : 0;

	memcpy(out, message + at, len);
	at += len;
	for (; names; names--) {
		at = read_name(out + len, message, at);
		len += xd_name_len(out + len);
	}
	NEED(at <= end);
	memcpy(out + len, message + at, end - at);
	return len + end - at;
}

/* The next record of the pairs is this one. */
static void expect_record(struct reader *reader, const uint8_t *name, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                          size_t len)
{
	uint8_t owner[XD_NAME_MAX];
	size_t owner_len;
	uint16_t own_type;
	struct xd_pair pair;
	xd_pack_cursor *at = &reader->expected;

	NEED(at->pair < reader->len);
	NEED(xd_pair_read(&pair, reader->pairs + at->pair, reader->len - at->pair) == 0);
	NEED(xd_key_parse(pair.key, pair.key_len, owner, &owner_len, &own_type) == 0);
	if (!at->record)
		at->record = pair.key_len + 6;
	const uint8_t *record = pair.key + at->record;
	size_t own_len = xd_load_be16(record);
	uint32_t own_ttl = xd_load_be32(type == XD_T_RRSIG ? record + 2 + 4 : pair.value);
	EXPECT(xd_name_equal(owner, name) && type == own_type && ttl == own_ttl, "owner, type, ttl");
	EXPECT(own_len == len && !memcmp(rdata, record + 2, len), "rdata");
	at->record += 2 + own_len;
	if (at->record == pair.key_len + pair.value_len)
		*at = (xd_pack_cursor){ at->pair + at->record, 0 };
}

static void read_message(struct reader *reader, const uint8_t *message, size_t len)
{
	static uint8_t rdata[XD_RDATA_MAX + XD_NAME_MAX];
	uint8_t name[XD_NAME_MAX];
	size_t at = read_name(name, message, XD_MSG_HEADER_BYTES) + 4;

	for (unsigned left = xd_load_be16(message + 6); left; left--) {
		at = read_name(name, message, at);
		uint16_t type = xd_load_be16(message + at);
		EXPECT(xd_load_be16(message + at + 2) == XD_CLASS_IN, "class");
		uint32_t ttl = xd_load_be32(message + at + 4);
		size_t end = at + RECORD_FIXED + xd_load_be16(message + at + 8);
		NEED(end <= len);
		size_t size = read_rdata(rdata, message, at + RECORD_FIXED, end, type);
		expect_record(reader, name, type, ttl, rdata, size);
		at = end;
	}
	EXPECT(xd_load_be16(message + 10) == 1 && len == at + sizeof(opt), "one additional record");
	EXPECT(!memcmp(message + at, opt, sizeof(opt)), "OPT");
	reader->messages++;
	reader->octets += len;
	reader->largest = len > reader->largest ? len : reader->largest;
}

static void read_messages(struct reader *reader, xd_pack *pack)
{
	size_t len;
	const uint8_t *bytes = xd_pack_messages(pack, &len);

	for (size_t at = 0; at < len; at += 2u + xd_load_be16(bytes + at))
		read_message(reader, bytes + at + 2, xd_load_be16(bytes + at));
	xd_pack_clear(pack);
}

static xd_pack *make(const char *question, size_t fill, size_t most)
{
	uint8_t head[XD_MSG_HEADER_BYTES + XD_NAME_MAX + 4] = { 0x12, 0x34, 0x84, 0, 0, 1 };
	size_t len = test_name(head + XD_MSG_HEADER_BYTES, question);
	xd_pack *pack;

	head[XD_MSG_HEADER_BYTES + len + 1] = 252;
	head[XD_MSG_HEADER_BYTES + len + 3] = 1;
	xd_pack_options options = { head, XD_MSG_HEADER_BYTES + len + 4, opt, sizeof(opt), fill, most };
	NEED(xd_pack_create(&options, &pack) == 0);
	return pack;
}

/* Packs pairs, as many octets of whole pairs at a time as `step` tells, and reads the messages back. */
static struct reader pack_all(const xd_pairs *pairs, const char *question, size_t fill, size_t step)
{
	size_t len = pairs->offsets[2 * pairs->count];
	struct reader reader = { .pairs = pairs->bytes, .len = len };
	xd_pack *pack = make(question, fill, XD_MSG_MAX);
	int result;

	for (size_t pair = 0; pair < pairs->count; pair += step) {
		size_t last = pair + step < pairs->count ? pair + step : pairs->count;
		xd_pack_cursor cursor = { 0 };
		do {
			size_t start = pairs->offsets[2 * pair];
			result = xd_pack_add(pack, pairs->bytes + start, pairs->offsets[2 * last] - start, &cursor);
			EXPECT(result >= 0, "added");
			read_messages(&reader, pack);
		} while (result == 1);
	}
	xd_pack_finish(pack);
	read_messages(&reader, pack);
	EXPECT(reader.expected.pair == len, "all records");
	xd_pack_free(pack);
	return reader;
}

static const char zone[] =
	"$TTL 60\n@ SOA ns hostmaster 1 2 3 4 5\n@ NS ns\n@ NS ns.other.\n@ NS NS2.Other.\n@ MX 10 mail\n@ MX 20 mail.ns\n"
	"@ 7 RRSIG SOA 13 1 9 20370101000000 20200101000000 1 @ AAAA\n"
	"@ RRSIG NS 13 1 8 20370101000000 20200101000000 1 @ AAAA\n"
	"ns A 192.0.2.1\nns A 192.0.2.2\nns TXT a b\nmail.ns A 192.0.2.3\nxmail.ns CNAME mail.ns\n*.w CNAME a.b.c.d.e\n"
	"a.b.c.d.e SRV 0 0 0 ns\nb.b.c.d.e TYPE65280 \\# 0\nb.c.d.e MX 0 .\n\\000\\001.x\\.y A 192.0.2.4\n"
	"\\001\\001 CNAME \\000\\001.x\\.y\n";

static void test_every_size_and_step(void)
{
	xd_pairs pairs;

	test_pairs(&pairs, "example.", zone);
	for (size_t fill = 60; fill < 1200; fill += 7)
		for (size_t step = 1; step <= pairs.count; step += 3)
			pack_all(&pairs, "eXample.", fill, step);
	struct reader whole = pack_all(&pairs, "eXample.", 16384, 1000);
	EXPECT(whole.messages == 1, "one message holds all");
	EXPECT(whole.octets < 600, "names are compressed");
	xd_pairs_uninit(&pairs);
}

static void test_root_zone(void)
{
	xd_pairs pairs;

	test_pairs(&pairs, ".", "@ 9 SOA a. b. 1 2 3 4 5\n@ 9 NS a.\nexample. 9 NS a.example.\na.example. 9 A 192.0.2.1\n");
	for (size_t fill = 60; fill < 300; fill++)
		pack_all(&pairs, ".", fill, 2);
	xd_pairs_uninit(&pairs);
}

/* A zone with the longest names, and more records than pointers reach. */
static void test_long_names_and_many(void)
{
	static char text[1 << 22];
	char label[64] = { 0 };
	size_t len = (size_t)snprintf(text, sizeof(text), "$TTL 1\n@ SOA a b 1 2 3 4 5\n@ NS a\n");
	xd_pairs pairs;

	memset(label, 'x', 63);
	for (unsigned i = 0; i < 2000; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		                        "%s.%s.%s.n%04u CNAME a.n%04u\nn%04u NS ns%u.other%u.\n", label, label, label, i, i / 3,
		                        i, i % 5, i % 7);
	NEED(len < sizeof(text));
	for (unsigned i = 0; i < 120; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", i ? ".a" : "a");
	snprintf(text + len, sizeof(text) - len, " A 192.0.2.1\n");
	test_pairs(&pairs, "example.", text);
	pack_all(&pairs, "example.", 700, 99);
	pack_all(&pairs, "example.", 16384, 500);
	struct reader large = pack_all(&pairs, "example.", XD_MSG_MAX, pairs.count);
	EXPECT(large.largest <= XD_MSG_MAX && large.largest > 60000, "messages are filled");
	xd_pairs_uninit(&pairs);
}

/* A pair of one record of `len` octets, type 65280, at the apex. */
static size_t make_large(uint8_t *out, size_t len)
{
	static const uint8_t key[] = "\0\0\0\1example\0\0\xff";
	size_t at = sizeof(key);

	memcpy(out, key, sizeof(key)); /* its NUL is the low octet of the type */
	memset(out + at, 0, 5);
	out[at + 5] = 1;
	xd_store_be16(out + at + 6, (uint16_t)len);
	memset(out + at + 8, 0xab, len);
	return at + 8 + len;
}

static void test_large_records(void)
{
	static uint8_t pair[XD_RDATA_MAX + 100];
	const size_t head = XD_MSG_HEADER_BYTES + 9 + 4, owner = 2;
	const size_t greatest = XD_MSG_MAX - sizeof(opt) - head - owner - RECORD_FIXED;

	for (size_t size = greatest - 1; size <= greatest + 1; size++) {
		size_t len = make_large(pair, size);
		struct reader reader = { .pairs = pair, .len = len };
		xd_pack_cursor cursor = { 0 };
		xd_pack *pack = make("example.", 16384, XD_MSG_MAX);
		EXPECT(xd_pack_add(pack, pair, len, &cursor) == (size > greatest ? -XD_E_RANGE : 0), "size");
		EXPECT(size <= greatest || cursor.pair == 0, "the cursor is at the record");
		if (size <= greatest) {
			xd_pack_finish(pack);
			read_messages(&reader, pack);
			EXPECT(reader.messages == 1 && reader.largest <= XD_MSG_MAX, "a message of its own");
		}
		xd_pack_free(pack);
	}
	size_t len = make_large(pair, XD_RDATA_MAX);
	xd_pack_cursor cursor = { 0 };
	xd_pack *pack = make("example.", 16384, XD_MSG_MAX);
	EXPECT(xd_pack_add(pack, pair, len, &cursor) == -XD_E_RANGE, "the largest data fits no message");
	xd_pack_free(pack);
}

static void test_bad_pairs_and_options(void)
{
	xd_pairs pairs;
	xd_pack *pack;
	uint8_t head[] = "\0\0\0\0\0\1\0\0\0\0\0\0\7example\0\0\xfc\0\1";
	const size_t head_len = sizeof(head) - 1;

	test_pairs(&pairs, "example.", zone);
	for (size_t len = 1; len < pairs.offsets[2]; len++) {
		xd_pack_cursor cursor = { 0 };
		pack = make("example.", 512, 512);
		EXPECT(xd_pack_add(pack, pairs.bytes, len, &cursor) == -XD_E_KEY_ORDER, "cut");
		xd_pack_free(pack);
	}
	xd_pairs_uninit(&pairs);
	const xd_pack_options refused[] = {
		{ head, head_len - 1, NULL, 0, 512, 512 }, { head, head_len, NULL, 0, 513, 512 },
		{ head, head_len, NULL, 0, 512, 65536 },   { head, head_len, opt, 600, 2000, 2000 },
		{ head, head_len, NULL, 0, 20, 512 },      { head, 12, NULL, 0, 512, 512 },
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		EXPECT(xd_pack_create(&refused[i], &pack) == -XD_E_RANGE, "options");
}

int main(void)
{
	test_every_size_and_step();
	test_root_zone();
	test_long_names_and_many();
	test_large_records();
	test_bad_pairs_and_options();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
