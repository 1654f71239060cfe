/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a frame: the parser stays inside, and what it accepts turns into a reply that it would accept again. */
#include <stdlib.h>
#include <string.h>

#include "packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xd_packet packet, again;
	uint8_t *frame;
	size_t len;

	if (size > 4096)
		return 0;
	frame = malloc(size ? size : 1);
	if (!frame)
		abort();
	memcpy(frame, data, size);
	if (xd_packet_parse(frame, size, size & 1, &packet) == XD_PACKET_OK) {
		if ((size_t)packet.message + packet.message_len > size)
			abort();
		len = xd_packet_turn(frame, &packet, packet.message_len);
		if (len > size)
			abort();
		/* Some replies go to where no query may come from; every other one must be right in its checksums. */
		if (xd_packet_local_port(frame, &packet) != 0 && xd_packet_remote_port(frame, &packet) != 0 &&
		    xd_packet_parse(frame, len, false, &again) == XD_PACKET_OK &&
		    (again.message != packet.message || again.message_len != packet.message_len))
			abort();
	}
	free(frame);
	return 0;
}
