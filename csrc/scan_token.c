/* SPDX-License-Identifier: Apache-2.0 */
/* Single tokens into values: names, numbers, TTLs, digits. */
#include <string.h>
#include <strings.h>

#include "scan_impl.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * Copies octets of a label up to the dot or the end of the word, at most 80, in lower case when asked. Reads and writes whole
 * blocks of 16. The number of octets; *high when one of them is above 127.
 */
#ifdef __SSE2__
static size_t copy_label(uint8_t *out, const uint8_t *text, size_t left, bool lower, bool *high)
{
	const __m128i fold = _mm_set1_epi8(lower ? 0x20 : 0);

	for (size_t done = 0; done < 80; done += 16) {
		__m128i block = _mm_loadu_si128((const __m128i *)(const void *)(text + done));
		__m128i upper = _mm_and_si128(_mm_cmpgt_epi8(block, _mm_set1_epi8('A' - 1)),
		                              _mm_cmplt_epi8(block, _mm_set1_epi8('Z' + 1)));
		_mm_storeu_si128((__m128i *)(void *)(out + done), _mm_or_si128(block, _mm_and_si128(upper, fold)));
		unsigned dots = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8('.')));
		unsigned above = (unsigned)_mm_movemask_epi8(block);
		if (left - done < 16)
			dots |= 1u << (left - done);
		unsigned len = dots ? (unsigned)__builtin_ctz(dots) : 16;
		*high |= (above & ((1u << len) - 1)) != 0;
		if (dots)
			return done + len;
	}
	return 80;
}
#else
static size_t copy_label(uint8_t *out, const uint8_t *text, size_t left, bool lower, bool *high)
{
	size_t len = 0;

	for (; len < left && len < 80 && text[len] != '.'; len++) {
		out[len] = lower ? xd_lower_table[text[len]] : text[len];
		*high |= text[len] > 127;
	}
	return len;
}
#endif

static int append_origin(struct xd_scan *scan, uint8_t *out, size_t used, size_t *len, bool lower)
{
	const uint8_t *origin = scan->place->origin;
	size_t origin_len = xd_name_len(origin);

	if (used + origin_len > XD_NAME_MAX)
		return xd__scan_fail(scan, "name longer than 255 octets");
	if (lower)
		xd_bytes_lower(out + used, origin, origin_len);
	else
		memcpy(out + used, origin, origin_len);
	*len = used + origin_len;
	return XD_OK;
}

static int refuse_high(struct xd_scan *scan)
{
	return xd__scan_fail(scan, "octet above 127 in a name; write it as \\DDD, or the label as xn--");
}

static int scan_escaped_name(struct xd_scan *scan, uint8_t *out, size_t *len, bool lower)
{
	const struct xd_token *token = &scan->place->token;
	int result = xd_name_scan(out, (const char *)token->text, token->len, scan->place->origin);
	char text[64];

	for (size_t i = 0; i < token->len; i++)
		if (token->text[i] > 127)
			return refuse_high(scan);
	if (result < 0)
		return xd__scan_fail(scan, "malformed name %s", xd__scan_token_text(scan, text));
	if (lower)
		xd_bytes_lower(out, out, (size_t)result);
	*len = (size_t)result;
	return XD_OK;
}

int xd__scan_name(struct xd_scan *scan, uint8_t *out, size_t *len, bool lower)
{
	const struct xd_token *token = &scan->place->token;
	const uint8_t *pos = token->text, *end = pos + token->len;
	size_t used = 0;
	bool high = false;
	char text[64];

	if (token->kind != XD_TOKEN_WORD)
		return xd__scan_fail(scan, "domain name expected");
	if (token->escaped)
		return scan_escaped_name(scan, out, len, lower);
	if (token->len == 1 && (*pos == '@' || *pos == '.')) {
		if (*pos == '@')
			return append_origin(scan, out, 0, len, lower);
		*out = 0;
		*len = 1;
		return XD_OK;
	}
	for (;;) {
		size_t label = copy_label(out + used + 1, pos, (size_t)(end - pos), lower, &high);
		if (label == 0 || label > XD_LABEL_MAX)
			return xd__scan_fail(scan, "%s in name %s", label ? "label longer than 63 octets" : "empty label",
			                     xd__scan_token_text(scan, text));
		if (high)
			return refuse_high(scan);
		if (used + label + 2 > XD_NAME_MAX)
			return xd__scan_fail(scan, "name longer than 255 octets");
		out[used] = (uint8_t)label;
		used += label + 1;
		pos += label;
		if (pos == end)
			return append_origin(scan, out, used, len, lower);
		if (++pos == end)
			break;
	}
	out[used] = 0;
	*len = used + 1;
	return XD_OK;
}

