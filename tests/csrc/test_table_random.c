/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random zones changed owner by owner equal the same zones built at once: same digest, same answers, sound blocks, and not
 * an octet of the table lost. Zone cuts, DNAMEs, wildcards, empty non-terminals, NSEC and NSEC3 owners come and go.
 */
#include <unistd.h>

#include "zone_text.h"

#include "answer.h"

#define OWNERS 48u
#define KINDS 11u
#define APEX "r.test."

static const char *const hashes[] = { "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
	                              "gjeqe526plbf1g8mklp59enfd789njgi", "k8udemvp1j2f7eg6jebps17vp3n8i58h" };

/* kind 0: the owner does not exist. */
struct owner {
	char name[64]; /* without the apex */
	unsigned kind;
	unsigned value;
};

static struct owner owners[OWNERS];
static uint32_t state = 1;
static unsigned serial;

static unsigned roll(unsigned sides)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % sides;
}

static void make_names(void)
{
	static const char *const labels[] = { "a", "b", "*", "c" };
	unsigned count = 0;

	for (; count < 4; count++)
		strcpy(owners[count].name, hashes[count]);
	while (count < OWNERS) {
		char *name = owners[count].name;
		unsigned depth = 1 + roll(4);
		bool is_new = true;

		name[0] = '\0';
		for (unsigned i = 0; i < depth; i++)
			sprintf(name + strlen(name), "%s%s", i ? "." : "", labels[roll(4)]);
		for (unsigned i = 0; i < count; i++)
			is_new = is_new && strcmp(owners[i].name, name) != 0;
		count += is_new;
	}
}

static bool is_hash(const struct owner *owner)
{
	return strlen(owner->name) == 32;
}

static bool is_cut(unsigned kind)
{
	return kind == 4 || kind == 5 || kind == 6;
}

static void write_owner(char *out, const struct owner *owner)
{
	static const char *const records[KINDS] = {
		"",
		"%1$s A 192.0.2.%2$u\n",
		"%1$s TXT \"%2$u\"\n%1$s NSEC a A TXT RRSIG\n%1$s RRSIG TXT 13 2 1 20300101000000 20200101000000 %2$u @ AAAA\n",
		"%1$s MX %2$u a.b\n%1$s MX %2$u c\n%1$s AAAA 2001:db8::%2$u\n",
		"%1$s NS a.%1$s\n%1$s NS b\n",
		"%1$s NS c\n%1$s DS %2$u 13 2 00\n%1$s NSEC b NS DS\n",
		"%1$s DNAME a.b\n%1$s TXT \"d\"\n",
		"%1$s CNAME a.a\n",
		"%1$s CNAME c\n%1$s NSEC c CNAME NSEC\n",
		"%1$s RRSIG A 13 2 1 20300101000000 20200101000000 %2$u @ AAAA\n",
		"%1$s NSEC c NSEC\n%1$s SRV 0 0 %2$u b\n",
	};

	if (!owner->kind)
		*out = '\0';
	else if (is_hash(owner))
		sprintf(out, "%s NSEC3 1 1 0 - %s A\n%s RRSIG NSEC3 13 2 1 20300101000000 20200101000000 %u @ AAAA\n",
		        owner->name, hashes[owner->value % 4], owner->name, owner->value);
	else
		sprintf(out, records[owner->kind], owner->name, owner->value);
}

static void write_apex(char *out, unsigned flavour)
{
	sprintf(out, "@ SOA c b %u 1 1 1 60\n@ NS c\n%s", serial,
	        flavour == 1   ? "@ NSEC a NS SOA\n"
	        : flavour == 2 ? "@ NSEC3PARAM 1 0 0 -\n"
	                       : "");
}

static void build_all(xd_table *table, unsigned flavour)
{
	static char text[OWNERS * 512 + 512];

	strcpy(text, "$ORIGIN r.test.\n$TTL 100\n");
	write_apex(text + strlen(text), flavour);
	for (unsigned i = 0; i < OWNERS; i++)
		write_owner(text + strlen(text), &owners[i]);
	NEED(xd_txn_begin(table) == 0 && test_build(table, APEX, serial, text) == 0 && xd_txn_commit(table) == 0);
}

static void update_one(xd_table *table, unsigned i)
{
	char text[768] = "$ORIGIN r.test.\n$TTL 100\n";
	char name[80];

	write_owner(text + strlen(text), &owners[i]);
	snprintf(name, sizeof(name), "%s." APEX, owners[i].name);
	NEED(test_update(table, APEX, serial, name, text) == 0);
}

static void update_apex(xd_table *table, unsigned flavour)
{
	char text[512] = "$ORIGIN r.test.\n$TTL 100\n";

	write_apex(text + strlen(text), flavour);
	NEED(test_update(table, APEX, serial, APEX, text) == 0);
}

static bool is_below(const struct owner *owner, const struct owner *above)
{
	size_t len = strlen(owner->name);
	size_t above_len = strlen(above->name);

	return len > above_len && owner->name[len - above_len - 1] == '.' &&
	       strcmp(owner->name + len - above_len, above->name) == 0;
}

/* Changes some owners; `is_given` becomes true for them and, where cuts come or go, for what is below. */
static void change(bool is_given[OWNERS])
{
	memset(is_given, 0, OWNERS * sizeof(*is_given));
	for (unsigned n = 1 + roll(6); n; n--) {
		unsigned i = roll(OWNERS);
		unsigned before = owners[i].kind;

		owners[i].kind = roll(3) ? 1 + roll(KINDS - 1) : 0;
		owners[i].value = 1 + roll(200);
		is_given[i] = true;
		for (unsigned k = 0; k < OWNERS && is_cut(before) != is_cut(owners[i].kind); k++)
			is_given[k] = is_given[k] || (owners[k].kind && is_below(&owners[k], &owners[i]));
	}
}

