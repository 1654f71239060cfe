/* SPDX-License-Identifier: Apache-2.0 */
/* Any records in any parts: merged they are what they are as a whole. Octets are read as one record after the other. */
#include "../csrc/merge_law.h"
#include "rdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 4, OWNERS = 6, TYPES = 8, CUT = 0x80 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const owners[OWNERS] = { "\7example",      "\1a\7example",   "\1a\1a\7example",
		                                    "\2a\0\7example", "\2a\1\7example", "\1b\7example" };
	static const uint16_t types[TYPES] = { 1, 2, 6, 16, 47, 257, 65280, 65535 };
	struct merge_law law;

	law_begin(&law);
	while (size >= HEAD) {
		size_t len = data[3] < size - HEAD ? data[3] : size - HEAD;
		const uint8_t *owner = (const uint8_t *)owners[data[0] % OWNERS];
		law_add(&law, owner, types[data[1] % TYPES], data[2], data + HEAD, len);
		if (data[0] & CUT && law.count < LAW_PARTS_MAX - 1)
			(void)law_cut(&law);
		data += HEAD + len;
		size -= HEAD + len;
	}
	if (!law_cut(&law) || law_check(&law) != XD_OK)
		abort();
	law_end(&law);
	return 0;
}
