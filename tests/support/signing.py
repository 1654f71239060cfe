# SPDX-License-Identifier: Apache-2.0
"""Keys for tests, signed zones, and what a signed zone has to contain, computed without the signer.

The reference is written from the RFCs over dnspython's names and is slow on purpose: every question looks at all names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataset
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.dnssectypes import NSEC3Hash
from dns.rdatatype import RdataType

from pyxdp_dns.scan import ScannedZone, scan_zone_text
from pyxdp_dns.signing import KeyRing, Nsec3, SignedZone, SigningKey, Validity, sign_zone

ZONE_ID = 7
NOW = 1_700_000_000
LIFETIME = 14 * 86400
VALIDITY = Validity(NOW - 5400, NOW + LIFETIME, NOW, NOW + 86400)
ALGORITHMS = (5, 7, 8, 10, 13, 14, 15, 16)
KSK, ZSK = 257, 256

CHAINS: Mapping[str, Nsec3 | None] = {
    "nsec": None,
    "nsec3": Nsec3(),
    "optout": Nsec3(3, bytes.fromhex("AABBCCDD"), opt_out=True),
}

Pair = tuple[bytes, bytes]
Sets = Mapping[dns.name.Name, Mapping[RdataType, tuple[int, tuple[bytes, ...]]]]
"""TTL and rdatas by owner and type."""

MADE = {RdataType.RRSIG, RdataType.NSEC, RdataType.NSEC3, RdataType.NSEC3PARAM}


@cache
def make_key(algorithm: int, flags: int = KSK, number: int = 0, role: str = "") -> SigningKey:
    """Return a key of a test run; the flags say its role unless `role` does ("k" DNSKEY, "z" the zone, "kz" both)."""
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
    if algorithm == 13:
        private = ec.generate_private_key(ec.SECP256R1())
    elif algorithm == 14:
        private = ec.generate_private_key(ec.SECP384R1())
    elif algorithm == 15:
        private = ed25519.Ed25519PrivateKey.generate()
    elif algorithm == 16:
        private = ed448.Ed448PrivateKey.generate()
    else:
        private = rsa.generate_private_key(65537, 1024 + 8 * number)
    dnskey = dns.dnssec.make_dnskey(private.public_key(), algorithm, flags=flags).to_wire()
    der = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    role = role or ("k" if flags & 1 else "z")
    assert dnskey is not None
    return SigningKey(dnskey, der, "k" in role, "z" in role)


def key_pair(algorithm: int) -> list[SigningKey]:
    """Return a KSK and a ZSK."""
    return [make_key(algorithm, KSK), make_key(algorithm, ZSK)]


def dnskey_lines(keys: Iterable[SigningKey]) -> str:
    """Return the DNSKEY records of keys as lines of a zone file."""
    return "".join(f"@ 3600 DNSKEY {rdata(48, key.dnskey).to_text()}\n" for key in keys)


def rdata(rtype: int, wire: bytes) -> dns.rdata.Rdata:
    """Return record data as dnspython has it."""
    return dns.rdata.from_wire(1, rtype, wire, 0, len(wire))


def scan(text: str, keys: Iterable[SigningKey], apex: str = "example.") -> ScannedZone:
    """Return a zone of the text and the DNSKEY records of keys."""
    return scan_zone_text(f"$TTL 300\n{text}\n$ORIGIN {apex}\n{dnskey_lines(keys)}".encode(), wire(apex), ZONE_ID)


def wire(name: str) -> bytes:
    """Return a name in lower case wire form."""
    octets = dns.name.from_text(name).canonicalize().to_wire()
    assert octets is not None
    return octets


def sign(
    contents: object,
    keys: Sequence[SigningKey],
    nsec3: Nsec3 | None = None,
    *,
    apex: str = "example.",
    validity: Validity = VALIDITY,
    merged: bool = False,
    threads: int = 1,
    deterministic: bool = False,
) -> SignedZone:
    """Sign a zone with keys that are loaded for it."""
    with KeyRing(wire(apex), keys, deterministic=deterministic) as ring:
        return sign_zone(contents, ring, wire(apex), ZONE_ID, validity, nsec3=nsec3, merged=merged, threads=threads)


def signed(
    text: str, keys: Sequence[SigningKey], nsec3: Nsec3 | None = None, *, apex: str = "example."
) -> tuple[ScannedZone, SignedZone]:
    """Return a zone that was read and signed, and what signing said."""
    with scan(text, keys, apex) as contents:
        result = sign(contents, keys, nsec3, apex=apex)
        return result.apply(contents), result


def read_sets(pairs: Iterable[Pair]) -> Sets:
    """Return pairs by owner and type."""
    from control.store.keys import unpack_rrsets

    sets: dict[dns.name.Name, dict[RdataType, tuple[int, tuple[bytes, ...]]]] = {}
    for rrset in unpack_rrsets(pairs):
        owner, _ = dns.name.from_wire(rrset.owner, 0)
        sets.setdefault(owner, {})[RdataType.make(rrset.type)] = (rrset.ttl, rrset.rdatas)
    return sets


@dataclass(slots=True)
class Expected:
    """What signing has to make of a zone."""

    signed: set[tuple[dns.name.Name, RdataType]] = field(default_factory=set)
    """The zone's own RRsets that are signed."""
    nsec: dict[dns.name.Name, tuple[dns.name.Name, set[RdataType]]] = field(default_factory=dict)
    nsec3: dict[str, tuple[str, set[RdataType]]] = field(default_factory=dict)
    """By hash in base32hex, upper case."""


