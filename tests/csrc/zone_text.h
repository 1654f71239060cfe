/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: zones from text in memory into a table, and questions as messages. */
#ifndef XD_TEST_ZONE_TEXT_H
#define XD_TEST_ZONE_TEXT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "name.h"
#include "pairs.h"
#include "scan.h"
#include "table.h"

/* Stops the program: the test itself is wrong. */
#define NEED(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

static inline size_t test_name(uint8_t out[XD_NAME_MAX], const char *text)
{
	int len = xd_name_scan(out, text, strlen(text), NULL);

	NEED(len > 0);
	return (size_t)len;
}

/* The pairs of a zone written as a zone file; they are the caller's. */
static inline void test_pairs(xd_pairs *pairs, const char *apex_text, const char *text)
{
	uint8_t apex[XD_NAME_MAX];
	xd_scan *scan;

	test_name(apex, apex_text);
	NEED(xd_scan_create(apex, 0, 3600, &scan) == 0);
	NEED(xd_scan_memory(scan, "test", (const uint8_t *)text, strlen(text)) == 0);
	if (xd_scan_errors(scan))
		fprintf(stderr, "line %u: %s\n", xd_scan_get_note(scan, 0)->line, xd_scan_get_note(scan, 0)->text);
	NEED(xd_scan_errors(scan) == 0);
	NEED(xd_scan_finish(scan, pairs) == 0);
	xd_scan_free(scan);
}

/* One step of the open transaction: the zone becomes what the text says. */
static inline int test_build(xd_table *table, const char *apex_text, uint64_t version, const char *text)
{
	uint8_t apex[XD_NAME_MAX];
	xd_pairs pairs;
	int rc;

	test_name(apex, apex_text);
	test_pairs(&pairs, apex_text, text);
	rc = xd_txn_zone_build(table, apex, version, pairs.bytes, pairs.offsets, pairs.count);
	xd_pairs_uninit(&pairs);
	return rc;
}

/* One step of the open transaction: the owner has the records of the text, which are all its own; none removes it. */
static inline int test_update(xd_table *table, const char *apex_text, uint64_t version, const char *owner_text,
                              const char *text)
{
	uint8_t apex[XD_NAME_MAX];
	uint8_t owner[XD_NAME_MAX];
	xd_pairs pairs;
	int rc;

	test_name(apex, apex_text);
	test_name(owner, owner_text);
	test_pairs(&pairs, apex_text, text);
	rc = xd_txn_zone_update_owner(table, apex, version, owner, pairs.bytes, pairs.offsets, pairs.count);
	xd_pairs_uninit(&pairs);
	return rc;
}

/* A query with an OPT record when `payload` is not 0; returns its length. */
static inline size_t test_query(uint8_t *msg, const char *name, uint16_t type, uint16_t payload, bool wants_dnssec)
{
	static const uint8_t head[12] = { 0x12, 0x34, 1, 0, 0, 1 };
	size_t at = sizeof(head);

	memcpy(msg, head, sizeof(head));
	at += test_name(msg + at, name);
	xd_store_be16(msg + at, type);
	xd_store_be16(msg + at + 2, 1);
	at += 4;
	if (payload) {
		static const uint8_t opt[11] = { 0, 0, 41 };

		msg[11] = 1;
		memcpy(msg + at, opt, sizeof(opt));
		xd_store_be16(msg + at + 3, payload);
		msg[at + 7] = wants_dnssec ? 0x80 : 0;
		at += sizeof(opt);
	}
	return at;
}

#endif
