/* SPDX-License-Identifier: Apache-2.0 */
#include "svcb.h"

const struct xd_svcb_key xd_svcb_keys[XD_SVCB_KEYS_COUNT] = {
	{ "mandatory", 0, XD_SVCB_KEYS }, { "alpn", 1, XD_SVCB_IDS },      { "no-default-alpn", 2, XD_SVCB_NONE },
	{ "port", 3, XD_SVCB_PORT },      { "ipv4hint", 4, XD_SVCB_IPV4 }, { "ech", 5, XD_SVCB_BASE64 },
	{ "ipv6hint", 6, XD_SVCB_IPV6 },  { "dohpath", 7, XD_SVCB_PATH },  { "ohttp", 8, XD_SVCB_NONE },
};

uint8_t xd_svcb_key_kind(int key)
{
	return key >= 0 && key < (int)XD_SVCB_KEYS_COUNT ? xd_svcb_keys[key].kind : XD_SVCB_OPAQUE;
}
