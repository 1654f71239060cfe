# SPDX-License-Identifier: Apache-2.0
"""Validating signed zones and RRsets (RFC 4035, section 5; RFC 5155, section 7.1; RFC 6840), in csrc/signing/."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyxdp_dns.scan import name_text
from pyxdp_dns.signing_native import Stop, check, ffi, flat_parts, lib, marks, pack_rdatas
from pyxdp_dns.text import type_text

FINDINGS_MAX = 100
UINT32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """What the validation of a zone came to; it is valid when there is no finding."""

    findings: tuple[tuple[str, str], ...]
    """Owner in presentation form and reason of each: the first hundred, in the order of names."""
    count: int
    """Of all findings."""
    checked_signatures: int
    earliest_expiration: int
    """Of the valid signatures, in Unix seconds modulo 2**32; 0 when there is none."""


def validate_zone(
    contents: Any,
    apex: bytes,
    now: int,
    *,
    threads: int = 1,
    zone_id: int | None = None,
    dnskey_rrset: Sequence[bytes] | None = None,
    stop: Stop | None = None,
) -> ValidationResult:
    """Validate a whole zone: all its pairs in key order, in any of the flat forms.

    Every authoritative RRset needs a valid signature of each algorithm in DNSKEY, nothing else may be signed, and the
    NSEC or NSEC3 chain has to be complete. A zone has NSEC3 when there is NSEC3PARAM at its apex. `zone_id` None: as in
    the first key. `dnskey_rrset` are rdatas that stand in for the zone's own DNSKEY. Raises ZoneRefused without SOA,
    SigningError for pairs that are malformed or out of order, SigningStopped.
    """
    parts = flat_parts(contents)
    if zone_id is None:
        zone_id = int.from_bytes(bytes(ffi.buffer(parts[0], 4)), "big") if contents.count else 0
    plan, held = _make_plan(apex, now, dnskey_rrset)
    plan.zone_id, plan.threads = zone_id, max(1, threads)
    plan.stop = stop.flag if stop is not None else ffi.NULL
    faults = ffi.new("xd_fault[]", FINDINGS_MAX)
    validation = ffi.new("xd_validation *", {"faults": faults, "room": FINDINGS_MAX})
    check(lib.xd_validate_zone(*parts, plan, validation), f"[{name_text(apex)}] validating the zone")
    del held
    return ValidationResult(
        tuple(_finding(faults[number]) for number in range(validation.kept)),
        int(validation.count),
        int(validation.checked_signatures),
        int(validation.earliest_expiration),
    )


def verify_rrsets(
    dnskeys: Sequence[bytes], apex: bytes, items: Sequence[tuple[bytes, bytes, Sequence[bytes]]], now: int
) -> list[str | None]:
    """Return for each RRset why none of its signatures makes it valid, or None when one does.

    `dnskeys` are rdatas; items are store key, value and RRSIG rdatas. Raises SigningError for malformed keys or values.
    """
    plan, held = _make_plan(apex, now, dnskeys)
    parts = [part for key, value, _ in items for part in (key, value)]
    rrsigs = [pack_rdatas(rdatas) for _, _, rdatas in items]
    codes = ffi.new("int[]", len(items) or 1)
    octets, all_rrsigs = b"".join(parts), b"".join(rrsigs)
    result = lib.xd_verify_rrsets(octets, marks(parts), len(items), all_rrsigs, marks(rrsigs), plan, codes)
    check(result, f"[{name_text(apex)}] verifying records")
    del held
    return [_text(codes[number]) if codes[number] else None for number in range(len(items))]


def _make_plan(apex: bytes, now: int, dnskeys: Sequence[bytes] | None) -> tuple[Any, tuple[Any, ...]]:
    """Return a plan for C, and what has to live as long as it."""
    plan, name = ffi.new("xd_validate_plan *"), ffi.from_buffer("uint8_t[]", apex.lower())
    plan.apex, plan.now = name, now & UINT32
    if dnskeys is None:
        return plan, (name,)
    packed = pack_rdatas(dnskeys)
    keys = ffi.from_buffer("uint8_t[]", packed)
    plan.dnskeys, plan.dnskeys_len = keys, len(packed)
    return plan, (name, keys)


def _text(code: int) -> str:
    return bytes(ffi.string(lib.xd_fault_text(code))).decode()


def _finding(fault: Any) -> tuple[str, str]:
    concerned = f" ({type_text(fault.type)})" if fault.type else ""
    return name_text(bytes(fault.owner)), _text(fault.code) + concerned
