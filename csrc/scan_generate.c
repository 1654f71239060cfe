/* SPDX-License-Identifier: Apache-2.0 */
/* $GENERATE start-stop[/step] owner [ttl] [class] type data: the template is repeated with "$" replaced by each number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan_impl.h"

struct range {
	uint32_t start, stop, step;
};

struct text {
	uint8_t octets[XD_GENERATE_TEXT_MAX + XD_LEXER_SLACK];
	size_t len;
	bool is_full;
};

/* ${offset[,width[,base]]} */
struct placeholder {
	int64_t offset;
	unsigned width;
	char base;
};

static void append(struct text *text, const void *octets, size_t len)
{
	if (XD_GENERATE_TEXT_MAX - text->len < len) {
		text->is_full = true;
		return;
	}
	memcpy(text->octets + text->len, octets, len);
	text->len += len;
}

/* Decimal digits at *pos; false when there are none or the number exceeds `max`. */
static bool read_number(const uint8_t **pos, const uint8_t *end, uint64_t max, uint64_t *value)
{
	const uint8_t *at = *pos;

	for (*value = 0; at < end && *at >= '0' && *at <= '9'; at++) {
		*value = *value * 10 + (unsigned)(*at - '0');
		if (*value > max)
			return false;
	}
	bool found = at != *pos;
	*pos = at;
	return found;
}

static bool read_range(const struct xd_token *token, struct range *range)
{
	const uint8_t *pos = token->text, *end = pos + token->len;
	uint64_t start, stop, step = 1;

	if (!read_number(&pos, end, INT32_MAX, &start) || pos == end || *pos++ != '-' ||
	    !read_number(&pos, end, INT32_MAX, &stop))
		return false;
	if (pos < end && *pos == '/') {
		pos++;
		if (!read_number(&pos, end, INT32_MAX, &step) || !step)
			return false;
	}
	*range = (struct range){ (uint32_t)start, (uint32_t)stop, (uint32_t)step };
	return pos == end && start <= stop;
}

/* Behind "${"; *pos moves behind the brace. */
static bool read_placeholder(const uint8_t **pos, const uint8_t *end, struct placeholder *place)
{
	const uint8_t *at = *pos;
	uint64_t number;
	bool negative = at < end && *at == '-';

	at += negative;
	if (!read_number(&at, end, INT32_MAX, &number))
		return false;
	place->offset = negative ? -(int64_t)number : (int64_t)number;
	if (at < end && *at == ',') {
		at++;
		if (!read_number(&at, end, XD_NAME_MAX, &number))
			return false;
		place->width = (unsigned)number;
		if (at < end && *at == ',') {
			at++;
			if (at == end || !*at || !strchr("doxXnN", *at))
				return false;
			place->base = (char)*at++;
		}
	}
	if (at == end || *at != '}')
		return false;
	*pos = at + 1;
	return true;
}

/* Hexadecimal digits from the lowest up, separated by dots, which count in the width: for reverse zones. */
static void append_nibbles(struct text *text, uint64_t value, unsigned width, const char *digits)
{
	do {
		append(text, &digits[value & 15], 1);
		value >>= 4;
		width -= width > 0;
		if (width > 0 || value) {
			append(text, ".", 1);
			width -= width > 0;
		}
	} while (width > 0 || value);
}

static bool append_value(struct text *text, const struct placeholder *place, uint32_t number)
{
	int64_t value = number + place->offset;
	char digits[XD_NAME_MAX + 32];
	int width = (int)place->width;
	int len;

	if (value < 0)
		return false;
	switch (place->base) {
	case 'n':
		append_nibbles(text, (uint64_t)value, place->width, "0123456789abcdef");
		return true;
	case 'N':
		append_nibbles(text, (uint64_t)value, place->width, "0123456789ABCDEF");
		return true;
	case 'o':
		len = snprintf(digits, sizeof(digits), "%0*llo", width, (unsigned long long)value);
		break;
	case 'x':
		len = snprintf(digits, sizeof(digits), "%0*llx", width, (unsigned long long)value);
		break;
	case 'X':
		len = snprintf(digits, sizeof(digits), "%0*llX", width, (unsigned long long)value);
		break;
	default:
		len = snprintf(digits, sizeof(digits), "%0*lld", width, (long long)value);
		break;
	}
	append(text, digits, (size_t)len);
	return true;
}

