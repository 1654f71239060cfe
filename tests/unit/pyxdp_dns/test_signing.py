# SPDX-License-Identifier: Apache-2.0
"""Signed zones are what the RFCs and dnspython's validator want, whatever is in them and whatever they were before."""

import dns.name
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.store.contents import flatten
from control.store.keys import RRSIG, type_of_key, unpack_rdatas
from pyxdp_dns.errors import SigningError, SigningStopped, ZoneRefused
from pyxdp_dns.scan import ScannedZone
from pyxdp_dns.signing import KeyRing, Nsec3, SigningKey, Stop, nsec3_hash, sign_zone, validate_zone
from tests.support import zones
from tests.support.signing import (
    ALGORITHMS,
    CHAINS,
    KSK,
    NOW,
    VALIDITY,
    ZONE_ID,
    ZSK,
    check_zone,
    key_pair,
    make_key,
    scan,
    sign,
    signed,
    wire,
)

ZONE = """
@ 3600 SOA ns admin 1 3600 900 604800 300
@ 3600 NS ns
@ 3600 MX 10 ns
@ 0 CDS 0 0 0 00
@ 0 CDNSKEY 0 3 0 AA==
ns A 192.0.2.1
ns AAAA 2001:db8::1
a.b.c A 192.0.2.2
c.b.c TYPE65280 \\# 2 ABCD
*.w TXT "x"
x.*.w TXT "x"
sub NS ns.sub
ns.sub A 192.0.2.3
sec NS ns
sec DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000000
sec TXT "occluded"
x.y.ins NS ns.else.
z.y.ins NS ns.else.
x.y.sec2 NS ns.else.
x.y.sec2 DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000000
dn DNAME example.org.
below.dn A 192.0.2.9
sub.dn NS ns.else.
zz TXT "last"
"""

SMALL = "@ 3600 SOA ns admin 1 3600 900 604800 300\n@ NS ns\nns A 192.0.2.1\n"

HANDMADE = [file.stem + "." for file in sorted(zones.ZONES.glob("*.zone")) if file.stem != "root"]


def kinds(pairs: ScannedZone) -> dict[int, int]:
    """Return how many pairs there are of each type."""
    types = [int.from_bytes(key[-2:], "big") for key, _ in pairs]
    return {rtype: types.count(rtype) for rtype in set(types)}


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_signs(algorithm: int, chain: str) -> None:
    """With any algorithm dnspython validates every signature, and the right RRsets are signed by the right keys."""
    keys = key_pair(algorithm)
    contents, result = signed(ZONE, keys, CHAINS[chain])
    with contents, result:
        assert check_zone(contents, keys, CHAINS[chain]) == result.new_signatures == result.signatures
        assert result.earliest_expiration == result.latest_expiration == VALIDITY.expiration


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("zone", HANDMADE)
def test_every_zone_is_signed(zone: str, chain: str) -> None:
    """The zones of the other tests are signed as RFC 4035 and RFC 5155 have it; signing again changes nothing."""
    keys = key_pair(15)
    contents, result = signed(zones.source(zone).read_text(), keys, CHAINS[chain], apex=zone)
    with contents, result:
        check_zone(contents, keys, CHAINS[chain], zone)
        assert not validate_zone(contents, wire(zone), NOW).findings
        with sign(contents, keys, CHAINS[chain], apex=zone) as again:
            assert (again.changes.count, again.new_signatures, again.signatures) == (0, 0, result.signatures)


@pytest.mark.parametrize("chain", CHAINS)
def test_the_root_zone_is_signed(chain: str) -> None:
    """The zone whose name has no label is signed as any other."""
    keys = key_pair(13)
    contents, _ = signed(zones.source(".").read_text(), keys, CHAINS[chain], apex=".")
    with contents:
        check_zone(contents, keys, CHAINS[chain], ".")


def test_the_nsec_chain_has_the_lesser_ttl_of_the_soa() -> None:
    """NSEC has the lesser of the SOA's TTL and its last field (RFC 9077), unless another one is asked for."""
    keys = [make_key(15, KSK, role="kz")]
    with scan(SMALL, keys) as contents, KeyRing(wire("example."), keys) as ring:
        for wanted, ttl in ((None, 300), (77, 77)):
            with sign_zone(contents, ring, wire("example."), ZONE_ID, VALIDITY, nsec_ttl=wanted) as result:
                values = [value for key, value in result.changes if key.endswith(b"\0\x2f")]
                assert {int.from_bytes(value[:4], "big") for value in values} == {ttl}


