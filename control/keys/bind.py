# SPDX-License-Identifier: Apache-2.0
"""The key files of BIND: `K*.private` (Private-key-format 1.x) and `K*.key` with a DNSKEY record. Blocks on I/O."""

import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from control.errors import KeyMissing, KeyRefused
from control.keys.keystore import read_file
from control.keys.private import ECDSA_CURVES, ED448, ED25519, PrivateKey, fits, public_field

FORMAT, VERSIONS = "private-key-format", "v1."
RSA_NUMBERS = ("prime1", "prime2", "privateexponent", "exponent1", "exponent2", "coefficient")
TIMES = ("created", "publish", "activate", "revoke", "inactive", "delete")
DNSKEY = 48


class BindTimes(NamedTuple):
    """The times in a private file, Unix seconds; 0: not set."""

    created: int = 0
    publish: int = 0
    activate: int = 0
    revoke: int = 0
    inactive: int = 0
    delete: int = 0


class BindPublic(NamedTuple):
    """The DNSKEY record of a key file."""

    owner: bytes
    """Wire name in lower case."""
    flags: int
    algorithm: int
    public_key: bytes


class BindKey(NamedTuple):
    """What a pair of files says."""

    private: PrivateKey
    public: BindPublic
    times: BindTimes


def read_bind_pair(path: Path) -> BindKey:
    """Return the key in a pair of files, given either name, or what both have before `.key` and `.private`.

    Raises KeyMissing, or KeyRefused for files that cannot be used or do not belong together.
    """
    base = str(path).removesuffix(".key").removesuffix(".private")
    public, file = read_bind_public(Path(f"{base}.key")), Path(f"{base}.private")
    try:
        fields = _fields(_read(file))
        algorithm = int(fields["algorithm"].split()[0])
        private, times = _private(algorithm, fields), _times(fields)
    except (ValueError, LookupError) as exc:
        raise KeyRefused(f"file '{file}' has no usable private key; give the file that BIND's tools wrote") from exc
    if algorithm != public.algorithm or not fits(private, algorithm) or public_field(private) != public.public_key:
        raise KeyRefused(f"file '{file}' has not the private key of '{base}.key'; give two files of one key")
    return BindKey(private, public, times)


def read_bind_public(path: Path) -> BindPublic:
    """Return the DNSKEY record in a file, which may have comments. Raises KeyMissing or KeyRefused."""
    from dns.exception import DNSException
    from dns.zonefile import read_rrsets

    try:
        text = _read(path).decode()
        (rrset,) = read_rrsets(text, rdclass=None, default_ttl=0)
        (record,) = rrset
        if record.rdtype != DNSKEY or record.protocol != 3 or rrset.name is None:
            raise ValueError
    except (DNSException, ValueError) as exc:
        raise KeyRefused(f"file '{path}' has not one DNSKEY record; give the file that BIND's tools wrote") from exc
    owner = rrset.name.canonicalize().to_wire() or b""
    return BindPublic(owner, int(record.flags), int(record.algorithm), bytes(record.key))


def _read(path: Path) -> bytes:
    try:
        return read_file(path)
    except FileNotFoundError as exc:
        raise KeyMissing(f"file '{path}' is not there; give a pair of .key and .private") from exc
    except OSError as exc:
        raise KeyRefused(f"file '{path}' cannot be read ({exc.strerror}); let this user read it") from exc


def _fields(text: bytes) -> dict[str, str]:
    """Return the fields by their names in lower case. Raises ValueError for another format."""
    pairs = (line.partition(":") for line in text.decode().splitlines() if ":" in line)
    fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if not fields.get(FORMAT, "").startswith(VERSIONS):
        raise ValueError("no private key of BIND")
    return fields


def _private(algorithm: int, fields: Mapping[str, str]) -> PrivateKey:
    """Return the key. Raises ValueError or LookupError."""
    if "modulus" in fields:
        public = rsa.RSAPublicNumbers(_number(fields["publicexponent"]), _number(fields["modulus"]))
        prime1, prime2, exponent, rest1, rest2, coefficient = (_number(fields[name]) for name in RSA_NUMBERS)
        return rsa.RSAPrivateNumbers(prime1, prime2, exponent, rest1, rest2, coefficient, public).private_key()
    octets = _octets(fields["privatekey"])
    if algorithm == ED25519:
        return ed25519.Ed25519PrivateKey.from_private_bytes(octets)
    if algorithm == ED448:
        return ed448.Ed448PrivateKey.from_private_bytes(octets)
    return ec.derive_private_key(int.from_bytes(octets, "big"), ECDSA_CURVES[algorithm]())


def _octets(text: str) -> bytes:
    return binascii.a2b_base64(text, strict_mode=True)


def _number(text: str) -> int:
    return int.from_bytes(_octets(text), "big")


def _times(fields: Mapping[str, str]) -> BindTimes:
    return BindTimes(*(_time(fields[name]) if name in fields else 0 for name in TIMES))


def _time(text: str) -> int:
    return int(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp())