def expect(sets: Sets, apex: dns.name.Name, nsec3: Nsec3 | None) -> Expected:
    """Return what RFC 4035 (section 2) and RFC 5155 (section 7.1) want of a zone's own records."""
    own = {name: set(types) - MADE for name, types in sets.items() if set(types) - MADE}
    cuts = {name for name, types in own.items() if RdataType.NS in types and name != apex}
    blocks = cuts | {name for name, types in own.items() if RdataType.DNAME in types}
    names = [name for name in sorted(own) if not any(name != block and name.is_subdomain(block) for block in blocks)]
    expected = Expected()
    for name in names:
        of_zone = own[name] & {RdataType.DS} if name in cuts else own[name]
        expected.signed |= {(name, rtype) for rtype in of_zone}
    listed = {name: own[name] & {RdataType.NS, RdataType.DS} if name in cuts else own[name] for name in names}
    if nsec3 is None:
        for name, following in zip(names, [*names[1:], names[0]], strict=True):
            expected.nsec[name] = following, listed[name] | {RdataType.RRSIG, RdataType.NSEC}
        return expected
    chosen = [name for name in names if not (nsec3.opt_out and name in cuts and RdataType.DS not in listed[name])]
    _expect_nsec3(expected, apex, nsec3, chosen, cuts, listed)
    return expected


def _expect_nsec3(
    expected: Expected,
    apex: dns.name.Name,
    nsec3: Nsec3,
    chosen: list[dns.name.Name],
    cuts: set[dns.name.Name],
    listed: Mapping[dns.name.Name, set[RdataType]],
) -> None:
    bitmaps: dict[dns.name.Name, set[RdataType]] = {}
    for name in chosen:
        above = name
        while above != apex:
            above = above.parent()
            bitmaps.setdefault(above, set())
        insecure = name in cuts and RdataType.DS not in listed[name]
        bitmaps[name] = listed[name] | (set() if insecure else {RdataType.RRSIG})
    bitmaps[apex] |= {RdataType.NSEC3PARAM}
    hashes = {dns.dnssec.nsec3_hash(name, nsec3.salt.hex(), nsec3.iterations, NSEC3Hash.SHA1): name for name in bitmaps}
    ordered = sorted(hashes)
    for digest, following in zip(ordered, [*ordered[1:], ordered[0]], strict=True):
        expected.nsec3[digest] = following, bitmaps[hashes[digest]]