@pytest.mark.parametrize(
    "keys",
    [
        [make_key(13, KSK, role="kz")],
        [make_key(15, KSK), make_key(15, KSK, 1), make_key(15, ZSK), make_key(15, ZSK, 1)],
        [make_key(13, KSK), make_key(13, ZSK), make_key(8, KSK), make_key(8, ZSK)],
        [make_key(16, KSK), make_key(16, ZSK), make_key(16, ZSK, 2, "none")],
    ],
    ids=["one key for all", "two of each", "two algorithms", "published only"],
)
@pytest.mark.parametrize("chain", CHAINS)
def test_key_sets_of_rollovers(keys: list[SigningKey], chain: str) -> None:
    """Each RRset is signed by every key that has to sign it, and by no other."""
    contents, _ = signed(ZONE, keys, CHAINS[chain])
    with contents:
        check_zone(contents, keys, CHAINS[chain])
        assert not validate_zone(contents, wire("example."), NOW).findings


@pytest.mark.parametrize("before", CHAINS)
@pytest.mark.parametrize("after", CHAINS)
def test_another_chain_takes_the_place_of_the_old_one(before: str, after: str) -> None:
    """Of the old chain nothing is left, and signatures of data are kept."""
    keys = key_pair(15)
    contents, first = signed(ZONE, keys, CHAINS[before])
    with contents, first, sign(contents, keys, CHAINS[after]) as second, second.apply(contents) as changed:
        check_zone(changed, keys, CHAINS[after])
        fresh, _ = signed(ZONE, keys, CHAINS[after])
        with fresh:
            assert list(changed) == list(fresh)


def test_leftovers_are_removed() -> None:
    """Signatures of glue, of absent types and by unknown keys go, and so do stray NSEC and NSEC3 records."""
    keys = key_pair(15)
    signature = "15 2 300 20331101000000 20231101000000 1 example. AAAA"
    strays = (
        f"ns.sub 300 RRSIG A {signature}\nsub 300 RRSIG NS {signature}\nzz 300 RRSIG AAAA {signature}\n"
        f"zz 300 RRSIG TXT {signature}\ngone 300 RRSIG A {signature}\ngone 300 NSEC zz.example. A\n"
        "ns.sub 300 NSEC zz.example. A\nzz 300 NSEC3PARAM 1 0 5 AB\n@ 300 NSEC3PARAM 1 0 5 AB\n"
        "00000000000000000000000000000000 300 NSEC3 1 0 5 AB 00000000000000000000000000000001 A\n"
    )
    for nsec3 in CHAINS.values():
        clean, _ = signed(ZONE, keys, nsec3)
        dirty = scan(ZONE + strays, keys)
        with clean, dirty, sign(dirty, keys, nsec3) as result, result.apply(dirty) as swept:
            assert list(swept) == list(clean)


def test_a_hash_that_is_a_name_of_the_zone() -> None:
    """Where a name of the zone is spelled as the hash of one, its RRsets and the NSEC3 record are signed together."""
    keys = key_pair(15)
    digest = dns.name.from_text("example.")
    label = dns.dnssec.nsec3_hash(digest, b"", 0, 1).lower()
    contents, _ = signed(f"{ZONE}{label} A 192.0.2.99\n", keys, Nsec3())
    with contents:
        check_zone(contents, keys, Nsec3())
        assert not validate_zone(contents, wire("example."), NOW).findings


def test_both_flat_forms_are_read() -> None:
    """A zone from the scanner and the same zone in buffers give the same changes."""
    keys = key_pair(15)
    with scan(ZONE, keys) as contents, sign(contents, keys) as one, sign(flatten(contents), keys) as other:
        assert list(one.changes) == list(other.changes)
        assert kinds(one.changes)[46] > 10
        with one.apply(contents) as merged, other.apply(flatten(contents)) as again:
            assert list(merged) == list(again) == sorted(merged)


def test_threads_make_the_same_zone() -> None:
    """Any number of threads gives the same changes, over several blocks and batches of work."""
    keys = key_pair(15)
    text = hosts(1200)
    for nsec3 in (None, Nsec3(1, b"salt")):
        with scan(text, keys) as contents:
            results = [sign(contents, keys, nsec3, threads=threads) for threads in (1, 3, 1000)]
            assert list(results[0].changes) == list(results[1].changes) == list(results[2].changes)
            assert {result.new_signatures for result in results} == {results[0].new_signatures}
            for result in results:
                result.close()


