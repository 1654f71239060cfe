/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve.h"

#include <string.h>

#include "lookup.h"
#include "proof.h"
#include "rr.h"

/* A name of the chain in the zone that answers for it. */
struct turn {
	struct xd_resolution *r;
	const struct xd_zone *zone;
	const struct xd_place *place;
	struct xd_lookup lookup;
	unsigned depth; /* aliases followed so far */
};

/* What follows a turn. */
enum outcome { DONE, FOLLOW };

static bool overflow(struct turn *turn)
{
	turn->r->message->is_truncated = true;
	return false;
}

static struct xd_proof make_proof(const struct turn *turn)
{
	return (struct xd_proof){ turn->r->base, turn->zone, turn->r->message, turn->place };
}

static bool wants_proof(const struct turn *turn)
{
	return turn->r->message->wants_dnssec && turn->zone->flags & (XD_ZONE_NSEC | XD_ZONE_NSEC3);
}

/* Apexes with that many labels may exist; the highest count not above `labels`, or -1. */
static int next_apex_labels(const struct xd_root *root, int labels)
{
	uint64_t mask;

	if (labels >= 64) {
		mask = root->label_mask[1] << (127 - labels);
		if (mask)
			return labels - __builtin_clzll(mask);
		labels = 63;
	}
	mask = labels < 0 ? 0 : root->label_mask[0] << (63 - labels);
	return mask ? labels - __builtin_clzll(mask) : -1;
}

/* The zone with the longest apex that the name ends in. DS belongs to the parent, if it is here (RFC 4035, section 3.1.4.1). */
static inline __attribute__((always_inline)) const struct xd_zone *find_zone(const uint8_t *base, const struct xd_root *root,
                                                                             const struct xd_suffixes *name, bool is_ds)
{
	const struct xd_zone *child = NULL;

	for (int labels = next_apex_labels(root, name->labels); labels >= 0; labels = next_apex_labels(root, labels - 1)) {
		uint64_t offset = xd_root_find_zone(base, root, name, (unsigned)labels);

		if (!offset)
			continue;
		if (!is_ds || labels < name->labels || labels == 0)
			return (const struct xd_zone *)(base + offset);
		child = (const struct xd_zone *)(base + offset);
	}
	return child;
}

const struct xd_zone *xd_resolve_zone(const uint8_t *base, const struct xd_root *root, const struct xd_query *query)
{
	return find_zone(base, root, &query->name, query->type == XD_T_DS);
}

/* Remembers an RRset just put whose targets may have addresses here. */
static void note_source(const struct turn *turn, const struct xd_fragment *fragment, size_t at, bool is_referral)
{
	struct xd_message *message = turn->r->message;

	if (fragment->target_count && message->source_count < XD_SOURCES_MAX)
		message->sources[message->source_count++] =
			(struct xd_source){ turn->zone, fragment, (uint16_t)at, is_referral };
}

static bool put_answer(struct turn *turn, const struct xd_node *node, const struct xd_fragment *fragment, bool is_synthesized)
{
	struct xd_message *message = turn->r->message;
	size_t at = message->len;

	if (!xd_message_put(message, XD_ANSWER, turn->place, turn->zone, node, fragment, is_synthesized))
		return overflow(turn);
	note_source(turn, fragment, at, false);
	return true;
}

static bool put_soa(struct turn *turn)
{
	const struct xd_node *node = (const struct xd_node *)(turn->r->base + turn->zone->negative_soa);

	return xd_message_put(turn->r->message, XD_AUTHORITY, turn->place, turn->zone, node, xd_node_rrset_at(node, 0),
	                      false) ||
	       overflow(turn);
}

static enum outcome no_name(struct turn *turn)
{
	struct xd_proof proof = make_proof(turn);

	turn->r->rcode = XD_RCODE_NXDOMAIN;
	if (put_soa(turn) && wants_proof(turn) && !xd_prove_no_name(&proof, &turn->lookup))
		overflow(turn);
	return DONE;
}

static enum outcome no_type(struct turn *turn, const struct xd_node *node, bool is_wildcard)
{
	struct xd_proof proof = make_proof(turn);
	bool fits;

	if (!put_soa(turn) || !wants_proof(turn))
		return DONE;
	if (is_wildcard)
		fits = xd_prove_wildcard_no_type(&proof, &turn->lookup, node);
	else
		fits = xd_prove_no_type(&proof, node);
	if (!fits)
		overflow(turn);
	return DONE;
}

/* A name synthesised from a wildcard is to be shown not to exist itself (RFC 4035, section 3.1.3.3). */
static void note_synthesis(struct turn *turn, bool is_wildcard)
{
	struct xd_step *step = &turn->r->steps[turn->depth];

	step->is_synthesized = is_wildcard && wants_proof(turn);
	step->zone = turn->zone;
	step->lookup = turn->lookup;
}

