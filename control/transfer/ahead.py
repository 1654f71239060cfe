# SPDX-License-Identifier: Apache-2.0
"""Transfers that are asked for before their turn, over the connection of the one under way (RFC 7766, section 6.2.1.1).

Many small zones of one primary would each wait for the way there and back. A server may work on what it is asked at
the same time, and send the messages of several replies in any order: they are told apart by their identifiers.
"""

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from control.access.tsig import RequestSigner
from control.errors import ControlError

AHEAD_MAX = 8
"""Transfers asked for beside the one under way: BIND gives ten at once (`transfers-out`), and refuses more."""
SMALL_BYTES = 1 << 16
"""Zones of no more octets are held and written together, and behind one the next are asked for: while a large one is
written nobody reads."""
ID_BYTES = 2
PARKED_MAX = 1 << 24
"""Octets held of replies whose turn is later."""


class ParkedTooMuch(ControlError):
    """Too much came of other replies before the one that is waited for."""

    def __init__(self) -> None:
        super().__init__("too many replies out of turn")


class Request(NamedTuple):
    """A request as it was sent; `plain` is without TSIG."""

    plain: bytes
    signer: RequestSigner | None

    @property
    def id(self) -> int:
        """Its identifier."""
        return int.from_bytes(self.plain[:ID_BYTES], "big")

    def signed(self) -> bytes:
        """Return what is sent."""
        return self.plain if self.signer is None else self.signer.sign(self.plain)


class Outstanding:
    """What a connection was asked before its turn, and the replies to it that came before theirs."""

    def __init__(self) -> None:
        self._requests: dict[bytes, Request] = {}
        self._parked: dict[int, deque[bytes]] = {}
        self._octets = 0

    def __len__(self) -> int:
        return len(self._requests)

    def new_id(self, taken: int | None = None) -> int:
        """Return a random identifier that no request of the connection has, nor is `taken`."""
        while (number := secrets.randbelow(1 << 16)) in self._parked or number == taken:
            pass
        return number

    def add(self, request: Request) -> bool:
        """Note a request that is sent now; false when the same is outstanding under another identifier."""
        if request.plain[ID_BYTES:] in self._requests:
            return False
        self._requests[request.plain[ID_BYTES:]] = request
        self._parked[request.id] = deque()
        return True

    def take(self, plain: bytes) -> tuple[Request, deque[bytes]] | None:
        """Return the request of which it is the turn, and what came of its reply; None when it was not sent.

        `plain` has any identifier.
        """
        request = self._requests.pop(plain[ID_BYTES:], None)
        if request is None:
            return None
        came = self._parked.pop(request.id)
        self._octets -= sum(map(len, came))
        return request, came

    def receive(self, receive: Callable[[], bytes]) -> bytes:
        """Return the next message that is no reply to one of the requests here. Raises ParkedTooMuch."""
        while True:
            message = receive()
            parked = self._parked.get(int.from_bytes(message[:ID_BYTES], "big"))
            if parked is None:
                return message
            parked.append(message)
            self._octets += len(message)
            if self._octets > PARKED_MAX:
                raise ParkedTooMuch


class Ahead:
    """The zones of which one after the other is transferred whole, for one thread."""

    def __init__(self, zones: Sequence[bytes] = ()) -> None:
        """`zones`: their wire names in lower case, in the order in which they are transferred."""
        self._next = {zone: zones[number + 1 : number + 1 + AHEAD_MAX] for number, zone in enumerate(zones)}
        self._is_wanted = self._is_over = False

    def after(self, zone: bytes) -> Sequence[bytes]:
        """Return the zones to be asked for together with one."""
        return self._next.get(zone, ()) if self._is_wanted and not self._is_over else ()

    def note(self, octets: int) -> None:
        """Take note of how large a transfer was that went through."""
        self._is_wanted = octets <= SMALL_BYTES

    def stop(self) -> None:
        """Ask for nothing ahead any more: the other end does not take it well."""
        self._is_over = True
