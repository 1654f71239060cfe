/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a store key: refused, or a name and a type that make the same key again. */
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "name.h"
#include "pairs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* A name in text form goes through wire form and back. */
static void check_text(const uint8_t *data, size_t size)
{
	uint8_t name[XD_NAME_MAX], again[XD_NAME_MAX];
	char text[XD_NAME_TEXT_MAX];
	int len = xd_name_scan(name, (const char *)data, size, (const uint8_t *)"\7example");

	if (len < 0)
		return;
	require(xd_name_check(name, sizeof(name)) == len);
	size_t text_len = xd_name_text(text, name);
	require(xd_name_scan(again, text, text_len, NULL) == len && !memcmp(name, again, (size_t)len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t name[XD_NAME_MAX], key[XD_KEY_MAX];
	size_t name_len;
	uint16_t type;

	check_text(data, size);
	if (xd_key_parse(data, size, name, &name_len, &type) != 0)
		return 0;
	require(xd_name_check(name, sizeof(name)) == (int)name_len);
	memcpy(key, data, XD_KEY_ZONE_ID_BYTES);
	size_t len = XD_KEY_ZONE_ID_BYTES + xd_key_write_owner(key + XD_KEY_ZONE_ID_BYTES, name);
	key[len++] = 0;
	key[len++] = (uint8_t)(type >> 8);
	key[len++] = (uint8_t)type;
	require(len == size && !memcmp(key, data, size));
	return 0;
}
