/* SPDX-License-Identifier: Apache-2.0 */
/* State of a scan, shared by its parts: files, entries, directives, fields. */
#ifndef XD_SCAN_IMPL_H
#define XD_SCAN_IMPL_H

#include <stdbool.h>
#include <sys/types.h>

#include "collect.h"
#include "lexer.h"
#include "limits.h"
#include "name.h"
#include "rdata.h"
#include "scan.h"

/* Names are written label by label in blocks of 16 octets, and checked after each label. */
#define NAME_ROOM (XD_NAME_MAX + 80u)

/* A file or text that was read; kept until the scan ends because notes name it. */
struct source {
	struct source *next;
	dev_t device;
	ino_t inode;
	char path[];
};

/* Where reading is: saved and restored around an included file. */
struct place {
	struct xd_lexer lexer;
	struct xd_token token; /* the current one */
	const struct source *source;
	const struct place *parent; /* the including file */
	const uint8_t *owner_text;  /* as written last in this text, for comparing; NULL: not known */
	size_t owner_text_len;
	uint32_t ttl_last;
	uint32_t ttl_directive;
	uint32_t depth;
	bool has_ttl_last;
	bool has_ttl_directive;
	bool has_owner;
	bool is_generated; /* text made by $GENERATE: lines do not advance, directives are refused */
	uint8_t origin[XD_NAME_MAX];
	uint8_t owner[NAME_ROOM];
};

struct note_list {
	xd_scan_note *items;
	size_t count, room;
	size_t errors, warnings;
};

struct foreign_list {
	xd_scan_foreign *items;
	size_t count, room;
};

struct xd_scan {
	struct xd_collector collector;
	struct place *place;
	uint8_t *out; /* rdata is written here */
	uint8_t *out_start;
	uint8_t *out_end;
	struct source *sources;
	struct note_list notes;
	struct foreign_list foreign;
	uint32_t default_ttl;
	bool owner_set;     /* the collector knows the owner */
	bool owner_outside; /* of the zone: its records are ignored */
	uint8_t apex[XD_NAME_MAX];
};

/* Results of the parts below: 0, -XD_E_SYNTAX (noted; reading goes on behind the entry) or -XD_E_NOMEM. */

/* Keeps an error at `line` and returns -XD_E_SYNTAX. */
int xd__scan_fail_at(struct xd_scan *scan, uint32_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* At the current token, or where and why the lexer failed. */
int xd__scan_fail(struct xd_scan *scan, const char *format, ...) __attribute__((format(printf, 2, 3)));
void xd__scan_warn(struct xd_scan *scan, uint32_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));

static inline void xd__scan_advance(struct xd_scan *scan)
{
	xd_lexer_next(&scan->place->lexer, &scan->place->token);
}

static inline bool xd__scan_is_end(const struct xd_scan *scan)
{
	return scan->place->token.kind == XD_TOKEN_END;
}

/* The current token as a short text for messages; `out` holds 64 octets. */
const char *xd__scan_token_text(const struct xd_scan *scan, char *out);

/* The word at hand is `text`, without case. */
bool xd__scan_token_is(const struct xd_scan *scan, const char *text);

/* Name at the current token into `out` (NAME_ROOM octets); sets *len. Does not advance. */
XD_CHECKED int xd__scan_name(struct xd_scan *scan, uint8_t *out, size_t *len, bool lower);

/* Seconds, with units as in 1h30m. False when malformed or above 2^31 - 1 (RFC 2181, section 8). */
bool xd__scan_ttl(const struct xd_token *token, uint32_t *ttl);
bool xd__scan_number(const struct xd_token *token, uint64_t max, uint64_t *value);

/* rdata of a known type from the current token to the end of the entry. */
XD_CHECKED int xd__scan_rdata(struct xd_scan *scan, const struct xd_type_info *info);
/* The RFC 3597 form, the current token being behind the \#. */
XD_CHECKED int xd__scan_generic(struct xd_scan *scan, uint16_t type);
XD_CHECKED int xd__scan_svcparams(struct xd_scan *scan);
XD_CHECKED int xd__scan_need(struct xd_scan *scan, size_t octets);
/* Character string of the current token with its length octet. Does not advance. */
XD_CHECKED int xd__scan_string(struct xd_scan *scan);
/* Digits of the current token into octets; the number of octets, or a negative result. Does not advance. */
XD_CHECKED ptrdiff_t xd__scan_hex(struct xd_scan *scan, size_t max);
XD_CHECKED ptrdiff_t xd__scan_base64(struct xd_scan *scan, size_t max);
/* The same to the end of the entry, in any number of words. */
XD_CHECKED int xd__scan_hex_rest(struct xd_scan *scan);
XD_CHECKED int xd__scan_base64_rest(struct xd_scan *scan);

/* The entry that starts at a word beginning with "$". */
XD_CHECKED int xd__scan_directive(struct xd_scan *scan);
XD_CHECKED int xd__scan_generate(struct xd_scan *scan, uint32_t line);
/* A file included by the current one. */
XD_CHECKED int xd__scan_include(struct xd_scan *scan, const char *path, const uint8_t *origin, uint32_t line);

/* All entries of a text (XD_LEXER_SLACK behind it), from a place that inherits owner, origin and TTLs from the current one. */
XD_CHECKED int xd__scan_text(struct xd_scan *scan, const struct source *source, const uint8_t *text, size_t len);
/* One entry. */
XD_CHECKED int xd__scan_entry(struct xd_scan *scan);

#endif
