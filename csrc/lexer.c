/* SPDX-License-Identifier: Apache-2.0 */
#include "lexer.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

void xd_lexer_init(struct xd_lexer *lexer, const uint8_t *text, size_t len, uint32_t line)
{
	*lexer = (struct xd_lexer){ .pos = text, .end = text + len, .line = line };
}

#ifdef __SSE2__
/* Octets in front of the first one that can end a word or start an escape: up to 32, " ( ) ; and backslash. */
static size_t span_word(const uint8_t *text)
{
	for (size_t done = 0;; done += 16) {
		__m128i block = _mm_loadu_si128((const __m128i *)(const void *)(text + done));
		__m128i stop = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x20)), block);
		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(block, _mm_set1_epi8('"')));
		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_or_si128(block, _mm_set1_epi8(1)), _mm_set1_epi8(')')));
		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(block, _mm_set1_epi8(';')));
		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
		unsigned mask = (unsigned)_mm_movemask_epi8(stop);
		if (mask)
			return done + (unsigned)__builtin_ctz(mask);
	}
}
#else
static size_t span_word(const uint8_t *text)
{
	size_t len = 0;

	while (text[len] > 0x20 && !strchr("\"();\\", text[len]))
		len++;
	return len;
}
#endif

static void set_error(struct xd_lexer *lexer, struct xd_token *token, const char *reason)
{
	lexer->error = reason;
	token->kind = XD_TOKEN_ERROR;
}

/* A backslash takes the next octet along, unless the line or the text ends there. */
static const uint8_t *skip_escape(const struct xd_lexer *lexer, const uint8_t *pos)
{
	pos++;
	return pos < lexer->end && *pos != '\n' ? pos + 1 : pos;
}

static void next_word(struct xd_lexer *lexer, struct xd_token *token)
{
	const uint8_t *pos = lexer->pos;

	for (;;) {
		pos += span_word(pos);
		if (*pos != '\\')
			break;
		token->escaped = true;
		pos = skip_escape(lexer, pos);
	}
	token->kind = XD_TOKEN_WORD;
	token->len = (size_t)(pos - token->text);
	lexer->pos = pos;
}

static void next_quoted(struct xd_lexer *lexer, struct xd_token *token)
{
	const uint8_t *pos = lexer->pos + 1;

	token->text = pos;
	while (*pos != '"') {
		if (*pos == '\n' || pos >= lexer->end) {
			set_error(lexer, token, "quoted string is not closed on its line");
			return;
		}
		if (*pos == '\\') {
			token->escaped = true;
			pos = skip_escape(lexer, pos);
		} else {
			pos++;
		}
	}
	token->kind = XD_TOKEN_QUOTED;
	token->len = (size_t)(pos - token->text);
	lexer->pos = pos + 1;
}

static void end_of_text(struct xd_lexer *lexer, struct xd_token *token)
{
	if (lexer->depth) {
		token->line = lexer->depth_line;
		set_error(lexer, token, "parenthesis is not closed");
		lexer->depth = 0;
		return;
	}
	token->kind = XD_TOKEN_END;
}

static void skip_comment(struct xd_lexer *lexer)
{
	const uint8_t *newline = memchr(lexer->pos, '\n', (size_t)(lexer->end - lexer->pos));

	lexer->pos = newline ? newline : lexer->end;
}

static bool close_parenthesis(struct xd_lexer *lexer, struct xd_token *token)
{
	if (!lexer->depth) {
		set_error(lexer, token, "closing parenthesis without an opening one");
		return false;
	}
	lexer->depth--;
	return true;
}

/* Everything but a plain word; words follow here after line ends and parentheses. */
static void next_other(struct xd_lexer *lexer, struct xd_token *token)
{
	token->len = 0;
	for (;; lexer->pos++) {
		while (*lexer->pos == ' ' || *lexer->pos == '\t')
			lexer->pos++;
		if (*lexer->pos == ';')
			skip_comment(lexer);
		token->text = lexer->pos;
		token->line = lexer->line;
		switch (*lexer->pos) {
		case '\r':
			continue;
		case '\n':
			lexer->line++;
			if (lexer->depth)
				continue;
			lexer->pos++;
			token->kind = XD_TOKEN_END;
			return;
		case '(':
			if (!lexer->depth++)
				lexer->depth_line = lexer->line;
			continue;
		case ')':
			if (!close_parenthesis(lexer, token))
				return;
			continue;
		case '"':
			next_quoted(lexer, token);
			return;
		default:
			if (*lexer->pos > 0x20)
				next_word(lexer, token);
			else if (lexer->pos >= lexer->end)
				end_of_text(lexer, token);
			else
				set_error(lexer, token, "control character outside of a quoted string; write it as \\DDD");
			return;
		}
	}
}

void xd_lexer_next(struct xd_lexer *lexer, struct xd_token *token)
{
	const uint8_t *pos = lexer->pos;

	token->escaped = false;
	while (*pos == ' ' || *pos == '\t')
		pos++;
	lexer->pos = pos;
	/* Most tokens are plain words. */
	size_t plain = span_word(pos);
	if (plain && pos[plain] != '\\') {
		token->text = pos;
		token->len = plain;
		token->line = lexer->line;
		token->kind = XD_TOKEN_WORD;
		lexer->pos = pos + plain;
		return;
	}
	next_other(lexer, token);
}

void xd_lexer_skip_line(struct xd_lexer *lexer)
{
	skip_comment(lexer);
	lexer->depth = 0;
	if (lexer->pos < lexer->end) {
		lexer->pos++;
		lexer->line++;
	}
}

static ptrdiff_t read_escape(const uint8_t *text, size_t len, uint8_t *octet)
{
	if (!len)
		return -1;
	unsigned digits[3] = { text[0] - (unsigned)'0' };
	if (digits[0] > 9) {
		*octet = text[0];
		return 1;
	}
	if (len < 3)
		return -1;
	digits[1] = text[1] - (unsigned)'0';
	digits[2] = text[2] - (unsigned)'0';
	unsigned value = digits[0] * 100 + digits[1] * 10 + digits[2];
	if (digits[1] > 9 || digits[2] > 9 || value > 255)
		return -1;
	*octet = (uint8_t)value;
	return 3;
}

ptrdiff_t xd_token_octets(const struct xd_token *token, uint8_t *out, size_t room)
{
	size_t used = 0;

	if (!token->escaped) {
		if (token->len > room)
			return -1;
		memcpy(out, token->text, token->len);
		return (ptrdiff_t)token->len;
	}
	for (size_t pos = 0; pos < token->len;) {
		if (used == room)
			return -1;
		uint8_t octet = token->text[pos++];
		if (octet == '\\') {
			ptrdiff_t taken = read_escape(token->text + pos, token->len - pos, &octet);
			if (taken < 0)
				return -1;
			pos += (size_t)taken;
		}
		out[used++] = octet;
	}
	return (ptrdiff_t)used;
}
