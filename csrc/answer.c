/* SPDX-License-Identifier: Apache-2.0 */
/* From a query message to its response: everything around the resolution itself. */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "modules.h"
#include "resolve.h"
#include "rr.h"
#include "shm.h"
#include "table_writer.h"

#define OPT_BYTES 11u
#define CACHE_LINE_BYTES 64u
#define NODE_LINES 4u
#define OPTION_NSID 3u
#define EDNS_DO 0x8000u

#define FLAG_QR 0x80u
#define FLAG_AA 0x04u
#define FLAG_TC 0x02u
#define FLAG_RD 0x01u
#define OPCODE_BITS 0x78u

/* A query on its way. */
struct lane {
	struct xd_query query;
	enum xd_query_fault fault;
	const struct xd_zone *zone; /* to answer from, when it was looked for already */
	uint64_t bucket;            /* of the zone's index, that the name would be in */
	size_t len;                 /* of the message */
};

struct xd_responder {
	xd_table *table;
	struct xd_worker_slot *slot; /* NULL: reclamation does not know this reader */
	const struct xd_root *root;
	const xd_server_info *info;
	bool composes_all;
	struct xd_query *query; /* the one being answered, in its lane */
	size_t opt_bytes;       /* that the OPT record of its reply takes; 0: there is none */
	struct xd_modules modules;
	struct xd_message message;
	struct xd_step steps[XD_CHAIN_MAX + 1];
	struct lane lanes[XD_LANES];
};

/* What is said as long as the control plane has said nothing. */
static const xd_server_info default_info = { .udp_payload_ipv4 = 1232, .udp_payload_ipv6 = 1232 };

int xd_responder_create(xd_table *table, xd_shm *shm, uint32_t slot, xd_responder **out)
{
	xd_responder *responder;

	if (shm && slot >= shm->slot_count)
		return -XD_E_RANGE;
	responder = calloc(1, sizeof(*responder));
	if (!responder)
		return -XD_E_NOMEM;
	responder->table = table;
	responder->slot = shm ? &shm->slots[slot] : NULL;
	responder->info = &default_info;
	responder->modules.info = &default_info;
	responder->modules.row = shm ? xd_shm_row(shm, slot) : NULL;
	responder->modules.slot = slot;
	*out = responder;
	return 0;
}

void xd_responder_compose_all(xd_responder *responder, int composes_all)
{
	responder->composes_all = composes_all != 0;
}

void xd_responder_use_zone_stats(xd_responder *responder, const xd_zone_stats *stats)
{
	responder->modules.zone_stats = stats;
}

void xd_responder_set_clock(xd_responder *responder, uint64_t monotonic_ns, uint32_t unix_s)
{
	responder->modules.is_clock_set = true;
	responder->modules.now_ns = monotonic_ns;
	responder->modules.now_s = unix_s;
}

void xd_responder_leave(xd_responder *responder)
{
	responder->root = NULL;
	if (responder->slot)
		atomic_store_explicit(&responder->slot->seen, XD_SEEN_IDLE, memory_order_release);
}

void xd_responder_free(xd_responder *responder)
{
	if (!responder)
		return;
	xd_responder_leave(responder);
	xd_modules_uninit(&responder->modules);
	free(responder);
}

static const struct xd_root *load_root(const xd_responder *responder)
{
	return xd_at(responder->table, atomic_load_explicit(&xd_table_header(responder->table)->root, memory_order_seq_cst));
}

void xd_responder_enter(xd_responder *responder)
{
	struct xd_worker_slot *slot = responder->slot;

	/* Waking up. The writer stores the root and then looks at the slots, all in one total order: one of us sees the other. */
	if (slot && !responder->root)
		atomic_store_explicit(&slot->seen, 0, memory_order_seq_cst);
	responder->root = load_root(responder);
	if (slot && atomic_load_explicit(&slot->seen, memory_order_relaxed) != responder->root->generation)
		atomic_store_explicit(&slot->seen, responder->root->generation, memory_order_release);
	responder->info = responder->root->server_info ? xd_at(responder->table, responder->root->server_info) : &default_info;
	if (responder->info->has_modules)
		xd_modules_enter(&responder->modules, responder->info);
	else
		responder->modules.cookie_option_bytes = 0;
}

