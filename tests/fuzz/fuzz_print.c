/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two octets of a type and record data: what is printed of well-formed data reads back as the same octets. And any octets as
 * pairs: no crash, whatever they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"
#include "rdata.h"
#include "scan.h"

static const uint8_t origin[] = "\7example";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* Types that only occur in messages are refused by the scanner. */
static int is_scanned(unsigned type)
{
	return type && type != XD_TYPE_OPT && !(type >= 128 && type <= 255);
}

static void check_line(xd_print *print, const uint8_t *rdata, size_t len)
{
	xd_pairs pairs = { 0 };
	xd_scan *scan;

	require(xd_scan_create(origin, 1, 3600, &scan) == 0);
	require(xd_scan_memory(scan, "fuzz", (const uint8_t *)print->text, print->len) == 0);
	require(xd_scan_errors(scan) == 0);
	require(xd_scan_finish(scan, &pairs) == 0);
	require(pairs.count == 1);
	const uint8_t *value = pairs.bytes + pairs.offsets[1];
	require(pairs.offsets[2] - pairs.offsets[1] == len + 8 && (!len || !memcmp(value + 8, rdata, len)));
	xd_pairs_uninit(&pairs);
	xd_scan_free(scan);
}

static void check_rdata(unsigned type, const uint8_t *data, size_t len)
{
	static const char owner[] = "a.example.\t1\t";
	uint8_t *rdata = malloc(len + 1);
	xd_print print = { 0 };
	char name[16];

	require(rdata != NULL);
	memcpy(rdata, data, len);
	int is_valid = xd_rdata_canonize((uint16_t)type, rdata, len) == 0;
	xd_type_text(name, (uint16_t)type);
	require((print.text = malloc(64)) != NULL);
	print.room = 64;
	print.len = (size_t)snprintf(print.text, 64, "%s%s\t", owner, name);
	require(xd_print_rdata(&print, (uint16_t)type, rdata, len) == 0);
	require(!memchr(print.text, '\n', print.len));
	if (is_valid && is_scanned(type))
		check_line(&print, rdata, len);
	xd_print_uninit(&print);
	free(rdata);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	xd_print print = { 0 };

	if (size < 2 || size > 70000)
		return -1;
	if (size - 2 <= 65535)
		check_rdata((unsigned)(data[0] << 8 | data[1]), data + 2, size - 2);
	(void)!xd_print_pairs(&print, data, size, NULL, 20);
	(void)!xd_print_digested(&print, data, size, origin);
	xd_print_uninit(&print);
	return 0;
}
