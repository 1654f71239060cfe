/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "message.h"

enum { TYPE_SIG = 24, TYPE_OPT = 41, TYPE_TSIG = 250, SECTION_ADDITIONAL = 3 };

#define QUESTION_FIXED_BYTES 4u

static int read_question(xd_request *request, const struct xd_message_cursor *behind)
{
	size_t at = XD_MSG_HEADER_BYTES;
	unsigned count = xd_load_be16(behind->message + 4);

	if (count > 1)
		return -XD_E_SYNTAX;
	if (!count)
		return XD_OK;
	int name_len = xd_message_name(request->question, behind, &at);
	if (name_len < 0)
		return name_len;
	memcpy(request->question + name_len, behind->message + at, QUESTION_FIXED_BYTES);
	request->question_len = (uint16_t)((unsigned)name_len + QUESTION_FIXED_BYTES);
	return XD_OK;
}

/* Takes note of a record at `at`; false when it must not be there. */
static bool note_record(xd_request *request, const struct xd_message_cursor *behind, const struct xd_message_record *record,
                        size_t at)
{
	bool is_additional = record->section == SECTION_ADDITIONAL;
	bool is_last = is_additional && !behind->left[SECTION_ADDITIONAL];

	if (record->type == TYPE_TSIG) {
		request->tsig_at = (int32_t)at;
		return is_last;
	}
	if (record->type == TYPE_OPT) {
		if (!is_additional || request->edns_flags >= 0 || record->owner_len != 1)
			return false;
		request->edns_flags = (int32_t)(record->ttl & 0xffff);
		request->edns_payload = record->class;
	} else if (record->type == TYPE_SIG && is_last && record->rdata_len >= 2 &&
	           !xd_load_be16(behind->message + record->rdata_at)) {
		request->sig0_at = (int32_t)at;
	}
	return true;
}

int xd_request_read(const uint8_t *message, size_t len, xd_request *request)
{
	struct xd_message_cursor cursor;
	struct xd_message_record record;

	request->tsig_at = request->sig0_at = request->edns_flags = -1;
	request->edns_payload = request->question_len = 0;
	int result = xd_message_begin(&cursor, message, len);
	if (result == XD_OK)
		result = read_question(request, &cursor);
	while (result == XD_OK) {
		size_t at = cursor.pos;
		result = xd_message_next(&cursor, &record);
		if (result <= 0)
			break;
		result = note_record(request, &cursor, &record, at) ? XD_OK : -XD_E_SYNTAX;
	}
	if (result == XD_OK && cursor.pos != len)
		result = -XD_E_SYNTAX;
	return result;
}
