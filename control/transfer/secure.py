# SPDX-License-Identifier: Apache-2.0
"""TLS to other servers (RFC 9103): who they are is told by pins of their public keys, or by the names they have.

A remote with neither is not authenticated (RFC 8310, opportunistic privacy). A remote with both has to meet both.
"""

import hmac
import socket
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from control.conf.peers import RemoteConf
from control.transfer.credentials import TlsSettings, client_context, digest_of

if TYPE_CHECKING:
    import ssl

INVALID = "invalid certificate"
CONTEXTS_MOST = 4
NO_TLS = TlsSettings()


class TlsRefused(Exception):
    """The other end speaks no TLS that is acceptable, or is not who it has to be; `reason` is what is logged."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def secure(channel: socket.socket, remote: RemoteConf, settings: TlsSettings = NO_TLS) -> "ssl.SSLSocket":
    """Do the handshake and check who answers; return the channel that takes the place of `channel`.

    Raises TlsRefused, or OSError (time is up, the connection was reset).
    """
    import ssl

    context = make_context(settings, is_named=bool(remote.cert_hostnames))
    try:
        wrapped = context.wrap_socket(channel, server_hostname=_name_to_check(remote))
    except ssl.SSLCertVerificationError as exc:
        raise TlsRefused(INVALID) from exc
    except ssl.SSLError as exc:
        raise TlsRefused("TLS handshake failed") from exc
    except ValueError as exc:
        raise TlsRefused(f"'{_name_to_check(remote)}' is no host name") from exc
    try:
        _check(wrapped, remote)
    except BaseException:
        wrapped.close()
        raise
    return wrapped


@lru_cache(CONTEXTS_MOST)
def make_context(settings: TlsSettings, *, is_named: bool) -> "ssl.SSLContext":
    """Return what remotes are connected with: certificates for names are those of authorities, pins need none.

    Reading the system's authorities takes longer than a transfer, so it is kept until `make_context.cache_clear()`.
    """
    import ssl

    context = client_context()
    if is_named:
        context.verify_mode = ssl.CERT_REQUIRED
        settings.trust(context)
    if settings.credentials is not None:
        settings.credentials.install(context)
    return context


def _name_to_check(remote: RemoteConf) -> str | None:
    return remote.cert_hostnames[0].rstrip(".") if remote.cert_hostnames else None


def _check(channel: "ssl.SSLSocket", remote: RemoteConf) -> None:
    if not remote.cert_keys and not remote.cert_hostnames:
        return
    octets = channel.getpeercert(binary_form=True)
    certificate = None if octets is None else _read_certificate(octets)
    if certificate is None:
        raise TlsRefused(INVALID)
    if remote.cert_keys and not _is_pinned(certificate, remote.cert_keys):
        raise TlsRefused(INVALID)
    if remote.cert_hostnames and not _has_name(certificate, remote.cert_hostnames):
        raise TlsRefused(INVALID)


def _read_certificate(octets: bytes) -> Any | None:
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(octets)
    except ValueError:
        return None


def _is_pinned(certificate: Any, pins: tuple[bytes, ...]) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        digest = digest_of(certificate)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return any(hmac.compare_digest(digest, pin) for pin in pins)


def _has_name(certificate: Any, names: tuple[str, ...]) -> bool:
    """Tell whether one of the certificate's names (dNSName) is one of `names`."""
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return False
    certified = [_plain(name) for name in found.value.get_values_for_type(x509.DNSName)]
    return any(_covers(pattern, _plain(name)) for pattern in certified for name in names)


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def _covers(certified: str, name: str) -> bool:
    """Tell whether a certified name is a name, or has `*` for its first label (RFC 6125, section 6.4.3)."""
    if certified == name:
        return True
    label, _, rest = name.partition(".")
    return bool(label) and "." in rest and certified == f"*.{rest}"
