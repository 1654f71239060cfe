/* SPDX-License-Identifier: Apache-2.0 */
/* Records of messages: names decompressed, data canonical; pointers and data that may not be so are refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "incoming.h"
#include "limits.h"
#include "message.h"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

/* A message that is being written; offset 12 is the question's name, EXAMPLE. */
struct text {
	uint8_t octets[4096];
	size_t len;
};

static const uint8_t apex[] = "\7example";

static void put(struct text *text, const void *octets, size_t len)
{
	memcpy(text->octets + text->len, octets, len);
	text->len += len;
}

#define PUT(text, literal) put((text), (literal), sizeof(literal) - 1)

static struct text begin(uint8_t answers)
{
	struct text text = { .len = 0 };
	uint8_t header[12] = { 0, 1, 0x84, 0, 0, 1, 0, answers };

	put(&text, header, sizeof(header));
	PUT(&text, "\7EXAMPLE\0\0\x06\0\1");
	return text;
}

/* One record with the owner `a` below the question's name. */
static struct text one(uint8_t type, const void *rdata, uint8_t len)
{
	struct text text = begin(1);
	uint8_t fixed[] = { 1, 'A', 0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, len };

	put(&text, fixed, sizeof(fixed));
	put(&text, rdata, len);
	return text;
}

/* The message copied to memory of its own size, so that a sanitizer sees what is read beyond. */
static int read_text(const struct text *text, uint8_t *out, size_t room, size_t *used)
{
	uint8_t *message = malloc(text->len + 1);

	memcpy(message, text->octets, text->len);
	int result = xd_message_read(message, text->len, 1, 3, out, room, used);
	free(message);
	return result;
}

static void expect_rdata(const struct text *text, const void *rdata, size_t len, const char *what)
{
	static const uint8_t owner[] = "\1a\7example";
	uint8_t out[8192];
	size_t used = 0;

	EXPECT(read_text(text, out, sizeof(out), &used) == 1, what);
	EXPECT(used == XD_MESSAGE_FIXED_BYTES + sizeof(owner) + len, what);
	EXPECT(out[1] == sizeof(owner) && !memcmp(out + XD_MESSAGE_FIXED_BYTES, owner, sizeof(owner)), what);
	EXPECT(!memcmp(out + XD_MESSAGE_FIXED_BYTES + sizeof(owner), rdata, len), what);
}

static void expect_refused(const struct text *text, int code, const char *what)
{
	uint8_t out[8192];
	size_t used = 0;

	EXPECT(read_text(text, out, sizeof(out), &used) == code, what);
}

static void test_canonical(void)
{
	struct text text = one(15, "\0\x0a\4MAIL\xc0\x0c", 9);
	expect_rdata(&text, "\0\x0a\4mail\7example\0", 16, "MX");
	text = one(1, "\1\2\3\4", 4);
	expect_rdata(&text, "\1\2\3\4", 4, "A");
	/* RFC 6840, section 5.1: the next name of NSEC keeps its case. */
	text = one(47, "\1B\0\0\1\x40", 6);
	expect_rdata(&text, "\1B\0\0\1\x40", 6, "NSEC");
	text = one(200, "\xc0\x0c", 2);
	expect_rdata(&text, "\xc0\x0c", 2, "a type that is not known");
}

static void test_refused(void)
{
	struct text text = one(39, "\xc0\x0c", 2);
	expect_refused(&text, -XD_E_RDATA, "DNAME, compressed");
	text = one(1, "\1\2\3", 3);
	expect_refused(&text, -XD_E_RDATA, "A of three octets");
	text = one(1, "\1\2\3\4\5", 5);
	expect_refused(&text, -XD_E_RDATA, "A of five octets");
	text = one(1, "", 0);
	expect_refused(&text, -XD_E_RDATA, "A without data");
	text = one(2, "\1a\xc0", 3);
	expect_refused(&text, -XD_E_RDATA, "half a pointer at the end of the data");
	text = one(2, "\xc0\x26\0", 3);
	expect_refused(&text, -XD_E_RDATA, "a pointer to itself");
	text = one(2, "\xc0\x02", 2);
	expect_refused(&text, -XD_E_RDATA, "a pointer into the header");
	text = one(1, "\1\2\3\4", 4);
	text.octets[text.len++] = 0;
	expect_refused(&text, -XD_E_SYNTAX, "octets behind the last record");
}

/* Every message cut short is refused, and no octet behind it is read. */
static void test_cut(void)
{
	struct text whole = one(6, "\1A\xc0\x0c\1b\xc0\x0c\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 28);
	uint8_t out[8192];
	size_t used = 0;

	EXPECT(read_text(&whole, out, sizeof(out), &used) == 1, "SOA");
	for (size_t len = 0; len < whole.len; len++) {
		struct text text = whole;
		text.len = len;
		EXPECT(read_text(&text, out, sizeof(out), &used) < 0, "cut");
	}
	for (size_t room = 0; room < 512; room++)
		EXPECT(read_text(&whole, out, room, &used) == -XD_E_RANGE, "no room");
}

/* RFC 2136, section 2.5: deletions have no data, or that of the record that goes. */
static void test_update_classes(void)
{
	struct text text = one(1, "", 0);

	text.octets[text.len - 7] = 255;
	expect_rdata(&text, "", 0, "class ANY");
	text = one(1, "\1\2\3", 3);
	text.octets[text.len - 10] = 254;
	expect_refused(&text, -XD_E_RDATA, "class NONE, malformed data");
}

#define SOA_RECORD "\xc0\x0c\0\6\0\1\0\0\0\2\0\x18\xc0\x0c\xc0\x0c\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"

static void test_incoming(void)
{
	struct text text = begin(4);
	xd_incoming *incoming = NULL;
	xd_incoming_state state = { 0 };
	xd_pairs pairs = { 0 };

	PUT(&text, SOA_RECORD "\1B\xc0\x0c\0\1\0\1\0\0\0\2\0\4\1\2\3\4");
	PUT(&text, "\1c\0\0\1\0\1\0\0\0\2\0\4\1\2\3\4" SOA_RECORD);
	EXPECT(xd_incoming_create(apex, 7, &incoming) == XD_OK, "create");
	EXPECT(xd_incoming_read(incoming, text.octets, text.len, 0, &state) == XD_OK, "to the first SOA");
	EXPECT(state.is_soa && state.left == 4 && !state.records, "to the first SOA");
	EXPECT(xd_incoming_read(incoming, text.octets, text.len, 1, &state) == XD_OK, "to the last SOA");
	EXPECT(state.is_soa && state.left == 1 && state.records == 1 && state.foreign == 1, "to the last SOA");
	EXPECT(!memcmp(state.owner, "\1c", 3), "outside the zone");
	EXPECT(xd_incoming_read(incoming, text.octets, text.len, 1, &state) == XD_OK, "to the end");
	EXPECT(!state.is_soa && !state.left, "to the end");
	EXPECT(xd_incoming_add(incoming, apex, 1, 5, (const uint8_t *)"\1\1\1\1", 4, &state) == XD_OK, "add");
	EXPECT(state.memory > 0 && state.octets == 11 + 10 + 4 + 9 + 10 + 4, "measured");
	EXPECT(xd_incoming_finish(incoming, &state, &pairs) == XD_OK && pairs.count == 2, "finish");
	xd_pairs_uninit(&pairs);
	xd_incoming_free(incoming);
}

int main(void)
{
	test_canonical();
	test_refused();
	test_cut();
	test_update_classes();
	test_incoming();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