def hosts(count: int) -> str:
    """Return a zone with as many hosts."""
    return SMALL + "".join(f"h{number} A 192.0.2.{number % 256}\n" for number in range(count))


@pytest.mark.parametrize(("algorithm", "count"), [(13, 700), (14, 20)])
def test_each_signature_has_a_nonce_of_its_own(algorithm: int, count: int) -> None:
    """ECDSA signatures of a zone, by several threads, are all valid, and no two have the same first integer."""
    keys, octets = key_pair(algorithm), {13: 32, 14: 48}[algorithm]
    with (
        scan(hosts(count), keys) as contents,
        sign(contents, keys, threads=2) as result,
        result.apply(contents) as zone,
    ):
        assert validate_zone(zone, wire("example."), NOW).findings == ()
        rdatas = [rdata for key, value in zone if type_of_key(key) == RRSIG for rdata in unpack_rdatas(value)]
        firsts = {rdata[-2 * octets : -octets] for rdata in rdatas}
        assert len(firsts) == len(rdatas) == result.signatures > 2 * count


@pytest.mark.parametrize("before", [None, Nsec3(1, b"old")])
@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("text", [SMALL, ZONE, hosts(700)])
def test_merged_pairs_are_the_zone_with_its_changes(text: str, chain: str, before: Nsec3 | None) -> None:
    """Asked for all pairs, signing gives what carrying out the changes gives, whatever the zone was before."""
    keys = key_pair(15)
    with (
        scan(text, keys) as contents,
        sign(contents, keys, before) as changed,
        changed.apply(contents) as base,
        sign(base, keys, CHAINS[chain]) as changes,
        changes.apply(base) as expected,
        sign(base, keys, CHAINS[chain], merged=True) as result,
    ):
        assert list(result.changes) == list(expected)
        assert result.changes.records == expected.records


def test_deterministic_signatures_are_the_same_each_time() -> None:
    """With nonces of RFC 6979 ECDSA signatures follow from key and data; without them they do not."""
    for algorithm in (13, 14):
        keys = key_pair(algorithm)
        with scan(SMALL, keys) as contents:
            made = [
                list(sign(contents, keys, deterministic=wanted, threads=threads).changes)
                for wanted, threads in ((True, 1), (True, 2), (False, 1))
            ]
            assert made[0] == made[1] != made[2]
            with sign(contents, keys, deterministic=True) as result, result.apply(contents) as zone:
                check_zone(zone, keys, None)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (
            SigningKey(make_key(13).dnskey, make_key(13, ZSK).private_der, True, True),
            "private key of another public key",
        ),
        (SigningKey(make_key(13).dnskey, make_key(14).private_der, True, True), "private key of another public key"),
        (SigningKey(make_key(8).dnskey, make_key(13).private_der, True, True), "private key of another public key"),
        (SigningKey(make_key(13).dnskey, b"", True, True), "not a usable key"),
        (SigningKey(make_key(13).dnskey, make_key(13).private_der[:-9], True, True), "not a usable key"),
        (SigningKey(b"\1\1\3\xc8AAAA", make_key(13).private_der, True, True), "not a usable key"),
        (SigningKey(b"\1\1\3\x0d" + bytes(64), make_key(13).private_der, True, True), "not a usable key"),
        (SigningKey(b"\1\1\2" + make_key(13).dnskey[3:], make_key(13).private_der, True, True), "not a usable key"),
        (SigningKey(make_key(13).dnskey[:-1], make_key(13).private_der, True, True), "not a usable key"),
        (SigningKey(b"", make_key(13).private_der, True, True), "not a usable key"),
        (SigningKey(b"\1\1\3\x08\0\xff\xffA", make_key(8).private_der, True, True), "not a usable key"),
    ],
)
def test_keys_that_cannot_be_used(key: SigningKey, reason: str) -> None:
    """A key that cannot be read, or a private key of another DNSKEY, is refused by tag and with what to do."""
    with pytest.raises(SigningError, match=rf"\[example\.\] DNSSEC key \d+, algorithm \d+: {reason}; "):
        KeyRing(wire("example."), [make_key(13), key])


