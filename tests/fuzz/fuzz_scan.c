/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a zone file: no crash, and what comes out is sorted pairs whose keys and values are well formed. */
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "rdata.h"
#include "scan.h"
#include "zonecheck.h"

static const uint8_t origin[] = "\7example";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_value(uint16_t type, const uint8_t *value, size_t len)
{
	uint8_t rdata[XD_RDATA_MAX];
	unsigned count = (unsigned)(value[4] << 8 | value[5]);
	size_t pos = 6;

	require(len > 6 && count > 0);
	for (; count; count--) {
		size_t rdata_len = (size_t)(value[pos] << 8 | value[pos + 1]);
		pos += 2;
		require(pos + rdata_len <= len);
		memcpy(rdata, value + pos, rdata_len);
		require(xd_rdata_canonize(type, rdata, rdata_len) == 0);
		require(!memcmp(rdata, value + pos, rdata_len));
		pos += rdata_len;
	}
	require(pos == len);
}

static void check_pairs(const xd_pairs *pairs)
{
	uint8_t name[XD_NAME_MAX];
	size_t name_len, previous_len = 0;
	const uint8_t *previous = NULL;
	uint16_t type;

	for (size_t i = 0; i < pairs->count; i++) {
		const uint8_t *key = pairs->bytes + pairs->offsets[2 * i];
		size_t len = pairs->offsets[2 * i + 1] - pairs->offsets[2 * i];
		require(xd_key_parse(key, len, name, &name_len, &type) == 0);
		require(xd_name_is_within(name, origin));
		if (previous) {
			int diff = memcmp(previous, key, previous_len < len ? previous_len : len);
			require(diff < 0 || (diff == 0 && previous_len < len));
		}
		check_value(type, pairs->bytes + pairs->offsets[2 * i + 1],
		            pairs->offsets[2 * i + 2] - pairs->offsets[2 * i + 1]);
		previous = key;
		previous_len = len;
	}
}

/* A $GENERATE with a number of three digits or more takes too long for a fuzzer. */
static int is_slow(const uint8_t *data, size_t size)
{
	unsigned digits = 0;

	if (!memmem(data, size, "$G", 2) && !memmem(data, size, "$g", 2))
		return 0;
	for (size_t i = 0; i < size; i++) {
		digits = data[i] >= '0' && data[i] <= '9' ? digits + 1 : 0;
		if (digits > 2)
			return 1;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	xd_zonecheck_finding items[8];
	xd_zonecheck_findings findings = { .items = items, .room = 8 };
	xd_scan *scan;
	xd_pairs pairs;

	if (is_slow(data, size))
		return -1;
	require(xd_scan_create(origin, 1, 3600, &scan) == 0);
	require(xd_scan_memory(scan, "fuzz", data, size) == 0);
	if (!xd_scan_errors(scan)) {
		require(xd_scan_finish(scan, &pairs) == 0);
		check_pairs(&pairs);
		xd_zonecheck(&pairs, origin, &findings);
		xd_zonecheck_delegations(&pairs, origin, &findings);
		require(findings.kept <= 8);
		xd_pairs_uninit(&pairs);
	}
	xd_scan_free(scan);
	return 0;
}
