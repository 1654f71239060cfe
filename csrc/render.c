/* SPDX-License-Identifier: Apache-2.0 */
#include "render.h"

#include <string.h>

#include "rr.h"

/* Local pointers reach that far into a fragment; a message has room for 0x3fff in all (RFC 1035, section 4.1.4). */
#define LOCAL_POINTER_MAX 4096u

/* So many earlier names of an RRset are compared with for compression: bounds the work on sets of thousands of names. */
#define NAMES_SEEN_MAX 16u

#define POINTER 0xc000u
#define QUESTION_POINTER (POINTER | XD_MSG_HEADER_BYTES)

/* Where names stand in rdata, and what may be done with them. */
struct name_layout {
	uint16_t type;
	uint8_t skip; /* octets before the first name */
	uint8_t names;
	bool is_compressible; /* RFC 3597, section 4: the types of RFC 1035 only */
	bool has_addresses;   /* additional section processing (RFC 1035, section 3.3; RFC 2782; RFC 9460, section 4.1) */
};

static const struct name_layout name_layouts[] = {
	{ XD_T_NS, 0, 1, true, true },      { XD_T_MD, 0, 1, true, false },   { XD_T_MF, 0, 1, true, false },
	{ XD_T_CNAME, 0, 1, true, false },  { XD_T_SOA, 0, 2, true, false },  { XD_T_MB, 0, 1, true, false },
	{ XD_T_MG, 0, 1, true, false },     { XD_T_MR, 0, 1, true, false },   { XD_T_PTR, 0, 1, true, false },
	{ XD_T_MINFO, 0, 2, true, false },  { XD_T_MX, 2, 1, true, true },    { XD_T_SRV, 6, 1, false, true },
	{ XD_T_DNAME, 0, 1, false, false }, { XD_T_SVCB, 2, 1, false, true }, { XD_T_HTTPS, 2, 1, false, true },
};

static const struct name_layout *find_layout(uint16_t type)
{
	static const struct name_layout none = { 0 };

	for (size_t i = 0; i < sizeof(name_layouts) / sizeof(name_layouts[0]); i++) {
		if (name_layouts[i].type == type)
			return &name_layouts[i];
	}
	return &none;
}

/* A name written earlier into the fragment. */
struct seen_name {
	size_t place; /* in the records */
	size_t len;
	size_t written; /* octets of it that stand there, before a pointer */
	uint8_t name[XD_NAME_MAX];
};

struct rendering {
	xd_table *table;
	const struct xd_render_options *options;
	const struct xd_suffixes *owner;
	size_t seen_count;
	struct seen_name seen[NAMES_SEEN_MAX];
};

static bool add_fixup(struct rendering *r, size_t place, uint32_t kind)
{
	uint32_t fixup = (uint32_t)place | kind;
	uint8_t *out = xd_scratch_add(&r->table->fixups, sizeof(fixup));

	if (!out)
		return false;
	memcpy(out, &fixup, sizeof(fixup));
	return true;
}

static bool add_target(struct rendering *r, size_t place, const uint8_t *name, size_t len)
{
	const struct xd_suffixes *apex = r->options->apex;
	struct xd_suffixes target;
	struct xd_target entry;
	uint8_t *out;

	xd_suffixes_init(&target, name, len, r->options->seed);
	if (target.labels < apex->labels || target.hash[apex->labels] != apex->hash[apex->labels] ||
	    memcmp(target.name + target.start[apex->labels], apex->name, apex->len) != 0)
		return true;
	entry.place = (uint32_t)place;
	entry.hash_low = (uint32_t)target.hash[target.labels];
	entry.hash_high = (uint32_t)(target.hash[target.labels] >> 32);
	out = xd_scratch_add(&r->table->targets, sizeof(entry));
	if (!out)
		return false;
	memcpy(out, &entry, sizeof(entry));
	return true;
}

static bool same_octets(const uint8_t *a, const uint8_t *b, size_t len)
{
	return memcmp(a, b, len) == 0;
}

/*
 * Where the suffix may be found: in the owner (*kind 0, result is the offset in the owner), or in an earlier name of the
 * fragment (*kind XD_FIXUP_LOCAL, result is the place in the records). SIZE_MAX when nowhere.
 *
 * The first label of a wildcard owner is not in the question of a synthesised answer, so nothing may point to it.
 */
