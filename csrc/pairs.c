/* SPDX-License-Identifier: Apache-2.0 */
#include "pairs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "limits.h"
#include "name.h"

/* Every octet escaped: four labels fill 255 octets with 250 octets of text, each label with one closing zero. */
static_assert(XD_KEY_OWNER_MAX == 2 * (XD_NAME_MAX - 5) + 4, "the worst owner fits");
static_assert(XD_KEY_MAX == 511, "LMDB's limit of key length");

void xd_pairs_uninit(xd_pairs *pairs)
{
	free(pairs->bytes);
	free(pairs->offsets);
	*pairs = (xd_pairs){ 0 };
}

xd_pairs_size xd_pairs_measure(const uint8_t *bytes, const uint64_t *offsets, size_t count)
{
	const uint64_t key_fixed = XD_KEY_ZONE_ID_BYTES + 3; /* zero and type */
	const uint64_t record_fixed = 10;                    /* type, class, TTL, rdlength (RFC 1035, section 3.2.1) */
	xd_pairs_size size = { 0 };

	for (size_t i = 0; i < count; i++) {
		const uint8_t *key = bytes + offsets[2 * i], *value = bytes + offsets[2 * i + 1];
		uint64_t owner = (uint64_t)(value - key) - key_fixed + 1; /* its root label */
		uint64_t records = xd_load_be16(value + 4);

		for (const uint8_t *pos = key + XD_KEY_ZONE_ID_BYTES; pos < value - 3; pos++) {
			if (*pos == 1) { /* two octets stand for one */
				owner--;
				pos++;
			}
		}
		size.records += records;
		size.octets += records * (owner + record_fixed) + offsets[2 * i + 2] - offsets[2 * i + 1] - 6 - 2 * records;
	}
	return size;
}

uint32_t xd_pairs_largest_ttl(const uint8_t *bytes, const uint64_t *offsets, size_t count)
{
	uint32_t largest = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t ttl = xd_load_be32(bytes + offsets[2 * i + 1]);
		if (ttl > largest)
			largest = ttl;
	}
	return largest;
}

int xd_pairs_have_types(const uint8_t *bytes, const uint64_t *offsets, size_t count, const uint16_t *types, size_t type_count)
{
	for (size_t i = 0; i < count; i++) {
		uint16_t type = xd_load_be16(bytes + offsets[2 * i + 1] - 2);
		for (size_t k = 0; k < type_count; k++)
			if (types[k] == type)
				return 1;
	}
	return 0;
}

static uint8_t *write_label(uint8_t *out, const uint8_t *label)
{
	size_t len = *label++;

	for (; len; len--) {
		uint8_t octet = xd_lower_table[*label++];
		if (octet <= 1) {
			*out++ = 1;
			octet++;
		}
		*out++ = octet;
	}
	*out++ = 0;
	return out;
}

size_t xd_key_write_owner(uint8_t *out, const uint8_t *name)
{
	uint8_t starts[XD_LABELS_MAX];
	size_t count = xd_name_labels(name, starts);
	uint8_t *pos = out;

	while (count)
		pos = write_label(pos, name + starts[--count]);
	return (size_t)(pos - out);
}

size_t xd_key_read_label(const uint8_t *in, size_t len, uint8_t *label)
{
	size_t used = 0;
	size_t pos = 0;

	while (pos < len && in[pos]) {
		uint8_t octet = in[pos++];
		if (octet == 1) {
			if (pos == len || in[pos] < 1 || in[pos] > 2)
				return 0;
			octet = (uint8_t)(in[pos++] - 1);
		}
		if (octet != xd_lower_table[octet] || used == XD_LABEL_MAX)
			return 0;
		label[++used] = octet;
	}
	label[0] = (uint8_t)used;
	return pos < len && used ? pos + 1 : 0;
}

