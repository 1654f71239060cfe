/* SPDX-License-Identifier: Apache-2.0 */
#include "modules.h"

#include <time.h>

#include "rr.h"

/* Places of the transports (enum xd_transport) among the counters of request-protocol. */
static const uint8_t protocols[] = {
	[XD_UDP4] = 0,     [XD_TCP4] = 1,      [XD_UDP6] = 4, [XD_TCP6] = 5,
	[XD_UDP4_XDP] = 8, [XD_UDP6_XDP] = 11, [XD_TLS4] = 3, [XD_TLS6] = 7,
};

/* Families that have nothing to be switched on but the module they belong to. */
#define ALWAYS (1u << XD_STATS_cookies | 1u << XD_STATS_rrl)

void xd_modules_uninit(struct xd_modules *modules)
{
	xd_rrl_free(modules->rrl);
	modules->rrl = NULL;
}

static void read_clocks(struct xd_modules *modules)
{
	struct timespec monotonic, real;

	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_REALTIME_COARSE, &real);
	modules->now_ns = (uint64_t)monotonic.tv_sec * UINT64_C(1000000000) + (uint64_t)monotonic.tv_nsec;
	modules->now_s = (uint32_t)real.tv_sec;
}

static void enter_rrl(struct xd_modules *modules, const xd_rrl_conf *conf)
{
	uint64_t refused = 0;

	if (!conf->rate_limit) {
		xd_rrl_free(modules->rrl);
		modules->rrl = NULL;
	} else if ((!modules->rrl && xd_rrl_create(&modules->rrl)) || xd_rrl_configure(modules->rrl, conf)) {
		refused = conf->table_size;
	}
	if (modules->row && atomic_load_explicit(&modules->row->note.refused_size, memory_order_relaxed) != refused)
		atomic_store_explicit(&modules->row->note.refused_size, refused, memory_order_relaxed);
}

void xd_modules_enter(struct xd_modules *modules, const xd_server_info *info)
{
	modules->info = info;
	modules->own = (struct xd_stats_target){ .families = info->stats_families | ALWAYS };
	if (modules->row) {
		modules->own.basic = modules->row->basic;
		modules->own.wide = modules->row->wide;
	}
	if (!modules->is_clock_set && (info->cookies.secret_count || info->rrl.rate_limit))
		read_clocks(modules);
	enter_rrl(modules, &info->rrl);
}

enum xd_stats_operation xd_modules_operation(const struct xd_query *query, enum xd_query_fault fault)
{
	if (fault == XD_QUERY_OPCODE && query->opcode == XD_OP_UPDATE)
		return XD_STATS_UPDATE;
	if (fault == XD_QUERY_OPCODE && query->opcode == XD_OP_NOTIFY)
		return XD_STATS_NOTIFY;
	if (fault != XD_QUERY_OK)
		return XD_STATS_INVALID;
	return query->type == XD_T_AXFR ? XD_STATS_AXFR : query->type == XD_T_IXFR ? XD_STATS_IXFR : XD_STATS_QUERY;
}

static void count_request(struct xd_modules *modules, const struct xd_query *query, enum xd_query_fault fault,
                          const struct xd_zone *zone, const xd_client *client, const uint8_t *msg, size_t len)
{
	modules->request = (struct xd_stats_request){
		.len = (uint32_t)len,
		.protocol = protocols[client->transport],
		.operation = (uint8_t)xd_modules_operation(query, fault),
	};
	if (fault == XD_QUERY_OK) {
		modules->request.type = query->type;
		modules->request.has_edns = query->has_edns;
		modules->request.wants_dnssec = query->wants_dnssec;
		if (query->has_edns)
			modules->request.options = xd_stats_options(msg + query->options_at, query->options_len);
	}
	modules->zone.basic = NULL;
	if (zone && zone->stats_row && modules->zone_stats && modules->info->has_zone_stats)
		modules->zone =
			xd_zone_stats_target(modules->zone_stats, modules->slot, zone->stats_row - 1, zone->stats_families);
	if (modules->own.basic)
		xd_stats_count_request(&modules->own, &modules->request);
	if (modules->zone.basic)
		xd_stats_count_request(&modules->zone, &modules->request);
}

__attribute__((hot)) void xd_modules_count_reply(struct xd_modules *modules, const struct xd_stats_reply *reply)
{
	if (!modules->is_counted)
		return;
	if (modules->own.basic)
		xd_stats_count_reply(&modules->own, &modules->request, reply);
	if (modules->zone.basic)
		xd_stats_count_reply(&modules->zone, &modules->request, reply);
}

static bool is_tcp(const xd_client *client)
{
	return client->transport & XD_TRANSPORT_TCP;
}

static unsigned ip_version(const xd_client *client)
{
	return client->transport & XD_TRANSPORT_IPV6 ? 6 : 4;
}