/* One RRset stands for all (RFC 8482, section 4.1). */
static enum outcome all_types(struct turn *turn, const struct xd_node *node, bool is_wildcard)
{
	for (unsigned i = 0; i < node->rrset_count; i++) {
		if (node->rrsets[i].type == XD_T_RRSIG)
			continue;
		if (put_answer(turn, node, xd_node_rrset_at(node, i), is_wildcard))
			note_synthesis(turn, is_wildcard);
		return DONE;
	}
	return no_type(turn, node, is_wildcard);
}

/* Prepares the next step: the name that stands at `at` in the message. False when the chain ends here. */
static bool follow(struct turn *turn, size_t at)
{
	struct xd_resolution *r = turn->r;
	struct xd_step *step = &r->steps[turn->depth + 1];
	uint16_t starts[XD_LABELS_MAX + 1];
	uint8_t name[XD_NAME_MAX];
	size_t len;

	if (turn->depth == XD_CHAIN_MAX)
		return false;
	len = xd_message_read_name(r->message, at, name, starts);
	if (!len)
		return false;
	xd_suffixes_init(&step->name, name, len, r->seed);
	for (unsigned i = 0; i <= turn->depth; i++) {
		const struct xd_suffixes *before = r->steps[i].place.name;

		/* A loop: what there is to say has been said. */
		if (before->len == len && memcmp(before->name, step->name.name, len) == 0)
			return false;
	}
	step->place.name = &step->name;
	step->place.is_question = false;
	step->is_synthesized = false;
	for (unsigned labels = 0; labels <= step->name.labels; labels++)
		step->place.at[labels] = starts[step->name.labels - labels];
	return true;
}

static enum outcome alias(struct turn *turn, const struct xd_node *node, bool is_wildcard)
{
	const struct xd_fragment *fragment = xd_node_rrset(node, XD_T_CNAME);
	size_t at = turn->r->message->len;

	if (!put_answer(turn, node, fragment, is_wildcard))
		return DONE;
	note_synthesis(turn, is_wildcard);
	return follow(turn, at + 12) ? FOLLOW : DONE;
}

/* The node has nothing of the type asked for: its alias, if it is one. */
static enum outcome no_match(struct turn *turn, const struct xd_node *node, bool is_wildcard)
{
	return node->flags & XD_NODE_CNAME ? alias(turn, node, is_wildcard) : no_type(turn, node, is_wildcard);
}

static enum outcome all_signatures(struct turn *turn, const struct xd_node *node, bool is_wildcard)
{
	struct xd_message *message = turn->r->message;
	uint16_t before = message->counts[XD_ANSWER];

	for (unsigned i = 0; i < node->rrset_count; i++) {
		const struct xd_fragment *fragment = xd_node_rrset_at(node, i);

		if (!xd_message_put_signatures(message, turn->place, fragment, node->rrsets[i].type)) {
			overflow(turn);
			return DONE;
		}
	}
	if (message->counts[XD_ANSWER] == before)
		return no_match(turn, node, is_wildcard);
	note_synthesis(turn, is_wildcard);
	return DONE;
}

static enum outcome at_node(struct turn *turn, const struct xd_node *node, bool is_wildcard)
{
	uint16_t type = turn->r->query->type;
	const struct xd_fragment *fragment;

	if (type == XD_T_ANY)
		return all_types(turn, node, is_wildcard);
	if (type == XD_T_RRSIG)
		return all_signatures(turn, node, is_wildcard);
	fragment = xd_node_rrset(node, type);
	if (!fragment)
		return no_match(turn, node, is_wildcard);
	if (put_answer(turn, node, fragment, is_wildcard))
		note_synthesis(turn, is_wildcard);
	return DONE;
}

/* Hands the name to the zone below: NS, and DS or the proof that there is none (RFC 4035, section 3.1.4). */
static enum outcome refer(struct turn *turn, const struct xd_node *cut)
{
	const struct xd_fragment *ns = xd_node_rrset(cut, XD_T_NS);
	const struct xd_fragment *ds = xd_node_rrset(cut, XD_T_DS);
	struct xd_message *message = turn->r->message;
	struct xd_proof proof = make_proof(turn);
	size_t at = message->len;
	bool fits;

	if (turn->depth == 0)
		turn->r->is_authoritative = false;
	if (!ns || !xd_message_put(message, XD_AUTHORITY, turn->place, turn->zone, cut, ns, false)) {
		overflow(turn);
		return DONE;
	}
	note_source(turn, ns, at, true);
	if (!wants_proof(turn))
		return DONE;
	if (ds)
		fits = xd_message_put(message, XD_AUTHORITY, turn->place, turn->zone, cut, ds, false);
	else
		fits = xd_prove_no_ds(&proof, cut);
	if (!fits)
		overflow(turn);
	return DONE;
}

