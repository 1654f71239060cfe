# SPDX-License-Identifier: Apache-2.0
"""Signals on a D-Bus of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from control.conf.values import name_to_wire
from control.conf.zone import DEFAULT_SETTINGS, ZoneConf
from control.events.zone import ZoneHandle
from control.log import Log
from control.server.dbus import Link, Signals
from tests.support.bus import Heard, Listener, running_bus
from tests.support.daemon import DaemonUnderTest, wait_for

EVENTS = frozenset({"running", "zone-updated", "keys-updated", "ksk-submission", "dnssec-invalid"})
PLACE = ("/cz/nic/knotd", "cz.nic.knotd.events")

pytestmark = pytest.mark.peer("dbus-daemon")


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.log = Log([])
        self.log.write = self.note  # type: ignore[assignment]

    def note(self, _severity: int, text: str, *_: object) -> None:
        self.lines.append(text)


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[str]:
    with running_bus(tmp_path) as address:
        yield address


def zone(serial: int | None) -> ZoneHandle:
    """Return a zone with a serial."""
    handle = ZoneHandle("a.test.", name_to_wire("a.test."), ZoneConf("a.test.", "/zones/a", DEFAULT_SETTINGS))
    handle.serial = serial
    return handle


def test_signals_have_the_names_of_knot(bus: str, lines: Lines) -> None:
    """Path, interface, names and types, so that scripts made for it go on working."""
    listener = Listener(bus)
    signals = Signals(lines.log, EVENTS, 0, bus)
    signals.started()
    signals.started()
    signals.zone_updated(zone(None))
    signals.zone_updated(zone(4294967295))
    signals.keys_updated("a.test.")
    signals.ksk_submission("a.test.", 65535, "ab12")
    signals.dnssec_invalid("a.test.", 60)
    signals.stopped()
    signals.stop()
    assert [listener.next() for _ in range(6)] == [
        Heard(*PLACE, "started", "", ()),
        Heard(*PLACE, "zone_updated", "su", ("a.test.", 4294967295)),
        Heard(*PLACE, "keys_updated", "s", ("a.test.",)),
        Heard(*PLACE, "zone_ksk_submission", "sqs", ("a.test.", 65535, "ab12")),
        Heard(*PLACE, "zone_dnssec_invalid", "su", ("a.test.", 60)),
        Heard(*PLACE, "stopped", "", ()),
    ]
    assert lines.lines == ["d-bus: connected to system bus"]
    listener.close()


def test_what_was_not_asked_for_is_not_told(bus: str, lines: Lines) -> None:
    """`dbus-event` lists what is."""
    listener = Listener(bus)
    signals = Signals(lines.log, frozenset({"keys-updated"}), 0, bus)
    signals.started()
    signals.zone_updated(zone(1))
    signals.keys_updated("a.test.")
    signals.stop()
    assert listener.next().member == "keys_updated"
    listener.close()


def test_a_bus_that_is_not_there_is_one_warning(tmp_path: Path, lines: Lines) -> None:
    """Nothing else waits for it or fails."""
    signals = Signals(lines.log, EVENTS, 0, f"unix:path={tmp_path}/none")
    for serial in range(50):
        signals.zone_updated(zone(serial))
    signals.stop()
    assert len(lines.lines) == 1
    assert lines.lines[0].startswith("d-bus: failed to open system bus (")
    assert lines.lines[0].endswith("or unset server.dbus-event")


def test_a_bus_that_does_not_give_the_name_is_one_warning(tmp_path: Path, lines: Lines) -> None:
    """Clients would not find the server."""
    with running_bus(tmp_path, own='<deny own="cz.nic.knotd"/>') as address:
        signals = Signals(lines.log, EVENTS, 0, address)
        signals.keys_updated("a.test.")
        signals.stop()
    assert len(lines.lines) == 1
    assert "cz.nic.knotd" in lines.lines[0]


def test_a_second_server_does_not_get_the_name(bus: str, lines: Lines) -> None:
    """Signals of two servers would be mixed up."""
    first, second = Link(lines.log, bus), Link(lines.log, bus)
    assert first.open()
    assert not second.open()
    assert "the name cz.nic.knotd is taken" in lines.lines[1]
    first.close()


def test_a_bus_that_comes_back_is_found(tmp_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end is one warning, its return one line."""
    monkeypatch.setattr("control.server.dbus.RETRY_S", 0.0)
    with running_bus(tmp_path) as address:
        link = Link(lines.log, address)
        assert link.open()
    wait_for(lambda: link.take() or len(lines.lines) == 2, "the end of the bus is noticed")
    assert not link.open()
    with running_bus(tmp_path):
        assert link.open()
        link.close()
    assert [line.split(" (")[0] for line in lines.lines] == [
        "d-bus: connected to system bus",
        "d-bus: failed to open system bus",
        "d-bus: connected to system bus",
    ]


def test_a_daemon_tells_of_itself_and_its_zones(bus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its start, through a change, to its end; the delay is for clients to find it."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus)
    listener = Listener(bus)
    daemon = DaemonUnderTest(tmp_path)
    daemon.server_items = ["dbus-event: [running, zone-updated]", "dbus-init-delay: 0"]
    daemon.write_config("example.com")
    daemon.start()
    try:
        first = {listener.next() for _ in range(2)}
        assert first == {
            Heard(*PLACE, "started", "", ()),
            Heard(*PLACE, "zone_updated", "su", ("example.com.", 1)),
        }
        daemon.write_zone("example.com", 2)
        daemon.reload()
        assert listener.next().values == ("example.com.", 2)
        assert daemon.stop() == 0
        assert listener.next().member == "stopped"
    finally:
        daemon.close()
        listener.close()
