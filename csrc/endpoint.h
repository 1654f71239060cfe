/* SPDX-License-Identifier: Apache-2.0 */
/* An address and port that the engine answers at. */
#ifndef XD_ENDPOINT_H
#define XD_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "error.h"

struct xd_endpoint {
	uint8_t family;      /* 4 or 6; 0: any address of either */
	bool is_wildcard;    /* every address of the family */
	uint16_t port;       /* host order */
	uint32_t scope;      /* interface of a link-local address, 0 otherwise */
	uint8_t address[16]; /* IPv4 in the first 4 octets */
};

/* Reads "192.0.2.1", "::", "fe80::1%eth0" or "" (any). XD_E_RANGE for anything else. */
XD_CHECKED int xd_endpoint_parse(const char *text, uint16_t port, struct xd_endpoint *endpoint);

/* The socket address; returns its length. */
socklen_t xd_endpoint_sockaddr(const struct xd_endpoint *endpoint, struct sockaddr_storage *out);

/* Whether what is sent to `address` (4 or 16 octets, by `family`) and `port` is for this endpoint. */
bool xd_endpoint_matches(const struct xd_endpoint *endpoint, uint8_t family, const uint8_t *address, uint16_t port);

#endif
