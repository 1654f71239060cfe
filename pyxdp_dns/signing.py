# SPDX-License-Identifier: Apache-2.0
"""Signing zones (RFC 4034, 4035, 5155, 6840, 9077), as pairs in the form of csrc/pairs.h.

Owns what is asked of the signer (csrc/signing/) and what it answers. Keys are in `key_ring`, the
other direction is in `validation`.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

from pyxdp_dns.errors import SigningError
from pyxdp_dns.key_ring import KeyRing, SigningKey, key_tag
from pyxdp_dns.scan import ScannedZone, name_text
from pyxdp_dns.signing_native import Stop, check, ffi, flat_parts, lib, marks, pack_rdatas, take_pairs
from pyxdp_dns.validation import ValidationResult, validate_zone, verify_rrsets

__all__ = [
    "KeyRing",
    "Nsec3",
    "SignedZone",
    "SigningKey",
    "Stop",
    "ValidationResult",
    "Validity",
    "apply_changes",
    "key_tag",
    "nsec3_hash",
    "sign_rrsets",
    "sign_zone",
    "validate_zone",
    "verify_rrsets",
]

UINT32 = 0xFFFFFFFF


class Nsec3(NamedTuple):
    """Parameters of NSEC3 (RFC 5155, section 3.1); the hash is SHA-1."""

    iterations: int = 0
    salt: bytes = b""
    opt_out: bool = False
    """Insecure delegations, and empty non-terminals that lead to such only, have no NSEC3."""


class Validity(NamedTuple):
    """Times of signatures in Unix seconds, and which ones may be kept."""

    inception: int
    """Of new signatures."""
    expiration: int
    now: int
    keep_until: int
    """A signature that is there is kept when it expires after this."""
    reuse: bool = True
    """False: all signatures are made anew."""
    verify_kept: bool = False
    """Signatures are verified before they are kept: for those that came from outside."""


class SignedZone:
    """What makes a zone a signed one; `close` it, or use it as a context manager."""

    def __init__(self, changes: ScannedZone, result: Any) -> None:
        self.changes = changes
        """Pairs in key order of types RRSIG, NSEC, NSEC3 and NSEC3PARAM; an empty value: the RRset goes.

        When they were asked for as `merged`, all pairs of the zone with these changes carried out.
        """
        self.new_signatures = int(result.new_signatures)
        self.signatures = int(result.signatures)
        """How many the zone has then."""
        self.earliest_expiration = int(result.earliest_expiration)
        """Unix seconds modulo 2**32, of all signatures the zone has then; 0 when it has none."""
        self.latest_expiration = int(result.latest_expiration)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the changes; a second call does nothing."""
        self.changes.close()

    def apply(self, contents: Any) -> ScannedZone:
        """Return the contents that were signed with the changes carried out; the caller closes them."""
        return apply_changes(contents, self.changes)


def apply_changes(contents: Any, changes: Any) -> ScannedZone:
    """Return pairs with changes carried out, both in key order and flat form; the caller closes them.

    An empty value removes its RRset.
    """
    pairs = ffi.new("xd_pairs *")
    check(lib.xd_apply_changes(*flat_parts(contents), *flat_parts(changes), pairs), "changing a zone")
    return take_pairs(pairs, measured=True)


def sign_zone(
    contents: Any,
    ring: KeyRing,
    apex: bytes,
    zone_id: int,
    validity: Validity,
    *,
    nsec3: Nsec3 | None = None,
    nsec_ttl: int | None = None,
    merged: bool = False,
    threads: int = 1,
    stop: Stop | None = None,
) -> SignedZone:
    """Return what has to change in a zone so that it is signed; the caller closes it.

    `contents` are all pairs in key order, with the signatures and NSEC or NSEC3 records there are, and with SOA,
    DNSKEY, CDS and CDNSKEY as they shall be. Signatures of data that has changed must be gone, but for those of the
    apex: these are verified before they are kept. What no key of the ring signs, DNSKEY, CDS and CDNSKEY without a
    `signs_keys` key, keeps the signatures it has. `nsec_ttl` None: as RFC 9077 has it. `merged`:
    the result has all pairs of the signed zone instead of what changes in it.

    Raises SigningError, ZoneRefused without SOA, SigningStopped.
    """
    what = f"[{name_text(apex)}] signing the zone"
    if apex.lower() != ring.apex:
        raise SigningError(f"{what}: the keys are of [{name_text(ring.apex)}]; pass those of the zone")
    if not ring.signs_zone:
        raise SigningError(f"{what}: no key signs the zone's records; activate or generate a ZSK")
    plan = ffi.new("xd_sign_plan *")
    held = _nsec3_params(nsec3) if nsec3 is not None else ffi.NULL
    plan.zone_id, plan.nsec3, plan.threads = zone_id, held, max(1, threads)
    plan.validity = _validity(validity)[0]
    plan.merged = merged
    plan.nsec_ttl = -1 if nsec_ttl is None else nsec_ttl
    plan.stop = stop.flag if stop is not None else ffi.NULL
    parts, result = flat_parts(contents), ffi.new("xd_sign_result *")
    check(lib.xd_sign_zone(ring.pointer, *parts, plan, result), what)
    return SignedZone(take_pairs(result.changes, measured=merged), result)


def sign_rrsets(
    ring: KeyRing, rrsets: Sequence[tuple[bytes, bytes, Sequence[bytes]]], apex: bytes, validity: Validity
) -> list[tuple[bytes, ...]]:
    """Return the RRSIG rdatas, in canonical order, of few RRsets: store key, value and RRSIG rdatas that may be kept.

    The old signatures of an RRset that has changed must not be among these, unless `validity.verify_kept` is set.
    Raises SigningError.
    """
    what = f"[{name_text(apex)}] signing records"
    if apex.lower() != ring.apex:
        raise SigningError(f"{what}: the keys are of [{name_text(ring.apex)}]; pass those of the zone")
    parts = [part for key, value, _ in rrsets for part in (key, value)]
    old = [pack_rdatas(rdatas) for _, _, rdatas in rrsets]
    pairs = ffi.new("xd_pairs *")
    result = lib.xd_sign_rrsets(
        ring.pointer,
        b"".join(parts),
        marks(parts),
        len(rrsets),
        b"".join(old),
        marks(old),
        _validity(validity),
        pairs,
    )
    check(result, what)
    with take_pairs(pairs) as signatures:
        return [_unpack_rdatas(value) for _, value in signatures]


def nsec3_hash(name_wire: bytes, nsec3: Nsec3) -> bytes:
    """Return the hash of an owner name in wire form: 20 octets (RFC 5155, section 5)."""
    digest = ffi.new("uint8_t[20]")
    lib.xd_nsec3_hash(_nsec3_params(nsec3), name_wire.lower(), len(name_wire), digest)
    return bytes(ffi.buffer(digest))


def _nsec3_params(nsec3: Nsec3) -> Any:
    params = ffi.new("xd_nsec3_params *", {"iterations": nsec3.iterations, "salt_len": len(nsec3.salt)})
    ffi.memmove(params.salt, nsec3.salt, len(nsec3.salt))
    params.opt_out = nsec3.opt_out
    return params


def _validity(validity: Validity) -> Any:
    times = [time & UINT32 for time in validity[:4]]
    return ffi.new("xd_validity *", [*times, validity.reuse, validity.verify_kept])


def _unpack_rdatas(value: bytes) -> tuple[bytes, ...]:
    rdatas, at = [], 6
    while at < len(value):
        end = at + 2 + int.from_bytes(value[at : at + 2], "big")
        rdatas.append(value[at + 2 : end])
        at = end
    return tuple(rdatas)