int xd_key_parse(const uint8_t *key, size_t key_len, uint8_t *name, size_t *name_len, uint16_t *type)
{
	const size_t tail = 3; /* zero and type */
	uint8_t label[1 + XD_LABEL_MAX];
	uint8_t reversed[XD_NAME_MAX];
	size_t at = sizeof(reversed) - 1;

	if (key_len < XD_KEY_ZONE_ID_BYTES + tail || key_len > XD_KEY_MAX || key[key_len - tail] != 0)
		return -XD_E_KEY_ORDER;
	reversed[at] = 0;
	const uint8_t *end = key + key_len - tail;
	for (const uint8_t *pos = key + XD_KEY_ZONE_ID_BYTES; pos < end;) {
		size_t used = xd_key_read_label(pos, (size_t)(end - pos), label);
		if (!used || label[0] + 1u > at)
			return -XD_E_KEY_ORDER;
		at -= label[0] + 1u;
		memcpy(reversed + at, label, label[0] + 1u);
		pos += used;
	}
	*name_len = sizeof(reversed) - at;
	memcpy(name, reversed + at, *name_len);
	*type = (uint16_t)(end[1] << 8 | end[2]);
	return XD_OK;
}

/* Length of the key that starts here: labels closed by zeros, one more zero, the type. 0: there is no end. */
static size_t key_size(const uint8_t *key, size_t len)
{
	size_t pos = XD_KEY_ZONE_ID_BYTES;

	while (pos < len && key[pos]) {
		const uint8_t *zero = memchr(key + pos, 0, len - pos);
		if (!zero)
			return 0;
		pos = (size_t)(zero - key) + 1;
	}
	return pos + 3 <= len ? pos + 3 : 0;
}

/* Length of the value that starts here, or 0. */
static size_t value_size(const uint8_t *value, size_t len)
{
	size_t pos = 6;

	if (len < pos)
		return 0;
	for (unsigned count = xd_load_be16(value + 4); count; count--) {
		if (len - pos < 2 || len - pos - 2 < xd_load_be16(value + pos))
			return 0;
		pos += 2u + xd_load_be16(value + pos);
	}
	return pos;
}

int xd_pair_read(struct xd_pair *pair, const uint8_t *bytes, size_t len)
{
	pair->key = bytes;
	pair->key_len = key_size(bytes, len);
	if (!pair->key_len)
		return -XD_E_KEY_ORDER;
	pair->type = xd_load_be16(bytes + pair->key_len - 2);
	pair->value = bytes + pair->key_len;
	pair->value_len = value_size(pair->value, len - pair->key_len);
	return pair->value_len ? XD_OK : -XD_E_KEY_ORDER;
}

int xd_pair_make(struct xd_pair *pair, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
	const size_t tail = 3; /* zero and type */

	if (key_len < XD_KEY_ZONE_ID_BYTES + tail || key_len > XD_KEY_MAX || key[key_len - tail] || !value_len ||
	    value_size(value, value_len) != value_len)
		return -XD_E_KEY_ORDER;
	*pair = (struct xd_pair){ key, value, key_len, value_len, xd_load_be16(key + key_len - 2) };
	return XD_OK;
}

/* The digits of a size, which fit 11 octets, as values are of less than 2^33. */
static char *put_size(char *out, uint64_t size)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + size % 10);
		size /= 10;
	} while (size);
	while (n)
		*out++ = digits[--n];
	*out++ = 's';
	return out;
}

size_t xd_pairs_format(const uint64_t *offsets, size_t count, char *out)
{
	char *at = out;

	for (size_t i = 0; i < 2 * count; i++)
		at = put_size(at, offsets[i + 1] - offsets[i]);
	*at = 0;
	return (size_t)(at - out);
}

void xd_pairs_move(xd_pairs *pairs, uint32_t zone_id)
{
	for (size_t i = 0; i < pairs->count; i++)
		xd_store_be32(pairs->bytes + pairs->offsets[2 * i], zone_id);
}
