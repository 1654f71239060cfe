/* SPDX-License-Identifier: Apache-2.0 */
/* $ORIGIN, $TTL, $INCLUDE. */
#include <string.h>

#include "scan_impl.h"

static int expect_end(struct xd_scan *scan)
{
	char text[64];

	if (xd__scan_is_end(scan))
		return XD_OK;
	return xd__scan_fail(scan, "unexpected %s after the directive", xd__scan_token_text(scan, text));
}

/* A name that becomes an origin. */
static int scan_origin(struct xd_scan *scan, uint8_t *origin)
{
	uint8_t name[NAME_ROOM];
	size_t len;

	if (scan->place->token.kind != XD_TOKEN_WORD)
		return xd__scan_fail(scan, "domain name expected");
	int result = xd__scan_name(scan, name, &len, false);
	if (result < 0)
		return result;
	memcpy(origin, name, len);
	xd__scan_advance(scan);
	return expect_end(scan);
}

static int scan_ttl(struct xd_scan *scan)
{
	struct place *place = scan->place;
	char text[64];
	uint32_t ttl;

	if (place->token.kind != XD_TOKEN_WORD || !xd__scan_ttl(&place->token, &ttl))
		return xd__scan_fail(scan, "malformed TTL %s", xd__scan_token_text(scan, text));
	xd__scan_advance(scan);
	int result = expect_end(scan);
	if (result == XD_OK) {
		place->ttl_directive = ttl;
		place->has_ttl_directive = true;
	}
	return result;
}

static int scan_include(struct xd_scan *scan, uint32_t line)
{
	struct place *place = scan->place;
	uint8_t origin[XD_NAME_MAX];
	uint8_t path[4096 + XD_LEXER_SLACK];

	if (place->token.kind != XD_TOKEN_WORD && place->token.kind != XD_TOKEN_QUOTED)
		return xd__scan_fail(scan, "file name expected");
	ptrdiff_t len = xd_token_octets(&place->token, path, 4095);
	if (len <= 0 || memchr(path, 0, (size_t)len))
		return xd__scan_fail(scan, "malformed file name");
	path[len] = 0;
	xd__scan_advance(scan);
	memcpy(origin, place->origin, xd_name_len(place->origin));
	if (!xd__scan_is_end(scan)) {
		int result = scan_origin(scan, origin);
		if (result < 0)
			return result;
	}
	return xd__scan_include(scan, (const char *)path, origin, line);
}

int xd__scan_directive(struct xd_scan *scan)
{
	struct place *place = scan->place;
	uint32_t line = place->token.line;
	char text[64];

	if (place->is_generated)
		return xd__scan_fail(scan, "a directive cannot be generated");
	if (xd__scan_token_is(scan, "$ORIGIN")) {
		xd__scan_advance(scan);
		/* The text of the last owner may now stand for another name. */
		place->owner_text = NULL;
		return scan_origin(scan, place->origin);
	}
	if (xd__scan_token_is(scan, "$TTL")) {
		xd__scan_advance(scan);
		return scan_ttl(scan);
	}
	if (xd__scan_token_is(scan, "$INCLUDE")) {
		xd__scan_advance(scan);
		return scan_include(scan, line);
	}
	if (xd__scan_token_is(scan, "$GENERATE")) {
		xd__scan_advance(scan);
		return xd__scan_generate(scan, line);
	}
	return xd__scan_fail(scan, "unknown directive %s", xd__scan_token_text(scan, text));
}