/*
 * Below a DNAME: the DNAME, and the CNAME it means for this name (RFC 6672, section 3.1), which is not compressed so that
 * its target can be followed like any other.
 */
static enum outcome redirect(struct turn *turn, const struct xd_node *node)
{
	const struct xd_fragment *fragment = xd_node_rrset(node, XD_T_DNAME);
	const struct xd_suffixes *name = turn->place->name;
	struct xd_message *message = turn->r->message;
	const uint8_t *record = xd_fragment_records(fragment);
	size_t prefix = name->start[node->labels];
	size_t target = xd_load_be16(record + 10);
	uint16_t owner_at = xd_place_of(turn->place, name->labels);
	uint8_t *out;

	if (!xd_message_has(message, fragment) && !put_answer(turn, node, fragment, false))
		return DONE;
	if (prefix + target > XD_NAME_MAX) {
		turn->r->rcode = XD_RCODE_YXDOMAIN;
		return DONE;
	}
	if (message->len + 12 + prefix + target > message->limit || owner_at > 0x3fff) {
		overflow(turn);
		return DONE;
	}
	out = message->bytes + message->len;
	xd_store_be16(out, (uint16_t)(0xc000u | owner_at));
	xd_store_be16(out + 2, XD_T_CNAME);
	xd_store_be16(out + 4, XD_CLASS_IN);
	memcpy(out + 6, record + 6, 4);
	xd_store_be16(out + 10, (uint16_t)(prefix + target));
	memcpy(out + 12, name->name, prefix);
	memcpy(out + 12 + prefix, record + 12, target);
	message->len += 12 + prefix + target;
	message->counts[XD_ANSWER]++;
	if (turn->r->query->type == XD_T_CNAME)
		return DONE;
	return follow(turn, (size_t)(out + 12 - message->bytes)) ? FOLLOW : DONE;
}

/*
 * The ordinary case: an RRset of a name that exists, below no cut, with nothing to point at and nothing to add. Its fragment
 * is the response behind the question, octet for octet. False when the response has to be composed.
 */
static bool use_template(const struct turn *turn)
{
	const struct xd_resolution *r = turn->r;
	const struct xd_fragment *fragment = xd_node_rrset(turn->lookup.node, r->query->type);
	struct xd_message *message = r->message;
	uint32_t len;

	if (!fragment || fragment->fixup_count || fragment->target_count || r->query->type == XD_T_RRSIG)
		return false;
	len = message->wants_dnssec ? fragment->full_len : fragment->plain_len;
	if (message->len + len > message->limit)
		return false;
	memcpy(message->bytes + message->len, xd_fragment_records(fragment), len);
	message->len += len;
	message->counts[XD_ANSWER] = (uint16_t)(fragment->count + (message->wants_dnssec ? fragment->sig_count : 0u));
	return true;
}

static enum outcome take_turn(struct turn *turn)
{
	struct xd_resolution *r = turn->r;
	const struct xd_suffixes *name = turn->place->name;
	const struct xd_lookup *lookup = &turn->lookup;
	const struct xd_node *wildcard;

	if (lookup->occluder) {
		bool is_at_owner = lookup->node == lookup->occluder;

		if (lookup->occluder->flags & XD_NODE_CUT) {
			if (!is_at_owner || r->query->type != XD_T_DS)
				return refer(turn, lookup->occluder);
		} else if (!is_at_owner && lookup->occluder->flags & XD_NODE_DNAME) {
			return redirect(turn, lookup->occluder);
		}
	}
	if (lookup->node)
		return at_node(turn, lookup->node, false);
	wildcard = xd_lookup_wildcard(r->base, turn->zone, name, lookup, r->seed);
	return wildcard ? at_node(turn, wildcard, true) : no_name(turn);
}

/* Does the node's owner stand at `at` in the message? */
static bool is_named_at(const struct xd_message *message, const struct xd_zone *zone, const struct xd_node *node, size_t at)
{
	uint8_t name[XD_NAME_MAX];
	size_t len = xd_message_read_name(message, at, name, NULL);

	return len == node->owner_len && memcmp(name, xd_node_name(node), node->name_len) == 0 &&
	       memcmp(name + node->name_len, xd_zone_name(zone), zone->name_len) == 0;
}

struct target_match {
	const struct xd_message *message;
	const struct xd_zone *zone;
	size_t at;
};

static bool target_matches(const void *thing, const void *wanted)
{
	const struct target_match *match = wanted;

	return is_named_at(match->message, match->zone, thing, match->at);
}

