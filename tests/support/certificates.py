# SPDX-License-Identifier: Apache-2.0
"""Certificates of an authority of the test's own, or such that sign themselves, in files."""

import base64
import datetime
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = datetime.timedelta(days=1)


class Certificate(NamedTuple):
    """A certificate and its key in files."""

    cert_file: Path
    key_file: Path
    pin: bytes
    """SHA-256 of the public key."""

    @property
    def pin_text(self) -> str:
        """The pin in Base64."""
        return base64.b64encode(self.pin).decode()


class Authority:
    """Makes certificates in a directory; its own is `file`."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self.directory, self.name = directory, x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        own = self._sign(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None), DAY)
        self.file = directory / f"{name}.pem"
        self.file.write_bytes(own)

    def make(self, name: str, *names: str, days: int = 1, key: Any = None) -> Certificate:
        """Return a certificate for `names`, in files called `name`."""
        key = ec.generate_private_key(ec.SECP256R1()) if key is None else key
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        alternatives = x509.SubjectAlternativeName([x509.DNSName(one) for one in names or (name,)])
        made = Certificate(self.directory / f"{name}.crt", self.directory / f"{name}.key", digest(key))
        made.cert_file.write_bytes(self._sign(subject, key, alternatives, days * DAY))
        made.key_file.write_bytes(key_text(key))
        return made

    def _sign(self, subject: x509.Name, key: Any, extension: x509.ExtensionType, life: datetime.timedelta) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(min(now, now + life) - DAY).not_valid_after(now + life)
        signed = builder.add_extension(extension, critical=True).sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)


def key_text(key: Any) -> bytes:
    """Return a private key in PEM form."""
    text: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return text


def digest(key: Any) -> bytes:
    """Return the pin of a key."""
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).digest()
