# SPDX-License-Identifier: Apache-2.0
"""Validation finds what is wrong with a signed zone, wherever it is, and nothing else."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.store.contents import FlatZone, flatten
from control.store.keys import Pair, pack_rrset, pack_typed, rrset_key, unpack_rdatas, unpack_ttl
from pyxdp_dns.errors import SigningError, SigningStopped, ZoneRefused
from pyxdp_dns.signing import KeyRing, SigningKey, Stop, ValidationResult, sign_rrsets, validate_zone, verify_rrsets
from tests.support.signing import (
    CHAINS,
    KSK,
    NOW,
    VALIDITY,
    ZONE_ID,
    ZSK,
    key_pair,
    make_key,
    scan,
    sign,
    signed,
    wire,
)

APEX = wire("example.")
RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY = 46, 47, 50, 51, 48
ZONE = """
@ 3600 SOA ns admin 1 3600 900 604800 300
@ 3600 NS ns
ns A 192.0.2.1
a.b.c A 192.0.2.2
*.w TXT "x"
sub NS ns.sub
ns.sub A 192.0.2.3
sec NS ns
sec DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000000
x.ins NS ns.else.
dn DNAME example.org.
below.dn A 192.0.2.9
zz TXT "last"
"""
UNSIGNED_OWNERS = ("ns.sub.example.", "below.dn.example.")


def key_of(owner: str, rtype: int) -> bytes:
    """Return a store key of the test's zone."""
    return rrset_key(ZONE_ID, wire(owner), rtype)


@lru_cache
def signed_pairs(chain: str, algorithm: int = 15) -> tuple[Pair, ...]:
    """Return the pairs of the signed zone."""
    contents, _ = signed(ZONE, key_pair(algorithm), CHAINS[chain])
    with contents:
        return tuple(contents)


def validate(pairs: Iterable[Pair], now: int = NOW) -> ValidationResult:
    """Validate pairs, which are sorted first."""
    return validate_zone(flatten(sorted(pairs)), APEX, now)


def reasons(pairs: Iterable[Pair], now: int = NOW) -> set[tuple[str, str]]:
    """Return the findings."""
    return set(validate(pairs, now).findings)


def is_authoritative(key: bytes) -> bool:
    """Return whether the validity of a zone depends on the RRset."""
    delegation = key[-2:] == b"\0\2" and key != key_of("example.", 2)
    return not delegation and not any(key[:-2] == key_of(owner, 0)[:-2] for owner in UNSIGNED_OWNERS)


@pytest.mark.parametrize("algorithm", [8, 13, 15])
@pytest.mark.parametrize("chain", CHAINS)
def test_a_signed_zone_is_valid(chain: str, algorithm: int) -> None:
    """A zone that was signed has no finding; each signature was checked, and the earliest expiration is told."""
    found = validate(signed_pairs(chain, algorithm))
    rrsigs = [value for key, value in signed_pairs(chain, algorithm) if key[-1] == RRSIG]
    assert found.findings == ()
    assert found.count == 0
    assert found.checked_signatures == sum(len(unpack_rdatas(value)) for value in rrsigs)
    assert found.earliest_expiration == VALIDITY.expiration
    assert validate_zone(flatten(signed_pairs(chain, algorithm)), APEX, NOW, threads=3) == found


@pytest.mark.parametrize("chain", CHAINS)
def test_no_rrset_may_be_missing(chain: str) -> None:
    """Whichever RRset is taken away, validation notices, but for glue and what is below a DNAME."""
    pairs = signed_pairs(chain)
    for number, (key, _) in enumerate(pairs):
        if any(key[:-2] == key_of(owner, 0)[:-2] for owner in UNSIGNED_OWNERS):
            continue
        rest = [*pairs[:number], *pairs[number + 1 :]]
        if key == key_of("example.", 6):
            with pytest.raises(ZoneRefused, match="SOA"):
                validate(rest)
        elif chain == "optout" and key == key_of("x.ins.example.", 2):
            assert reasons(rest) == set()
        else:
            assert reasons(rest) != set(), key


