# SPDX-License-Identifier: Apache-2.0
"""Changes of the journal onto a zone file that was edited beneath them."""

from control.store.keys import Pair, owner_key, pack_rrset, rrset_key
from control.update.merge import NetChange, replay

APEX, WWW = b"\7example\0", b"\3www\7example\0"
SOA, A = 6, 1
ZONE = 5


def pair(owner: bytes, rtype: int, ttl: int, *rdatas: bytes) -> Pair:
    """Return the pair of an RRset."""
    return rrset_key(ZONE, owner, rtype), pack_rrset(ttl, rdatas)


def test_the_soa_of_the_journal_replaces_an_edited_one() -> None:
    """One SOA comes of it, whatever was edited in the one of the file."""
    change = NetChange()
    change.remove({(3600, b"old")})
    change.add({(3600, b"new")})
    edited = pair(APEX, SOA, 300, b"edited")
    assert list(replay([edited], {(owner_key(APEX), SOA): change}, ZONE)) == [pair(APEX, SOA, 3600, b"new")]


def test_other_records_are_kept() -> None:
    """What is not there need not be removed; what is there and is not removed stays."""
    change = NetChange()
    change.remove({(60, b"gone")})
    change.add({(60, b"come")})
    there = pair(WWW, A, 60, b"kept")
    assert list(replay([there], {(owner_key(WWW), A): change}, ZONE)) == [pair(WWW, A, 60, b"come", b"kept")]