/* RFC 7873, section 5.2; *is_proven: the client is where it says it is. `good`: what becomes of a query that may be answered. */
static enum xd_judgement judge_cookie(struct xd_modules *modules, const struct xd_query *query, const xd_client *client,
                                      const uint8_t *msg, enum xd_judgement good, bool *is_proven)
{
	const xd_cookie_conf *conf = &modules->info->cookies;
	const uint8_t *option;
	size_t len;

	/* Options of a version that is not understood are not either (RFC 6891, section 6.1.3). */
	if (!query->has_edns || query->edns_version)
		return XD_JUDGE_ANSWER;
	option = xd_cookie_find(msg + query->options_at, query->options_len, &len);
	if (!option)
		return XD_JUDGE_ANSWER;
	xd_stats_count(&modules->own, XD_STATS_cookies, XD_STATS_COOKIE_PRESENCE);
	switch (xd_cookie_check(conf->secrets, conf->secret_count, option, len, client->address,
	                        ip_version(client) == 6 ? 16 : 4, modules->now_s, modules->cookie)) {
	case XD_COOKIE_MALFORMED:
		return XD_JUDGE_FORMERR;
	case XD_COOKIE_VALID:
		*is_proven = true;
		break;
	case XD_COOKIE_UNPROVEN:
		break;
	}
	modules->cookie_option_bytes = XD_COOKIE_OPTION_BYTES;
	if (*is_proven || is_tcp(client) || (good == XD_JUDGE_COOKIE && len == XD_COOKIE_CLIENT_BYTES))
		return good;
	if (conf->badcookie_slip > 1 && ++modules->bad_cookies % conf->badcookie_slip != 0) {
		xd_stats_count(&modules->own, XD_STATS_cookies, XD_STATS_COOKIE_DROPPED);
		return XD_JUDGE_DROP_COOKIE;
	}
	return XD_JUDGE_BADCOOKIE;
}

static enum xd_judgement judge_rate(struct xd_modules *modules, const xd_client *client, enum xd_judgement otherwise)
{
	const xd_rrl_conf *conf = &modules->info->rrl;
	unsigned prefix_len = xd_rrl_limit(modules->rrl, conf, ip_version(client), client->address, modules->now_ns);
	bool slips;

	if (!prefix_len)
		return otherwise;
	slips = xd_rrl_slips(modules->rrl, conf);
	xd_stats_count(&modules->own, XD_STATS_rrl, slips ? XD_STATS_RRL_SLIPPED : XD_STATS_RRL_DROPPED);
	if (modules->row && xd_rrl_notes(modules->rrl, conf, modules->now_ns))
		xd_stats_write_note(&modules->row->note, client->address, ip_version(client), prefix_len);
	if (conf->is_dry_run)
		return otherwise;
	return slips ? XD_JUDGE_TRUNCATE : XD_JUDGE_DROP_RATE;
}

/* Messages for the control plane are answered there; what it answers over UDP is bounded by the hand-off. */
static bool is_answered_here(const struct xd_query *query, enum xd_query_fault fault)
{
	if (fault == XD_QUERY_OK)
		return !query->is_signed && query->type != XD_T_AXFR && query->type != XD_T_IXFR;
	return fault != XD_QUERY_OPCODE || (query->opcode != XD_OP_UPDATE && query->opcode != XD_OP_NOTIFY);
}

__attribute__((hot)) enum xd_judgement xd_modules_judge(struct xd_modules *modules, const struct xd_query *query,
                                                        enum xd_query_fault fault, const struct xd_zone *zone,
                                                        const xd_client *client, const uint8_t *msg, size_t len)
{
	const xd_server_info *info = modules->info;
	enum xd_judgement judgement = XD_JUDGE_ANSWER;
	bool is_proven = false;

	modules->cookie_option_bytes = 0;
	modules->is_counted = false;
	if (fault == XD_QUERY_SHORT || fault == XD_QUERY_RESPONSE)
		return XD_JUDGE_ANSWER;
	if (!client->is_recount) {
		modules->is_counted = true;
		count_request(modules, query, fault, zone, client, msg, len);
	}
	if ((!info->cookies.secret_count && !info->rrl.rate_limit) || !client->address || !is_answered_here(query, fault))
		return XD_JUDGE_ANSWER;
	if (info->cookies.secret_count && (fault == XD_QUERY_OK || fault == XD_QUERY_NO_QUESTION))
		judgement = judge_cookie(modules, query, client, msg, fault == XD_QUERY_OK ? XD_JUDGE_ANSWER : XD_JUDGE_COOKIE,
		                         &is_proven);
	if (judgement == XD_JUDGE_DROP_COOKIE || is_proven || is_tcp(client) || !info->rrl.rate_limit || !modules->rrl)
		return judgement;
	return judge_rate(modules, client, judgement);
}