/* Octets the client and the server agree on. */
static size_t message_limit(const xd_responder *responder, int transport, size_t room)
{
	const struct xd_query *query = responder->query;
	size_t limit = XD_UDP_PAYLOAD_MIN;

	if (transport & XD_TRANSPORT_TCP)
		return room < XD_MSG_MAX ? room : XD_MSG_MAX;
	if (query->has_edns) {
		size_t own =
			transport & XD_TRANSPORT_IPV6 ? responder->info->udp_payload_ipv6 : responder->info->udp_payload_ipv4;

		limit = query->payload < own ? query->payload : own;
		if (limit < XD_UDP_PAYLOAD_MIN)
			limit = XD_UDP_PAYLOAD_MIN;
	}
	return limit < room ? limit : room;
}

static inline size_t nsid_option_bytes(const xd_responder *responder)
{
	return responder->query->wants_nsid && responder->info->nsid_len ? 4u + responder->info->nsid_len : 0u;
}

static inline size_t count_opt_bytes(const xd_responder *responder)
{
	if (!responder->query->has_edns)
		return 0;
	return OPT_BYTES + nsid_option_bytes(responder) + responder->modules.cookie_option_bytes;
}

static void put_option(struct xd_message *message, unsigned code, const uint8_t *contents, unsigned len)
{
	uint8_t *out = message->bytes + message->len;

	xd_store_be16(out, (uint16_t)code);
	xd_store_be16(out + 2, (uint16_t)len);
	memcpy(out + 4, contents, len);
	message->len += 4 + len;
}

/* NSID: RFC 5001, section 2.3; COOKIE: RFC 7873, section 5.2. */
static __attribute__((noinline)) void put_options(xd_responder *responder, bool has_nsid)
{
	const xd_server_info *info = responder->info;

	if (has_nsid)
		put_option(&responder->message, OPTION_NSID, info->nsid, info->nsid_len);
	if (responder->modules.cookie_option_bytes)
		put_option(&responder->message, XD_OPTION_COOKIE, responder->modules.cookie, XD_COOKIE_BYTES);
}

/* RFC 6891, section 6.1.3. */
static inline void put_opt(xd_responder *responder, int transport, unsigned rcode)
{
	const xd_server_info *info = responder->info;
	struct xd_message *message = &responder->message;
	uint8_t *out = message->bytes + message->len;
	size_t options_bytes = responder->opt_bytes - OPT_BYTES;
	/* The longest question leaves no room for a long NSID in the least message. */
	bool drops_nsid = message->len > message->limit;

	if (__builtin_expect(drops_nsid, 0))
		options_bytes = responder->modules.cookie_option_bytes;
	out[0] = 0;
	xd_store_be16(out + 1, XD_T_OPT);
	xd_store_be16(out + 3, transport & XD_TRANSPORT_IPV6 ? info->udp_payload_ipv6 : info->udp_payload_ipv4);
	out[5] = (uint8_t)(rcode >> 4);
	out[6] = 0;
	xd_store_be16(out + 7, responder->query->wants_dnssec ? EDNS_DO : 0);
	xd_store_be16(out + 9, (uint16_t)options_bytes);
	message->len += OPT_BYTES;
	message->counts[XD_ADDITIONAL]++;
	if (options_bytes)
		put_options(responder, !drops_nsid && nsid_option_bytes(responder));
}

static struct xd_stats_reply stats_reply(const xd_responder *responder, const uint8_t *msg, const xd_reply *reply)
{
	bool has_edns = responder->query->has_edns;

