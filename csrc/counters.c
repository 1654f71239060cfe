/* SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

#include <stddef.h>

static const struct {
	const char *name;
	const char *help;
} counters[XD_COUNTER_COUNT] = {
#define X(name, help) { #name, help },
	XD_COUNTER_TABLE(X)
#undef X
};

const char *xd_counter_name(int counter)
{
	return counter >= 0 && counter < XD_COUNTER_COUNT ? counters[counter].name : NULL;
}

const char *xd_counter_help(int counter)
{
	return counter >= 0 && counter < XD_COUNTER_COUNT ? counters[counter].help : NULL;
}
