/* SPDX-License-Identifier: Apache-2.0 */
#include "rrl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "limits.h"
#include "suffix.h"

/* Times are in parts of a nanosecond, so that the largest rates are told apart. */
#define TIME_PARTS 64u
#define SECOND (UINT64_C(1000000000) * TIME_PARTS)

/* Keeps sums of times within a signed number: two years. */
#define DEPTH_MAX (UINT64_C(1) << 62)

enum { WAYS = 4, PREFIXES_MAX = 5 };

struct bucket {
	uint64_t tag;  /* of the prefix; 0: never used */
	uint64_t full; /* when it is full again */
};

struct bucket_set {
	_Alignas(64) struct bucket ways[WAYS];
};

struct prefix {
	uint8_t len;
	uint16_t share; /* its buckets are as many times those of a single address */
};

static const struct prefix prefixes4[] = { { 32, 1 }, { 24, 32 }, { 20, 256 }, { 18, 768 } };
static const struct prefix prefixes6[] = { { 128, 1 }, { 64, 2 }, { 56, 3 }, { 48, 4 }, { 32, 64 } };

struct xd_rrl {
	struct bucket_set *sets;
	uint64_t set_mask;
	uint32_t table_size; /* as configured */
	int table_result;    /* of making a table of that size */
	uint32_t rate_limit;
	uint32_t instant_limit;
	uint32_t slipped;
	uint64_t depth; /* time in which an empty bucket fills */
	uint64_t token4[PREFIXES_MAX];
	uint64_t token6[PREFIXES_MAX];
	uint64_t noted_ns;
	bool has_noted;
	uint64_t seed[3];
};

int xd_rrl_create(struct xd_rrl **out)
{
	struct xd_rrl *rrl = calloc(1, sizeof(*rrl));

	if (!rrl)
		return -XD_E_NOMEM;
	if (getrandom(rrl->seed, sizeof(rrl->seed), 0) != sizeof(rrl->seed)) {
		free(rrl);
		return -XD_E_SYSTEM;
	}
	rrl->seed[1] |= 1;
	*out = rrl;
	return 0;
}

static void drop_table(struct xd_rrl *rrl)
{
	if (rrl->sets)
		munmap(rrl->sets, (rrl->set_mask + 1) * sizeof(*rrl->sets));
	rrl->sets = NULL;
}

void xd_rrl_free(struct xd_rrl *rrl)
{
	if (!rrl)
		return;
	drop_table(rrl);
	free(rrl);
}

