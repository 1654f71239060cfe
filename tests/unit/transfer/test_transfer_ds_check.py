# SPDX-License-Identifier: Apache-2.0
"""What is read out of a parent's reply to a query for DS records."""

import dns.flags
import dns.message
import dns.rrset
import pytest

from control.transfer.ds_check import NO_DS, DsExpected, Verdict, expect_key, make_ds_query, read_ds_reply
from control.transfer.message import ASK_DNSSEC, add_edns
from pyxdp_dns.message import MessageRefused
from tests.support.parents import ED25519, ds_text, public_key, soa_of

ZONE = b"\5child\7example\0"
NEW, OLD, OTHER = public_key("new"), public_key("old"), public_key("other")
EXPECTED = expect_key(NEW, [OLD])
FOREIGN = "12345 8 2 " + "ab" * 32


def reply(*texts: str, ttl: int = 300, soa: str = "", flags: int = dns.flags.AA) -> dns.message.Message:
    """Return a reply with DS records of the zone, and an SOA in the authority section."""
    message = dns.message.make_response(dns.message.make_query("child.example.", "DS"))
    message.flags |= flags
    if texts:
        message.answer.append(dns.rrset.from_text_list("child.example.", ttl, "IN", "DS", texts))
    if soa:
        message.authority.append(soa_of(soa))
    return message


def verdict(message: dns.message.Message, expected: DsExpected = EXPECTED) -> Verdict:
    """Return what is concluded from a reply."""
    return read_ds_reply(message.to_wire(), ZONE, expected).verdict


def test_the_query_asks_for_recursion_and_signatures() -> None:
    """So that a validating resolver may stand for the parent's servers."""
    query = dns.message.from_wire(add_edns(make_ds_query(ZONE), 1232, ASK_DNSSEC))
    assert query.question[0].to_text() == "child.example. IN DS"
    assert query.flags == dns.flags.RD
    assert query.ednsflags == dns.flags.DO
    assert query.options == ()


@pytest.mark.parametrize("digest_type", [1, 2, 4])
def test_a_ds_of_the_key_confirms_it(digest_type: int) -> None:
    """Whichever of the known digests the parent has chosen."""
    assert verdict(reply(ds_text(ZONE, NEW, digest_type))) is Verdict.POSITIVE


def test_what_is_not_of_the_key_does_not_confirm_it() -> None:
    """Neither no DS, nor one of another key, nor one whose tag, algorithm or digest differs."""
    good = ds_text(ZONE, NEW)
    tag, algorithm, kind, digest = good.split()
    assert verdict(reply(soa="example.")) is Verdict.NEGATIVE
    assert verdict(reply(ds_text(ZONE, OTHER))) is Verdict.NEGATIVE
    assert verdict(reply(f"{int(tag) ^ 1} {algorithm} {kind} {digest}")) is Verdict.NEGATIVE
    assert verdict(reply(f"{tag} 8 {kind} {digest}")) is Verdict.NEGATIVE
    assert verdict(reply(f"{tag} {algorithm} {kind} {digest[:-2]}{int(digest[-2:], 16) ^ 1:02x}")) is Verdict.NEGATIVE
    assert verdict(reply(f"{tag} {algorithm} 3 {digest}")) is Verdict.NEGATIVE


def test_a_ds_of_another_zone_does_not_confirm_it() -> None:
    """Only records of the zone's name count."""
    message = reply(soa="example.")
    message.answer.append(dns.rrset.from_text("other.example.", 300, "IN", "DS", ds_text(ZONE, NEW)))
    assert verdict(message) is Verdict.NEGATIVE


def test_foreign_records_are_left_alone() -> None:
    """Several signers may share a zone."""
    assert verdict(reply(FOREIGN, ds_text(ZONE, NEW))) is Verdict.POSITIVE


def test_an_old_key_of_the_algorithm_may_stay() -> None:
    """With double DS it has to; validators that follow its DS find another one beside it."""
    assert verdict(reply(ds_text(ZONE, OLD), ds_text(ZONE, NEW))) is Verdict.POSITIVE


def test_an_old_key_of_another_algorithm_has_to_go() -> None:
    """Its signatures are removed next, and a DS of its algorithm makes validators ask for them."""
    old = public_key("old", ED25519)
    expected = expect_key(NEW, [old])
    assert verdict(reply(ds_text(ZONE, old), ds_text(ZONE, NEW)), expected) is Verdict.NEGATIVE
    assert verdict(reply(ds_text(ZONE, old, 4), ds_text(ZONE, NEW)), expected) is Verdict.NEGATIVE
    assert verdict(reply(ds_text(ZONE, NEW)), expected) is Verdict.POSITIVE


def test_the_ttl_is_the_one_that_was_published() -> None:
    """A resolver counts the record's TTL down; the signature has the original one."""
    message = reply(ds_text(ZONE, NEW), ttl=7)
    assert read_ds_reply(message.to_wire(), ZONE, expect_key(NEW)).ttl_s == 7
    signature = "DS 13 2 3600 20300101000000 20290101000000 1 example. " + "A" * 86 + "=="
    message.answer.append(dns.rrset.from_text("child.example.", 7, "IN", "RRSIG", signature))
    assert read_ds_reply(message.to_wire(), ZONE, expect_key(NEW)).ttl_s == 3600


def test_a_removed_ds_is_one_that_the_parent_denies() -> None:
    """With its own SOA: neither a referral says so nor a server of the zone itself."""
    assert verdict(reply(soa="example."), NO_DS) is Verdict.POSITIVE
    assert verdict(reply(soa="."), NO_DS) is Verdict.POSITIVE
    assert verdict(reply(soa="child.example."), NO_DS) is Verdict.NEGATIVE
    assert verdict(reply(soa="test."), NO_DS) is Verdict.NEGATIVE
    assert verdict(reply(flags=0), NO_DS) is Verdict.NEGATIVE
    assert verdict(reply(FOREIGN, soa="example."), NO_DS) is Verdict.NEGATIVE


@pytest.mark.parametrize("octets", [1, 9, 30])
def test_a_broken_reply_is_refused(octets: int) -> None:
    """It is no answer at all."""
    wire = reply(ds_text(ZONE, NEW), soa="example.").to_wire()
    with pytest.raises(MessageRefused):
        read_ds_reply(wire[:-octets], ZONE, expect_key(NEW))