/* "$" and "${...}" are replaced; "$$" and an escaped "$" stand for the character itself. */
static bool expand(struct text *text, const struct text *pattern, uint32_t number)
{
	const uint8_t *pos = pattern->octets, *end = pos + pattern->len;

	text->len = 0;
	text->is_full = false;
	while (pos < end) {
		struct placeholder place = { .base = 'd' };
		const uint8_t *from = pos++;
		if (*from == '\\' && pos < end) {
			append(text, from, 2);
			pos++;
		} else if (*from != '$') {
			append(text, from, 1);
		} else if (pos < end && *pos == '$') {
			append(text, pos++, 1);
		} else {
			if (pos < end && *pos == '{' && (pos++, !read_placeholder(&pos, end, &place)))
				return false;
			if (!append_value(text, &place, number))
				return false;
		}
	}
	memset(text->octets + text->len, 0, XD_LEXER_SLACK);
	return true;
}

/* The rest of the entry, one space between its tokens. */
static int gather_pattern(struct xd_scan *scan, struct text *pattern)
{
	const struct xd_token *token = &scan->place->token;

	for (; !xd__scan_is_end(scan); xd__scan_advance(scan)) {
		if (token->kind == XD_TOKEN_ERROR)
			return xd__scan_fail(scan, "malformed template");
		const char *quote = token->kind == XD_TOKEN_QUOTED ? "\"" : "";
		append(pattern, " ", pattern->len != 0);
		append(pattern, quote, strlen(quote));
		append(pattern, token->text, token->len);
		append(pattern, quote, strlen(quote));
	}
	if (!pattern->len)
		return xd__scan_fail(scan, "template expected behind the range");
	return pattern->is_full ? xd__scan_fail(scan, "template longer than %u octets", XD_GENERATE_TEXT_MAX) : XD_OK;
}

static int generate(struct xd_scan *scan, const struct range *range, const struct text *pattern, struct text *text,
                    uint32_t line)
{
	size_t errors = scan->notes.errors;

	for (uint64_t number = range->start; number <= range->stop; number += range->step) {
		if (!expand(text, pattern, (uint32_t)number) || text->is_full)
			return xd__scan_fail_at(scan, line,
			                        "malformed $GENERATE template, or its result is too long or negative");
		int result = xd__scan_text(scan, scan->place->source, text->octets, text->len);
		/* One mistake in the template is enough to report. */
		if (result < 0 || scan->notes.errors > errors)
			return result;
	}
	return XD_OK;
}

int xd__scan_generate(struct xd_scan *scan, uint32_t line)
{
	struct place *place = scan->place;
	struct range range;
	char shown[64];

	if (place->token.kind != XD_TOKEN_WORD || !read_range(&place->token, &range))
		return xd__scan_fail(scan, "malformed $GENERATE range %s", xd__scan_token_text(scan, shown));
	if ((range.stop - range.start) / range.step >= XD_GENERATE_MAX)
		return xd__scan_fail(scan, "$GENERATE of more than %u records", XD_GENERATE_MAX);
	xd__scan_advance(scan);
	struct text *texts = calloc(2, sizeof(*texts));
	if (!texts)
		return -XD_E_NOMEM;
	int result = gather_pattern(scan, &texts[0]);
	if (result == XD_OK) {
		struct place base = *place;
		base.is_generated = true;
		base.token.line = line;
		scan->place = &base;
		result = generate(scan, &range, &texts[0], &texts[1], line);
		scan->place = place;
	}
	free(texts);
	return result;
}