	return (struct xd_stats_reply){
		.len = reply->len,
		.options = has_edns ? (nsid_option_bytes(responder) ? 1u << OPTION_NSID : 0u) |
		                              (responder->modules.cookie_option_bytes ? 1u << XD_OPTION_COOKIE : 0u)
		                    : 0u,
		.rcode = reply->rcode,
		.has_edns = has_edns,
		.is_truncated = reply->truncated,
		.is_nodata = reply->rcode == XD_RCODE_NOERROR && !reply->truncated && msg[2] & FLAG_AA &&
		             responder->message.counts[XD_ANSWER] == 0,
	};
}

/* Counts the reply, once it is all there. */
static __attribute__((noinline)) void count_reply(xd_responder *responder, const uint8_t *msg, const xd_reply *reply)
{
	struct xd_stats_reply counted = stats_reply(responder, msg, reply);

	xd_modules_count_reply(&responder->modules, &counted);
}

static void finish(xd_responder *responder, int transport, unsigned rcode, bool is_authoritative, xd_reply *reply)
{
	struct xd_message *message = &responder->message;
	uint8_t *msg = message->bytes;
	bool has_question = message->len > XD_MSG_HEADER_BYTES;

	if (responder->opt_bytes)
		put_opt(responder, transport, rcode);
	msg[2] = (uint8_t)(FLAG_QR | (msg[2] & (OPCODE_BITS | FLAG_RD)) | (is_authoritative ? FLAG_AA : 0) |
	                   (message->is_truncated ? FLAG_TC : 0));
	msg[3] = (uint8_t)(rcode & 15);
	xd_store_be16(msg + 4, has_question);
	xd_store_be16(msg + 6, message->counts[XD_ANSWER]);
	xd_store_be16(msg + 8, message->counts[XD_AUTHORITY]);
	xd_store_be16(msg + 10, message->counts[XD_ADDITIONAL]);
	reply->verdict = XD_REPLY;
	reply->len = (uint32_t)message->len;
	reply->rcode = (uint8_t)rcode;
	reply->truncated = message->is_truncated;
	reply->has_edns = responder->query->has_edns;
	if (__builtin_expect(responder->info->has_modules, 0))
		count_reply(responder, msg, reply);
}

/* `limit` octets are for all of the message. */
static inline void start_message(xd_responder *responder, uint8_t *msg, size_t len, size_t limit)
{
	struct xd_message *message = &responder->message;

	responder->opt_bytes = count_opt_bytes(responder);
	message->bytes = msg;
	message->len = len;
	message->limit = limit - responder->opt_bytes;
	message->counts[XD_ANSWER] = message->counts[XD_AUTHORITY] = message->counts[XD_ADDITIONAL] = 0;
	message->is_truncated = false;
	message->wants_dnssec = responder->query->wants_dnssec;
	message->added_count = message->source_count = 0;
}

static bool name_is(const struct xd_suffixes *name, const char *wire, size_t len)
{
	return name->len == len && memcmp(name->name, wire, len) == 0;
}

/* The names of the server in class CHAOS (RFC 4892): one TXT record, or nothing to say. */
static unsigned answer_chaos(xd_responder *responder)
{
	static const char id_server[] = "\2id\6server";
	static const char hostname_bind[] = "\10hostname\4bind";
	static const char version_server[] = "\7version\6server";
	static const char version_bind[] = "\7version\4bind";
	const struct xd_query *query = responder->query;
	const xd_server_info *info = responder->info;
	struct xd_message *message = &responder->message;
	const uint8_t *text;
	uint8_t *out = message->bytes + message->len;
	size_t len;

	if (name_is(&query->name, id_server, sizeof(id_server)) ||
	    name_is(&query->name, hostname_bind, sizeof(hostname_bind))) {
		text = info->identity;
		len = info->identity_len;
	} else if (name_is(&query->name, version_server, sizeof(version_server)) ||
	           name_is(&query->name, version_bind, sizeof(version_bind))) {
		text = info->version;
		len = info->version_len;
	} else {
		return XD_RCODE_REFUSED;
	}
	if (!len || (query->type != XD_T_TXT && query->type != XD_T_ANY))
		return XD_RCODE_REFUSED;
	if (message->len + 13 + len > message->limit) {
		message->is_truncated = true;
		return XD_RCODE_NOERROR;
	}
	xd_store_be16(out, 0xc000u | XD_MSG_HEADER_BYTES);
	xd_store_be16(out + 2, XD_T_TXT);
	xd_store_be16(out + 4, XD_CLASS_CH);
	xd_store_be32(out + 6, 0);
	xd_store_be16(out + 10, (uint16_t)(len + 1));
	out[12] = (uint8_t)len;
	memcpy(out + 13, text, len);
	message->len += 13 + len;
	message->counts[XD_ANSWER] = 1;
	return XD_RCODE_NOERROR;
}

