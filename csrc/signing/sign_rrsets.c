/* SPDX-License-Identifier: Apache-2.0 */
/* Signing few RRsets of a zone. */
#include "bytes.h"
#include "pairs.h"
#include "rr.h"
#include "signing/octets.h"
#include "signing/owner.h"
#include "signing/sign.h"

static bool is_well_formed(struct xd_rrsigs old)
{
	while (old.at < old.end) {
		size_t rest = (size_t)(old.end - old.at);
		if (rest < 2 || rest - 2 < xd_load_be16(old.at))
			return false;
		old.at += 2 + xd_load_be16(old.at);
	}
	return true;
}

static int sign_rrset(struct xd_owner *owner, const struct xd_pair *pair, struct xd_rrsigs old, struct xd_writer *out)
{
	size_t name_len = 0;
	uint16_t type;
	int result = xd_key_parse(pair->key, pair->key_len, owner->name, &name_len, &type);

	if (result < 0)
		return result;
	xd_owner_begin(owner, name_len);
	result = xd_owner_sign(owner, type, pair->value, pair->value_len, xd_rrsigs_cut(&old, type), false);
	if (result == XD_OK)
		result = xd_owner_finish(owner);
	if (result == XD_OK)
		result = xd_writer_put(out, pair->key, pair->key_len - 2, type, owner->value.data, owner->value.used);
	return result;
}

int xd_sign_rrsets(const xd_ring *ring, const uint8_t *bytes, const uint64_t *offsets, size_t count, const uint8_t *old,
                   const uint64_t *old_offsets, const xd_validity *validity, xd_pairs *signatures)
{
	struct xd_writer out = { 0 };
	struct xd_owner owner;
	int result = xd_owner_init(&owner, ring, validity);

	if (result < 0)
		return result;
	for (size_t i = 0; result == XD_OK && i < count; i++) {
		const uint64_t *at = offsets + 2 * i;
		struct xd_rrsigs rrsigs = { old + old_offsets[i], old + old_offsets[i + 1] };
		struct xd_pair pair;
		result = is_well_formed(rrsigs) ? xd_pair_make(&pair, bytes + at[0], (size_t)(at[1] - at[0]), bytes + at[1],
		                                               (size_t)(at[2] - at[1]))
		                                : -XD_E_RDATA;
		if (result == XD_OK)
			result = sign_rrset(&owner, &pair, rrsigs, &out);
	}
	if (result == XD_OK)
		result = xd_writer_finish(&out, signatures);
	xd_writer_uninit(&out);
	xd_owner_uninit(&owner);
	return result;
}
