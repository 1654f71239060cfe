# SPDX-License-Identifier: Apache-2.0
"""Start, stop, reload and refusals of the real daemon on a loopback port."""

import subprocess
import time

import dns.rcode

from pyxdp_dns.engine_client import connect
from tests.support.daemon import WAIT_S, DaemonUnderTest, is_alive, wait_for


def test_start_and_stop(daemon: DaemonUnderTest) -> None:
    """A zone file is loaded, answered over UDP and TCP; SIGTERM ends daemon and engine and removes their files."""
    daemon.start()
    assert daemon.address_of() == "192.0.2.2"
    assert daemon.address_of(tcp=True) == "192.0.2.2"
    assert daemon.ask("www.example.org").rcode() == dns.rcode.REFUSED
    engine = daemon.engine_pid()
    assert daemon.stop() == 0
    wait_for(lambda: not is_alive(engine), "the engine's end")
    assert [path.name for path in daemon.rundir.iterdir() if path.name != "engine.lock"] == []


def test_unchanged_zone_at_restart(daemon: DaemonUnderTest) -> None:
    """A restart answers without reading an unchanged zone file; the time to the first answer is printed."""
    daemon.start()
    daemon.stop()
    started = time.monotonic()
    daemon.mark()
    daemon.process = daemon.spawn()
    wait_for(daemon.answers, "an answer")
    print(f"first answer {1000 * (time.monotonic() - started):.0f} ms after the daemon's start")
    daemon.expect("loaded, serial none -> 1, ")


def test_reload(daemon: DaemonUnderTest) -> None:
    """SIGHUP loads changed files and added zones and drops removed ones."""
    daemon.start()
    daemon.write_zone("example.com", 2, "192.0.2.77")
    daemon.write_zone("example.org", 1)
    daemon.write_config("example.com", "example.org")
    daemon.reload()
    assert daemon.address_of() == "192.0.2.77"
    assert daemon.address_of("www.example.org", tcp=True) == "192.0.2.2"
    assert "zone file loaded, serial 2" in daemon.logged()
    daemon.write_config("example.org")
    daemon.reload()
    assert daemon.ask().rcode() == dns.rcode.REFUSED
    assert daemon.address_of("www.example.org") == "192.0.2.2"


def test_reload_of_a_broken_configuration(daemon: DaemonUnderTest) -> None:
    """A configuration that is refused at reload leaves the old one in place and names file, line and item."""
    daemon.start()
    daemon.config.write_text("server:\n  nonsense: 1\n")
    daemon.reload()
    assert f"config, file '{daemon.config}', line 2, item 'nonsense', value '1' (invalid item)" in daemon.logged()
    assert daemon.address_of() == "192.0.2.2"


def test_reload_names_items_that_need_a_restart(daemon: DaemonUnderTest) -> None:
    """A changed item that takes effect only at start is named; one that is live takes effect."""
    daemon.server_items = ["identity: before"]
    daemon.write_config("example.com")
    daemon.start()
    daemon.server_items = ["identity: after", "async-start: on"]
    daemon.write_config("example.com")
    daemon.reload()
    assert "item 'server.async-start' changed, restart the daemon to use it" in daemon.logged()
    assert "server.identity" not in daemon.logged()


def test_broken_zone_file(daemon: DaemonUnderTest) -> None:
    """A broken zone file leaves the old version served, and the log says where it is broken."""
    daemon.start()
    path = daemon.write_zone(
        "example.com", 2, text="$TTL 300\n@ SOA ns hostmaster 2 3600 600 86400 60\nwww A nonsense\n"
    )
    daemon.reload()
    assert daemon.address_of() == "192.0.2.2"
    assert "[example.com.] zone event 'load' failed" in daemon.logged()
    assert str(path) in daemon.logged()


def test_zone_without_file(daemon: DaemonUnderTest) -> None:
    """A zone that cannot be loaded answers SERVFAIL; the others are served."""
    daemon.write_config("example.com", "example.net")
    daemon.start()
    assert daemon.ask("www.example.net").rcode() == dns.rcode.SERVFAIL
    assert daemon.address_of() == "192.0.2.2"
    assert "failed to parse zone file" in daemon.logged()


def test_broken_configuration_at_start(daemon: DaemonUnderTest) -> None:
    """A configuration with an error ends the start with the error and status 1."""
    daemon.config.write_text("server:\n  dbus-event: external-verify\n")
    done = subprocess.run(daemon.spawn().args, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert (
        f"config, file '{daemon.config}', line 2, item 'dbus-event', value 'external-verify' (not supported by"
        in done.stderr
    )
    assert f"critical: failed to load configuration file '{daemon.config}'" in done.stderr


def test_second_daemon(daemon: DaemonUnderTest) -> None:
    """A second daemon on the same directories is refused and disturbs nothing."""
    daemon.start()
    daemon.mark()
    assert daemon.spawn().wait(60) == 1
    assert f"in use by another xdpdnsd with PID {daemon.process.pid if daemon.process else 0}" in daemon.logged()
    assert daemon.address_of() == "192.0.2.2"
    assert daemon.address_of(tcp=True) == "192.0.2.2"


def test_damaged_table(daemon: DaemonUnderTest) -> None:
    """A damaged table is refused, put aside and built again from the store without reading zone files."""
    daemon.start()
    daemon.stop()
    table = daemon.storage / "table"
    data = bytearray(table.read_bytes())
    data[:64] = b"\xff" * 64
    table.write_bytes(data)
    daemon.start()
    assert daemon.address_of() == "192.0.2.2"
    assert "refused" in daemon.logged()
    assert (daemon.storage / "table.refused").exists()


def test_address_in_use(daemon: DaemonUnderTest) -> None:
    """An address that another program has is named and the start fails."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.1", daemon.port))
        other.listen()
        assert daemon.spawn().wait(60) == 1
    assert f"cannot bind address 127.0.0.1@{daemon.port}" in daemon.logged()


def test_stop_while_starting(daemon: DaemonUnderTest) -> None:
    """A stop that comes at any moment after the engine answers and while the daemon still starts ends both."""
    daemon.start()
    daemon.stop()
    for hundredths in range(8):
        process = daemon.spawn()
        wait_for(daemon.answers, "an answer of the engine")
        time.sleep(hundredths / 100)
        process.terminate()
        assert process.wait(WAIT_S) == 0
        assert connect(str(daemon.rundir)) is None
