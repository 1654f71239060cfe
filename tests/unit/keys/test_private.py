# SPDX-License-Identifier: Apache-2.0
"""Private keys as values: forms they are read in, and what is public of them."""

import base64
import traceback
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from dns.dnssec import make_dnskey
from dns.dnssectypes import Algorithm
from hypothesis import given
from hypothesis import strategies as st

from control.conf.algorithms import ALGORITHMS
from control.keys.der import ec_number
from control.keys.private import (
    KINDS,
    PrivateKey,
    bits_of,
    fits,
    from_pem,
    generate,
    key_id,
    public_field,
    to_der,
    to_pem,
)

SIZES = {algorithm.number: min(algorithm.default_bits, 1024) for algorithm in ALGORITHMS}


@pytest.mark.parametrize("number", SIZES)
def test_public_half(number: int) -> None:
    """The field of the DNSKEY record is what another implementation makes of the key; the size is as asked for."""
    private = generate(number, SIZES[number])
    expected = make_dnskey(private.public_key(), Algorithm(number))  # type: ignore[arg-type]
    assert public_field(private) == expected.key
    assert bits_of(private) == SIZES[number]
    assert [other for other in SIZES if fits(private, other)] == (
        [5, 7, 8, 10] if isinstance(private, rsa.RSAPrivateKey) else [number]
    )


def test_a_large_exponent() -> None:
    """An exponent of more than 255 octets has a length of three octets (RFC 3110, section 2)."""
    small = generate(8, 2048)
    assert isinstance(small, rsa.RSAPrivateKey)
    numbers = small.private_numbers()
    phi = (numbers.p - 1) * (numbers.q - 1)
    exponent = phi - 1  # Its own inverse, and as long as the modulus.
    public = rsa.RSAPublicNumbers(exponent, numbers.p * numbers.q)
    crt = exponent % (numbers.p - 1), exponent % (numbers.q - 1)
    large = rsa.RSAPrivateNumbers(numbers.p, numbers.q, exponent, *crt, numbers.iqmp, public)
    field = public_field(large.private_key(unsafe_skip_rsa_key_validation=True))
    assert field[:3] == b"\0\1\0"
    assert int.from_bytes(field[3:259], "big") == exponent
    assert int.from_bytes(field[259:], "big") == public.n


FORMS = [
    *((number, PrivateFormat.PKCS8) for number in SIZES),
    *((number, PrivateFormat.TraditionalOpenSSL) for number in SIZES if number not in (15, 16)),
]
"""EdDSA has no traditional form."""


@pytest.mark.parametrize(("number", "form"), FORMS)
def test_forms_that_are_read(number: int, form: PrivateFormat) -> None:
    """PKCS #8 and the traditional form give the same key; text around it does not matter."""
    private = generate(number, SIZES[number])
    text = private.private_bytes(Encoding.PEM, form, NoEncryption())
    assert to_der(from_pem(b"a remark\n" + text + b"more\n")) == to_der(private)


def element(tag: int, *parts: bytes) -> bytes:
    """Return one element of DER."""
    body = b"".join(parts)
    size = len(body)
    length = (
        bytes((size,)) if size < 128 else b"\x81" + bytes((size,)) if size < 256 else b"\x82" + size.to_bytes(2, "big")
    )
    return bytes((tag,)) + length + body


def ec_text(octets: bytes, *, traditional: bool) -> bytes:
    """Return the text of a P-256 key with these octets for its number."""
    curve = element(6, bytes.fromhex("2a8648ce3d030107"))
    version, number = element(2, b"\1"), element(4, octets)
    if traditional:
        der, kind = element(0x30, version, number, element(0xA0, curve)), "EC PRIVATE KEY"
    else:
        algorithm = element(0x30, element(6, bytes.fromhex("2a8648ce3d0201")), curve)
        der = element(0x30, element(2, b"\0"), algorithm, element(4, element(0x30, version, number)))
        kind = "PRIVATE KEY"
    return f"-----BEGIN {kind}-----\n{base64.encodebytes(der).decode()}-----END {kind}-----\n".encode()


