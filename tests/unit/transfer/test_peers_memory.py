# SPDX-License-Identifier: Apache-2.0
"""Where a remote is asked from, and which of its addresses are passed over for a while."""

from control.clock import Clock
from control.conf.peers import PeerEndpoint, RemoteConf
from control.transfer.pool import Unreachable
from control.transfer.source import source_for

SECOND_NS = 10**9


def test_source_goes_with_the_address() -> None:
    """The source is the one of the family whose index is the largest not above the address's index in it."""
    addresses = [PeerEndpoint(text, 53) for text in ("192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3")]
    via = [PeerEndpoint(text) for text in ("192.0.2.10", "2001:db8::10", "192.0.2.11")]
    remote = RemoteConf("r", tuple(addresses), tuple(via))
    assert [source_for(remote, address) for address in addresses] == [via[0], via[1], via[2], via[2]]
    assert source_for(remote._replace(via=(via[1],)), addresses[0]) is None


def test_address_is_passed_over_for_a_while() -> None:
    """An address that was not reached is passed over until the delay is over."""
    now = [0]
    unreachable = Unreachable(Clock(monotonic_ns=lambda: now[0]))
    place = (PeerEndpoint("192.0.2.1", 53), None)
    assert not unreachable.holds(place, 1.0)
    unreachable.note(place)
    assert unreachable.holds(place, 1.0)
    assert not unreachable.holds(place, 0.0)
    unreachable.note(place)
    now[0] = SECOND_NS
    assert not unreachable.holds(place, 1.0)