static void update_all(xd_table *table, unsigned flavour)
{
	bool is_given[OWNERS];
	unsigned order[OWNERS];

	change(is_given);
	for (unsigned i = 0; i < OWNERS; i++)
		order[i] = i;
	for (unsigned i = OWNERS - 1; i > 0; i--) {
		unsigned k = roll(i + 1);
		unsigned swap = order[i];

		order[i] = order[k];
		order[k] = swap;
	}
	NEED(xd_txn_begin(table) == 0);
	if (roll(2))
		update_apex(table, flavour);
	for (unsigned i = 0; i < OWNERS; i++) {
		if (is_given[order[i]])
			update_one(table, order[i]);
	}
	update_apex(table, flavour);
	if (roll(10) == 0) {
		xd_txn_abort(table);
		build_all(table, flavour);
		return;
	}
	NEED(xd_txn_commit(table) == 0);
}

static size_t ask(xd_responder *responder, const char *name, uint16_t type, uint8_t *msg)
{
	size_t len = test_query(msg, name, type, 4096, true);
	xd_reply reply;

	xd_responder_enter(responder);
	xd_responder_answer(responder, &(xd_client){ .transport = XD_TCP4 }, msg, len, XD_MSG_MAX, &reply);
	NEED(reply.verdict == XD_REPLY);
	return reply.len;
}

static bool answers_agree(xd_responder *one, xd_responder *other)
{
	static const uint16_t types[] = { 1, 2, 5, 6, 15, 16, 39, 43, 46, 47, 255 };
	static uint8_t left[XD_MSG_MAX];
	static uint8_t right[XD_MSG_MAX];
	char name[80];

	for (unsigned n = 0; n < 24; n++) {
		uint16_t type = types[roll(sizeof(types) / sizeof(types[0]))];
		size_t len;

		snprintf(name, sizeof(name), "%s%s." APEX, roll(2) ? "b." : "", owners[roll(OWNERS)].name);
		len = ask(one, name, type, left);
		if (len != ask(other, name, type, right) || memcmp(left, right, len) != 0) {
			fprintf(stderr, "serial %u: answers for %s type %u differ\n", serial, name, type);
			return false;
		}
	}
	return true;
}

static bool digests_agree(xd_table *one, xd_table *other)
{
	uint8_t apex[XD_NAME_MAX];
	uint64_t left[2];
	uint64_t right[2];
	xd_zone_info mine;
	xd_zone_info fresh;

	test_name(apex, APEX);
	NEED(xd_table_zone_digest(one, apex, left) == 0 && xd_table_zone_digest(other, apex, right) == 0);
	NEED(xd_table_zone_info(one, apex, &mine) == 0 && xd_table_zone_info(other, apex, &fresh) == 0);
	return memcmp(left, right, sizeof(left)) == 0 && memcmp(&mine, &fresh, sizeof(mine)) == 0;
}

/* A new writer counts what is reachable: it must be what the old one believed in use. */
static bool nothing_is_lost(xd_table **table)
{
	xd_table_stats before;
	xd_table_stats after;

	xd_table_get_stats(*table, &before);
	xd_table_close(*table);
	NEED(xd_table_open_writer("random_table", table) == 0);
	xd_table_get_stats(*table, &after);
	if (before.used_bytes != after.used_bytes)
		fprintf(stderr, "%llu octets in use, %llu reachable\n", (unsigned long long)before.used_bytes,
		        (unsigned long long)after.used_bytes);
	return before.used_bytes == after.used_bytes && after.file_bytes <= 1u << 20;
}

static bool run(uint32_t seed, unsigned rounds)
{
	unsigned flavour = seed % 3;
	xd_responder *other_responder;
	xd_responder *responder;
	xd_table *table;
	xd_table *other;
	bool is_right = true;

	state = seed;
	serial = 1;
	memset(owners, 0, sizeof(owners));
	make_names();
	NEED(xd_table_create("random_table", &table) == 0 && xd_table_create("random_other", &other) == 0);
	build_all(table, flavour);
	for (unsigned i = 0; i < rounds && is_right; i++) {
		serial++;
		if (roll(30) == 0)
			flavour = roll(3);
		NEED(xd_responder_create(table, NULL, 0, &responder) == 0 &&
		     xd_responder_create(other, NULL, 0, &other_responder) == 0);
		update_all(table, flavour);
		build_all(other, flavour);
		is_right =
			xd_table_check(table) == 0 && digests_agree(table, other) && answers_agree(responder, other_responder);
		if (!is_right)
			fprintf(stderr, "seed %u, round %u: check %d\n", seed, i, xd_table_check(table));
		xd_responder_free(responder);
		xd_responder_free(other_responder);
		if (is_right && i % 50 == 49)
			is_right = nothing_is_lost(&table);
	}
	xd_table_close(table);
	xd_table_close(other);
	unlink("random_table");
	unlink("random_other");
	return is_right;
}

int main(int argc, char **argv)
{
	uint32_t seeds = argc > 1 ? (uint32_t)atoi(argv[1]) : 6;

	for (uint32_t seed = 1; seed <= seeds; seed++) {
		if (!run(seed, 300))
			return 1;
	}
	return 0;
}
