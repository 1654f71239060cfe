/* SPDX-License-Identifier: Apache-2.0 */
/* Extra checks of delegations: addresses of name servers within the zone, and DS. */
#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "limits.h"
#include "name.h"
#include "rdata.h"
#include "zonecheck.h"

struct check {
	const xd_pairs *pairs;
	const uint8_t *apex;
	xd_zonecheck_findings *findings;
};

/* Key without zero and type. */
struct owner_key {
	size_t len;
	uint8_t octets[XD_KEY_MAX];
};

static struct owner_key make_key(const struct check *check, const uint8_t *name)
{
	struct owner_key key;

	key.len = xd__zonecheck_key(key.octets, check->pairs, name);
	return key;
}

/* The index of the first pair whose key is not before `key`. */
static size_t lower_bound(const xd_pairs *pairs, const uint8_t *key, size_t len)
{
	size_t low = 0, high = pairs->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const uint64_t *offsets = pairs->offsets + 2 * middle;
		size_t other_len = (size_t)(offsets[1] - offsets[0]);
		int diff = memcmp(pairs->bytes + offsets[0], key, other_len < len ? other_len : len);
		if (diff < 0 || (diff == 0 && other_len < len))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool starts_at(const xd_pairs *pairs, size_t i, const uint8_t *key, size_t len)
{
	if (i == pairs->count)
		return false;
	const uint64_t *offsets = pairs->offsets + 2 * i;
	return offsets[1] - offsets[0] >= len && !memcmp(pairs->bytes + offsets[0], key, len);
}

/* Empty non-terminals exist. */
static bool exists(const struct check *check, const struct owner_key *key)
{
	return starts_at(check->pairs, lower_bound(check->pairs, key->octets, key->len), key->octets, key->len);
}

static bool has_type(const struct check *check, struct owner_key key, uint16_t type)
{
	key.octets[key.len++] = 0;
	xd_store_be16(key.octets + key.len, type);
	key.len += 2;
	return starts_at(check->pairs, lower_bound(check->pairs, key.octets, key.len), key.octets, key.len);
}

static bool has_address(const struct check *check, const struct owner_key *key)
{
	return has_type(check, *key, XD_TYPE_A) || has_type(check, *key, XD_TYPE_AAAA);
}

/* What a wildcard below `encloser` gives. The name has a label more, so there is room for that of the wildcard. */
static bool has_wildcard_address(const struct check *check, const uint8_t *encloser)
{
	uint8_t wildcard[XD_NAME_MAX] = "\1*";

	memcpy(wildcard + 2, encloser, xd_name_len(encloser));
	struct owner_key key = make_key(check, wildcard);
	return has_address(check, &key);
}

/*
 * An address is missing where it should be in this zone: at a name server's name, or in a wildcard that covers it. Names below
 * another delegation than the one at hand have theirs elsewhere.
 */
static bool lacks_address(const struct check *check, const uint8_t *owner, const uint8_t *target)
{
	const uint8_t *encloser = NULL;

	if (!xd_name_is_within(target, check->apex))
		return false;
	struct owner_key key = make_key(check, target);
	if (exists(check, &key))
		return !has_address(check, &key);
	for (const uint8_t *name = target; !xd_name_equal(name, check->apex);) {
		name += *name + 1u;
		key = make_key(check, name);
		if (!encloser && exists(check, &key))
			encloser = name;
		bool is_cut = !xd_name_equal(name, check->apex) && !xd_name_equal(name, owner);
		if (is_cut && has_type(check, key, XD_TYPE_NS))
			return false;
	}
	return !encloser || !has_wildcard_address(check, encloser);
}

static void check_ns(const struct check *check, const uint8_t *key, size_t key_len, const uint8_t *rdata, size_t len)
{
	uint8_t owner[XD_NAME_MAX];
	size_t name_len;
	uint16_t type;

	if (xd_key_parse(key, key_len, owner, &name_len, &type) != XD_OK || xd_name_check(rdata, len) < 0)
		return;
	if (lacks_address(check, owner, rdata))
		xd__zonecheck_add(check->findings, key, key_len - 3, XD_ZONECHECK_NO_GLUE, -1);
}

/* Octets of a digest; 0: no such algorithm. */
static size_t digest_size(uint8_t algorithm)
{
	static const uint8_t sizes[] = { 0, 20, 32, 32, 48 };

	return algorithm < sizeof(sizes) ? sizes[algorithm] : 0;
}

static void check_ds(const struct check *check, const uint8_t *key, size_t key_len, const uint8_t *rdata, size_t len)
{
	if (len < 4)
		return;
	size_t size = digest_size(rdata[3]);
	int keytag = xd_load_be16(rdata);
	if (!size)
		xd__zonecheck_add(check->findings, key, key_len - 3, XD_ZONECHECK_DS_ALGORITHM, keytag);
	else if (size != len - 4)
		xd__zonecheck_add(check->findings, key, key_len - 3, XD_ZONECHECK_DS_LENGTH, keytag);
}

void xd_zonecheck_delegations(const xd_pairs *pairs, const uint8_t *apex, xd_zonecheck_findings *findings)
{
	const struct check check = { .pairs = pairs, .apex = apex, .findings = findings };

	for (size_t i = 0; i < pairs->count; i++) {
		const uint64_t *offsets = pairs->offsets + 2 * i;
		const uint8_t *key = pairs->bytes + offsets[0];
		size_t key_len = (size_t)(offsets[1] - offsets[0]);
		unsigned type = xd_load_be16(key + key_len - 2);
		if (type != XD_TYPE_NS && type != XD_TYPE_DS)
			continue;
		for (size_t at = offsets[1] + 6; at < offsets[2]; at += 2u + xd_load_be16(pairs->bytes + at)) {
			const uint8_t *rdata = pairs->bytes + at + 2;
			size_t len = xd_load_be16(pairs->bytes + at);
			if (type == XD_TYPE_NS)
				check_ns(&check, key, key_len, rdata, len);
			else
				check_ds(&check, key, key_len, rdata, len);
		}
	}
}