@pytest.mark.parametrize("traditional", [False, True])
def test_numbers_that_are_padded_otherwise(traditional: bool) -> None:
    """An octet 0 before the number, and a number without its leading zeros, are read: GnuTLS writes such keys."""
    private = ec.derive_private_key(0xFEDC << 200, ec.SECP256R1())
    number = 0xFEDC << 200
    for octets in (b"\0" + number.to_bytes(32, "big"), number.to_bytes(27, "big")):
        text = ec_text(octets, traditional=traditional)
        assert to_der(from_pem(text)) == to_der(private)


def test_what_is_refused() -> None:
    """Each reason is a short text, and nothing of the file is in it or in what led to it."""
    private = generate(13, 256)
    secret = BestAvailableEncryption(b"word")
    text = to_pem(private).decode()
    cases = {
        "it is encrypted": private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret),
        "that DNSSEC does not have": dsa.generate_private_key(1024).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
    }
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    no_key = [b"", b"x", b"\xff" * 100, public, text.replace("MI", "MM", 1).encode(), text[:150].encode()]
    no_key += [text.replace("PRIVATE", "SECRET").encode(), b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"]
    for reason, texts in [*((reason, [one]) for reason, one in cases.items()), ("no private key in PEM form", no_key)]:
        for one in texts:
            with pytest.raises(ValueError, match=reason) as caught:
                from_pem(one)
            shown = "".join(traceback.format_exception(caught.value))
            assert text.splitlines()[1][:20] not in shown


def test_every_cut_of_a_file_is_refused() -> None:
    """A key that was written in part is never taken for one."""
    for traditional in (False, True):
        text = ec_text(b"\3", traditional=traditional)
        assert isinstance(from_pem(text), ec.EllipticCurvePrivateKey)
        head, _, tail = text.partition(b"-----\n")
        der = base64.decodebytes(tail.partition(b"-----")[0])
        for size in range(len(der)):
            cut = head + b"-----\n" + base64.encodebytes(der[:size]) + b"-----END" + text.rpartition(b"-----END")[2]
            with pytest.raises(ValueError, match="no private key"):
                from_pem(cut)


@given(st.binary(max_size=80), st.binary(max_size=140), st.integers(0, 120), st.booleans())
def test_any_der(noise: bytes, tail: bytes, at: int, traditional: bool) -> None:
    """Whatever octets a file has, there is a key or a reason."""
    text = ec_text(bytes(range(32)), traditional=traditional)
    der = base64.decodebytes(text.partition(b"-----\n")[2].partition(b"-----END")[0])
    for octets in (noise, tail, der[:at] + noise + der[at + len(noise) :], der[:at] + noise + der[at:]):
        with suppress(ValueError):
            assert ec_number(octets).curve.startswith("secp")


def test_keys_are_not_shown() -> None:
    """The repr of a key has nothing of it."""
    for number, bits in SIZES.items():
        private: PrivateKey = generate(number, bits)
        assert isinstance(private, KINDS)
        assert repr(private).startswith("<cryptography.")
        assert key_id(private) not in repr(private)


@pytest.mark.parametrize(("number", "bits"), [(13, 384), (8, 512), (8, 4097), (1, 1024), (15, 0)])
def test_keys_that_there_are_not(number: int, bits: int) -> None:
    """Sizes and algorithms outside of the table are refused."""
    with pytest.raises(ValueError, match=f"no keys of {bits} bits for DNSSEC algorithm {number}"):
        generate(number, bits)


def test_ids_are_sha1_of_the_public_half() -> None:
    """They are 40 hexadecimal digits and belong to the key, not to its form."""
    private = generate(15, 256)
    assert key_id(private) == key_id(from_pem(to_pem(private)))
    assert len(key_id(private)) == 40
