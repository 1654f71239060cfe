# SPDX-License-Identifier: Apache-2.0
"""Clients over TLS: their questions, their handshakes, and what the server shows them of itself."""

import os
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dns.message
import dns.query
import pytest

from tests.support.certificates import Authority
from tests.support.daemon import ADDRESS, wait_for
from tests.support.operator import Operated
from tests.support.ports import free_port

MEMORY_KIB = 64
"""What the daemon may take for an idle client."""
STATS = "mod-stats:\n  - id: default\ntemplate:\n  - id: default\n    global-module: mod-stats\n"
CATALOG = '@ 300 SOA invalid. h 1 3600 600 86400 60\n@ 300 NS invalid.\nversion 300 TXT "2"\n'


class Listener(Operated):
    """A daemon that listens for TLS on both families."""

    def __init__(self, base: Path) -> None:
        super().__init__(base, "xdpdnsctl")
        self.tls_port = free_port()
        self.server_items = [f"listen-tls: [ {ADDRESS}@{self.tls_port}, ::1@{self.tls_port} ]"]
        self.write_config("example.com")

    def kdig(self, *words: str) -> str:
        """Ask with kdig over TLS; return what it prints, +short or an error."""
        argv = ["kdig", f"@{ADDRESS}", "-p", str(self.tls_port), "+tls", "+retry=0", "+short", *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
        return (done.stdout + done.stderr).strip()

    def connect(self, address: str = ADDRESS, version: ssl.TLSVersion | None = None) -> ssl.SSLSocket:
        """Connect and do the handshake."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["dot"])
        if version is not None:
            context.maximum_version = version
        return context.wrap_socket(socket.create_connection((address, self.tls_port), timeout=10))

    def resident_kib(self) -> int:
        """Memory of the daemon."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Listener]:
    under_test = Listener(tmp_path)
    try:
        yield under_test
    finally:
        under_test.close()


def ask(channel: ssl.SSLSocket, name: str = "www.example.com", rtype: str = "A") -> dns.message.Message:
    """Ask on a connection."""
    query = dns.message.make_query(name, rtype)
    dns.query.send_tcp(channel, query)
    return dns.query.receive_tcp(channel)[0]


@pytest.mark.peer("kdig")
def test_certificate_that_is_made(daemon: Listener) -> None:
    """Without files the server makes a certificate; its key, and so the pin, outlive a restart."""
    daemon.start()
    pin = daemon.run("status", "cert-key")
    assert f"QUIC/TLS, certificate public key {pin}" in daemon.logged()
    assert f"binding to TLS interface {ADDRESS}@{daemon.tls_port}" in daemon.logged()
    assert stat.S_IMODE(os.stat(daemon.storage / "tls_key.pem").st_mode) == 0o600
    assert daemon.kdig("www.example.com") == "192.0.2.2"
    assert daemon.kdig(f"+tls-pin={pin}", "www.example.com") == "192.0.2.2"
    assert "handshake failed" in daemon.kdig(f"+tls-pin={'A' * 43}=", "www.example.com")
    daemon.restart()
    assert daemon.run("status", "cert-key") == pin
    daemon.stop()
    (daemon.storage / "tls_key.pem").write_text("")
    process = daemon.spawn()
    assert process.wait(60) == 1
    assert "tls_key.pem' is damaged, remove it" in daemon.all_output()


@pytest.mark.peer("kdig")
def test_configured_certificate(daemon: Listener, tmp_path: Path) -> None:
    """A certificate from files is shown, read again on reload, and kept when what is there then cannot be used."""
    authority = Authority(tmp_path)
    first, second = authority.make("first", "ns.test"), authority.make("second", "ns.test")
    cert_file, key_file = tmp_path / "own.crt", tmp_path / "own.key"
    cert_file.write_bytes(first.cert_file.read_bytes())
    key_file.write_bytes(first.key_file.read_bytes())
    daemon.server_items += [f"cert-file: {cert_file}", f"key-file: {key_file}"]
    daemon.write_config("example.com")
    daemon.start()
    options = f"+tls-ca={authority.file}", "www.example.com"
    assert daemon.kdig("+tls-hostname=ns.test", *options) == "192.0.2.2"
    assert "handshake failed" in daemon.kdig("+tls-hostname=elsewhere.test", *options)
    with daemon.connect() as before:
        cert_file.write_bytes(second.cert_file.read_bytes())
        daemon.reload()
        assert f"server.key-file '{key_file}' is not the key of the certificate in '{cert_file}'" in daemon.logged()
        assert daemon.run("status", "cert-key") == first.pin_text
        key_file.write_bytes(second.key_file.read_bytes())
        daemon.reload()
        assert f"certificate public key {second.pin_text}" in daemon.logged()
        assert daemon.kdig(f"+tls-pin={second.pin_text}", "www.example.com") == "192.0.2.2"
        assert ask(before).answer, "connections from before live on"


def test_questions_of_every_kind(daemon: Listener) -> None:
    """Pipelined, over both families and versions of TLS; counted as TLS, and rules open closed zones for TLS."""
    for name in ("tls", "tcp"):
        (daemon.base / f"{name}.test.zone").write_text(CATALOG)
    rules = "".join(f"  - id: {name}\n    protocol: {name}\n    action: [query, transfer]\n" for name in ("tls", "tcp"))
    zones = "".join(
        f"  - domain: {name}.test\n    storage: {daemon.base}\n    catalog-role: generate\n    acl: {name}\n"
        for name in ("tls", "tcp")
    )
    daemon.write_config(
        extra=f"{STATS}acl:\n{rules}zone:\n  - domain: example.com\n    storage: {daemon.base}\n{zones}"
    )
    daemon.start()
    for address in (ADDRESS, "::1"):
        with daemon.connect(address) as channel:
            assert channel.selected_alpn_protocol() == "dot"
            wire = dns.message.make_query("www.example.com", "A").to_wire()
            channel.sendall((len(wire).to_bytes(2, "big") + wire) * 500)
            for _ in range(500):
                assert dns.query.receive_tcp(channel)[0].answer
            assert ask(channel, "tls.test", "SOA").rcode() == dns.rcode.NOERROR
            assert ask(channel, "tcp.test", "SOA").rcode() == dns.rcode.NOTAUTH
    with daemon.connect(version=ssl.TLSVersion.TLSv1_2) as channel:
        assert (channel.version(), ask(channel).rcode()) == ("TLSv1.2", dns.rcode.NOERROR)
        assert ask(channel, "tls.test", "AXFR").rcode() == dns.rcode.REFUSED
    with daemon.connect() as channel:
        assert ask(channel, "tls.test", "AXFR").rcode() == dns.rcode.NOERROR
    assert daemon.ask("tcp.test", "SOA", tcp=True).rcode() == dns.rcode.NOERROR
    assert daemon.ask("tls.test", "SOA", tcp=True).rcode() == dns.rcode.NOTAUTH
    counted = daemon.run("stats", "mod-stats.request-protocol")
    assert "[tls4]: 505" in counted
    assert "[tls6]: 502" in counted


def test_clients_that_do_not_speak_tls(daemon: Listener) -> None:
    """Plain DNS, garbage, and handshakes that stop get nothing, hold no place for long, and harm nobody."""
    daemon.server_items += ["tcp-idle-timeout: 1", "tcp-max-clients: 20"]
    daemon.write_config("example.com")
    daemon.start()
    plain = dns.message.make_query("www.example.com", "A").to_wire()
    for octets in (
        len(plain).to_bytes(2, "big") + plain,
        b"GET / HTTP/1.0\r\n\r\n",
        bytes(600),
        b"\x16\x03\x01\xff\xff",
    ):
        with socket.create_connection((ADDRESS, daemon.tls_port), timeout=10) as channel:
            channel.sendall(octets)
            answer = b"".join(iter(lambda: channel.recv(4096), b""))
            assert len(answer) <= 7, "no more than an alert"
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection((ADDRESS, daemon.tls_port))) for _ in range(20)]
        for channel in held:
            channel.sendall(b"\x16\x03\x01\x02\x00\x01")
        with pytest.raises((ConnectionError, ssl.SSLError)):
            daemon.connect()
        daemon.expect("TCP, 20 clients, connection refused")
        for channel in held:
            channel.settimeout(10)
            assert channel.recv(1) == b""
        with daemon.connect() as good:
            assert ask(good).answer
    assert not any(word in daemon.all_output() for word in ("Traceback", "fault"))


