/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/ring.h"

#include <stdlib.h>

#include "name.h"

int xd_ring_create(const uint8_t *apex, const xd_signing_key *keys, size_t count, xd_ring **ring, size_t *failed)
{
	if (count > XD_RING_KEYS_MAX)
		return -XD_E_RANGE;
	xd_ring *made = calloc(1, sizeof(*made) + count * sizeof(*made->keys));
	if (!made)
		return -XD_E_NOMEM;
	made->apex_len = xd_name_lower(made->apex, apex);
	for (size_t i = 0; i < count; i++) {
		int result =
			xd_key_init_private(&made->keys[i], keys[i].dnskey, keys[i].dnskey_len, keys[i].der, keys[i].der_len);
		if (result < 0) {
			*failed = i;
			xd_ring_free(made);
			return result;
		}
		made->keys[i].roles = keys[i].roles;
		made->roles |= keys[i].roles;
		made->count++;
	}
	*ring = made;
	return XD_OK;
}

void xd_ring_delegate(xd_ring *ring, xd_sign_digest sign, void *handle)
{
	ring->sign = sign;
	ring->handle = handle;
}

void xd_ring_free(xd_ring *ring)
{
	if (!ring)
		return;
	for (size_t i = 0; i < ring->count; i++)
		xd_key_uninit(&ring->keys[i]);
	free(ring);
}