static size_t find_suffix(const struct rendering *r, const uint8_t *suffix, size_t len, uint32_t *kind)
{
	const struct xd_suffixes *owner = r->owner;

	*kind = 0;
	if (len <= owner->len && same_octets(owner->name + owner->len - len, suffix, len)) {
		size_t at = owner->len - len;
		bool is_label_start = false;

		for (unsigned k = 1; k <= owner->labels && !is_label_start; k++)
			is_label_start = owner->start[k] == at;
		if (is_label_start && !(at == 0 && owner->name[0] == 1 && owner->name[1] == '*'))
			return at;
	}
	*kind = XD_FIXUP_LOCAL;
	for (size_t i = 0; i < r->seen_count; i++) {
		const struct seen_name *seen = &r->seen[i];
		size_t at = 0;

		if (len > seen->len || seen->len - len >= seen->written ||
		    !same_octets(seen->name + seen->len - len, suffix, len))
			continue;
		while (at < seen->len - len)
			at += (size_t)seen->name[at] + 1;
		if (at == seen->len - len && seen->place + at < LOCAL_POINTER_MAX)
			return seen->place + at;
	}
	return SIZE_MAX;
}

/* Writes a name into the records, its end replaced by a pointer where that is possible. */
static bool put_compressed(struct rendering *r, const uint8_t *name, size_t len)
{
	struct xd_scratch *records = &r->table->records;
	size_t place = records->len;
	size_t at = 0;
	uint8_t *out;

	while (name[at] != 0) {
		uint32_t kind;
		size_t found = find_suffix(r, name + at, len - at, &kind);

		if (found != SIZE_MAX) {
			out = xd_scratch_add(records, at + 2);
			if (!out)
				return false;
			memcpy(out, name, at);
			xd_store_be16(out + at, (uint16_t)(POINTER | (kind ? found : XD_MSG_HEADER_BYTES + found)));
			if (!add_fixup(r, place + at, kind))
				return false;
			break;
		}
		at += (size_t)name[at] + 1;
	}
	if (name[at] == 0) {
		out = xd_scratch_add(records, len);
		if (!out)
			return false;
		memcpy(out, name, len);
	}
	if (r->seen_count < NAMES_SEEN_MAX && at > 0) {
		struct seen_name *seen = &r->seen[r->seen_count++];

		seen->place = place;
		seen->len = len;
		seen->written = at;
		memcpy(seen->name, name, len);
	}
	return true;
}

/* Writes rdata, the names in it compressed where their type allows. */
static int put_rdata(struct rendering *r, const struct name_layout *layout, const uint8_t *rdata, size_t len)
{
	struct xd_scratch *records = &r->table->records;
	size_t at = layout->skip;
	uint8_t *out;

	if (!layout->names) {
		out = xd_scratch_add(records, len);
		if (!out)
			return -XD_E_NOMEM;
		memcpy(out, rdata, len);
		return 0;
	}
	if (len < at)
		return -XD_E_RDATA;
	out = xd_scratch_add(records, at);
	if (!out)
		return -XD_E_NOMEM;
	memcpy(out, rdata, at);
	for (unsigned i = 0; i < layout->names; i++) {
		size_t name_len = xd_wire_name_len(rdata + at, len - at);

		if (!name_len)
			return -XD_E_RDATA;
		if (layout->has_addresses && !add_target(r, records->len, rdata + at, name_len))
			return -XD_E_NOMEM;
		if (layout->is_compressible) {
			if (!put_compressed(r, rdata + at, name_len))
				return -XD_E_NOMEM;
		} else {
			out = xd_scratch_add(records, name_len);
			if (!out)
				return -XD_E_NOMEM;
			memcpy(out, rdata + at, name_len);
		}
		at += name_len;
	}
	out = xd_scratch_add(records, len - at);
	if (!out)
		return -XD_E_NOMEM;
	memcpy(out, rdata + at, len - at);
	return 0;
}

static int put_record(struct rendering *r, uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t len)
{
	struct xd_scratch *records = &r->table->records;
	uint8_t *out = xd_scratch_add(records, 12);
	size_t start = records->len;
	int rc;

	if (!out)
		return -XD_E_NOMEM;
	xd_store_be16(out, QUESTION_POINTER);
	xd_store_be16(out + 2, type);
	xd_store_be16(out + 4, XD_CLASS_IN);
	xd_store_be32(out + 6, ttl < r->options->ttl_max ? ttl : r->options->ttl_max);
	rc = put_rdata(r, find_layout(type), rdata, len);
	if (rc)
		return rc;
	xd_store_be16(records->bytes + start - 2, (uint16_t)(records->len - start));
	return 0;
}

/* Steps through the rdatas of a value; false at the end. */
struct rdata_cursor {
	const uint8_t *at;
	const uint8_t *end;
	unsigned left;
};

static int cursor_init(struct rdata_cursor *cursor, const struct xd_rrset_in *in)
{
	*cursor = (struct rdata_cursor){ in->value, in->value + in->len, 0 };
	if (in->len < 6)
		return -XD_E_RDATA;
	cursor->at += 6;
	cursor->left = xd_load_be16(in->value + 4);
	return 0;
}

