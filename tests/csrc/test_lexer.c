/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of zone file text: words, strings, parentheses, comments, and where each goes wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lexer.h"

static int failures;

#define EXPECT(cond, what) \
	do { \
		if (!(cond)) { \
			failures++; \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, what, #cond); \
		} \
	} while (0)

/* Tokens are written as W(ord), Q(uoted), | (end), ! (error), with the line in front. */
static void list_tokens(const char *text, size_t len, char *out, size_t room)
{
	uint8_t *copy = calloc(1, len + XD_LEXER_SLACK);
	struct xd_lexer lexer;
	struct xd_token token = { 0 };
	size_t used = 0;

	memcpy(copy, text, len);
	xd_lexer_init(&lexer, copy, len, 1);
	do {
		xd_lexer_next(&lexer, &token);
		char kind = "|WQ!"[token.kind];
		int text_len = token.kind == XD_TOKEN_ERROR || token.kind == XD_TOKEN_END ? 0 : (int)token.len;
		used += (size_t)snprintf(out + used, room - used, "%u%c%.*s ", token.line, kind, text_len,
		                         (const char *)token.text);
		if (token.kind == XD_TOKEN_ERROR)
			xd_lexer_skip_line(&lexer);
	} while (lexer.pos < lexer.end);
	if (used)
		out[used - 1] = 0;
	free(copy);
}

static void test_tokens(void)
{
	static const struct {
		const char *text;
		const char *tokens;
	} cases[] = {
		{ "a b\n", "1Wa 1Wb 1|" },
		{ " \t a\tb", "1Wa 1Wb" },
		{ "a ; comment ( \" \nb", "1Wa 1| 2Wb" },
		{ "a(b\nc)d\ne", "1Wa 1Wb 2Wc 2Wd 2| 3We" },
		{ "a((b)\n)c\n", "1Wa 1Wb 2Wc 2|" },
		{ "a ( ; x )\n b )\n", "1Wa 2Wb 2|" },
		{ "\"a b\" \"\" c", "1Qa b 1Q 1Wc" },
		{ "a\"b\"c", "1Wa 1Qb 1Wc" },
		{ "\"a\\\"b\"\n", "1Qa\\\"b 1|" },
		{ "a\\ b \\;c \\(\n", "1Wa\\ b 1W\\;c 1W\\( 1|" },
		{ "a\\\nb", "1Wa\\ 1| 2Wb" },
		{ "a\\", "1Wa\\" },
		{ "\"a\nb", "1! 2Wb" },
		{ "\"a", "1!" },
		{ "\"a\\", "1!" },
		{ "a )\nb", "1Wa 1! 2Wb" },
		{ "a\n(b\nc\n", "1Wa 1| 2Wb 3Wc 2!" },
		{ "a\001b\nc", "1Wa 1! 2Wc" },
		{ "a\r\nb\r\n", "1Wa 1| 2Wb 2|" },
		{ "a-word-of-more-than-sixteen-octets;c\n", "1Wa-word-of-more-than-sixteen-octets 1|" },
		{ "exactly-16-octet b", "1Wexactly-16-octet 1Wb" },
	};
	char tokens[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		list_tokens(cases[i].text, strlen(cases[i].text), tokens, sizeof(tokens));
		EXPECT(!strcmp(tokens, cases[i].tokens), tokens);
	}
	list_tokens("a\0b\nc", 5, tokens, sizeof(tokens));
	EXPECT(!strcmp(tokens, "1Wa 1! 2Wc"), "NUL inside the text");
}

static void test_octets(void)
{
	static const struct {
		const char *text;
		const char *octets;
		ptrdiff_t len;
	} cases[] = {
		{ "abc", "abc", 3 },       { "a\\032c", "a c", 3 }, { "\\000", "\0", 1 }, { "\\255", "\377", 1 },
		{ "\\\\\\\"", "\\\"", 2 }, { "\\256", NULL, -1 },   { "\\25", NULL, -1 }, { "\\2a5", NULL, -1 },
		{ "\\", NULL, -1 },        { "abcd", NULL, -1 }, /* no room for the fourth */
	};
	uint8_t out[3 + XD_LEXER_SLACK];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *text = cases[i].text;
		struct xd_token token = { .text = (const uint8_t *)text,
			                  .len = strlen(text),
			                  .escaped = strchr(text, '\\') != NULL };
		EXPECT(xd_token_octets(&token, out, 3) == cases[i].len, text);
		EXPECT(cases[i].len < 0 || !memcmp(out, cases[i].octets, (size_t)cases[i].len), text);
	}
}

int main(void)
{
	test_tokens();
	test_octets();
	return failures != 0;
}
