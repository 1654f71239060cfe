/* SPDX-License-Identifier: Apache-2.0 */
#include "zonecheck.h"

#include <stdbool.h>
#include <string.h>

#include "limits.h"
#include "name.h"
#include "rdata.h"

/* The owner at hand: which types it has, as far as the checks ask. */
struct owner {
	const uint8_t *key; /* zone id and owner, as in every key of it */
	size_t key_len;
	bool has_cname, has_dname, has_ns, has_soa, has_ds;
	bool is_plain;  /* has more than NSEC3 and RRSIG */
	bool has_other; /* what must not be beside CNAME */
	unsigned cnames, dnames, soas;
};

struct check {
	xd_zonecheck_findings *findings;
	uint8_t apex[XD_KEY_ZONE_ID_BYTES + XD_KEY_OWNER_MAX];
	size_t apex_len;
	bool apex_seen;
	const uint8_t *dname; /* the last owner of a DNAME, as long as names below it may come */
	size_t dname_len;
	bool dname_reported;
};

const char *xd_zonecheck_text(int code)
{
	static const char *const texts[] = {
#define X(name, severity, text) text,
		XD_ZONECHECK_TABLE(X)
#undef X
	};

	return code >= 0 && code < XD_ZONECHECK_COUNT ? texts[code] : "";
}

void xd__zonecheck_add(xd_zonecheck_findings *findings, const uint8_t *key, size_t key_len, enum xd_zonecheck_code code,
                       int keytag)
{
	static const int severities[] = {
#define X(name, severity, text) XD_ZONECHECK_##severity,
		XD_ZONECHECK_TABLE(X)
#undef X
	};
	uint8_t full[XD_KEY_MAX];
	size_t name_len;
	uint16_t type;

	findings->counts[severities[code]]++;
	if (findings->kept >= findings->room)
		return;
	xd_zonecheck_finding *finding = &findings->items[findings->kept++];
	*finding = (xd_zonecheck_finding){ .code = (int)code, .severity = severities[code], .keytag = keytag };
	memcpy(full, key, key_len);
	memset(full + key_len, 0, 3);
	/* Keys that are not well formed do not come from the scanner or the store; the root stands for them. */
	if (xd_key_parse(full, key_len + 3, finding->owner, &name_len, &type) != XD_OK)
		finding->owner[0] = 0;
}

static void add(const struct check *check, const uint8_t *key, size_t key_len, enum xd_zonecheck_code code)
{
	xd__zonecheck_add(check->findings, key, key_len, code, -1);
}

static bool is_below(const uint8_t *key, size_t key_len, const uint8_t *above, size_t above_len)
{
	return key_len >= above_len && !memcmp(key, above, above_len);
}

static void check_apex(struct check *check, const struct owner *owner)
{
	check->apex_seen = true;
	if (!owner->has_soa)
		add(check, owner->key, owner->key_len, XD_ZONECHECK_NO_SOA);
	if (owner->soas > 1)
		add(check, owner->key, owner->key_len, XD_ZONECHECK_MULTIPLE_SOA);
	if (!owner->has_ns)
		add(check, owner->key, owner->key_len, XD_ZONECHECK_NO_APEX_NS);
	if (owner->has_ds)
		add(check, owner->key, owner->key_len, XD_ZONECHECK_APEX_DS);
}

/* RFC 6672, section 2.4: nothing below DNAME; section 2.3: NS beside it only at the apex. */
static void check_dname(struct check *check, const struct owner *owner, bool is_apex)
{
	if (check->dname && !is_below(owner->key, owner->key_len, check->dname, check->dname_len))
		check->dname = NULL;
	/* Hashed names stand below the apex whatever the apex has (RFC 5155, section 3). */
	bool may_stay = !owner->is_plain && check->dname_len == check->apex_len;
	if (check->dname && !may_stay && !check->dname_reported) {
		add(check, check->dname, check->dname_len, XD_ZONECHECK_BELOW_DNAME);
		check->dname_reported = true;
	}
	if (!owner->has_dname)
		return;
	if (owner->dnames > 1)
		add(check, owner->key, owner->key_len, XD_ZONECHECK_MULTIPLE_DNAME);
	if (owner->has_ns && !is_apex)
		add(check, owner->key, owner->key_len, XD_ZONECHECK_DNAME_NS);
	if (!check->dname) {
		check->dname = owner->key;
		check->dname_len = owner->key_len;
		check->dname_reported = false;
	}
}

