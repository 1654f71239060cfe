/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done around answering when it is configured: statistics, DNS cookies, response rate limiting. The state of one
 * thread; everything is told by the server information of the table, and changes with it.
 */
#ifndef XD_MODULES_H
#define XD_MODULES_H

#include "answer.h"
#include "cookie.h"
#include "layout.h"
#include "query.h"
#include "rrl.h"
#include "stats.h"
#include "zone_stats.h"

/* An option is a code, a length and its contents. */
#define XD_COOKIE_OPTION_BYTES (4u + XD_COOKIE_BYTES)

struct xd_modules {
	const xd_server_info *info;
	struct xd_stats_row *row; /* NULL: nobody reads what this thread counts */
	const xd_zone_stats *zone_stats;
	uint32_t slot;
	xd_rrl *rrl;
	uint32_t bad_cookies;
	uint64_t now_ns; /* of this batch */
	uint32_t now_s;
	bool is_clock_set;
	/* Of the query at hand: */
	uint8_t cookie[XD_COOKIE_BYTES];
	uint8_t cookie_option_bytes; /* 0: none goes into the reply */
	bool is_counted;
	struct xd_stats_request request;
	struct xd_stats_target own;
	struct xd_stats_target zone;
};

enum xd_judgement {
	XD_JUDGE_ANSWER,
	XD_JUDGE_COOKIE, /* the cookie is all there is to answer */
	XD_JUDGE_FORMERR,
	XD_JUDGE_BADCOOKIE,
	XD_JUDGE_TRUNCATE,
	XD_JUDGE_DROP_COOKIE,
	XD_JUDGE_DROP_RATE,
};

void xd_modules_uninit(struct xd_modules *modules);

/* Takes over the settings for a batch, and the time. Called whenever `info` has modules. */
void xd_modules_enter(struct xd_modules *modules, const xd_server_info *info);

/* A query that came: counts it, and says whether it is to be answered. `zone` may be NULL. The message is untouched. */
enum xd_judgement xd_modules_judge(struct xd_modules *modules, const struct xd_query *query, enum xd_query_fault fault,
                                   const struct xd_zone *zone, const xd_client *client, const uint8_t *msg, size_t len);

/* The reply to it, as it leaves. */
void xd_modules_count_reply(struct xd_modules *modules, const struct xd_stats_reply *reply);

/* Which kind of request this is, for its counters. */
enum xd_stats_operation xd_modules_operation(const struct xd_query *query, enum xd_query_fault fault);

#endif
