/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

static int parse_ipv6(const char *text, struct xd_endpoint *endpoint)
{
	char address[INET6_ADDRSTRLEN];
	const char *percent = strchr(text, '%');
	size_t len = percent ? (size_t)(percent - text) : strlen(text);

	if (len >= sizeof(address))
		return -XD_E_RANGE;
	memcpy(address, text, len);
	address[len] = 0;
	if (inet_pton(AF_INET6, address, endpoint->address) != 1)
		return -XD_E_RANGE;
	if (percent) {
		endpoint->scope = if_nametoindex(percent + 1);
		if (endpoint->scope == 0)
			return -XD_E_RANGE;
	}
	endpoint->family = 6;
	return 0;
}

int xd_endpoint_parse(const char *text, uint16_t port, struct xd_endpoint *endpoint)
{
	static const uint8_t zero[16] = { 0 };

	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->port = port;
	if (*text == 0) {
		endpoint->is_wildcard = true;
		return 0;
	}
	if (inet_pton(AF_INET, text, endpoint->address) == 1)
		endpoint->family = 4;
	else if (parse_ipv6(text, endpoint))
		return -XD_E_RANGE;
	endpoint->is_wildcard = memcmp(endpoint->address, zero, sizeof(zero)) == 0;
	return 0;
}

socklen_t xd_endpoint_sockaddr(const struct xd_endpoint *endpoint, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (endpoint->family == 4) {
		in->sin_family = AF_INET;
		in->sin_port = htons(endpoint->port);
		memcpy(&in->sin_addr, endpoint->address, 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(endpoint->port);
	in6->sin6_scope_id = endpoint->scope;
	memcpy(&in6->sin6_addr, endpoint->address, 16);
	return sizeof(*in6);
}

bool xd_endpoint_matches(const struct xd_endpoint *endpoint, uint8_t family, const uint8_t *address, uint16_t port)
{
	if (endpoint->port != port)
		return false;
	if (endpoint->family == 0)
		return true;
	if (endpoint->family != family)
		return false;
	return endpoint->is_wildcard || memcmp(endpoint->address, address, family == 6 ? 16 : 4) == 0;
}