static void check_owner(struct check *check, const struct owner *owner)
{
	if (!owner->key)
		return;
	bool is_apex = owner->key_len == check->apex_len && !memcmp(owner->key, check->apex, check->apex_len);

	if (!is_below(owner->key, owner->key_len, check->apex, check->apex_len))
		add(check, owner->key, owner->key_len, XD_ZONECHECK_OUT_OF_ZONE);
	if (is_apex)
		check_apex(check, owner);
	else if (owner->has_soa)
		add(check, owner->key, owner->key_len, XD_ZONECHECK_SOA_ELSEWHERE);
	if (owner->has_cname && owner->has_other)
		add(check, owner->key, owner->key_len, XD_ZONECHECK_CNAME_OTHER);
	if (owner->cnames > 1)
		add(check, owner->key, owner->key_len, XD_ZONECHECK_MULTIPLE_CNAME);
	check_dname(check, owner, is_apex);
}

static void add_type(struct owner *owner, unsigned type, unsigned count)
{
	owner->is_plain = owner->is_plain || (type != XD_TYPE_NSEC3 && type != XD_TYPE_RRSIG);
	switch (type) {
	case XD_TYPE_CNAME:
		owner->has_cname = true;
		owner->cnames = count;
		return;
	case XD_TYPE_KEY:
	case XD_TYPE_RRSIG:
	case XD_TYPE_NSEC:
		/* RFC 4035, section 2.5: these may be beside CNAME. */
		return;
	case XD_TYPE_DNAME:
		owner->has_dname = true;
		owner->dnames = count;
		break;
	case XD_TYPE_SOA:
		owner->has_soa = true;
		owner->soas = count;
		break;
	case XD_TYPE_NS:
		owner->has_ns = true;
		break;
	case XD_TYPE_DS:
		owner->has_ds = true;
		break;
	default:
		break;
	}
	owner->has_other = true;
}

/* The zone id is whatever the first key has, so that the caller need not say it twice. */
size_t xd__zonecheck_key(uint8_t *out, const xd_pairs *pairs, const uint8_t *name)
{
	memset(out, 0, XD_KEY_ZONE_ID_BYTES);
	if (pairs->count)
		memcpy(out, pairs->bytes, XD_KEY_ZONE_ID_BYTES);
	return XD_KEY_ZONE_ID_BYTES + xd_key_write_owner(out + XD_KEY_ZONE_ID_BYTES, name);
}

void xd_zonecheck(const xd_pairs *pairs, const uint8_t *apex, xd_zonecheck_findings *findings)
{
	struct check check = { .findings = findings };
	struct owner owner = { 0 };

	check.apex_len = xd__zonecheck_key(check.apex, pairs, apex);
	for (size_t i = 0; i < pairs->count; i++) {
		const uint8_t *key = pairs->bytes + pairs->offsets[2 * i];
		const uint8_t *value = pairs->bytes + pairs->offsets[2 * i + 1];
		size_t key_len = (size_t)(value - key) - 3;
		if (!owner.key || owner.key_len != key_len || memcmp(owner.key, key, key_len) != 0) {
			check_owner(&check, &owner);
			owner = (struct owner){ .key = key, .key_len = key_len };
		}
		add_type(&owner, (unsigned)(key[key_len + 1] << 8 | key[key_len + 2]), (unsigned)(value[4] << 8 | value[5]));
	}
	check_owner(&check, &owner);
	if (!check.apex_seen) {
		add(&check, check.apex, check.apex_len, XD_ZONECHECK_NO_SOA);
		add(&check, check.apex, check.apex_len, XD_ZONECHECK_NO_APEX_NS);
	}
}
