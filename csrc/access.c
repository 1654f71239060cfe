/* SPDX-License-Identifier: Apache-2.0 */
#include "access.h"

#include <string.h>

static unsigned kind_of(unsigned transport)
{
	if (transport == XD_TLS4 || transport == XD_TLS6)
		return XD_ACCESS_TLS;
	return transport & XD_TRANSPORT_TCP ? XD_ACCESS_TCP : XD_ACCESS_UDP;
}

static bool matches(const xd_access_rule *rule, const xd_client *client)
{
	unsigned address_len = client->transport & XD_TRANSPORT_IPV6 ? 16 : 4;

	if (!(rule->transports & kind_of(client->transport)))
		return false;
	if (rule->address_len == 0)
		return true;
	return client->address && rule->address_len == address_len && memcmp(client->address, rule->first, address_len) >= 0 &&
	       memcmp(client->address, rule->last, address_len) <= 0;
}

bool xd_access_allows(const struct xd_zone *zone, const xd_client *client)
{
	const xd_access_rule *rules = xd_zone_access(zone);

	if (client->is_recount)
		return true;
	for (unsigned i = 0; i < zone->access_count; i++) {
		if (matches(&rules[i], client))
			return rules[i].is_allowed;
	}
	return false;
}
