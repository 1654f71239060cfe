# SPDX-License-Identifier: Apache-2.0
"""The typed configuration: defaults, templates, paths and file names."""

import os
import socket
from pathlib import Path

import pytest

from control.conf.check import check_document, load_config, warnings
from control.conf.errors import ConfigurationError, ValueProblem
from control.conf.filename import zone_file_name
from control.conf.model import Config, build_config, restart_items
from control.conf.parse import parse_text
from control.conf.signing import plain_dnssec
from control.conf.zone import DEFAULT_SETTINGS, ZoneConf, ZoneSettings


def build(text: str) -> Config:
    document = parse_text(text, "k.conf")
    check_document(document)
    return build_config(document, "k.conf")


def test_defaults() -> None:
    """An empty configuration has the documented defaults."""
    config = build("")
    server = config.server
    assert server.identity == server.nsid == socket.gethostname().encode()
    assert server.version.startswith(b"pyxdp_dns ")
    assert (server.rundir, server.pidfile) == ("/run/xdpdns", "/run/xdpdns/xdpdnsd.pid")
    assert (server.tcp_idle_timeout_s, server.tcp_io_timeout_ms) == (10, 500)
    assert (server.udp_max_payload_ipv4, server.udp_max_payload_ipv6) == (1232, 1232)
    assert server.listen == ()
    assert config.database == (
        "/var/lib/xdpdns",
        20 << 30,
        "/var/lib/xdpdns/store",
        "/var/lib/xdpdns/keys",
        "/var/lib/xdpdns/tls_key.pem",
        False,
    )
    assert config.control == (("/run/xdpdns/knot.sock",), 5, 5)
    assert config.statistics == (None, "/run/xdpdns/stats.yaml", False, ())
    assert (config.global_modules, config.modules) == ((), {})
    assert config.xdp == ((), True, 2048, 0, 20, ())
    assert config.zones == {}


def test_payload_by_family() -> None:
    """udp-max-payload sets both families, the family's own item wins."""
    server = build("server:\n  udp-max-payload: 4096\n  udp-max-payload-ipv6: 1220\n").server
    assert (server.udp_max_payload_ipv4, server.udp_max_payload_ipv6) == (4096, 1220)


def test_empty_identity_is_kept() -> None:
    """An empty identity, version or NSID means that it is not told."""
    server = build('server:\n  identity: ""\n  version: []\n  nsid:\n').server
    assert (server.identity, server.version, server.nsid) == (b"", b"", b"")


def test_relative_paths() -> None:
    """rundir and storage start where the daemon starts, the PID file at rundir, zone files at the zone's storage."""
    config = build("server:\n  rundir: r\n  pidfile: p\ndatabase:\n  storage: s\nzone:\n  - domain: a\n    file: f\n")
    here = os.getcwd()
    assert config.server.pidfile == f"{here}/r/p"
    assert config.database.storage == f"{here}/s"
    assert config.zones["a."].file == f"{here}/s/f"


TEMPLATES = """
template:
  - id: default
    storage: /d
    default-ttl: 1h
    journal-max-depth: 7
  - id: t
    file: "%s.t"
zone:
  - domain: a
  - domain: b
    template: t
  - domain: c
    storage: /c
    file: /abs
    default-ttl: 5
"""


def test_template_lookup_order() -> None:
    """Zone, then its template; template default only for zones that name none; then what is built in."""
    zones = build(TEMPLATES).zones
    settings = (
        ZoneSettings(default_ttl=3600, journal_max_depth=7),
        DEFAULT_SETTINGS,
        ZoneSettings(5, journal_max_depth=7),
    )
    files = "/d/a.zone", "/var/lib/xdpdns/b.t", "/abs"
    unsigned = plain_dnssec("/var/lib/xdpdns/keys")
    for zone, file, its in zip("abc", files, settings, strict=True):
        assert zones[f"{zone}."] == ZoneConf(f"{zone}.", file, its, dnssec=unsigned)


@pytest.mark.parametrize(
    ("pattern", "zone", "expected"),
    [
        ("%s.zone", "example.com.", "example.com.zone"),
        ("%s", ".", ""),
        ("%s", "0/25.arpa.", "0_25.arpa"),
        ("%c[0]/%c[0-2]/%s", "example.com.", "e/exa/example.com"),
        ("%c[7]%c[50]", "example.com.", "."),
        ("%l[0]/%l[1]%l[2]", "example.com.", "com/example"),
        ("100%%", "a.", "100%"),
    ],
)
def test_file_formatters(pattern: str, zone: str, expected: str) -> None:
    """%s %c[] %l[] %% expand; what is out of range expands to nothing."""
    assert zone_file_name(pattern, zone) == expected


@pytest.mark.parametrize("pattern", ["%x", "%c", "%l[x]", "a%"])
def test_bad_formatter(pattern: str) -> None:
    """An unknown formatter is refused."""
    with pytest.raises(ValueProblem):
        zone_file_name(pattern, "a.")


def test_bad_formatter_names_the_zone() -> None:
    """The error of a formatter names file, line and zone."""
    with pytest.raises(ConfigurationError, match=r"line 4, section 'zone\[a.\]' \(invalid parameter, formatter %x\)"):
        build("zone:\n  - domain: a\n    file: x%x\n")


def test_wildcard_beside_its_addresses() -> None:
    """A wildcard address and another of the same family and port cannot both be listened on."""
    with pytest.raises(ConfigurationError, match="section 'server'"):
        build("server:\n  listen: [0.0.0.0, 127.0.0.1]\n")
    assert len(build("server:\n  listen: [0.0.0.0, '::', 127.0.0.1@54]\n".replace("'", '"')).server.listen) == 3


def test_udp_off_leaves_interfaces_alone() -> None:
    """xdp.udp off takes no interface."""
    assert build("xdp:\n  listen: eth0\n  udp: off\n").xdp.listen == ()


def test_log_any() -> None:
    """log.any is the severity of categories that are not set themselves."""
    log = build("log:\n  - target: stdout\n    any: notice\n    zone: debug\n").logs[0]
    assert log == ("stdout", "notice", "notice", "debug")


def test_warnings(tmp_path: Path) -> None:
    """A missing storage directory and nothing to listen on are warned about."""
    conf = tmp_path / "k.conf"
    conf.write_text(f"zone:\n  - domain: a\n    storage: {tmp_path}/none\n")
    texts = list(warnings(load_config(str(conf))))
    assert [f"'{tmp_path}/none' does not exist" in texts[0], "no listen address" in texts[1]] == [True, True]


def test_restart_items() -> None:
    """Changed, added and removed items that need a restart are named; others are not."""
    old = build("server:\n  listen: ::1\n  identity: a\n  udp-workers: 2\n")
    new = build("server:\n  listen: ::2\n  identity: b\nxdp:\n  ring-size: 64\n")
    assert restart_items(old, new) == ["server.listen", "server.udp-workers", "xdp.ring-size"]
    assert restart_items(new, new) == []
