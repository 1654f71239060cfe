# SPDX-License-Identifier: Apache-2.0
"""Handshakes with other servers: who is taken for a remote, and what credentials can be loaded."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from control.conf.peers import PeerEndpoint, RemoteConf
from control.transfer.credentials import (
    CredentialProblem,
    TlsSettings,
    load_credentials,
    read_authorities,
    server_context,
)
from control.transfer.secure import TlsRefused, secure
from tests.support.certificates import Authority, Certificate, digest

WAIT_S = 10.0
WRONG_PIN = bytes(32)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def remote(*, pins: tuple[bytes, ...] = (), names: tuple[str, ...] = ()) -> RemoteConf:
    """Return a remote that has to be somebody."""
    return RemoteConf("r", (PeerEndpoint("192.0.2.1", 853),), tls=True, cert_keys=pins, cert_hostnames=names)


@contextmanager
def server(context: ssl.SSLContext) -> Iterator[socket.socket]:
    """Shake hands with a client in a thread; give the client's end."""
    near, far = socket.socketpair()

    def answer() -> None:
        with suppress(OSError), context.wrap_socket(far, server_side=True) as channel:
            channel.settimeout(WAIT_S)
            channel.sendall(channel.recv(100))

    near.settimeout(WAIT_S)
    far.settimeout(WAIT_S)
    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        with near:
            yield near
    finally:
        far.close()
        thread.join(WAIT_S)


def context_of(made: Certificate) -> ssl.SSLContext:
    """Return what a server with a certificate in files accepts connections with."""
    return server_context(load_credentials(str(made.cert_file), str(made.key_file), "", ""))


def is_taken(made: Certificate, who: RemoteConf, settings: TlsSettings) -> bool:
    """Whether a server with a certificate is taken for a remote, and not for its certificate's sake refused.

    Data gets through both ways where it is.
    """
    with server(context_of(made)) as near:
        try:
            channel = secure(near, who, settings)
        except TlsRefused as refused:
            if refused.reason != "invalid certificate":
                raise
            return False
        with channel:
            channel.sendall(b"data")
            assert channel.recv(100) == b"data"
            assert (channel.version(), channel.selected_alpn_protocol()) == ("TLSv1.3", "dot")
    return True


def test_pins(authority: Authority) -> None:
    """One of the pins has to be that of the key; without any, and without names, everybody is taken."""
    made = authority.make("own", "ns.test")
    trusting = TlsSettings()
    assert is_taken(made, remote(), trusting)
    assert is_taken(made, remote(pins=(made.pin,)), trusting)
    assert is_taken(made, remote(pins=(WRONG_PIN, made.pin)), trusting)
    assert not is_taken(made, remote(pins=(WRONG_PIN,)), trusting)


def test_names(authority: Authority, tmp_path: Path) -> None:
    """One of the names has to be one of the certificate's, which an authority that is trusted has signed."""
    made = authority.make("own", "ns.test", "*.wild.test")
    trusting = read_authorities([str(authority.file)])
    for name in ("ns.test", "NS.test.", "a.wild.test"):
        assert is_taken(made, remote(names=(name,)), trusting), name
    assert is_taken(made, remote(names=("other.test", "ns.test")), trusting)
    for name in ("other.test", "wild.test", "a.b.wild.test", "own"):
        assert not is_taken(made, remote(names=(name,)), trusting), name
    assert is_taken(made, remote(names=("ns.test",), pins=(made.pin,)), trusting)
    assert not is_taken(made, remote(names=("ns.test",), pins=(WRONG_PIN,)), trusting)
    others = tmp_path / "others"
    others.mkdir()
    other = Authority(others, "other")
    assert not is_taken(other.make("own", "ns.test"), remote(names=("ns.test",)), trusting)
    assert is_taken(
        other.make("own", "ns.test"),
        remote(names=("ns.test",)),
        read_authorities([str(authority.file), str(other.file)]),
    )
    assert not is_taken(made, remote(names=("ns.test",)), TlsSettings())


@pytest.mark.parametrize("name", [".test", "x" * 70 + ".test", "."])
def test_name_that_is_none(name: str) -> None:
    """What cannot be a host name is refused, whoever answers."""
    near, far = socket.socketpair()
    with near, far, pytest.raises(TlsRefused, match="is no host name"):
        secure(near, remote(names=(name,)))


def test_expired_certificate(authority: Authority) -> None:
    """A certificate whose time is over has no name any more; its key is the same."""
    made = authority.make("own", "ns.test", days=-1)
    assert not is_taken(made, remote(names=("ns.test",)), read_authorities([str(authority.file)]))
    assert is_taken(made, remote(pins=(made.pin,)), TlsSettings())


