# SPDX-License-Identifier: Apache-2.0
"""Private keys as values: making them, their text and DER, and what is public of them (RFC 3110, 6605, 8080).

Nothing here is shown: `cryptography`'s objects have no contents in their repr, and errors name none.
"""

import binascii
import hashlib
import re
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from control.conf.algorithms import BY_NUMBER
from control.keys.der import ec_number

PrivateKey: TypeAlias = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
)
KINDS = rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey
PUBLIC_EXPONENT = 65537
Curve: TypeAlias = type[ec.SECP256R1] | type[ec.SECP384R1]
ECDSA_CURVES: dict[int, Curve] = {13: ec.SECP256R1, 14: ec.SECP384R1}
CURVES_BY_NAME: dict[str, Curve] = {"secp256r1": ec.SECP256R1, "secp384r1": ec.SECP384R1}
ED25519, ED448 = 15, 16
PEM = re.compile(rb"-----BEGIN (EC )?PRIVATE KEY-----\s(.*?)-----END (EC )?PRIVATE KEY-----", re.DOTALL)


def generate(algorithm: int, bits: int) -> PrivateKey:
    """Return a new key. Raises ValueError for an algorithm or size that there is not."""
    known = BY_NUMBER.get(algorithm)
    if known is None or bits not in known.bits:
        raise ValueError(f"no keys of {bits} bits for DNSSEC algorithm {algorithm}")
    if known.is_rsa:
        return rsa.generate_private_key(PUBLIC_EXPONENT, bits)
    if algorithm == ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == ED448:
        return ed448.Ed448PrivateKey.generate()
    return ec.generate_private_key(ECDSA_CURVES[algorithm]())


def fits(private: PrivateKey, algorithm: int) -> bool:
    """Whether a key can be one of a DNSSEC algorithm."""
    if isinstance(private, rsa.RSAPrivateKey):
        return algorithm in BY_NUMBER and BY_NUMBER[algorithm].is_rsa and private.key_size in BY_NUMBER[algorithm].bits
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return algorithm in ECDSA_CURVES and isinstance(private.curve, ECDSA_CURVES[algorithm])
    return algorithm == (ED25519 if isinstance(private, ed25519.Ed25519PrivateKey) else ED448)


def bits_of(private: PrivateKey) -> int:
    """Return the size of a key as Knot DNS counts it."""
    if isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return private.key_size
    return BY_NUMBER[ED25519 if isinstance(private, ed25519.Ed25519PrivateKey) else ED448].default_bits


def public_field(private: PrivateKey) -> bytes:
    """Return the public key field of the DNSKEY record."""
    public = private.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        exponent, modulus = _octets(numbers.e), _octets(numbers.n)
        length = bytes((len(exponent),)) if len(exponent) < 256 else b"\0" + len(exponent).to_bytes(2, "big")
        return length + exponent + modulus
    if isinstance(public, ec.EllipticCurvePublicKey):
        return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _octets(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def key_id(private: PrivateKey) -> str:
    """Return the id of a key: SHA-1 of its SubjectPublicKeyInfo, in hexadecimal."""
    info = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha1(info, usedforsecurity=False).hexdigest()


def to_pem(private: PrivateKey) -> bytes:
    """Return the text of a key (PKCS #8)."""
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def to_der(private: PrivateKey) -> bytes:
    """Return the DER of a key (PKCS #8)."""
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def from_pem(text: bytes) -> PrivateKey:
    """Return the key in a text in PEM form, PKCS #8 or traditional.

    Raises ValueError, whose text is a short reason, for anything else, also for an encrypted key.
    """
    found: object
    try:
        found = load_pem_private_key(text, None)
    except TypeError as exc:
        raise ValueError("it is encrypted") from exc
    except UnsupportedAlgorithm as exc:
        raise ValueError("its algorithm is not supported") from exc
    except ValueError as exc:
        found = _from_padded(text)
        if found is None:
            raise ValueError("it is no private key in PEM form") from exc
    if not isinstance(found, KINDS):
        raise ValueError("it is of an algorithm that DNSSEC does not have")
    return found


def _from_padded(text: bytes) -> ec.EllipticCurvePrivateKey | None:
    """Return an EC key whose number is padded otherwise, if the text is one."""
    block = PEM.search(text)
    try:
        found = ec_number(binascii.a2b_base64(block[2] if block else b""))
        return ec.derive_private_key(found.number, CURVES_BY_NAME[found.curve]())
    except ValueError:
        return None
