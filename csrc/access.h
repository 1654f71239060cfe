/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, and whether a closed zone is open to him. */
#ifndef XD_ACCESS_H
#define XD_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"

#define XD_TRANSPORT_IPV6 1
#define XD_TRANSPORT_TCP 2

/* cdef: begin */

/* How a query came: XD_TRANSPORT_IPV6 and XD_TRANSPORT_TCP are bits of it; TLS is a stream as TCP is. */
enum xd_transport { XD_UDP4, XD_UDP6, XD_TCP4, XD_TCP6, XD_UDP4_XDP, XD_UDP6_XDP, XD_TLS4, XD_TLS6 };

/* Who asks. */
typedef struct xd_client {
	const uint8_t *address; /* 4 or 16 octets; NULL: not known, and then neither cookies nor rate limits */
	uint8_t transport;      /* enum xd_transport */
	uint8_t is_recount;     /* the message was handed off: it has been counted, and may ask what it asks */
} xd_client;

/* cdef: end */

/* By the first rule of the zone that matches; what was handed off has been decided on. */
bool xd_access_allows(const struct xd_zone *zone, const xd_client *client);

#endif