def test_no_tls_at_all(authority: Authority) -> None:
    """A server that speaks no TLS, or only an old version, is refused."""
    near, far = socket.socketpair()
    far.sendall(b"\0\x0c" + bytes(12))
    near.settimeout(WAIT_S)
    with near, far, pytest.raises(TlsRefused, match="TLS handshake failed"):
        secure(near, remote())
    old = context_of(authority.make("own"))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with server(old) as near, pytest.raises(TlsRefused, match="TLS handshake failed"):
        secure(near, remote())


def test_silent_server() -> None:
    """A server that says nothing is given up when time is up."""
    near, far = socket.socketpair()
    near.settimeout(0.01)
    with near, far, pytest.raises(TimeoutError):
        secure(near, remote())


def test_own_certificate_is_shown(authority: Authority) -> None:
    """A server that asks for a certificate is shown the configured one."""
    made, own = authority.make("server"), authority.make("client")
    context = context_of(made)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(str(authority.file))
    settings = TlsSettings(credentials=load_credentials(str(own.cert_file), str(own.key_file), "", ""))
    with server(context) as near, secure(near, remote(), settings) as channel:
        channel.sendall(b"data")
        assert channel.recv(100) == b"data"


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)])
def test_kinds_of_keys(authority: Authority, tmp_path: Path, key: object) -> None:
    """Keys of other algorithms serve as well, with a certificate made for them too."""
    made = authority.make("own", key=key)
    assert is_taken(made, remote(pins=(digest(key),)), TlsSettings())
    own = load_credentials(None, str(made.key_file), str(tmp_path / "none"), "ns.test")
    assert own.pin == made.pin
    server_context(own)
    assert not (tmp_path / "none").exists()


def test_kept_key(tmp_path: Path) -> None:
    """A key that is made is kept, for its owner only, and makes certificates with the same pin."""
    path = tmp_path / "key.pem"
    (tmp_path / "key.pem.new").write_text("what a crash left")
    first = load_credentials(None, None, str(path), "ns.test")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["key.pem"]
    again = load_credentials(None, None, str(path), "x" * 300)
    assert (again.pin, again.pin_text) == (first.pin, first.pin_text)
    server_context(again)
    path.write_bytes(b"")
    with pytest.raises(CredentialProblem, match=r"key.pem' is damaged, remove it to have another made"):
        load_credentials(None, None, str(path), "ns.test")
    with pytest.raises(CredentialProblem, match=r"none/key.pem' cannot be written \(No such file or directory\)"):
        load_credentials(None, None, str(tmp_path / "none" / "key.pem"), "ns.test")


def test_certificate_and_key_in_one_file(authority: Authority) -> None:
    """Without key-file the key is in the certificate's file."""
    made = authority.make("own")
    with made.cert_file.open("ab") as file:
        file.write(made.key_file.read_bytes())
    assert load_credentials(str(made.cert_file), None, "", "").pin == made.pin


def test_files_that_are_refused(authority: Authority, tmp_path: Path) -> None:
    """Each problem names the item and the file."""
    made, other = authority.make("own"), authority.make("other")
    cert, key = str(made.cert_file), str(made.key_file)
    locked, large = tmp_path / "locked", tmp_path / "large"
    private = rsa.generate_private_key(65537, 2048)
    locked.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    large.write_bytes(bytes((1 << 20) + 1))
    weak = authority.make("weak", key=rsa.generate_private_key(65537, 1024))
    for cert_file, key_file, problem in (
        (str(tmp_path), key, f"server.cert-file '{tmp_path}' cannot be read (Is a directory)"),
        (str(large), key, f"server.cert-file '{large}' is too large"),
        (key, key, f"server.cert-file '{key}' has no certificate in PEM form"),
        (cert, cert, f"server.key-file '{cert}' has no usable private key in PEM form"),
        (cert, None, f"server.cert-file '{cert}' has no usable private key in PEM form, set server.key-file"),
        (cert, str(locked), f"server.key-file '{locked}' is encrypted, give a private key without password"),
        (
            cert,
            str(other.key_file),
            f"server.key-file '{other.key_file}' is not the key of the certificate in '{cert}'",
        ),
    ):
        with pytest.raises(CredentialProblem) as caught:
            load_credentials(cert_file, key_file, "", "")
        assert str(caught.value) == problem
    with pytest.raises(CredentialProblem, match=r"cannot be used \(EE_KEY_TOO_SMALL\)"):
        server_context(load_credentials(str(weak.cert_file), str(weak.key_file), "", ""))


def test_authorities_that_are_refused(authority: Authority, tmp_path: Path) -> None:
    """A file of authorities that is missing or has none is named."""
    assert read_authorities([]) == TlsSettings()
    assert [read_authorities(["", str(authority.file)]).trusts_system, read_authorities([str(authority.file)])[1]] == [
        True,
        False,
    ]
    empty = tmp_path / "empty"
    empty.write_text("nothing here: é")
    for path, problem in ((empty, "has no certificate in PEM form"), (tmp_path / "none", "cannot be read")):
        with pytest.raises(CredentialProblem, match=f"server.ca-file '{path}' {problem}"):
            read_authorities([str(path)])
