# SPDX-License-Identifier: Apache-2.0
"""The private number in the DER of an EC key, however its octets are padded (RFC 5915, RFC 5208).

Knot DNS writes it as GnuTLS does, with an octet 0 before numbers whose highest bit is set and without leading zeros,
which stricter readers refuse. Lengths are checked: files come from elsewhere.
"""

from typing import NamedTuple

SEQUENCE, INTEGER, OCTETS, OBJECT, CONTEXT_0 = 0x30, 0x02, 0x04, 0x06, 0xA0
EC_PUBLIC_KEY = bytes.fromhex("2a8648ce3d0201")
CURVES = {bytes.fromhex("2a8648ce3d030107"): "secp256r1", bytes.fromhex("2b81040022"): "secp384r1"}
"""Object identifiers of the curves that DNSSEC has (RFC 5480, section 2.1.1.1)."""


class EcNumber(NamedTuple):
    """A private number and the name of its curve; never shown."""

    number: int
    curve: str

    def __repr__(self) -> str:
        return f"EcNumber({self.curve})"


def ec_number(der: bytes) -> EcNumber:
    """Return what a PKCS #8 or a traditional EC private key says. Raises ValueError for anything else."""
    kind, body, rest = _element(der)
    version, inner, tail = _element(body)
    if kind != SEQUENCE or rest or version != INTEGER:
        raise ValueError("no private key")
    if inner == b"\1":
        return _traditional(tail, None)
    kind, algorithm, tail = _element(tail)
    kind_of_key, key, _ = _element(tail)
    if kind != SEQUENCE or kind_of_key != OCTETS:
        raise ValueError("no private key")
    first, object_id, parameters = _element(algorithm)
    second, curve, _ = _element(parameters)
    if (first, second) != (OBJECT, OBJECT) or object_id != EC_PUBLIC_KEY:
        raise ValueError("no EC key")
    kind, body, _ = _element(key)
    version, inner, tail = _element(body)
    if kind != SEQUENCE or version != INTEGER or inner != b"\1":
        raise ValueError("no EC key")
    return _traditional(tail, curve)


def _traditional(fields: bytes, curve: bytes | None) -> EcNumber:
    """Return what stands behind the version of a traditional key, whose curve may be known."""
    kind, octets, tail = _element(fields)
    if kind != OCTETS:
        raise ValueError("no EC key")
    if curve is None:
        kind, parameters, _ = _element(tail)
        inner, curve, _ = _element(parameters)
        if kind != CONTEXT_0 or inner != OBJECT:
            raise ValueError("a key without curve")
    if curve not in CURVES:
        raise ValueError("a curve that DNSSEC does not have")
    return EcNumber(int.from_bytes(octets, "big"), CURVES[curve])


def _element(octets: bytes) -> tuple[int, bytes, bytes]:
    """Return tag and contents of the first element, and what follows it. Raises ValueError."""
    if len(octets) < 2:
        raise ValueError("too short")
    length, at = octets[1], 2
    if length & 0x80:
        at += length & 0x7F
        if not 2 < at <= 4 or len(octets) < at:
            raise ValueError("a length that is not one")
        length = int.from_bytes(octets[2:at], "big")
    if len(octets) < at + length:
        raise ValueError("too short")
    return octets[0], octets[at : at + length], octets[at + length :]
