/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: is a reply a DNS message that any resolver could read? */
#ifndef XD_TEST_REPLY_CHECK_H
#define XD_TEST_REPLY_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "rr.h"

/* Steps over a name, following its pointers, which must go backwards; 0 when it is malformed. */
static inline size_t reply_skip_name(const uint8_t *msg, size_t len, size_t at)
{
	size_t end = 0;
	size_t octets = 0;

	while (at < len) {
		unsigned label = msg[at];

		if (label >= 0xc0) {
			size_t target;

			if (at + 2 > len)
				return 0;
			target = xd_load_be16(msg + at) & 0x3fffu;
			if (target >= at || target < 12)
				return 0;
			end = end ? end : at + 2;
			at = target;
			continue;
		}
		octets += label + 1;
		if (label > 63 || octets > 255)
			return 0;
		at += label + 1;
		if (label == 0)
			return end ? end : at;
	}
	return 0;
}

/* Do the names in the rdata of the compressible types fill it as they must? */
static inline bool reply_rdata_is_sound(const uint8_t *msg, size_t at, size_t end, unsigned type)
{
	size_t skip = type == XD_T_MX ? 2 : 0;
	size_t tail = type == XD_T_SOA ? 20 : 0;
	unsigned names = type == XD_T_SOA ? 2 : 1;

	if (type != XD_T_NS && type != XD_T_CNAME && type != XD_T_SOA && type != XD_T_PTR && type != XD_T_MX &&
	    type != XD_T_DNAME)
		return true;
	at += skip;
	for (; names && at; names--)
		at = reply_skip_name(msg, end, at);
	return at && at + tail == end;
}

/* Header, question and as many records as the counts say, to the last octet. */
static inline bool reply_is_sound(const uint8_t *msg, size_t len)
{
	unsigned records;
	size_t at = 12;

	if (len < 12 || !(msg[2] & 0x80) || xd_load_be16(msg + 4) > 1)
		return false;
	if (xd_load_be16(msg + 4)) {
		at = reply_skip_name(msg, len, at);
		if (!at || at + 4 > len)
			return false;
		at += 4;
	}
	records = (unsigned)xd_load_be16(msg + 6) + xd_load_be16(msg + 8) + xd_load_be16(msg + 10);
	for (; records; records--) {
		unsigned type;
		size_t end;

		at = reply_skip_name(msg, len, at);
		if (!at || len - at < 10)
			return false;
		type = xd_load_be16(msg + at);
		end = at + 10 + xd_load_be16(msg + at + 8);
		if (end > len || !reply_rdata_is_sound(msg, at + 10, end, type))
			return false;
		at = end;
	}
	return at == len;
}

#endif
