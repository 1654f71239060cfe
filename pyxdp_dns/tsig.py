# SPDX-License-Identifier: Apache-2.0
"""The place of a TSIG record in a message (csrc/tsig.h)."""

from pyxdp_dns.native import lib


def find_tsig(message: bytes) -> int | None:
    """Return the offset of the TSIG record that ends a message, None without one; ValueError when it is malformed."""
    at: int = lib.xd_tsig_find(message, len(message))
    if at < 0:
        raise ValueError("malformed message, or a TSIG record that is not the last one")
    return at or None
