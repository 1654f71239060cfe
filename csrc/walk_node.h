/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of one node: everything that answering relies on. */
#ifndef XD_WALK_NODE_H
#define XD_WALK_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "layout.h"

/* Is the node of a zone with this apex, `room` octets of which are in the file, sound? */
bool xd_node_is_sound(const struct xd_node *node, uint64_t room, const uint8_t *apex, size_t apex_len);

#endif
