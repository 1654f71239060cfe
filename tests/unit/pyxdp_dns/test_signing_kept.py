# SPDX-License-Identifier: Apache-2.0
"""Which signatures are kept and which are made anew; signing few RRsets."""

from collections.abc import Callable, Sequence
from itertools import count

import pytest

from control.store.contents import flatten
from control.store.keys import Pair, pack_rrset, pack_typed, rrset_key, unpack_rdatas
from pyxdp_dns.errors import SigningError
from pyxdp_dns.signing import KeyRing, SigningKey, Validity, key_tag, sign_rrsets, validate_zone
from tests.support.signing import (
    KSK,
    LIFETIME,
    NOW,
    VALIDITY,
    ZONE_ID,
    ZSK,
    check_zone,
    key_pair,
    make_key,
    sign,
    signed,
    wire,
)

APEX = wire("example.")
SOA, A, TXT, RRSIG, DNSKEY = 6, 1, 16, 46, 48
ZONE = """
@ 3600 SOA ns admin 1 3600 900 604800 300
@ 3600 NS ns
ns A 192.0.2.1
www A 192.0.2.2
www TXT "x"
sub NS ns.else.
"""
LATER = Validity(NOW + 90_000, NOW + LIFETIME + 90_000, NOW + 95_400, NOW + 90_000 + 86400)

Contents = dict[bytes, bytes]


def key_of(owner: str, rtype: int) -> bytes:
    """Return a store key of the test's zone."""
    return rrset_key(ZONE_ID, wire(owner), rtype)


def signed_pairs(keys: Sequence[SigningKey]) -> Contents:
    """Return the pairs of the signed zone."""
    contents, _ = signed(ZONE, keys)
    with contents:
        return dict(contents)


def edit_rrsig(pairs: Contents, owner: str, covered: int, edit: Callable[[bytearray], bytes | bytearray]) -> None:
    """Change the RRSIG records of an owner that cover a type."""
    key = key_of(owner, RRSIG)
    rdatas = [
        bytes(edit(bytearray(rdata))) if int.from_bytes(rdata[:2], "big") == covered else rdata
        for rdata in unpack_rdatas(pairs[key])
    ]
    pairs[key] = pack_typed(RRSIG, 0, rdatas)


def set_octets(at: int, octets: bytes) -> Callable[[bytearray], bytearray]:
    """Return an edit that overwrites octets of record data."""

    def edit(rdata: bytearray) -> bytearray:
        rdata[at : at + len(octets)] = octets
        return rdata

    return edit


def resign(pairs: Contents, keys: Sequence[SigningKey], validity: Validity = VALIDITY) -> tuple[int, list[Pair]]:
    """Sign pairs; return the number of new signatures and the changes, after a check of the whole zone."""
    contents = flatten(sorted(pairs.items()))
    with sign(contents, keys, validity=validity) as result, result.apply(contents) as after:
        if validity is VALIDITY:
            check_zone(after, keys, None)
        return result.new_signatures, list(result.changes)


def test_signatures_last_until_they_are_due() -> None:
    """A signature that expires after `keep_until` is kept, one that expires then is replaced."""
    keys = key_pair(15)
    pairs = signed_pairs(keys)
    total = sum(len(unpack_rdatas(value)) for key, value in pairs.items() if key.endswith(b"\0\x2e"))
    expiration = VALIDITY.expiration
    assert resign(pairs, keys, VALIDITY._replace(keep_until=expiration - 1)) == (0, [])
    new, changes = resign(pairs, keys, LATER._replace(keep_until=expiration))
    assert new == total
    assert {key[-1] for key, _ in changes} == {RRSIG}
    assert resign(pairs, keys, LATER._replace(reuse=False))[0] == total
    assert resign(pairs, keys, LATER)[0] == 0


def test_what_remains_is_told_of() -> None:
    """The earliest and the latest expiration are those of kept and new signatures together."""
    keys = key_pair(15)
    pairs = signed_pairs(keys)
    pairs[key_of("new.example.", A)] = pack_rrset(300, [bytes(4)])
    with sign(flatten(sorted(pairs.items())), keys, validity=LATER) as result:
        assert 0 < result.new_signatures < result.signatures
        assert (result.earliest_expiration, result.latest_expiration) == (VALIDITY.expiration, LATER.expiration)