bool xd__scan_token_is(const struct xd_scan *scan, const char *text)
{
	const struct xd_token *token = &scan->place->token;
	size_t len = strlen(text);

	return token->kind == XD_TOKEN_WORD && token->len == len && !strncasecmp((const char *)token->text, text, len);
}

bool xd__scan_number(const struct xd_token *token, uint64_t max, uint64_t *value)
{
	uint64_t number = 0;

	if (token->kind != XD_TOKEN_WORD || !token->len)
		return false;
	for (size_t i = 0; i < token->len; i++) {
		unsigned digit = token->text[i] - (unsigned)'0';
		if (digit > 9)
			return false;
		number = number * 10 + digit;
		if (number > max)
			return false;
	}
	*value = number;
	return true;
}

static uint32_t unit_seconds(uint8_t unit)
{
	switch (unit | 0x20) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	case 'w':
		return 604800;
	default:
		return 0;
	}
}

bool xd__scan_ttl(const struct xd_token *token, uint32_t *ttl)
{
	uint64_t total = 0, number = 0;
	bool has_digits = false, has_units = false;

	if (xd__scan_number(token, INT32_MAX, &number)) {
		*ttl = (uint32_t)number;
		return true;
	}
	number = 0;
	if (token->kind != XD_TOKEN_WORD)
		return false;
	for (size_t i = 0; i < token->len; i++) {
		unsigned digit = token->text[i] - (unsigned)'0';
		if (digit <= 9) {
			number = number * 10 + digit;
			has_digits = true;
		} else {
			uint32_t unit = unit_seconds(token->text[i]);
			if (!unit || !has_digits)
				return false;
			total += number * unit;
			number = 0;
			has_digits = false;
			has_units = true;
		}
		if (number > UINT32_MAX || total > UINT32_MAX)
			return false;
	}
	/* Digits behind the last unit would be seconds only if said so. */
	if (has_units == has_digits)
		return false;
	total += number;
	*ttl = (uint32_t)total;
	return total <= INT32_MAX;
}

int xd__scan_need(struct xd_scan *scan, size_t octets)
{
	if (scan->out_end - scan->out < (ptrdiff_t)octets)
		return xd__scan_fail(scan, "record data longer than 65535 octets");
	return XD_OK;
}

static int hex_digit(uint8_t octet)
{
	if (octet >= '0' && octet <= '9')
		return octet - '0';
	octet |= 0x20;
	return octet >= 'a' && octet <= 'f' ? octet - 'a' + 10 : -1;
}

/* Text may be cut into words anywhere, so `*half` carries a digit (or -1) from one word to the next. */
static int hex_word(struct xd_scan *scan, int *half)
{
	const struct xd_token *token = &scan->place->token;
	char text[64];
	int result = xd__scan_need(scan, (token->len + (*half >= 0)) / 2);

	if (result < 0)
		return result;
	/* Not even an empty string in quotes: it would be no word at all. */
	if (token->kind != XD_TOKEN_WORD)
		return xd__scan_fail(scan, "hexadecimal digits expected");
	for (size_t i = 0; i < token->len; i++) {
		int digit = hex_digit(token->text[i]);
		if (digit < 0)
			return xd__scan_fail(scan, "malformed hexadecimal %s", xd__scan_token_text(scan, text));
		if (*half < 0) {
			*half = digit;
		} else {
			*scan->out++ = (uint8_t)(*half << 4 | digit);
			*half = -1;
		}
	}
	return XD_OK;
}