@pytest.mark.parametrize("chain", CHAINS)
def test_no_ttl_may_differ(chain: str) -> None:
    """A TTL other than the signed one is found, that of the signatures as well."""
    pairs = signed_pairs(chain)
    for number, (key, value) in enumerate(pairs):
        if not is_authoritative(key):
            continue
        changed = (unpack_ttl(value) + 1).to_bytes(4, "big") + value[4:]
        wanted = "wrong TTL of RRSIG (RRSIG)" if key[-1] == RRSIG else "TTL differs from the original TTL in signature"
        found = reasons([*pairs[:number], (key, changed), *pairs[number + 1 :]])
        assert any(reason.startswith(wanted) for _, reason in found), key


@settings(max_examples=200)
@given(st.sampled_from(sorted(CHAINS)), st.data())
def test_no_bit_may_differ(chain: str, data: st.DataObject) -> None:
    """Whichever bit of record data is turned over, the zone is not valid any more, or no well-formed pairs are left."""
    pairs = list(signed_pairs(chain))
    places = [number for number, (key, _) in enumerate(pairs) if is_authoritative(key)]
    number = data.draw(st.sampled_from(places))
    key, value = pairs[number]
    bit = data.draw(st.integers(0, 8 * len(value) - 1))
    octets = bytearray(value)
    octets[bit // 8] ^= 1 << bit % 8
    pairs[number] = key, bytes(octets)
    try:
        found = reasons(pairs)
    except (SigningError, ZoneRefused) as exc:
        found = {("example.", str(exc))}
    assert found != set()


def replaced(pairs: Sequence[Pair], key: bytes, value: bytes | None) -> list[Pair]:
    """Return pairs with another value of one key; None: without it."""
    rest = [pair for pair in pairs if pair[0] != key]
    return sorted(rest if value is None else [*rest, (key, value)])


def resigned(chain: str, change: Callable[[dict[bytes, bytes]], None], keys: Sequence[SigningKey] = ()) -> list[Pair]:
    """Return the signed zone with a change, after which every RRset at a changed owner has good signatures again."""
    ring_keys = keys or key_pair(15)
    pairs = dict(signed_pairs(chain))
    before = dict(pairs)
    change(pairs)
    changed = [(key, value) for key, value in pairs.items() if before.get(key) != value and key[-1] != RRSIG]
    with KeyRing(APEX, ring_keys) as ring:
        made = sign_rrsets(ring, [(key, value, ()) for key, value in changed], APEX, VALIDITY)
    for (key, _), rdatas in zip(changed, made, strict=True):
        rrsigs = key[:-2] + b"\0\x2e"
        kept = [rdata for rdata in unpack_rdatas(pairs[rrsigs]) if rdata[:2] != key[-2:]] if rrsigs in pairs else []
        pairs[rrsigs] = pack_typed(RRSIG, 0, (*kept, *rdatas))
    return sorted(pairs.items())


def edit_value(owner: str, rtype: int, edit: Callable[[bytes], bytes]) -> Callable[[dict[bytes, bytes]], None]:
    """Return a change of the only record of an RRset."""

    def change(pairs: dict[bytes, bytes]) -> None:
        key = key_of(owner, rtype)
        (rdata,) = unpack_rdatas(pairs[key])
        pairs[key] = pack_rrset(unpack_ttl(pairs[key]), [edit(rdata)])

    return change


def add(owner: str, rtype: int, *rdatas: bytes, ttl: int = 300) -> Callable[[dict[bytes, bytes]], None]:
    """Return a change that adds an RRset, or replaces one."""

    def change(pairs: dict[bytes, bytes]) -> None:
        pairs[key_of(owner, rtype)] = pack_rrset(ttl, rdatas)

    return change


def drop_rrsigs(owner: str) -> Callable[[dict[bytes, bytes]], None]:
    """Return a change that takes the signatures of an owner away."""

    def change(pairs: dict[bytes, bytes]) -> None:
        del pairs[key_of(owner, RRSIG)]

    return change


ZZ = "zz.example."
BITMAP = bytes.fromhex("0006000000800003")

FAULTS = {
    "NSEC to the wrong name": (
        "nsec",
        edit_value(ZZ, NSEC, lambda _: wire("a.example.") + BITMAP),
        (ZZ, "NSEC leads to a wrong name (NSEC)"),
    ),
    "NSEC without a type": (
        "nsec",
        edit_value(ZZ, NSEC, lambda rdata: rdata[:-6] + bytes.fromhex("000000000003")),
        (ZZ, "wrong types in NSEC (NSEC)"),
    ),
    "two NSEC": (
        "nsec",
        add(ZZ, NSEC, APEX + BITMAP, wire("y.example.") + BITMAP),
        (ZZ, "multiple NSEC records (NSEC)"),
    ),
    "NSEC that is cut off": (
        "nsec",
        edit_value(ZZ, NSEC, lambda rdata: rdata[:3]),
        (ZZ, "NSEC leads to a wrong name (NSEC)"),
    ),
    "NSEC of glue": (
        "nsec",
        add("ns.sub.example.", NSEC, APEX + BITMAP),
        ("ns.sub.example.", "NSEC record where none belongs (NSEC)"),
    ),
    "signed glue": (
        "nsec",
        add("ns.sub.example.", 1, b"\1\1\1\1"),
        ("ns.sub.example.", "signature of non-authoritative data (A)"),
    ),
    "signed delegation": (
        "nsec",
        add("sub.example.", 2, wire("ns.example.")),
        ("sub.example.", "signature of non-authoritative data (NS)"),
    ),
    "name without NSEC": ("nsec", add("new.example.", 1, b"\1\1\1\1"), ("new.example.", "missing NSEC")),
    "NSEC3 in a zone with NSEC": (
        "nsec",
        add("00000000000000000000000000000000.example.", NSEC3, b"\1\0\0\0\0\x14" + bytes(20)),
        ("00000000000000000000000000000000.example.", "NSEC3 record where none belongs (NSEC3)"),
    ),
    "NSEC in a zone with NSEC3": ("nsec3", add(ZZ, NSEC, APEX + BITMAP), (ZZ, "NSEC record where none belongs (NSEC)")),
    "name without NSEC3": ("nsec3", add("new.example.", 1, b"\1\1\1\1"), ("new.example.", "missing NSEC3 (NSEC3)")),
    "insecure delegation without NSEC3": (
        "nsec3",
        add("new.example.", 2, wire("ns.example.")),
        ("new.example.", "missing NSEC3 (NSEC3)"),
    ),
    "NSEC3 of no name": (
        "nsec3",
        add("00000000000000000000000000000000.example.", NSEC3, b"\1\0\0\0\0\x14" + bytes(20)),
        ("00000000000000000000000000000000.example.", "NSEC3 record where none belongs (NSEC3)"),
    ),
    "NSEC3 of a name that is no hash": (
        "nsec3",
        add("w0.example.", NSEC3, b"\1\0\0\0\0\x14" + bytes(20)),
        ("w0.example.", "NSEC3 record where none belongs (NSEC3)"),
    ),
    "other parameters": (
        "nsec3",
        add("example.", NSEC3PARAM, b"\1\0\0\1\0"),
        ("example.", "missing NSEC3 (NSEC3)"),
    ),
    "parameters that are not for use": (
        "nsec3",
        add("example.", NSEC3PARAM, b"\1\1\0\0\0"),
        ("example.", "NSEC3PARAM with unknown parameters (NSEC3)"),
    ),
    "opt-out and a secure name": (
        "optout",
        add("new.example.", 1, b"\1\1\1\1"),
        ("new.example.", "missing NSEC3 (NSEC3)"),
    ),
    "no signature": ("nsec", drop_rrsigs(ZZ), (ZZ, "no signature (TXT)")),
    "DNSKEY that signs nothing": (
        "nsec",
        add("example.", DNSKEY, *(key.dnskey for key in [*key_pair(15), make_key(13, ZSK)]), ttl=3600),
        (ZZ, "no signature of an algorithm in DNSKEY (TXT)"),
    ),
    "another DNSKEY": (
        "nsec",
        add("example.", DNSKEY, make_key(15, ZSK, 1).dnskey, ttl=3600),
        (ZZ, "signature by a key that is not in DNSKEY (TXT)"),
    ),
    "no DNSKEY that can be used": (
        "nsec",
        add("example.", DNSKEY, b"\0\0" + make_key(15).dnskey[2:], b"\1\1\2\x0f" + bytes(32), b"\1\1\3\xc8A"),
        ("example.", "no usable DNSKEY at the zone apex"),
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_are_named(case: str) -> None:
    """Each kind of fault has its reason, at the owner that has it, even where every signature is good."""
    chain, change, wanted = FAULTS[case]
    assert wanted in reasons(resigned(chain, change))


def test_opt_out_covers_insecure_delegations_only_where_it_says_so() -> None:
    """An insecure delegation may lack NSEC3 where the record before its hash opts out, and only there."""
    new = add("new.example.", 2, wire("ns.example."))
    grown = [(key, value) for key, value in resigned("optout", new) if key != key_of("new.example.", RRSIG)]
    assert reasons(grown) == set()

    def no_opt_out(pairs: dict[bytes, bytes]) -> None:
        records = [key for key in pairs if key[-1] == NSEC3 and key[-2] == 0]
        for key in records[1:]:
            (rdata,) = unpack_rdatas(pairs[key])
            pairs[key] = pack_rrset(unpack_ttl(pairs[key]), [b"\1\0" + rdata[2:]])

    found = {reason for _, reason in reasons(resigned("optout", no_opt_out))}
    assert found <= {"missing NSEC3 not covered by opt-out (NSEC3)"}
    assert found


def test_times() -> None:
    """A signature is valid from its inception to its expiration, both included."""
    pairs = signed_pairs("nsec")
    assert reasons(pairs, VALIDITY.inception) == reasons(pairs, VALIDITY.expiration) == set()
    assert (ZZ, "signature not valid yet (TXT)") in reasons(pairs, VALIDITY.inception - 1)
    assert (ZZ, "signature expired (TXT)") in reasons(pairs, VALIDITY.expiration + 1)


def test_findings_are_limited_and_in_order() -> None:
    """The first hundred findings are told in the order of names, all are counted, with any number of threads."""
    keys = key_pair(15)
    text = ZONE + "".join(f"h{number:04d} A 192.0.2.1\n" for number in range(1000))
    contents, _ = signed(text, keys)
    with contents:
        one, other = (validate_zone(contents, APEX, VALIDITY.expiration + 1, threads=threads) for threads in (1, 4))
        assert one == other
        assert (len(one.findings), one.count > 2000) == (100, True)
        assert [owner for owner, _ in one.findings[:3]] == ["example."] * 3


def test_each_algorithm_has_to_sign() -> None:
    """During the roll-over of an algorithm both sign all; without the signatures of one the zone is not valid."""
    both = [*key_pair(15), *key_pair(13)]
    contents, _ = signed(ZONE, both)
    with contents:
        assert not validate_zone(contents, APEX, NOW).findings
    with scan(ZONE, both) as plain, sign(plain, key_pair(15)) as result, result.apply(plain) as half:
        found = validate_zone(half, APEX, NOW)
        assert (ZZ, "no signature of an algorithm in DNSKEY (TXT)") in found.findings


def test_revoked_keys_sign_only_dnskey() -> None:
    """A revoked key is no key for data (RFC 5011), and none that has to sign."""
    revoked = make_key(13, KSK | 0x80, role="k")
    contents, _ = signed(ZONE, [*key_pair(15), revoked])
    with contents:
        assert not validate_zone(contents, APEX, NOW).findings
    wrong = make_key(15, ZSK | 0x80, role="kz")
    contents, _ = signed(ZONE, [make_key(15, KSK), wrong])
    with contents:
        assert (ZZ, "signature by a key that is not in DNSKEY (TXT)") in validate_zone(contents, APEX, NOW).findings


def test_many_invalid_signatures_are_not_all_verified() -> None:
    """A host of bad signatures costs sixteen verifications for each RRset and algorithm."""
    key = key_of(ZZ, RRSIG)
    (rdata, *rest) = unpack_rdatas(dict(signed_pairs("nsec"))[key])
    bad = [rdata[:-2] + number.to_bytes(2, "big") for number in range(1000)]
    pairs = replaced(signed_pairs("nsec"), key, pack_typed(RRSIG, 0, [*bad, *rest]))
    clean = validate(signed_pairs("nsec")).checked_signatures
    found = validate(pairs)
    assert found.findings == ((ZZ, "too many invalid signatures (TXT)"),)
    assert found.checked_signatures == clean - 1 + 16


def test_records_outside_and_orphans() -> None:
    """Records of other zones, signatures of types that are not there, and what is no signature at all are found."""
    pairs = signed_pairs("nsec")
    strange = rrset_key(ZONE_ID, wire("other."), 1), pack_rrset(300, [bytes(4)])
    assert ("other.", "record outside the zone") in reasons([*pairs, strange])
    key = key_of(ZZ, RRSIG)
    rdatas = unpack_rdatas(dict(pairs)[key])
    for more, reason in (
        (b"\0\1" + rdatas[0][2:], "signature of no RRset (A)"),
        (b"\1\1" + rdatas[0][2:], "signature of no RRset (CAA)"),
        (b"\0", "signature of no RRset"),
    ):
        found = reasons(replaced(pairs, key, pack_typed(RRSIG, 0, [*rdatas, more])))
        assert any(what.startswith(reason) for owner, what in found if owner == ZZ), reason


def test_other_keys_may_stand_in() -> None:
    """With a DNSKEY RRset that is passed the zone's own is not asked."""
    contents = flatten(signed_pairs("nsec"))
    keys = [key.dnskey for key in key_pair(15)]
    assert not validate_zone(contents, APEX, NOW, dnskey_rrset=keys).findings
    found = validate_zone(contents, APEX, NOW, dnskey_rrset=[make_key(15, ZSK, 1).dnskey])
    assert (ZZ, "signature by a key that is not in DNSKEY (TXT)") in found.findings


def test_what_cannot_be_validated() -> None:
    """Pairs out of order or malformed are refused, and so is a zone without SOA; a stop ends it."""
    pairs = list(signed_pairs("nsec"))
    for wrong in (pairs[::-1], [(key, value + b"x") for key, value in pairs]):
        with pytest.raises(SigningError, match="load the zone again"):
            validate_zone(flatten(wrong), APEX, NOW)
    with pytest.raises(ZoneRefused, match="SOA"):
        validate_zone(flatten([]), APEX, NOW)
    stop = Stop()
    stop.set()
    with pytest.raises(SigningStopped):
        validate_zone(flatten(pairs), APEX, NOW, stop=stop)


def split(contents: FlatZone, owner: str, rtype: int) -> tuple[bytes, bytes, list[bytes]]:
    """Return an RRset and its signatures as `verify_rrsets` takes them."""
    pairs = dict(contents)
    key = key_of(owner, rtype)
    rrsigs = unpack_rdatas(pairs[key_of(owner, RRSIG)])
    return key, pairs[key], [rdata for rdata in rrsigs if rdata[:2] == key[-2:]]


def test_single_rrsets_are_verified() -> None:
    """One valid signature is enough; of an RRset without one the reason is told."""
    contents = flatten(signed_pairs("nsec"))
    keys = [key.dnskey for key in key_pair(15)]
    key, value, rrsigs = split(contents, ZZ, 16)
    bad = rrsigs[0][:-1] + bytes((rrsigs[0][-1] ^ 1,))
    items = [
        (key, value, rrsigs),
        split(contents, "*.w.example.", 16),
        (key, value, []),
        (key, value, [bad]),
        (key, value, [bad, *rrsigs]),
        (key, value[:-1] + b"y", rrsigs),
        (key, value, [b"\0\x10"]),
    ]
    wanted = [None, None, "no signature", "invalid signature", None, "invalid signature", "malformed signature"]
    assert verify_rrsets(keys, APEX, items, NOW) == wanted
    assert verify_rrsets(keys, APEX, items[:1], VALIDITY.expiration + 1) == ["signature expired"]
    assert verify_rrsets([make_key(13).dnskey], APEX, items[:1], NOW) == ["signature by a key that is not in DNSKEY"]
    assert verify_rrsets([], APEX, items[:1], NOW) == ["signature by a key that is not in DNSKEY"]
    assert verify_rrsets(keys, wire("other."), items[:1], NOW) == ["signature of another zone"]
    assert verify_rrsets(keys, APEX, [], NOW) == []