@pytest.mark.parametrize(
    "edit",
    [
        set_octets(2, b"\x0d"),
        set_octets(3, b"\1"),
        set_octets(3, b"\3"),
        set_octets(4, b"\0\0\0\1"),
        set_octets(8, (NOW + 86400).to_bytes(4, "big")),
        set_octets(8, (NOW - 1).to_bytes(4, "big")),
        set_octets(12, (NOW + 1).to_bytes(4, "big")),
        set_octets(16, b"\0\0"),
        set_octets(19, b"o"),
        lambda rdata: rdata[:-1],
        lambda rdata: rdata + b"\0",
        lambda rdata: rdata[:20],
        lambda rdata: rdata[:17],
        lambda rdata: rdata[:2],
    ],
    ids=[
        *("algorithm", "fewer labels", "more labels", "TTL", "due", "expired", "future", "tag", "signer"),
        *("short", "long", "signer cut", "fields cut", "type alone"),
    ],
)
def test_signatures_that_are_not_kept(edit: Callable[[bytearray], bytearray]) -> None:
    """A signature that differs in any field from the one that is needed, or lasts not long enough, is replaced."""
    keys = key_pair(15)
    pairs = signed_pairs(keys)
    before = dict(pairs)
    edit_rrsig(pairs, "www.example.", A, edit)
    new, changes = resign(pairs, keys)
    assert (new, changes) == (1, [(key_of("www.example.", RRSIG), before[key_of("www.example.", RRSIG)])])


def test_inception_now_is_valid() -> None:
    """A signature that begins to be valid at this second is kept."""
    keys = key_pair(15)
    pairs = signed_pairs(keys)
    edit_rrsig(pairs, "www.example.", A, set_octets(12, NOW.to_bytes(4, "big")))
    with sign(flatten(sorted(pairs.items())), keys) as result:
        assert result.new_signatures == 0


def test_of_several_signatures_of_one_key_the_last_to_expire_stays() -> None:
    """Of two signatures by the same key over the same data only the one that lasts longer is kept."""
    keys = key_pair(15)
    pairs, later = signed_pairs(keys), {}
    for key, value in resign(pairs, keys, LATER._replace(reuse=False))[1]:
        later[key] = value
        pairs[key] = pack_typed(RRSIG, 0, (*unpack_rdatas(pairs[key]), *unpack_rdatas(value)))
    contents = flatten(sorted(pairs.items()))
    with sign(contents, keys, validity=LATER) as result:
        assert (result.new_signatures, dict(result.changes)) == (0, later)


def test_signatures_of_the_apex_are_verified() -> None:
    """A signature of the apex that does not verify is replaced unasked, others when it is asked for."""
    keys = key_pair(13)
    pairs = signed_pairs(keys)
    for owner, covered in (("example.", SOA), ("example.", DNSKEY), ("www.example.", TXT)):
        edit_rrsig(pairs, owner, covered, lambda rdata: rdata[:-1] + bytes((rdata[-1] ^ 1,)))
    contents = flatten(sorted(pairs.items()))
    with sign(contents, keys) as result:
        assert [key for key, _ in result.changes] == [key_of("example.", RRSIG)]
        assert result.new_signatures == 2
    assert resign(pairs, keys, Validity(*VALIDITY[:5], verify_kept=True))[0] == 3
    check_zone(sign(contents, keys, validity=VALIDITY._replace(verify_kept=True)).apply(contents), keys, None)


def test_a_new_soa_is_signed_anew() -> None:
    """With another serial the SOA's old signature does not survive."""
    keys = key_pair(15)
    pairs = signed_pairs(keys)
    soa = bytearray(pairs[key_of("example.", SOA)])
    soa[-17] += 1
    pairs[key_of("example.", SOA)] = bytes(soa)
    assert resign(pairs, keys)[0] == 1


