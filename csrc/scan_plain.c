/* SPDX-License-Identifier: Apache-2.0 */
#include "scan_plain.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bytes.h"
#include "scan_impl.h"
#include "zonecheck.h"

#define PLAIN_FILE_MAX ((off_t)1 << 16)
#define PLAIN_PAIRS_MAX 512u

/* From the serial to the end of an SOA (RFC 1035, section 3.3.13). */
#define SOA_NUMBERS_BYTES 20

/* Pairs of all zones so far. */
struct gathered {
	xd_pairs *pairs;
	size_t bytes_room;
	size_t pairs_room;
};

static uint64_t nanoseconds(struct timespec time)
{
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static bool note_file(xd_plain_zone *zone)
{
	struct stat status;

	if (stat(zone->path, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > PLAIN_FILE_MAX)
		return false;
	zone->device = status.st_dev;
	zone->inode = status.st_ino;
	zone->file_bytes = (uint64_t)status.st_size;
	zone->mtime_ns = nanoseconds(status.st_mtim);
	zone->ctime_ns = nanoseconds(status.st_ctim);
	return true;
}

static bool is_clean(const xd_scan *scan)
{
	return !scan->notes.errors && !scan->notes.warnings && !scan->foreign.count && scan->sources && !scan->sources->next;
}

/* A plain zone has nothing the checks speak of; the rules of keys at the apex are not checked here. */
static bool has_findings(const xd_plain_zone *zone, const xd_pairs *pairs)
{
	xd_zonecheck_findings findings = { 0 };

	xd_zonecheck(pairs, zone->origin, &findings);
	if (zone->extra_checks)
		xd_zonecheck_delegations(pairs, zone->origin, &findings);
	return findings.counts[0] || findings.counts[1] || findings.counts[2];
}

static uint16_t type_at(const xd_pairs *pairs, size_t number)
{
	return xd_load_be16(pairs->bytes + pairs->offsets[2 * number + 1] - 2);
}

/* Whether there are types whose rules are not checked here. */
static bool needs_more_checks(const xd_plain_zone *zone, const xd_pairs *pairs)
{
	enum { NSEC3PARAM = 51, CDS = 59, CDNSKEY = 60 };

	for (size_t i = 0; zone->extra_checks && i < pairs->count; i++) {
		uint16_t type = type_at(pairs, i);
		if (type == NSEC3PARAM || type == CDS || type == CDNSKEY)
			return true;
	}
	return false;
}

/* False: the zone is too large. */
static bool note_contents(xd_plain_zone *zone, const xd_pairs *pairs)
{
	xd_pairs_size size = xd_pairs_measure(pairs->bytes, pairs->offsets, pairs->count);
	size_t soa = 0;

	if (size.octets > zone->octets_max)
		return false;
	while (type_at(pairs, soa) != XD_TYPE_SOA) /* a zone without findings has one */
		soa++;
	zone->serial = xd_load_be32(pairs->bytes + pairs->offsets[2 * soa + 2] - SOA_NUMBERS_BYTES);
	zone->count = pairs->count;
	zone->records = size.records;
	zone->octets = size.octets;
	return true;
}

static int make_room(struct gathered *gathered, size_t bytes, size_t pairs)
{
	if (gathered->bytes_room < bytes) {
		uint8_t *grown = realloc(gathered->pairs->bytes, 2 * bytes);
		if (!grown)
			return -XD_E_NOMEM;
		gathered->pairs->bytes = grown;
		gathered->bytes_room = 2 * bytes;
	}
	if (gathered->pairs_room < pairs || !gathered->pairs->offsets) {
		uint64_t *grown = realloc(gathered->pairs->offsets, (4 * pairs + 1) * sizeof(*grown));
		if (!grown)
			return -XD_E_NOMEM;
		if (!gathered->pairs->offsets)
			grown[0] = 0;
		gathered->pairs->offsets = grown;
		gathered->pairs_room = 2 * pairs;
	}
	return XD_OK;
}

static int append(struct gathered *gathered, const xd_pairs *more)
{
	xd_pairs *pairs = gathered->pairs;
	size_t used = pairs->offsets ? pairs->offsets[2 * pairs->count] : 0;
	size_t added = more->offsets[2 * more->count];

	if (make_room(gathered, used + added, pairs->count + more->count) != XD_OK)
		return -XD_E_NOMEM;
	memcpy(pairs->bytes + used, more->bytes, added);
	uint64_t *offsets = pairs->offsets + 2 * pairs->count;
	for (size_t i = 1; i <= 2 * more->count; i++)
		offsets[i] = used + more->offsets[i];
	pairs->count += more->count;
	return XD_OK;
}

/* Reads one zone; what is not plain is no error. */
static int read_zone(xd_plain_zone *zone, struct gathered *gathered)
{
	xd_pairs pairs = { 0 };
	xd_scan *scan;
	int result = xd_scan_create(zone->origin, zone->zone_id, zone->default_ttl, &scan);

	if (result != XD_OK)
		return result;
	if (xd_scan_file(scan, zone->path) == XD_OK && is_clean(scan) && xd_scan_finish(scan, &pairs) == XD_OK &&
	    is_clean(scan) && pairs.count && pairs.count <= PLAIN_PAIRS_MAX && !has_findings(zone, &pairs) &&
	    !needs_more_checks(zone, &pairs) && note_contents(zone, &pairs)) {
		zone->first = gathered->pairs->count;
		result = append(gathered, &pairs);
		zone->is_plain = result == XD_OK;
	}
	xd_pairs_uninit(&pairs);
	xd_scan_free(scan);
	return result;
}

int xd_scan_plain(xd_plain_zone *zones, size_t count, xd_pairs *pairs)
{
	struct gathered gathered = { .pairs = pairs };

	*pairs = (xd_pairs){ 0 };
	for (size_t i = 0; i < count; i++) {
		int result = XD_OK;
		zones[i].is_plain = 0;
		if (note_file(&zones[i]))
			result = read_zone(&zones[i], &gathered);
		if (result != XD_OK) {
			xd_pairs_uninit(pairs);
			return result;
		}
	}
	return XD_OK;
}
