# SPDX-License-Identifier: Apache-2.0
"""Requests the engine does not answer itself: UPDATE, NOTIFY, transfers, TSIG and SIG(0). Sans-I/O.

No key, remote or access rule can be configured, so nothing here changes or gives away a zone: a signed request names
an unknown key, transfers are refused, opcodes beyond QUERY are not implemented. A plain query with SIG(0) is answered
as if it had none: a server is not required to check SIG(0) on ordinary queries (RFC 2931, section 3).
"""

from collections.abc import Callable

from control.wire.refusal import NOTIMP, REFUSED, refuse, refuse_key, refuse_malformed
from control.wire.request import AXFR, HEADER_BYTES, IXFR, QUERY, Malformed, read_request, without_sig0

Answer = Callable[[bytes], bytes | None]
"""Answers an ordinary query from the response table; None when the table's code has no answer either."""


def reply_to(message: bytes, answer: Answer) -> bytes | None:
    """Return the reply to a handed-off message, or None when it gets none."""
    if len(message) < HEADER_BYTES or message[2] & 0x80:
        return None
    try:
        request = read_request(message)
    except Malformed:
        return refuse_malformed(message)
    if request.tsig is not None:
        return refuse_key(request)
    if request.opcode != QUERY:
        return refuse(request, NOTIMP)
    if request.qtype in (AXFR, IXFR):
        return refuse(request, REFUSED)
    if request.sig0_at is not None:
        return answer(without_sig0(message, request)) or refuse(request, REFUSED)
    return refuse(request, REFUSED)
