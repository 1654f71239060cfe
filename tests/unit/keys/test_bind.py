# SPDX-License-Identifier: Apache-2.0
"""The key files of BIND."""

from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from control.errors import KeyMissing, KeyRefused
from control.keys.bind import BindPublic, BindTimes, read_bind_pair, read_bind_public
from control.keys.private import PrivateKey, generate, public_field, to_der

NAME = "Kexample.com.+000+00001"
TIMES = "Created: 20260102030405\nActivate: 19700101000001\n"


def number(value: int) -> str:
    """Return a number as the files have it."""
    return b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()


def private_text(private: PrivateKey, algorithm: int, more: str = TIMES) -> str:
    """Return the text of a private file."""
    head = f"Private-key-format: v1.3\nAlgorithm: {algorithm} (NAME)\n"
    if isinstance(private, rsa.RSAPrivateKey):
        its = private.private_numbers()
        values = {
            "Modulus": its.public_numbers.n,
            "PublicExponent": its.public_numbers.e,
            "PrivateExponent": its.d,
            "Prime1": its.p,
            "Prime2": its.q,
            "Exponent1": its.dmp1,
            "Exponent2": its.dmq1,
            "Coefficient": its.iqmp,
        }
        return head + "".join(f"{name}: {number(value)}\n" for name, value in values.items()) + more
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return f"{head}PrivateKey: {number(private.private_numbers().private_value)}\n{more}"
    octets = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return f"{head}PrivateKey: {b64encode(octets).decode()}\n{more}"


def public_text(private: PrivateKey, algorithm: int) -> str:
    """Return the text of a key file."""
    key = b64encode(public_field(private)).decode()
    return f"; a remark\nExample.COM. IN DNSKEY 257 3 {algorithm} {key[:40]} {key[40:]}\n"


def write(tmp_path: Path, private: PrivateKey, algorithm: int) -> Path:
    """Write both files; return what they have in common."""
    (tmp_path / f"{NAME}.private").write_text(private_text(private, algorithm))
    (tmp_path / f"{NAME}.key").write_text(public_text(private, algorithm))
    return tmp_path / NAME


@pytest.mark.parametrize(("algorithm", "bits"), [(5, 1024), (8, 1024), (13, 256), (14, 384), (15, 256), (16, 456)])
@pytest.mark.parametrize("suffix", ["", ".key", ".private"])
def test_pairs(tmp_path: Path, algorithm: int, bits: int, suffix: str) -> None:
    """The key, its record and its times are read, whichever of the files is named."""
    private = generate(algorithm, bits)
    base = write(tmp_path, private, algorithm)
    found = read_bind_pair(base.with_name(base.name + suffix))
    assert to_der(found.private) == to_der(private)
    assert found.public == BindPublic(b"\7example\3com\0", 257, algorithm, public_field(private))
    assert found.times == BindTimes(created=1767323045, activate=1)


def test_a_record_with_class_and_ttl(tmp_path: Path) -> None:
    """As it stands in zone files."""
    private = generate(15, 256)
    file = tmp_path / "x.key"
    file.write_text(public_text(private, 15).replace(" IN ", " 3600 IN "))
    assert read_bind_public(file).public_key == public_field(private)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """The one that lacks is named."""
    base = write(tmp_path, generate(13, 256), 13)
    (tmp_path / f"{NAME}.private").unlink()
    with pytest.raises(KeyMissing, match=r"private' is not there; give a pair"):
        read_bind_pair(base)
    (tmp_path / f"{NAME}.key").unlink()
    with pytest.raises(KeyMissing, match=r"key' is not there; give a pair"):
        read_bind_pair(base)


def test_private_files_that_cannot_be_used(tmp_path: Path) -> None:
    """Whatever is wrong in the file is one error, and nothing of the key is in it."""
    private = generate(8, 1024)
    base = write(tmp_path, private, 8)
    good = private_text(private, 8)
    broken = [
        "",
        "\0",
        good.replace("v1.3", "v2.0"),
        good.replace("Algorithm: 8", "Algorithm: eight"),
        good.replace("Algorithm: 8", "Algorithm: 99").replace("Modulus", "None"),
        good.replace("Prime1", "Prime9"),
        good.replace("Prime1: ", "Prime1: A"),
        good.replace("PublicExponent: AQAB", "PublicExponent: AQAC"),
        good.replace("20260102030405", "yesterday"),
        *("".join(good.splitlines(keepends=True)[:count]) for count in range(10)),
    ]
    for text in broken:
        (tmp_path / f"{NAME}.private").write_text(text)
        with pytest.raises(KeyRefused, match=r"\.private' has no usable private key; give the file") as caught:
            read_bind_pair(base)
        assert good.splitlines()[4][-20:] not in str(caught.value)
    (tmp_path / f"{NAME}.private").write_bytes(b"\xff\xfe")
    with pytest.raises(KeyRefused, match="no usable private key"):
        read_bind_pair(base)


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    """A private file of another key, or of another algorithm, is refused."""
    base = write(tmp_path, generate(13, 256), 13)
    (tmp_path / f"{NAME}.private").write_text(private_text(generate(13, 256), 13))
    with pytest.raises(KeyRefused, match="has not the private key of"):
        read_bind_pair(base)
    (tmp_path / f"{NAME}.private").write_text(private_text(generate(15, 256), 15))
    with pytest.raises(KeyRefused, match="has not the private key of"):
        read_bind_pair(base)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example. IN A 192.0.2.1\n",
        "example. IN DNSKEY 257 3 13 AAAA\nexample. IN DNSKEY 256 3 13 AAAA\n",
        "example. IN DNSKEY 257 4 13 AAAA\n",
        "example. IN DNSKEY 257 3 13 A\n",
        "$INCLUDE /etc/passwd\n",
        "x",
        ". IN",
    ],
)
def test_key_files_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    """One DNSKEY record is what such a file has, and no other file is read for it."""
    file = tmp_path / "x.key"
    file.write_text(text)
    with pytest.raises(KeyRefused, match="has not one DNSKEY record"):
        read_bind_public(file)
