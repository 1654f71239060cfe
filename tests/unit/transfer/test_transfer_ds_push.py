# SPDX-License-Identifier: Apache-2.0
"""The update that puts DS records into the parent zone, and how that zone is found."""

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import dns.update
import pytest

from control.transfer.connection import RemoteFailed
from control.transfer.ds_push import NotThisServer, apex_told, make_push, names_above, wanted_ds
from control.transfer.message import UPDATE, check_reply, make_query, rcode_of
from tests.support.parents import soa_of

ZONE, PARENT = b"\5child\2co\7example\0", b"\2co\7example\0"
DATA = bytes.fromhex("3039 0d 02") + bytes(range(32))


def told(*, answer: str = "", authority: str = "", ns: str = "", rcode: int = 0, flags: int = dns.flags.AA) -> bytes:
    """Return a reply to the SOA query for `co.example.`."""
    reply = dns.message.make_response(dns.message.make_query("co.example.", "SOA"))
    reply.flags |= flags
    reply.set_rcode(dns.rcode.Rcode(rcode))
    if answer:
        reply.answer.append(soa_of(answer))
    if authority:
        reply.authority.append(soa_of(authority))
    if ns:
        reply.authority.append(dns.rrset.from_text(ns, 60, "IN", "NS", "ns.test."))
    return reply.to_wire()


def test_names_above_a_zone() -> None:
    """The nearest first; the root has none above it."""
    assert list(names_above(ZONE)) == [PARENT, b"\7example\0", b"\0"]
    assert list(names_above(b"\0")) == []


def test_the_parent_zone_says_where_it_begins() -> None:
    """In the answer, or as the reason why there is none."""
    assert apex_told(told(answer="co.example."), PARENT) == PARENT
    assert apex_told(told(authority="example."), PARENT) == b"\7example\0"
    assert apex_told(told(authority="example.", rcode=3), PARENT) == b"\7example\0"


def test_other_replies_do_not_say_it() -> None:
    """An error, an SOA of a zone elsewhere, or nothing at all: the name above may be one."""
    assert apex_told(told(authority="example.", rcode=5), PARENT) is None
    assert apex_told(told(authority="test."), PARENT) is None
    assert apex_told(told(answer="test."), PARENT) is None
    assert apex_told(told(), PARENT) is None


def test_a_referral_ends_the_search() -> None:
    """The parent zone is on other servers, and a zone above it is not to be changed in its place."""
    with pytest.raises(NotThisServer):
        apex_told(told(ns="co.example.", flags=0), PARENT)


def test_the_update_replaces_all_records() -> None:
    """One removal of the whole set, then the additions with their TTL."""
    message = make_push(PARENT, ZONE, (DATA, DATA[::-1]), 3600)
    update = dns.message.from_wire(message)
    assert isinstance(update, dns.update.UpdateMessage)
    assert update.zone[0].to_text() == "co.example. IN SOA"
    assert update.prerequisite == []
    assert [rrset.to_text().split()[:4] for rrset in update.update] == [
        ["child.co.example.", "ANY", "DS"],
        ["child.co.example.", "3600", "IN", "DS"],
        ["child.co.example.", "3600", "IN", "DS"],
    ]
    assert message.endswith(DATA[::-1])


def test_the_form_that_asks_for_removal_adds_nothing() -> None:
    """RFC 8078, section 4."""
    assert wanted_ds([b"\0\0\0\0\0"]) == ()
    assert wanted_ds([DATA]) == (DATA,)
    update = dns.message.from_wire(make_push(PARENT, ZONE, (), 3600))
    assert isinstance(update, dns.update.UpdateMessage)
    assert len(update.update) == 1


def test_a_reply_to_an_update_may_be_a_header_alone() -> None:
    """RFC 2136, section 3.8; a reply to a query has its question."""
    update, query = make_push(PARENT, ZONE, (), 1), make_query(PARENT, 6, 0)
    header = b"\0\0" + ((UPDATE << 11) | 0x8000).to_bytes(2, "big") + bytes(8)
    check_reply(header, update, "")
    with pytest.raises(RemoteFailed):
        check_reply(b"\0\0\x80\0" + bytes(8), query, "")


def test_an_error_may_be_beside_the_header() -> None:
    """The upper bits of an RCODE are in the OPT record (RFC 6891, section 6.1.3)."""
    reply = dns.message.make_response(dns.message.make_query("co.example.", "SOA", use_edns=0))
    reply.set_rcode(dns.rcode.BADVERS)
    assert rcode_of(reply.to_wire()) == 16
    reply.set_rcode(dns.rcode.REFUSED)
    assert rcode_of(reply.to_wire()) == 5
    assert rcode_of(told(rcode=3)) == 3
