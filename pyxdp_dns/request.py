# SPDX-License-Identifier: Apache-2.0
"""What decides how a request is refused or served (csrc/request.h)."""

from typing import NamedTuple

from pyxdp_dns.errors import EngineError
from pyxdp_dns.native import ffi, lib


class RequestParts(NamedTuple):
    """`question`: name as it was sent, not compressed, type and class; empty when there is none."""

    question: bytes
    tsig_at: int
    """Offset of a TSIG record; negative: there is none."""
    sig0_at: int
    """Offset of a SIG(0) record; negative: there is none."""
    edns_flags: int
    """Of the OPT record; negative: there is none."""
    edns_payload: int


class RequestRefused(EngineError):
    """The message breaks the format: answer FORMERR."""


def read_parts(message: bytes) -> RequestParts:
    """Read a whole message as far as `csrc/request.h` says. Raises RequestRefused."""
    found = ffi.new("xd_request *")
    if lib.xd_request_read(message, len(message), found) < 0:
        raise RequestRefused("the message breaks the format; the sender is to be corrected")
    question = ffi.buffer(found.question, found.question_len)[:]
    return RequestParts(question, found.tsig_at, found.sig0_at, found.edns_flags, found.edns_payload)