static void put_addresses(struct xd_resolution *r, const struct xd_source *source, const struct xd_target *target)
{
	static const uint16_t types[] = { XD_T_A, XD_T_AAAA };
	struct target_match match = { r->message, source->zone, source->at + (size_t)target->place };
	uint64_t hash = (uint64_t)target->hash_high << 32 | target->hash_low;
	uint64_t offset = xd_index_find(r->base, source->zone->index, hash, target_matches, &match);
	const struct xd_node *node = (const struct xd_node *)(r->base + offset);
	bool takes_glue = xd_load_be16(xd_fragment_records(source->fragment) + 2) == XD_T_NS;

	/* Addresses below a cut are glue: for name servers only (RFC 8109, section 4.2, for those of this zone). */
	if (!offset || (node->occluded && !takes_glue))
		return;
	for (unsigned i = 0; i < 2; i++) {
		const struct xd_fragment *fragment = xd_node_rrset(node, types[i]);

		if (!fragment || xd_message_has(r->message, fragment))
			continue;
		/* Without its glue a referral may lead nowhere: RFC 9471, section 3.1. */
		if (!xd_message_put_at(r->message, XD_ADDITIONAL, (uint16_t)match.at, fragment) && source->is_referral &&
		    node->occluded)
			r->message->is_truncated = true;
	}
}

static void put_additional(struct xd_resolution *r)
{
	for (unsigned i = 0; i < r->message->source_count; i++) {
		const struct xd_source *source = &r->message->sources[i];
		const struct xd_target *targets = xd_fragment_targets(source->fragment);

		for (unsigned t = 0; t < source->fragment->target_count; t++)
			put_addresses(r, source, &targets[t]);
	}
}

static void prove_synthesis(struct xd_resolution *r, const struct xd_step *step)
{
	struct xd_proof proof = { r->base, step->zone, r->message, &step->place };

	if (!xd_prove_no_closer_name(&proof, &step->lookup))
		r->message->is_truncated = true;
}

/* Are there contents that anybody may ask for? An alias leads into no closed zone. */
static bool is_open(const struct xd_zone *zone)
{
	return zone && (zone->flags & (XD_ZONE_HAS_CONTENTS | XD_ZONE_CLOSED)) == XD_ZONE_HAS_CONTENTS;
}

/* The zone for the turn's name; false when there is none to look into. */
static inline __attribute__((always_inline)) bool enter_zone(struct turn *turn)
{
	struct xd_resolution *r = turn->r;

	if (turn->depth > 0 || !r->zone)
		turn->zone = find_zone(r->base, r->root, turn->place->name, r->query->type == XD_T_DS);
	else
		turn->zone = r->zone;
	if (!is_open(turn->zone))
		return false;
	xd_lookup_name(&turn->lookup, r->base, turn->zone, turn->place->name);
	return true;
}

/* The same once more, out of the way of the first. */
static __attribute__((noinline)) bool enter_next_zone(struct turn *turn)
{
	return enter_zone(turn);
}

/* The zone for the question is not simply there: false, with the RCODE, when it gets no answer. */
static __attribute__((noinline)) bool enter_closed_zone(struct turn *turn)
{
	struct xd_resolution *r = turn->r;

	if (!turn->zone)
		r->rcode = XD_RCODE_REFUSED;
	else if (turn->zone->flags & XD_ZONE_CLOSED && !xd_access_allows(turn->zone, r->client))
		r->rcode = XD_RCODE_NOTAUTH;
	else if (!(turn->zone->flags & XD_ZONE_HAS_CONTENTS))
		r->rcode = XD_RCODE_SERVFAIL;
	else {
		xd_lookup_name(&turn->lookup, r->base, turn->zone, turn->place->name);
		return true;
	}
	r->is_authoritative = false;
	return false;
}

static __attribute__((noinline)) void follow_chain(struct turn *turn)
{
	struct xd_resolution *r = turn->r;

	/* An alias that leads out of the zones served ends the answer; the rest is the resolver's. */
	do {
		if (take_turn(turn) == DONE)
			break;
		turn->place = &r->steps[++turn->depth].place;
	} while (enter_next_zone(turn));
	for (unsigned depth = 0; depth <= turn->depth && !r->message->is_truncated; depth++) {
		if (r->steps[depth].is_synthesized)
			prove_synthesis(r, &r->steps[depth]);
	}
	if (r->message->source_count && !r->message->is_truncated)
		put_additional(r);
}

void xd_resolve(struct xd_resolution *r)
{
	struct turn turn;

	turn.r = r;
	turn.depth = 0;
	turn.place = &r->steps[0].place;
	r->steps[0].place.name = &r->query->name;
	r->steps[0].place.is_question = true;
	r->steps[0].is_synthesized = false;
	r->rcode = XD_RCODE_NOERROR;
	r->is_authoritative = true;
	if (!enter_zone(&turn) && !enter_closed_zone(&turn))
		return;
	if (r->composes_all || !turn.lookup.node || turn.lookup.occluder || !use_template(&turn))
		follow_chain(&turn);
}