def test_idle_clients_take_little_memory(daemon: Listener) -> None:
    """Hundreds of idle clients are held at once, in a few dozen KiB each."""
    daemon.start()
    with daemon.connect() as channel:
        ask(channel)
    before = daemon.resident_kib()
    with ExitStack() as stack:
        clients = [stack.enter_context(daemon.connect()) for _ in range(200)]
        assert ask(clients[-1]).answer
        assert (daemon.resident_kib() - before) / len(clients) < MEMORY_KIB
        assert all(ask(channel).answer for channel in clients)


@pytest.mark.parametrize(
    ("cert", "key", "problem"),
    [
        ("missing", "good.key", "server.cert-file '{dir}/missing' cannot be read (No such file or directory)"),
        ("good.key", "good.key", "server.cert-file '{dir}/good.key' has no certificate in PEM form"),
        ("good.crt", "good.crt", "server.key-file '{dir}/good.crt' has no usable private key in PEM form"),
        ("good.crt", "other.key", "server.key-file '{dir}/other.key' is not the key of the certificate in"),
        (
            "good.crt",
            "",
            "server.cert-file '{dir}/good.crt' has no usable private key in PEM form, set server.key-file",
        ),
    ],
)
def test_files_that_cannot_be_used(daemon: Listener, tmp_path: Path, cert: str, key: str, problem: str) -> None:
    """The daemon does not start with them, conf-check refuses them, and both name the item and the file."""
    authority = Authority(tmp_path)
    authority.make("good")
    authority.make("other")
    daemon.server_items.append(f"cert-file: {tmp_path}/{cert}")
    if key:
        daemon.server_items.append(f"key-file: {tmp_path}/{key}")
    daemon.write_config("example.com")
    expected = problem.format(dir=tmp_path)
    status, text = daemon.control("-c", str(daemon.config), "conf-check", said_otherwise=True)
    assert status == 1
    assert expected in text
    assert daemon.spawn().wait(60) == 1
    assert expected in daemon.all_output()
    wait_for(lambda: not list(daemon.rundir.glob("engine.sock")), "no engine is left")