static int cursor_next(struct rdata_cursor *cursor, const uint8_t **rdata, size_t *len)
{
	if (cursor->end - cursor->at < 2)
		return -XD_E_RDATA;
	*len = xd_load_be16(cursor->at);
	*rdata = cursor->at + 2;
	if ((size_t)(cursor->end - *rdata) < *len)
		return -XD_E_RDATA;
	cursor->at = *rdata + *len;
	cursor->left--;
	return 0;
}

/* Writes the signatures of `rrsigs` that cover an RRset, with its TTL (RFC 4034, section 3); counts them. */
static int put_signatures(struct rendering *r, const struct xd_rrset_in *rrsigs, const struct xd_rrset_in *covered,
                          uint16_t *count)
{
	struct rdata_cursor cursor;
	const uint8_t *rdata;
	size_t len;
	int rc = cursor_init(&cursor, rrsigs);

	while (!rc && cursor.left) {
		rc = cursor_next(&cursor, &rdata, &len);
		if (!rc && len < 2)
			rc = -XD_E_RDATA;
		if (rc || xd_load_be16(rdata) != covered->type)
			continue;
		rc = put_record(r, XD_T_RRSIG, xd_load_be32(covered->value), rdata, len);
		++*count;
	}
	return rc;
}

static uint8_t *put_scratch(uint8_t *out, const struct xd_scratch *scratch)
{
	if (scratch->len)
		memcpy(out, scratch->bytes, scratch->len);
	return out + scratch->len;
}

/* Appends the finished fragment to the node and empties the parts. */
static int assemble(struct rendering *r, struct xd_fragment head, size_t entry_at, uint16_t type)
{
	xd_table *table = r->table;
	size_t records_len = (table->records.len + 3) & ~(size_t)3;
	struct xd_rrset_entry entry = { type, 0, (uint32_t)table->node.len };
	uint8_t *out = xd_scratch_add(&table->node, sizeof(head) + table->fixups.len + table->targets.len + records_len);

	if (!out)
		return -XD_E_NOMEM;
	if (table->fixups.len / sizeof(uint32_t) > UINT16_MAX || table->targets.len / sizeof(struct xd_target) > UINT16_MAX)
		return -XD_E_RDATA;
	head.full_len = (uint32_t)table->records.len;
	head.fixup_count = (uint16_t)(table->fixups.len / sizeof(uint32_t));
	head.target_count = (uint16_t)(table->targets.len / sizeof(struct xd_target));
	memcpy(out, &head, sizeof(head));
	out += sizeof(head);
	out = put_scratch(out, &table->fixups);
	out = put_scratch(out, &table->targets);
	memcpy(out, table->records.bytes, table->records.len);
	memset(out + table->records.len, 0, records_len - table->records.len);
	memcpy(table->node.bytes + entry_at, &entry, sizeof(entry));
	table->fixups.len = table->targets.len = table->records.len = 0;
	r->seen_count = 0;
	return 0;
}

/* Answering takes the first record of these for the only one. */
static bool is_singleton(uint16_t type)
{
	return type == XD_T_SOA || type == XD_T_CNAME || type == XD_T_DNAME;
}

static int put_fragment(struct rendering *r, const struct xd_rrset_in *in, const struct xd_rrset_in *rrsigs, size_t entry_at)
{
	struct xd_fragment head = { 0 };
	struct rdata_cursor cursor;
	const uint8_t *rdata;
	size_t len;
	int rc = cursor_init(&cursor, in);

	while (!rc && cursor.left) {
		rc = cursor_next(&cursor, &rdata, &len);
		if (!rc)
			rc = put_record(r, in->type, xd_load_be32(in->value), rdata, len);
		head.count++;
	}
	head.plain_len = (uint32_t)r->table->records.len;
	if (!rc && (head.count == 0 || (head.count > 1 && is_singleton(in->type))))
		rc = -XD_E_ZONE;
	if (!rc && rrsigs)
		rc = put_signatures(r, rrsigs, in, &head.sig_count);
	return rc ? rc : assemble(r, head, entry_at, in->type);
}

static bool covers_any(const struct xd_rrset_in *rrsets, size_t count, uint16_t covered)
{
	for (size_t i = 0; i < count; i++) {
		if (rrsets[i].type == covered && covered != XD_T_RRSIG)
			return true;
	}
	return false;
}

