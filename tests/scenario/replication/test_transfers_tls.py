# SPDX-License-Identifier: Apache-2.0
"""Zones, NOTIFY and updates over TLS (RFC 9103): between two daemons, and with BIND and NSD on either side."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import dns.query
import dns.rcode
import pytest

from tests.support import peers
from tests.support.certificates import Authority, Certificate
from tests.support.daemon import wait_for
from tests.support.operator import Operated
from tests.support.peers import Place
from tests.support.ports import free_port
from tests.support.updated_daemon import UpdateClient
from tests.support.updates import build

ADDRESS = "127.0.0.1"
WRONG_PIN = "A" * 43 + "="
BIND_TLS_VERSIONS = "protocols { TLSv1.3; };"


class Speaker(Operated):
    """A daemon with a certificate that listens for TLS."""

    def __init__(self, base: Path, certificate: Certificate) -> None:
        base.mkdir()
        super().__init__(base, "xdpdnsctl")
        self.certificate, self.tls_port = certificate, free_port()
        self.server_items = [
            f"listen-tls: {ADDRESS}@{self.tls_port}",
            f"cert-file: {certificate.cert_file}",
            f"key-file: {certificate.key_file}",
        ]

    def remote(self, name: str, who: str) -> str:
        """Return a remote that is this daemon; `who` says who it has to be."""
        return f"  - id: {name}\n    address: {ADDRESS}@{self.tls_port}\n{who}"

    def count(self, text: str) -> int:
        """Return how often a text was logged since the mark."""
        return self.logged().count(text)


class Pair:
    """A primary that gives its zone away over TLS only, and its secondary."""

    def __init__(self, base: Path) -> None:
        self.authority = Authority(base)
        self.primary = Speaker(base / "primary", self.authority.make("ns1.test"))
        self.secondary = Speaker(base / "secondary", self.authority.make("ns2.test"))
        (self.secondary.base / "example.com.zone").unlink()

    def configure_primary(self) -> None:
        """Tell it to notify the secondary, which is known by its key."""
        pin = f"    cert-key: {self.secondary.certificate.pin_text}\n"
        self.primary.write_config(
            extra=f"remote:\n{self.secondary.remote('secondary', pin)}"
            "acl:\n  - id: encrypted\n    protocol: tls\n    action: [transfer, update]\n"
            f"zone:\n  - domain: example.com\n    storage: {self.primary.base}\n    notify: secondary\n"
            "    acl: encrypted\n"
        )

    def configure_secondary(self, who: str) -> None:
        """`who` says who the primary has to be."""
        self.secondary.write_config(
            extra=f"remote:\n{self.primary.remote('primary', who)}"
            "acl:\n  - id: encrypted\n    protocol: tls\n    action: [notify, update]\n"
            f"zone:\n  - domain: example.com\n    storage: {self.secondary.base}\n    master: primary\n"
            "    acl: encrypted\n"
        )

    def close(self) -> None:
        """End both."""
        self.primary.close()
        self.secondary.close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    both = Pair(tmp_path)
    try:
        yield both
    finally:
        both.close()


def start_secondary(daemon: Speaker) -> None:
    """Start it without waiting for its zone."""
    daemon.mark()
    daemon.process = daemon.spawn()
    daemon.expect("server started answering")


def send_update_over_tls(daemon: Speaker, *changes: str) -> int:
    """Send an update; return the RCODE of the reply."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with UpdateClient(ADDRESS, daemon.tls_port) as client:
        client.socket = context.wrap_socket(client.socket)
        return client.send(build("example.com.", (), changes))


def test_replication_over_tls(pair: Pair) -> None:
    """A zone is transferred, followed by NOTIFY and IXFR, and updated through its secondary, all of it over TLS."""
    primary, secondary = pair.primary, pair.secondary
    pair.configure_primary()
    primary.start()
    assert primary.run("status", "cert-key") == primary.certificate.pin_text
    secondary.server_items.append("remote-pool-limit: 4")
    pair.configure_secondary(f"    cert-key: {primary.certificate.pin_text}\n")
    start_secondary(secondary)
    secondary.expect(f"AXFR, incoming, remote {ADDRESS}@{primary.tls_port} TLS, finished")
    assert secondary.serial() == "1"
    assert f"certificate public key {secondary.certificate.pin_text}" in secondary.logged()

    for line in ("zone-begin", "zone-set example.com new 60 A 192.0.2.9", "zone-commit"):
        primary.ok(line if "zone-set" in line else f"{line} example.com")
    secondary.expect(f"IXFR, incoming, remote {ADDRESS}@{primary.tls_port} TLS")
    primary.expect(f"notify, outgoing, remote {ADDRESS}@{secondary.tls_port} TLS")
    wait_for(lambda: secondary.serial() == "2", "the change has come")

    assert send_update_over_tls(secondary, "more 60 IN A 192.0.2.10") == 0
    secondary.expect(f"DDNS, outgoing, remote {ADDRESS}@{primary.tls_port} TLS")
    wait_for(lambda: secondary.serial() == "3", "the update has come back")
    with pytest.raises(dns.query.TransferError):
        list(dns.query.xfr(ADDRESS, "example.com", port=primary.port, relativize=False, timeout=5))


