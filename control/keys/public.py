# SPDX-License-Identifier: Apache-2.0
"""Public keys out of DNSKEY records (RFC 3110, 6605, 8080): their id and size, for keys without private half."""

import hashlib
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from control.conf.algorithms import BY_NUMBER
from control.keys.private import ECDSA_CURVES, ED448, ED25519

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey


class PublicHalf(NamedTuple):
    """What a public key field says of its key."""

    id: str
    """As that of a private key (`key_id`)."""
    bits: int


def public_half(algorithm: int, field: bytes) -> PublicHalf:
    """Return id and size of the key in a public key field. Raises ValueError for one that is none of the algorithm."""
    known = BY_NUMBER.get(algorithm)
    if known is None:
        raise ValueError(f"algorithm {algorithm} is not supported")
    try:
        public = _public(algorithm, field)
        info = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except UnsupportedAlgorithm as exc:
        raise ValueError(f"algorithm {algorithm} is not supported") from exc
    bits = public.key_size if isinstance(public, rsa.RSAPublicKey) else known.default_bits
    return PublicHalf(hashlib.sha1(info, usedforsecurity=False).hexdigest(), bits)


def _public(algorithm: int, field: bytes) -> PublicKey:
    if algorithm in ECDSA_CURVES:
        return ec.EllipticCurvePublicKey.from_encoded_point(ECDSA_CURVES[algorithm](), b"\4" + field)
    if algorithm == ED25519:
        return ed25519.Ed25519PublicKey.from_public_bytes(field)
    if algorithm == ED448:
        return ed448.Ed448PublicKey.from_public_bytes(field)
    return _rsa(field)


def _rsa(field: bytes) -> rsa.RSAPublicKey:
    """Return the key of length, exponent and modulus (RFC 3110, section 2)."""
    at = 1 if field[:1] > b"\0" else 3
    end = at + (field[0] if at == 1 else int.from_bytes(field[1:3], "big")) if len(field) >= at else 0
    if not at < end < len(field):
        raise ValueError("no RSA key")
    return rsa.RSAPublicNumbers(int.from_bytes(field[at:end], "big"), int.from_bytes(field[end:], "big")).public_key()