static void answer_question(xd_responder *responder, const struct xd_zone *zone, const xd_client *client, xd_reply *reply)
{
	struct xd_resolution resolution = {
		.base = responder->table->base,
		.root = responder->root,
		.seed = xd_table_header(responder->table)->seed,
		.query = responder->query,
		.zone = zone,
		.message = &responder->message,
		.steps = responder->steps,
		.client = client,
		.composes_all = responder->composes_all,
	};

	xd_resolve(&resolution);
	finish(responder, client->transport, resolution.rcode, resolution.is_authoritative, reply);
}

static void fail(xd_responder *responder, uint8_t *msg, size_t len, int transport, unsigned rcode, bool is_truncated,
                 xd_reply *reply)
{
	start_message(responder, msg, len, XD_UDP_PAYLOAD_MIN);
	responder->message.is_truncated = is_truncated;
	finish(responder, transport, rcode, false, reply);
}

static bool is_for_control_plane(const struct xd_query *query)
{
	return query->is_signed || query->type == XD_T_AXFR || query->type == XD_T_IXFR;
}

/* Types that no zone has, TSIG to MAILA but for ANY: AXFR and IXFR, and records of messages. */
static bool is_for_zones(const struct xd_query *query)
{
	bool is_special = (uint16_t)(query->type - XD_T_TKEY) <= XD_T_MAILA - XD_T_TKEY || query->type == XD_T_OPT;

	return query->class == XD_CLASS_IN && !is_special && !query->is_signed && query->edns_version == 0;
}

/* What is not a question for the zones served. */
static __attribute__((noinline)) unsigned answer_special(xd_responder *responder)
{
	const struct xd_query *query = responder->query;

	if (query->edns_version > 0)
		return XD_RCODE_BADVERS;
	if (query->class == XD_CLASS_CH)
		return answer_chaos(responder);
	if (query->class != XD_CLASS_IN)
		return XD_RCODE_REFUSED;
	return query->type == XD_T_MAILA || query->type == XD_T_MAILB ? XD_RCODE_NOTIMP : XD_RCODE_FORMERR;
}

static void answer_query(xd_responder *responder, const struct xd_zone *zone, const xd_client *client, uint8_t *msg,
                         size_t room, xd_reply *reply)
{
	const struct xd_query *query = responder->query;
	bool is_ordinary = is_for_zones(query);

	if (__builtin_expect(!is_ordinary, 0) && is_for_control_plane(query)) {
		reply->verdict = XD_HANDOFF;
		return;
	}
	start_message(responder, msg, query->question_end, message_limit(responder, client->transport, room));
	if (__builtin_expect(is_ordinary, 1))
		answer_question(responder, zone, client, reply);
	else
		finish(responder, client->transport, answer_special(responder), false, reply);
}