def test_primary_has_to_be_the_right_one(pair: Pair) -> None:
    """A primary with another key or another name is refused; with the right ones, and with neither, it is taken."""
    primary, secondary = pair.primary, pair.secondary
    pair.configure_primary()
    primary.start()
    good_pin = primary.certificate.pin_text
    secondary.server_items.append(f"ca-file: {pair.authority.file}")
    pair.configure_secondary(f"    cert-key: {WRONG_PIN}\n")
    start_secondary(secondary)
    refused = [
        "",
        "    cert-hostname: ns2.test\n",
        f"    cert-hostname: ns1.test\n    cert-key: {WRONG_PIN}\n",
    ]
    for who in refused:
        if who:
            pair.configure_secondary(who)
            secondary.reload()
            secondary.control("zone-refresh", "example.com")
        secondary.expect(f"remote {ADDRESS}@{primary.tls_port} TLS (invalid certificate)", "invalid certificate")
        secondary.mark()
    taken = [
        f"    cert-key: [{WRONG_PIN}, {good_pin}]\n",
        "    cert-hostname: [elsewhere.test, NS1.test.]\n",
        f"    cert-hostname: ns1.test\n    cert-key: {good_pin}\n",
        "    tls: on\n",
    ]
    for who in taken:
        pair.configure_secondary(who)
        secondary.reload()
        secondary.mark()
        secondary.ok("zone-retransfer example.com")
        secondary.expect(f"AXFR, incoming, remote {ADDRESS}@{primary.tls_port} TLS, finished")
        assert "invalid certificate" not in secondary.logged()


@pytest.mark.peer("named")
def test_bind_on_either_side(pair: Pair, tmp_path: Path) -> None:
    """BIND transfers a zone from the daemon over TLS, and the daemon from BIND."""
    pair.configure_primary()
    pair.primary.start()
    secondary, certificate = pair.secondary, pair.authority.make("bind.test")
    bind_tls_port = free_port()

    def write(directory: Path, place: Place) -> str:
        return (
            f'controls {{ }};\ntls ours {{ {BIND_TLS_VERSIONS} ca-file "{pair.authority.file}"; '
            'remote-hostname "ns1.test"; };\n'
            f'tls own {{ cert-file "{certificate.cert_file}"; key-file "{certificate.key_file}"; }};\n'
            f'options {{ directory "{directory}"; listen-on port {place.port} {{ {ADDRESS}; }};'
            f"listen-on port {bind_tls_port} tls own {{ {ADDRESS}; }}; listen-on-v6 {{ none; }}; pid-file none;"
            "session-keyfile none; lock-file none; recursion no; notify no; dnssec-validation no;"
            "allow-transfer port "
            f"{bind_tls_port} transport tls {{ any; }}; }};\n"
            f'zone "example.com" {{ type secondary; file "{directory}/zone"; '
            f"primaries {{ {ADDRESS} port {pair.primary.tls_port} tls ours; }}; }};\n"
        )

    with peers.configured("named", write) as bind:
        peers.wait(bind, ["example.com."], None, 20.0)
        pair.primary.expect(" TLS, finished")
        secondary.write_config(
            extra=f"remote:\n  - id: bind\n    address: {ADDRESS}@{bind_tls_port}\n"
            f"    cert-key: {certificate.pin_text}\n"
            f"zone:\n  - domain: example.com\n    storage: {secondary.base}\n    master: bind\n"
        )
        start_secondary(secondary)
        secondary.expect(f"AXFR, incoming, remote {ADDRESS}@{bind_tls_port} TLS, finished")


@pytest.mark.peer("nsd")
def test_nsd_on_either_side(pair: Pair, tmp_path: Path) -> None:
    """NSD transfers a zone from the daemon over TLS, and the daemon another from NSD."""
    pair.configure_primary()
    pair.primary.start()
    secondary, certificate, port = pair.secondary, pair.authority.make("nsd.test"), free_port()
    other = secondary.write_zone("other.test", 7)

    def write(directory: Path, place: Place) -> str:
        return (
            f"server:\nip-address: {ADDRESS}@{place.port}\nip-address: {ADDRESS}@{port}\ntls-port: {port}\n"
            f'tls-service-key: "{certificate.key_file}"\ntls-service-pem: "{certificate.cert_file}"\n'
            f'tls-cert-bundle: "{pair.authority.file}"\nserver-count: 1\nusername: ""\nchroot: ""\ndatabase: ""\n'
            f'zonesdir: "{directory}"\nxfrdir: "{directory}"\npidfile: "{directory}/pid"\n'
            f'zonelistfile: "{directory}/zone.list"\nxfrdfile: "{directory}/xfrd"\nxfrd-reload-timeout: 0\n'
            f'cookie-secret-file: "{directory}/cookies"\nremote-control:\ncontrol-enable: no\n'
            'tls-auth:\nname: ours\nauth-domain-name: "ns1.test"\n'
            f'zone:\nname: example.com\nzonefile: "{directory}/zone"\n'
            f"request-xfr: AXFR {ADDRESS}@{pair.primary.tls_port} NOKEY ours\n"
            f'zone:\nname: other.test\nzonefile: "{other}"\nprovide-xfr: {ADDRESS} NOKEY\n'
        )

    with peers.configured("nsd", write) as nsd:
        peers.wait(nsd, ["other.test.", "example.com."], None, 20.0)
        pair.primary.expect(" TLS, finished")
        secondary.server_items.append(f"ca-file: {pair.authority.file}")
        secondary.write_config(
            extra=f"remote:\n  - id: nsd\n    address: {ADDRESS}@{port}\n    cert-hostname: nsd.test\n"
            f"zone:\n  - domain: other.test\n    file: {tmp_path}/secondary.zone\n    master: nsd\n"
        )
        start_secondary(secondary)
        secondary.expect(f"AXFR, incoming, remote {ADDRESS}@{port} TLS, finished")