def check_chain(sets: Sets, expected: Expected, apex: dns.name.Name, nsec3: Nsec3 | None) -> None:
    """Assert that a signed zone has the NSEC or NSEC3 records that are expected, and no others."""
    nsec = {name: rdata(47, types[RdataType.NSEC][1][0]) for name, types in sets.items() if RdataType.NSEC in types}
    assert {name: (found.next, _listed(found)) for name, found in nsec.items()} == expected.nsec
    hashed = {name: types[RdataType.NSEC3][1] for name, types in sets.items() if RdataType.NSEC3 in types}
    assert all(name.parent() == apex and len(rdatas) == 1 for name, rdatas in hashed.items())
    found3 = {name.labels[0].decode().upper(): rdata(50, rdatas[0]) for name, rdatas in hashed.items()}
    assert {
        digest: (found.next_name().labels[0].decode().upper(), _listed(found)) for digest, found in found3.items()
    } == (expected.nsec3)
    for found in found3.values():
        assert nsec3 is not None
        assert (found.algorithm, found.flags, found.iterations, found.salt) == (
            1,
            int(nsec3.opt_out),
            nsec3.iterations,
            nsec3.salt,
        )
    params = sets[apex].get(RdataType.NSEC3PARAM)
    assert (params is None) == (nsec3 is None)
    if params is not None and nsec3 is not None:
        assert params[1] == (
            bytes((1, 0)) + nsec3.iterations.to_bytes(2, "big") + bytes((len(nsec3.salt),)) + nsec3.salt,
        )


def _listed(found: dns.rdata.Rdata) -> set[RdataType]:
    """Return the types in the bitmap of an NSEC or NSEC3."""
    return {
        RdataType.make((window << 8) + 8 * at + bit)
        for window, bitmap in found.windows
        for at, octet in enumerate(bitmap)
        for bit in range(8)
        if octet & 0x80 >> bit
    }


def check_signatures(sets: Sets, expected: Expected, apex: dns.name.Name, keys: Sequence[SigningKey]) -> int:
    """Assert that what has to be signed is, by the keys that have to, and nothing else; dnspython validates all of it.

    Returns the number of signatures.
    """
    dnskeys = dns.rdataset.from_rdata_list(3600, [rdata(48, key.dnskey) for key in keys])
    wanted, seen = {}, 0
    for name, rtype in expected.signed | {(name, rtype) for name, types in sets.items() for rtype in MADE & set(types)}:
        if rtype != RdataType.RRSIG:
            of_keys = name == apex and rtype in (RdataType.DNSKEY, RdataType.CDS, RdataType.CDNSKEY)
            tags = sorted(
                dns.dnssec.key_id(rdata(48, key.dnskey))
                for key in keys
                if (key.signs_keys if of_keys else key.signs_zone)
            )
            wanted[name, rtype] = tags
    found: dict[tuple[dns.name.Name, RdataType], list[int]] = {}
    for name, types in sets.items():
        for wire_form in types[RdataType.RRSIG][1] if RdataType.RRSIG in types else ():
            rrsig = rdata(46, wire_form)
            found.setdefault((name, rrsig.type_covered), []).append(rrsig.key_tag)
            ttl, rdatas = types[rrsig.type_covered]
            rrset = dns.rrset.from_rdata_list(name, ttl, [rdata(rrsig.type_covered, each) for each in rdatas])
            dns.dnssec.validate_rrsig(rrset, rrsig, {apex: dnskeys}, now=NOW)
            assert (rrsig.original_ttl, rrsig.signer) == (ttl, apex)
            seen += 1
    assert {rrset: sorted(tags) for rrset, tags in found.items()} == wanted
    return seen


def check_zone(pairs: Iterable[Pair], keys: Sequence[SigningKey], nsec3: Nsec3 | None, apex: str = "example.") -> int:
    """Assert all of the above about a signed zone; returns the number of its signatures."""
    listed, name = list(pairs), dns.name.from_text(apex)
    assert listed == sorted(listed)
    sets = read_sets(listed)
    expected = expect(sets, name, nsec3)
    check_chain(sets, expected, name, nsec3)
    for types in sets.values():
        if RdataType.RRSIG in types:
            ttl, rdatas = types[RdataType.RRSIG]
            assert list(rdatas) == sorted(set(rdatas))
            assert ttl == int.from_bytes(rdatas[0][4:8], "big")
    return check_signatures(sets, expected, name, keys)