static void answer_parsed(xd_responder *responder, const struct lane *lane, const struct xd_zone *zone, const xd_client *client,
                          uint8_t *msg, size_t room, xd_reply *reply)
{
	struct xd_query *query = responder->query;
	int transport = client->transport;

	*reply = (xd_reply){ .verdict = XD_DROP };
	switch (lane->fault) {
	case XD_QUERY_SHORT:
	case XD_QUERY_RESPONSE:
		break;
	case XD_QUERY_OPCODE:
		if (query->opcode == XD_OP_UPDATE || query->opcode == XD_OP_NOTIFY)
			reply->verdict = XD_HANDOFF;
		else
			fail(responder, msg, XD_MSG_HEADER_BYTES, transport, XD_RCODE_NOTIMP, false, reply);
		break;
	case XD_QUERY_NO_QUESTION:
	case XD_QUERY_BAD_QUESTION:
		query->has_edns = false;
		fail(responder, msg, XD_MSG_HEADER_BYTES, transport, XD_RCODE_FORMERR, false, reply);
		break;
	case XD_QUERY_BAD_RECORDS:
		query->has_edns = false;
		fail(responder, msg, query->question_end, transport, XD_RCODE_FORMERR, false, reply);
		break;
	case XD_QUERY_OK:
		answer_query(responder, zone, client, msg, room, reply);
		break;
	}
}

/* Header and question with an RCODE instead of an answer. */
static void refuse(xd_responder *responder, const struct lane *lane, int transport, uint8_t *msg, unsigned rcode,
                   bool is_truncated, xd_reply *reply)
{
	if (lane->fault != XD_QUERY_OK && lane->fault != XD_QUERY_NO_QUESTION)
		responder->query->has_edns = false;
	fail(responder, msg, lane->query.question_end, transport, rcode, is_truncated, reply);
}

/*
 * With statistics, cookies or rate limiting: what comes before answering, kept out of the way of the rest. False when there is
 * nothing left to answer.
 */
static __attribute__((noinline)) bool judge(xd_responder *responder, const struct lane *lane, const struct xd_zone *zone,
                                            const xd_client *client, uint8_t *msg, xd_reply *reply)
{
	if (!zone && lane->fault == XD_QUERY_OK && responder->info->has_zone_stats)
		zone = xd_resolve_zone(responder->table->base, responder->root, &lane->query);
	*reply = (xd_reply){ .verdict = XD_DROP };
	switch (xd_modules_judge(&responder->modules, &lane->query, lane->fault, zone, client, msg, lane->len)) {
	case XD_JUDGE_ANSWER:
		return true;
	case XD_JUDGE_COOKIE:
		refuse(responder, lane, client->transport, msg, XD_RCODE_NOERROR, false, reply);
		break;
	case XD_JUDGE_FORMERR:
		refuse(responder, lane, client->transport, msg, XD_RCODE_FORMERR, false, reply);
		break;
	case XD_JUDGE_BADCOOKIE:
		refuse(responder, lane, client->transport, msg, XD_RCODE_BADCOOKIE, false, reply);
		break;
	case XD_JUDGE_TRUNCATE:
		refuse(responder, lane, client->transport, msg, XD_RCODE_NOERROR, true, reply);
		break;
	case XD_JUDGE_DROP_COOKIE:
		reply->drop = XD_DROP_COOKIE;
		break;
	case XD_JUDGE_DROP_RATE:
		reply->drop = XD_DROP_RATE;
		break;
	}
	return false;
}

static inline void answer_lane(xd_responder *responder, const struct lane *lane, const struct xd_zone *zone,
                               const xd_client *client, uint8_t *msg, size_t room, xd_reply *reply)
{
	if (__builtin_expect(responder->info->has_modules, 0) && !judge(responder, lane, zone, client, msg, reply))
		return;
	answer_parsed(responder, lane, zone, client, msg, room, reply);
}

void xd_responder_answer(xd_responder *responder, const xd_client *client, uint8_t *msg, size_t len, size_t room,
                         xd_reply *reply)
{
	struct lane *lane = &responder->lanes[0];

	responder->query = &lane->query;
	lane->len = len;
	lane->fault = xd_query_parse(&lane->query, msg, len, xd_table_header(responder->table)->seed);
	answer_lane(responder, lane, NULL, client, msg, room, reply);
}