/* In place of the one before, which stays when there is no memory. */
static int make_table(struct xd_rrl *rrl, uint32_t table_size)
{
	uint64_t sets = 1;
	void *at;

	while (sets * WAYS < table_size)
		sets *= 2;
	at = mmap(NULL, sets * sizeof(*rrl->sets), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return -XD_E_NOMEM;
	drop_table(rrl);
	rrl->sets = at;
	rrl->set_mask = sets - 1;
	return 0;
}

static void set_tokens(uint64_t *tokens, const struct prefix *prefixes, unsigned count, uint32_t rate_limit)
{
	for (unsigned i = 0; i < count; i++) {
		tokens[i] = SECOND / ((uint64_t)rate_limit * prefixes[i].share);
		if (!tokens[i])
			tokens[i] = 1;
	}
}

static void set_rates(struct xd_rrl *rrl, const xd_rrl_conf *conf)
{
	uint64_t token = SECOND / conf->rate_limit;

	rrl->rate_limit = conf->rate_limit;
	rrl->instant_limit = conf->instant_limit;
	rrl->depth = conf->instant_limit < DEPTH_MAX / token ? token * conf->instant_limit : DEPTH_MAX;
	set_tokens(rrl->token4, prefixes4, sizeof(prefixes4) / sizeof(prefixes4[0]), conf->rate_limit);
	set_tokens(rrl->token6, prefixes6, sizeof(prefixes6) / sizeof(prefixes6[0]), conf->rate_limit);
}

int xd_rrl_configure(struct xd_rrl *rrl, const xd_rrl_conf *conf)
{
	if (conf->rate_limit && (rrl->rate_limit != conf->rate_limit || rrl->instant_limit != conf->instant_limit))
		set_rates(rrl, conf);
	/* Without memory it is not tried again for every batch: the size has to change first. */
	if (rrl->table_size != conf->table_size) {
		rrl->table_size = conf->table_size;
		rrl->table_result = make_table(rrl, conf->table_size);
	}
	return rrl->table_result;
}

/* A source as a 128-bit number; IPv4 is mapped (RFC 4291, section 2.5.5.2). */
struct source {
	uint64_t high;
	uint64_t low;
};

static struct source source_of(unsigned ip_version, const uint8_t *address)
{
	if (ip_version == 4)
		return (struct source){ 0, UINT64_C(0xffff) << 32 | xd_load_be32(address) };
	return (struct source){ xd_load_be64(address), xd_load_be64(address + 8) };
}

static int compare(struct source source, const uint8_t *address)
{
	struct source other = source_of(6, address);

	if (source.high != other.high)
		return source.high < other.high ? -1 : 1;
	return source.low < other.low ? -1 : source.low > other.low;
}

bool xd_rrl_is_exempt(const xd_rrl_conf *conf, unsigned ip_version, const uint8_t *address)
{
	struct source source = source_of(ip_version, address);
	unsigned from = 0, to = conf->exempt_count;

	/* The ranges ascend and do not overlap. */
	while (from < to) {
		unsigned middle = (from + to) / 2;

		if (compare(source, conf->exempt[middle].last) > 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from < conf->exempt_count && compare(source, conf->exempt[from].first) >= 0;
}

static struct source mask(struct source source, unsigned bits)
{
	if (bits <= 64)
		return (struct source){ bits ? source.high & (UINT64_MAX << (64 - bits)) : 0, 0 };
	return (struct source){ source.high, source.low & (UINT64_MAX << (128 - bits)) };
}

static uint64_t hash_prefix(const struct xd_rrl *rrl, struct source source, unsigned bits, unsigned mapped_bits)
{
	uint64_t hash = xd_hash_mix(source.high ^ rrl->seed[0] ^ (uint64_t)bits << 8 ^ mapped_bits, rrl->seed[1]);

	return xd_hash_mix(hash ^ source.low ^ rrl->seed[2], rrl->seed[1] ^ hash) | 1;
}

/* The prefix's bucket, or the one it may take: that which is full first has least to tell. */
static struct bucket *find_bucket(struct xd_rrl *rrl, uint64_t tag)
{
	struct bucket_set *set = &rrl->sets[tag >> 1 & rrl->set_mask];
	struct bucket *least = &set->ways[0];

	for (unsigned i = 0; i < WAYS; i++) {
		if (set->ways[i].tag == tag)
			return &set->ways[i];
		if (set->ways[i].full < least->full)
			least = &set->ways[i];
	}
	return least;
}

static unsigned take_tokens(struct xd_rrl *rrl, struct source source, const struct prefix *prefixes, const uint64_t *tokens,
                            unsigned count, unsigned mapped_bits, uint64_t now)
{
	struct bucket *buckets[PREFIXES_MAX];
	uint64_t tags[PREFIXES_MAX];
	uint64_t ahead[PREFIXES_MAX]; /* of now, when the bucket will be full */

	for (unsigned i = 0; i < count; i++) {
		unsigned bits = prefixes[i].len + mapped_bits;

		tags[i] = hash_prefix(rrl, mask(source, bits), bits, mapped_bits);
		__builtin_prefetch(&rrl->sets[tags[i] >> 1 & rrl->set_mask], 1);
	}
	for (unsigned i = 0; i < count; i++) {
		buckets[i] = find_bucket(rrl, tags[i]);
		ahead[i] = buckets[i]->tag == tags[i] ? buckets[i]->full - now : 0;
		if ((int64_t)ahead[i] < 0)
			ahead[i] = 0;
		ahead[i] += tokens[i];
		if (ahead[i] > rrl->depth)
			return prefixes[i].len;
	}
	for (unsigned i = 0; i < count; i++)
		*buckets[i] = (struct bucket){ tags[i], now + ahead[i] };
	return 0;
}

unsigned xd_rrl_limit(struct xd_rrl *rrl, const xd_rrl_conf *conf, unsigned ip_version, const uint8_t *address, uint64_t now_ns)
{
	struct source source = source_of(ip_version, address);
	uint64_t now = now_ns * TIME_PARTS;

	if (!rrl->sets || !conf->rate_limit || xd_rrl_is_exempt(conf, ip_version, address))
		return 0;
	if (ip_version == 4)
		return take_tokens(rrl, source, prefixes4, rrl->token4, sizeof(prefixes4) / sizeof(prefixes4[0]), 96, now);
	return take_tokens(rrl, source, prefixes6, rrl->token6, sizeof(prefixes6) / sizeof(prefixes6[0]), 0, now);
}

bool xd_rrl_slips(struct xd_rrl *rrl, const xd_rrl_conf *conf)
{
	return conf->slip && ++rrl->slipped % conf->slip == 0;
}

bool xd_rrl_notes(struct xd_rrl *rrl, const xd_rrl_conf *conf, uint64_t now_ns)
{
	if (!conf->log_period_ms || (rrl->has_noted && now_ns - rrl->noted_ns < conf->log_period_ms * UINT64_C(1000000)))
		return false;
	rrl->has_noted = true;
	rrl->noted_ns = now_ns;
	return true;
}