ptrdiff_t xd__scan_hex(struct xd_scan *scan, size_t max)
{
	const uint8_t *start = scan->out;
	int half = -1;
	char text[64];
	int result = hex_word(scan, &half);

	if (result < 0)
		return result;
	if (half >= 0 || (size_t)(scan->out - start) > max)
		return xd__scan_fail(scan, "malformed hexadecimal %s", xd__scan_token_text(scan, text));
	return scan->out - start;
}

int xd__scan_hex_rest(struct xd_scan *scan)
{
	int half = -1;

	while (!xd__scan_is_end(scan)) {
		int result = hex_word(scan, &half);
		if (result < 0)
			return result;
		xd__scan_advance(scan);
	}
	return half < 0 ? XD_OK : xd__scan_fail(scan, "odd number of hexadecimal digits");
}

static int base64_digit(uint8_t octet)
{
	if (octet >= 'A' && octet <= 'Z')
		return octet - 'A';
	if (octet >= 'a' && octet <= 'z')
		return octet - 'a' + 26;
	if (octet >= '0' && octet <= '9')
		return octet - '0' + 52;
	if (octet == '+')
		return 62;
	return octet == '/' ? 63 : -1;
}

/* Bits not yet written; `digits` counts all, padding included, and nothing may follow padding. */
struct base64 {
	uint32_t bits;
	unsigned digits, padding;
};

static int base64_word(struct xd_scan *scan, struct base64 *state)
{
	const struct xd_token *token = &scan->place->token;
	char text[64];
	int result = xd__scan_need(scan, (token->len + state->digits % 4) / 4 * 3);

	if (result < 0)
		return result;
	if (token->kind != XD_TOKEN_WORD)
		return xd__scan_fail(scan, "base64 expected");
	for (size_t i = 0; i < token->len; i++) {
		bool is_padding = token->text[i] == '=';
		int digit = is_padding ? 0 : base64_digit(token->text[i]);
		if (digit < 0 || (state->padding && !is_padding))
			return xd__scan_fail(scan, "malformed base64 %s", xd__scan_token_text(scan, text));
		state->padding += is_padding;
		state->bits = state->bits << 6 | (unsigned)digit;
		if (++state->digits % 4)
			continue;
		if (state->padding > 2)
			return xd__scan_fail(scan, "malformed base64 %s", xd__scan_token_text(scan, text));
		*scan->out++ = (uint8_t)(state->bits >> 16);
		*scan->out++ = (uint8_t)(state->bits >> 8);
		*scan->out++ = (uint8_t)state->bits;
	}
	return XD_OK;
}

static int base64_close(struct xd_scan *scan, const struct base64 *state)
{
	/* Bits that padding cuts off have to be zero, or two texts would stand for one value. */
	static const uint32_t cut[] = { 0, 0xff, 0xffff };

	if (state->digits % 4 || state->padding > 2 || (state->bits & cut[state->padding]))
		return xd__scan_fail(scan, "base64 is cut short");
	scan->out -= state->padding;
	return XD_OK;
}

ptrdiff_t xd__scan_base64(struct xd_scan *scan, size_t max)
{
	struct base64 state = { 0 };
	const uint8_t *start = scan->out;
	int result = base64_word(scan, &state);

	if (result == XD_OK)
		result = base64_close(scan, &state);
	if (result < 0)
		return result;
	return (size_t)(scan->out - start) <= max ? scan->out - start : xd__scan_fail(scan, "base64 is too long");
}

int xd__scan_base64_rest(struct xd_scan *scan)
{
	struct base64 state = { 0 };

	for (; !xd__scan_is_end(scan); xd__scan_advance(scan)) {
		int result = base64_word(scan, &state);
		if (result < 0)
			return result;
	}
	return base64_close(scan, &state);
}