void xd_responder_count_reply(xd_responder *responder, const uint8_t *request, size_t request_len, const uint8_t *reply,
                              size_t reply_len, int rcode)
{
	struct xd_modules *modules = &responder->modules;
	struct xd_query *query = &responder->lanes[0].query;
	const struct xd_zone *zone = NULL;
	enum xd_query_fault fault;
	struct xd_stats_request asked = { .protocol = 0 };
	struct xd_stats_reply told = { .len = (uint32_t)reply_len };
	struct xd_stats_target target;

	if (!responder->info->has_modules || reply_len < XD_MSG_HEADER_BYTES)
		return;
	fault = xd_query_parse(query, request, request_len, xd_table_header(responder->table)->seed);
	asked.operation = (uint8_t)xd_modules_operation(query, fault);
	asked.type = fault == XD_QUERY_OK ? query->type : 0;
	told.rcode = (uint16_t)(rcode < 0 ? reply[3] & 15 : rcode);
	told.is_truncated = (reply[2] & FLAG_TC) != 0;
	if (modules->own.basic)
		xd_stats_count_reply(&modules->own, &asked, &told);
	if (fault == XD_QUERY_OK && responder->info->has_zone_stats)
		zone = xd_resolve_zone(responder->table->base, responder->root, query);
	if (!zone || !zone->stats_row || !modules->zone_stats)
		return;
	target = xd_zone_stats_target(modules->zone_stats, modules->slot, zone->stats_row - 1, zone->stats_families);
	if (target.basic)
		xd_stats_count_reply(&target, &asked, &told);
}

void xd_responder_parse(xd_responder *responder, unsigned lane_index, const uint8_t *msg, size_t len)
{
	struct lane *lane = &responder->lanes[lane_index];
	const uint8_t *base = responder->table->base;
	const struct xd_suffixes *name = &lane->query.name;

	lane->zone = NULL;
	lane->bucket = 0;
	lane->len = len;
	lane->fault = xd_query_parse(&lane->query, msg, len, xd_table_header(responder->table)->seed);
	if (lane->fault != XD_QUERY_OK)
		return;
	lane->zone = xd_resolve_zone(base, responder->root, &lane->query);
	if (!lane->zone)
		return;
	lane->bucket = xd_index_bucket_of(base, lane->zone->index, name->hash[name->labels]);
	__builtin_prefetch(base + lane->bucket);
}

/* A node's head and name, and for most nodes the records asked for, lie in its first cache lines. */
static void prefetch_node(const uint8_t *node)
{
	for (unsigned line = 0; line < NODE_LINES; line++)
		__builtin_prefetch(node + (size_t)line * CACHE_LINE_BYTES);
}

void xd_responder_fetch(xd_responder *responder, unsigned lane_index)
{
	const struct lane *lane = &responder->lanes[lane_index];
	const uint8_t *base = responder->table->base;
	const struct xd_suffixes *name = &lane->query.name;
	const struct xd_index_bucket *bucket = (const struct xd_index_bucket *)(base + lane->bucket);
	uint64_t tag;

	if (!lane->bucket)
		return;
	tag = xd_index_entry(name->hash[name->labels], 0);
	for (uint64_t i = 0; i < bucket->count; i++) {
		if ((bucket->entries[i] ^ tag) <= XD_OFFSET_MASK)
			prefetch_node(base + (bucket->entries[i] & XD_OFFSET_MASK));
	}
}

void xd_responder_answer_parsed(xd_responder *responder, unsigned lane_index, const xd_client *client, uint8_t *msg,
                                size_t room, xd_reply *reply)
{
	struct lane *lane = &responder->lanes[lane_index];

	responder->query = &lane->query;
	answer_lane(responder, lane, lane->zone, client, msg, room, reply);
}
