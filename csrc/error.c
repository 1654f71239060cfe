/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <stddef.h>

static const struct {
	const char *name;
	const char *text;
} errors[XD_ERROR_COUNT] = {
	/* clang-format off */
	{ "OK", "no error" },
#define X(name, text) { #name, text },
	XD_ERROR_TABLE(X)
#undef X
	/* clang-format on */
};

const char *xd_error_name(int code)
{
	return code >= 0 && code < XD_ERROR_COUNT ? errors[code].name : NULL;
}

const char *xd_error_text(int code)
{
	return code >= 0 && code < XD_ERROR_COUNT ? errors[code].text : NULL;
}

int xd_error_count(void)
{
	return XD_ERROR_COUNT;
}