/* Signatures whose RRset the owner does not have, answered to a question for RRSIG only, with their original TTL. */
static int put_orphans(struct rendering *r, const struct xd_rrset_in *rrsets, size_t count, const struct xd_rrset_in *rrsigs,
                       size_t entry_at, bool *has_orphans)
{
	struct xd_fragment head = { 0 };
	struct rdata_cursor cursor;
	const uint8_t *rdata;
	size_t len;
	int rc = cursor_init(&cursor, rrsigs);

	while (!rc && cursor.left) {
		rc = cursor_next(&cursor, &rdata, &len);
		if (!rc && len < 8)
			rc = -XD_E_RDATA;
		if (rc || covers_any(rrsets, count, xd_load_be16(rdata)))
			continue;
		rc = put_record(r, XD_T_RRSIG, xd_load_be32(rdata + 4), rdata, len);
		head.count++;
	}
	head.plain_len = (uint32_t)r->table->records.len;
	*has_orphans = head.count > 0;
	return rc || !head.count ? rc : assemble(r, head, entry_at, XD_T_RRSIG);
}

static uint8_t flags_of(const struct xd_rrset_in *rrsets, size_t count, bool is_apex)
{
	unsigned flags = 0;

	for (size_t i = 0; i < count; i++) {
		if (rrsets[i].type == XD_T_NS && !is_apex)
			flags |= XD_NODE_CUT;
		else if (rrsets[i].type == XD_T_DNAME)
			flags |= XD_NODE_DNAME;
		else if (rrsets[i].type == XD_T_CNAME)
			flags |= XD_NODE_CNAME;
	}
	return (uint8_t)flags;
}

static int put_fragments(struct rendering *r, const struct xd_rrset_in *rrsets, size_t count, uint16_t *rendered)
{
	const struct xd_rrset_in *rrsigs = NULL;
	size_t entry_at = sizeof(struct xd_node);
	bool has_orphans = false;
	int rc = 0;

	for (size_t i = 0; i < count; i++) {
		if (rrsets[i].type == XD_T_RRSIG)
			rrsigs = &rrsets[i];
	}
	for (size_t i = 0; i < count && !rc; i++) {
		if (rrsets[i].type == XD_T_RRSIG && r->options->drops_orphans)
			continue;
		if (rrsets[i].type == XD_T_RRSIG) {
			rc = put_orphans(r, rrsets, count, rrsigs, entry_at, &has_orphans);
			if (!has_orphans)
				continue;
		} else {
			rc = put_fragment(r, &rrsets[i], rrsigs, entry_at);
		}
		entry_at += sizeof(struct xd_rrset_entry);
		++*rendered;
	}
	return rc;
}

/* Are there signatures without their RRset? The directory in front of the fragments must be sized beforehand. */
static int count_entries(const struct xd_rrset_in *rrsets, size_t count, bool drops_orphans, size_t *entries)
{
	*entries = count;
	for (size_t i = 0; i < count; i++) {
		struct rdata_cursor cursor;
		bool has_orphans = false;
		int rc;

		if (rrsets[i].type != XD_T_RRSIG)
			continue;
		rc = cursor_init(&cursor, &rrsets[i]);
		while (!rc && cursor.left && !has_orphans) {
			const uint8_t *rdata;
			size_t len;

			rc = cursor_next(&cursor, &rdata, &len);
			if (!rc && len < 2)
				rc = -XD_E_RDATA;
			has_orphans = !rc && !covers_any(rrsets, count, xd_load_be16(rdata));
		}
		if (rc)
			return rc;
		*entries -= has_orphans && !drops_orphans ? 0 : 1;
	}
	return *entries <= UINT16_MAX ? 0 : -XD_E_RDATA;
}

int xd_render_node(xd_table *table, const struct xd_render_options *options, const struct xd_suffixes *owner,
                   const struct xd_rrset_in *rrsets, size_t count)
{
	struct rendering r = { .table = table, .options = options, .owner = owner };
	struct xd_node head = { .labels = owner->labels, .owner_len = owner->len };
	size_t entries;
	size_t front;
	uint8_t *out;
	int rc = count_entries(rrsets, count, options->drops_orphans, &entries);

	if (rc)
		return rc;
	head.name_len = (uint8_t)(owner->len - options->apex->len);
	head.flags = flags_of(rrsets, count, head.name_len == 0);
	table->node.len = table->records.len = table->fixups.len = table->targets.len = 0;
	front = sizeof(head) + entries * sizeof(struct xd_rrset_entry);
	out = xd_scratch_add(&table->node, (front + head.name_len + 3) & ~(size_t)3);
	if (!out)
		return -XD_E_NOMEM;
	memset(out, 0, table->node.len);
	memcpy(out + front, owner->name, head.name_len);
	rc = put_fragments(&r, rrsets, count, &head.rrset_count);
	if (rc)
		return rc;
	head.bytes = (uint32_t)table->node.len;
	memcpy(table->node.bytes, &head, sizeof(head));
	return 0;
}

int xd_render_store(xd_table *table, uint64_t *offset, struct xd_node **node)
{
	int rc = xd_table_alloc(table, table->node.len, offset, (void **)node);

	if (!rc)
		memcpy(*node, table->node.bytes, table->node.len);
	return rc;
}
