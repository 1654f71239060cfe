# SPDX-License-Identifier: Apache-2.0
"""The OPT record (RFC 6891) of replies, and options of requests."""

from control.wire.refusal import DO, EDNS_PAYLOAD
from control.wire.request import OPT
from control.wire.spans import iterate_spans

EXPIRE = 9
"""How long a secondary's contents are still good (RFC 7314)."""


def opt_record(request_flags: int, options: bytes = b"") -> bytes:
    """Return the OPT record of a reply to a request with these EDNS flags, of which DO is copied (RFC 3225)."""
    numbers = ((OPT, 2), (EDNS_PAYLOAD, 2), (request_flags & DO, 4), (len(options), 2))
    return b"\0" + b"".join(number.to_bytes(octets, "big") for number, octets in numbers) + options


def pack_option(code: int, data: bytes) -> bytes:
    """Return an option as it stands in an OPT record."""
    return code.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data


def request_option(message: bytes, code: int) -> bytes | None:
    """Return the data of an option of a request that `read_request` has taken; None when it has none such."""
    options = next((span.data for span in iterate_spans(message) if span.type == OPT), b"")
    return _find(options, code)


def _find(options: bytes, code: int) -> bytes | None:
    at = 0
    while at + 4 <= len(options):
        end = at + 4 + int.from_bytes(options[at + 2 : at + 4], "big")
        if int.from_bytes(options[at : at + 2], "big") == code:
            return options[at + 4 : end]
        at = end
    return None
