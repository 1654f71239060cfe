/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zone file text into tokens (RFC 1035, section 5.1). Parentheses, comments and line ends inside parentheses are not seen by
 * the caller: an entry is a run of words and quoted strings closed by one end token.
 */
#ifndef XD_LEXER_H
#define XD_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text is followed by this many readable zero octets, so that it can be read in blocks. */
#define XD_LEXER_SLACK 96u

enum xd_token_kind {
	XD_TOKEN_END, /* of the entry */
	XD_TOKEN_WORD,
	XD_TOKEN_QUOTED,
	XD_TOKEN_ERROR, /* the reason is in the lexer */
};

struct xd_token {
	const uint8_t *text; /* points into the text; without the quotes */
	size_t len;
	uint32_t line; /* where it starts */
	uint8_t kind;  /* enum xd_token_kind */
	bool escaped;  /* has a backslash */
};

struct xd_lexer {
	const uint8_t *pos;
	const uint8_t *end; /* zero octets follow */
	const char *error;
	uint32_t line;
	uint32_t depth;      /* open parentheses */
	uint32_t depth_line; /* of the outermost open one */
};

void xd_lexer_init(struct xd_lexer *lexer, const uint8_t *text, size_t len, uint32_t line);

void xd_lexer_next(struct xd_lexer *lexer, struct xd_token *token);

/* After an error: continues at the next line, outside of parentheses. */
void xd_lexer_skip_line(struct xd_lexer *lexer);

/*
 * Octets of a word or string with its escapes resolved, at most `room`: the number, or -1 when an escape is malformed or
 * there are more.
 */
ptrdiff_t xd_token_octets(const struct xd_token *token, uint8_t *out, size_t room);

#endif