def test_a_changed_neighbour_changes_the_nsec_alone() -> None:
    """A new name changes the NSEC before it; its signature is made anew, data keeps the signatures it has."""
    keys = key_pair(15)
    pairs = signed_pairs(keys)
    pairs[key_of("wxx.example.", A)] = pack_rrset(300, [bytes(4)])
    new, changes = resign(pairs, keys)
    assert new == 3
    assert sorted(key for key, _ in changes) == [
        key_of(owner, rtype) for owner in ("www.example.", "wxx.example.") for rtype in (RRSIG, 47)
    ]


def test_keys_of_one_tag_are_told_apart() -> None:
    """Two keys whose tags are the same each have a signature, and both are kept."""
    seen: dict[int, SigningKey] = {}
    for number in count():
        key = make_key(15, ZSK, number)
        if key_tag(key.dnskey) in seen:
            break
        seen[key_tag(key.dnskey)] = key
    keys = [make_key(15, KSK), seen[key_tag(key.dnskey)], key]
    pairs = signed_pairs(keys)
    assert resign(pairs, keys) == (0, [])
    assert len(unpack_rdatas(pairs[key_of("www.example.", RRSIG)])) == 6


def test_what_nobody_here_signs_keeps_its_signatures() -> None:
    """Without a key for DNSKEY its signatures, made elsewhere, stay as they are; those of data are made."""
    keys = key_pair(15)
    pairs = signed_pairs(keys)
    contents = flatten(sorted(pairs.items()))
    with sign(contents, [keys[1]], validity=LATER._replace(reuse=False)) as result, result.apply(contents) as after:
        kept = [rdata for rdata in unpack_rdatas(pairs[key_of("example.", RRSIG)]) if rdata[:2] == b"\0\x30"]
        assert kept
        assert set(kept) <= set(unpack_rdatas(dict(after)[key_of("example.", RRSIG)]))
        assert not validate_zone(after, APEX, LATER.now).findings


def test_few_rrsets_get_the_signatures_of_the_whole_zone() -> None:
    """Signed one by one RRsets get what signing the zone gave them, wildcard and apex as well."""
    keys = key_pair(15)
    contents, _ = signed(ZONE + '*.w TXT "x"\n', keys)
    with contents, KeyRing(APEX, keys) as ring:
        pairs = dict(contents)
        data = [(key, value) for key, value in pairs.items() if key[-1] not in (RRSIG, 2)]
        made = sign_rrsets(ring, [(key, value, ()) for key, value in data], APEX, VALIDITY)
        for (key, _), rdatas in zip(data, made, strict=True):
            of_owner = unpack_rdatas(pairs[key[:-2] + b"\0\x2e"])
            assert rdatas == tuple(rdata for rdata in of_owner if rdata[:2] == key[-2:]) != ()


def test_few_rrsets_keep_signatures() -> None:
    """Signatures that are passed along are kept as in a whole zone; those of other types are no matter."""
    keys = key_pair(15)
    pairs = signed_pairs(keys)
    old = unpack_rdatas(pairs[key_of("www.example.", RRSIG)])
    item = key_of("www.example.", A), pairs[key_of("www.example.", A)]
    broken = [rdata[:-1] + bytes((rdata[-1] ^ 1,)) for rdata in old]
    with KeyRing(APEX, keys) as ring:
        (kept,) = sign_rrsets(ring, [(*item, old)], APEX, LATER)
        assert kept == old[:1]
        (made,) = sign_rrsets(ring, [(*item, ())], APEX, LATER)
        assert made != kept
        assert sign_rrsets(ring, [(*item, broken)], APEX, LATER) == [(broken[0],)]
        assert sign_rrsets(ring, [(*item, broken)], APEX, LATER._replace(verify_kept=True)) == [made]
        assert sign_rrsets(ring, [], APEX, LATER) == []
        with pytest.raises(SigningError, match="load the zone again"):
            sign_rrsets(ring, [(b"short", item[1], ())], APEX, LATER)
        with pytest.raises(SigningError, match=r"\[other\.\]"):
            sign_rrsets(ring, [(*item, ())], wire("other."), LATER)