def test_a_zone_that_cannot_be_signed() -> None:
    """Without SOA, without a key for the zone, under another name or with pairs out of order signing is refused."""
    keys = key_pair(15)
    with scan("@ NS ns\nns A 192.0.2.1\n", keys) as contents, pytest.raises(ZoneRefused, match="SOA"):
        sign(contents, keys)
    with scan(SMALL, keys) as contents:
        with pytest.raises(SigningError, match="no key signs the zone's records; activate"):
            sign(contents, [make_key(15, KSK)])
        with (
            KeyRing(wire("other."), keys) as ring,
            pytest.raises(SigningError, match=r"the keys are of \[other\.\]"),
        ):
            sign_zone(contents, ring, wire("example."), ZONE_ID, VALIDITY)
        pairs = list(contents)
        for wrong in (pairs[::-1], [pairs[0], *pairs], [(key, value[:-1]) for key, value in pairs], [(b"", b"")]):
            with pytest.raises(SigningError, match="load the zone again"):
                sign(flatten(wrong), keys)
    long = ".".join(["x" * 60] * 4) + "."
    with scan(SMALL, keys, long) as contents, pytest.raises(SigningError, match="too long for NSEC3"):
        sign(contents, keys, Nsec3(), apex=long)


def test_signing_is_stopped() -> None:
    """A stop that is set ends signing before it has begun a block of work."""
    keys, stop = key_pair(15), Stop()
    stop.set()
    for nsec3 in CHAINS.values():
        with scan(SMALL, keys) as contents, KeyRing(wire("example."), keys) as ring, pytest.raises(SigningStopped):
            sign_zone(contents, ring, wire("example."), ZONE_ID, VALIDITY, nsec3=nsec3, stop=stop)


def test_a_closed_ring_signs_nothing() -> None:
    """Keys that were closed are gone; closing them again is nothing."""
    keys = key_pair(15)
    ring = KeyRing(wire("example."), keys)
    ring.close()
    ring.close()
    with scan(SMALL, keys) as contents, pytest.raises(SigningError, match="load them again"):
        sign_zone(contents, ring, wire("example."), ZONE_ID, VALIDITY)


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
        ("a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
        ("ai.example.", "gjeqe526plbf1g8mklp59enfd789njgi"),
        ("NS1.example.", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"),
        ("*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
        ("2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi"),
    ],
)
def test_hashes_of_the_rfc(name: str, digest: str) -> None:
    """The hashes of RFC 5155, appendix A."""
    from base64 import b32hexencode

    made = nsec3_hash(dns.name.from_text(name).to_wire() or b"", Nsec3(12, bytes.fromhex("aabbccdd")))
    assert b32hexencode(made).decode().lower() == digest


LABELS = st.one_of(
    st.sampled_from([b"a", b"b", b"*", b"\0", b"\1", b"\1\1", b"\0\0", b"A", b"_"]), st.binary(min_size=1, max_size=3)
)
RECORDS = st.sampled_from(
    [
        "A 192.0.2.1",
        "TXT x",
        "NS a",
        "NS ns.else.",
        "DS 1 13 2 " + "00" * 32,
        "DNAME else.",
        "TYPE65000 \\# 1 00",
        "TYPE65280 \\# 1 00",
        'CAA 0 issue "x"',
    ]
)
OWNERS = st.lists(LABELS, min_size=1, max_size=4).map(tuple)


def owner_text(labels: tuple[bytes, ...]) -> str:
    """Return the labels as a relative name of a zone file."""
    return ".".join("".join(f"\\{octet:03d}" for octet in label) for label in labels)


@settings(max_examples=60)
@given(st.lists(st.tuples(OWNERS, RECORDS), max_size=25), st.sampled_from(sorted(CHAINS)))
def test_any_zone_is_signed(records: list[tuple[tuple[bytes, ...], str]], chain: str) -> None:
    """Whatever names and types a zone has, it is signed as the reference has it, and its validation finds nothing."""
    keys = key_pair(15)
    text = SMALL + "".join(f"{owner_text(owner)} {record}\n" for owner, record in records)
    contents, _ = signed(text, keys, CHAINS[chain])
    with contents:
        check_zone(contents, keys, CHAINS[chain])
        assert validate_zone(contents, wire("example."), NOW).findings == ()
        with sign(contents, keys, CHAINS[chain]) as again:
            assert again.changes.count == 0
