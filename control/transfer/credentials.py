# SPDX-License-Identifier: Apache-2.0
"""Who this server is over TLS: a certificate and its private key, from files or made here, and the pin of the key.

Without a configured certificate one is made that signs itself, anew at every start; its key is kept in a file, so
that those who have pinned it still know the server.
"""

import base64
import hashlib
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from control.errors import ControlError

if TYPE_CHECKING:
    import ssl

ALPN = "dot"
FILE_BYTES_MOST = 1 << 20
"""A larger one is no certificate or key."""
VALID_DAYS = 3650


class CredentialProblem(ControlError):
    """A certificate, key or authority cannot be used; the text names the item and the file."""


class Credentials(NamedTuple):
    """A certificate with what vouches for it, and its key, in PEM form; `pin` is the SHA-256 of the public key."""

    certificates: bytes
    key: bytes
    pin: bytes

    @property
    def pin_text(self) -> str:
        """The pin as it is configured and logged."""
        return base64.b64encode(self.pin).decode()

    def install(self, context: "ssl.SSLContext") -> None:
        """Have a context show the certificate. Raises OSError (ssl.SSLError)."""
        fd = os.memfd_create("credentials", os.MFD_CLOEXEC)
        try:
            with open(fd, "wb", closefd=False) as file:
                file.write(self.certificates + b"\n" + self.key)
            context.load_cert_chain(f"/proc/self/fd/{fd}")
        finally:
            os.close(fd)


class TlsSettings(NamedTuple):
    """What the client needs for TLS: the authorities it trusts, and who it says it is."""

    authorities: str = ""
    """Their certificates in PEM form."""
    trusts_system: bool = True
    """Those the system trusts are trusted as well."""
    credentials: Credentials | None = None

    def trust(self, context: "ssl.SSLContext") -> None:
        """Have a context trust the authorities."""
        import ssl

        if self.trusts_system:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        if self.authorities:
            context.load_verify_locations(cadata=self.authorities)


def read_authorities(paths: Iterable[str]) -> TlsSettings:
    """Return settings that trust the authorities in files; the empty path, or none, is the system's.

    Raises CredentialProblem.
    """
    import ssl

    paths, texts = list(paths), []
    for path in filter(None, paths):
        text = _read("ca-file", path).decode("ascii", "ignore")
        try:
            client_context().load_verify_locations(cadata=text)
        except (ssl.SSLError, ValueError) as error:
            raise CredentialProblem(f"server.ca-file '{path}' has no certificate in PEM form") from error
        texts.append(text)
    return TlsSettings("\n".join(texts), not paths or "" in paths)


def load_credentials(cert_file: str | None, key_file: str | None, kept_key: str, name: str) -> Credentials:
    """Return the credentials that are configured, made where there are none; raise CredentialProblem.

    A certificate without a key file has its key in its own file. `name` is what a certificate made here calls the
    server, `kept_key` the file its key is kept in.
    """
    if cert_file is None:
        return _self_signed(_given_key(key_file) if key_file else _kept_key(kept_key), name)
    item, path = ("key-file", key_file) if key_file else ("cert-file", cert_file)
    certificates, leaf = _given_certificate(cert_file)
    key = _given_key(path, item)
    if _public_octets(key.public_key()) != _public_octets(leaf.public_key()):
        raise CredentialProblem(f"server.{item} '{path}' is not the key of the certificate in '{cert_file}'")
    return Credentials(certificates, _key_text(key), digest_of(leaf))


def digest_of(certificate: Any) -> bytes:
    """Return the SHA-256 of a certificate's SubjectPublicKeyInfo."""
    return hashlib.sha256(_public_octets(certificate.public_key())).digest()


def _public_octets(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    octets: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return octets


def _key_text(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text


def _read(item: str, path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            text = file.read(FILE_BYTES_MOST + 1)
    except OSError as error:
        raise CredentialProblem(f"server.{item} '{path}' cannot be read ({error.strerror})") from error
    if len(text) > FILE_BYTES_MOST:
        raise CredentialProblem(f"server.{item} '{path}' is too large")
    return text


def _given_certificate(path: str) -> tuple[bytes, Any]:
    """Return the certificates of a file in PEM form, and the first one, which is the server's."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        certificates = x509.load_pem_x509_certificates(_read("cert-file", path))
    except ValueError as error:
        raise CredentialProblem(f"server.cert-file '{path}' has no certificate in PEM form") from error
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates), certificates[0]


def _given_key(path: str, item: str = "key-file") -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(_read(item, path), None)
    except TypeError as error:
        raise CredentialProblem(f"server.{item} '{path}' is encrypted, give a private key without password") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        hint = "" if item == "key-file" else ", set server.key-file"
        raise CredentialProblem(f"server.{item} '{path}' has no usable private key in PEM form{hint}") from error


def _kept_key(path: str) -> Any:
    """Return the key that was made at the first start, or make it."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        with open(path, "rb") as file:
            text = file.read(FILE_BYTES_MOST)
    except FileNotFoundError:
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            _keep(path, _key_text(key))
        except OSError as error:
            raise CredentialProblem(f"the key for TLS '{path}' cannot be written ({error.strerror})") from error
        return key
    except OSError as error:
        raise CredentialProblem(f"the key for TLS '{path}' cannot be read ({error.strerror})") from error
    try:
        return load_pem_private_key(text, None)
    except (ValueError, TypeError) as error:
        raise CredentialProblem(f"the key for TLS '{path}' is damaged, remove it to have another made") from error


def _keep(path: str, text: bytes) -> None:
    """Write a file that nobody else reads, whole or not at all."""
    new = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(new)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(fd)
    os.rename(new, path)
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _self_signed(key: Any, name: str) -> Credentials:
    """Return a certificate of a key that the key itself signs."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    today = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64] or "server")])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), int.from_bytes(secrets.token_bytes(8), "big"))
    builder = builder.not_valid_before(today - datetime.timedelta(days=1))
    builder = builder.not_valid_after(today + datetime.timedelta(days=VALID_DAYS))
    with suppress(ValueError):
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    certificate = builder.sign(key, _digest_for(key))
    return Credentials(certificate.public_bytes(Encoding.PEM), _key_text(key), digest_of(certificate))


def _digest_for(key: Any) -> Any:
    """Return what a key signs with; Ed25519 and Ed448 have their own."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ed448, ed25519

    return None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else hashes.SHA256()


def server_context(credentials: Credentials) -> "ssl.SSLContext":
    """Return what connections of clients are accepted with; raise CredentialProblem: the library refuses a key."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols([ALPN])
    try:
        credentials.install(context)
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise CredentialProblem(f"server.cert-file and server.key-file cannot be used ({reason})") from error
    return context


def client_context() -> "ssl.SSLContext":
    """Return what other servers are connected with; whom they have to be is not told yet."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols([ALPN])
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
