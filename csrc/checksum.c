/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"

#include <string.h>

static uint64_t add_carry(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

/* Two sums of 64 bits side by side; SSE2 on x86-64. */
typedef uint64_t pair __attribute__((vector_size(16)));

static pair load_pair(const uint8_t *data)
{
	pair words;

	memcpy(&words, data, sizeof(words));
	return words;
}

/* Words of 32 bits into sums of 64: no carry is lost in any message, so none has to be looked at on the way. */
uint64_t xd_checksum_add(uint64_t sum, const uint8_t *data, size_t len)
{
	const pair low_half = { UINT32_MAX, UINT32_MAX };
	pair low = { 0, 0 };
	pair high = { 0, 0 };
	uint64_t tail[2] = { 0, 0 };

	for (; len >= 32; data += 32, len -= 32) {
		pair first = load_pair(data);
		pair second = load_pair(data + 16);

		low += (first & low_half) + (second & low_half);
		high += (first >> 32) + (second >> 32);
	}
	if (len >= 16) {
		low += load_pair(data) & low_half;
		high += load_pair(data) >> 32;
		data += 16;
		len -= 16;
	}
	memcpy(tail, data, len);
	low += high;
	return add_carry(add_carry(add_carry(sum, low[0] + low[1]), tail[0]), tail[1]);
}

uint64_t xd_checksum_combine(uint64_t sum, uint64_t part, size_t offset)
{
	if (offset & 1)
		part = __builtin_bswap16(xd_checksum_fold(part));
	return add_carry(sum, part);
}

uint16_t xd_checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}
