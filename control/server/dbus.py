# SPDX-License-Identifier: Apache-2.0
"""Signals on the system's D-Bus, under the names that Knot DNS has: `server.dbus-event` says which.

A thread of its own talks with the bus, and what is to be told waits for it in a queue: nobody else waits for the bus,
and a server without one does everything but tell. Clients find the server by the name it takes; from then on they have
`dbus-init-delay` to say what they listen to.
"""

import queue
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from control.events.zone import ZoneHandle
from control.log import Log

if TYPE_CHECKING:
    from jeepney.io.blocking import DBusConnection

BUS_NAME, PATH, INTERFACE = "cz.nic.knotd", "/cz/nic/knotd", "cz.nic.knotd.events"
SYSTEM_BUS = "SYSTEM"
"""Of DBUS_SYSTEM_BUS_ADDRESS, or the usual socket."""
DO_NOT_QUEUE, IS_OWNER = 4, frozenset({1, 4})
"""Of RequestName: its flag, and the replies that say that the name is ours."""
WAITING_MAX = 200_000
"""Signals that wait for the bus; further ones are dropped."""
RETRY_S = 30.0
"""After so long a bus that was not reached is tried again."""
LOOK_S = 10.0
"""How often messages of the bus are taken while there is nothing to tell."""
REPLY_S = 5.0
"""Time for the reply of the bus itself."""
RUNNING, ZONE_UPDATED, KEYS_UPDATED = "running", "zone-updated", "keys-updated"
KSK_SUBMISSION, DNSSEC_INVALID = "ksk-submission", "dnssec-invalid"


class Signal(NamedTuple):
    """One signal: its name, the types of its values as D-Bus writes them, and the values."""

    member: str
    types: str = ""
    values: tuple[Any, ...] = ()


class BusRefused(Exception):
    """The bus does not give us the name."""


class Signals:
    """What the daemon tells. Any thread may call; nothing blocks but `stop`, and that not for long."""

    def __init__(self, log: Log, events: frozenset[str], init_delay_s: float, bus: str = SYSTEM_BUS) -> None:
        """`bus` is an address as D-Bus writes them."""
        self._log, self._events, self._delay_s, self._bus = log, events, init_delay_s, bus
        self._queue: queue.Queue[Signal | None] = queue.Queue(WAITING_MAX)
        self._stopping = threading.Event()
        self._is_told = self._is_full = False
        self._thread = threading.Thread(target=self._run, name="d-bus", daemon=True)
        if events:
            self._thread.start()

    def started(self) -> None:
        """The server answers; only the first call tells."""
        if not self._is_told:
            self._is_told = True
            self._tell(RUNNING, Signal("started"))

    def stopped(self) -> None:
        """The server ends."""
        self._tell(RUNNING, Signal("stopped"))

    def zone_updated(self, zone: ZoneHandle) -> None:
        """A zone was loaded or has changed."""
        if zone.serial is not None:
            self._tell(ZONE_UPDATED, Signal("zone_updated", "su", (zone.name, zone.serial)))

    def keys_updated(self, zone: str) -> None:
        """The keys of a zone have changed."""
        self._tell(KEYS_UPDATED, Signal("keys_updated", "s", (zone,)))

    def ksk_submission(self, zone: str, tag: int, key_id: str) -> None:
        """A key waits for its DS record at the parent."""
        self._tell(KSK_SUBMISSION, Signal("zone_ksk_submission", "sqs", (zone, tag, key_id)))

    def dnssec_invalid(self, zone: str, seconds: int) -> None:
        """A zone did not pass validation; so many seconds are left until its signatures expire."""
        self._tell(DNSSEC_INVALID, Signal("zone_dnssec_invalid", "su", (zone, seconds)))

    def stop(self, timeout_s: float = 1.0) -> None:
        """Tell what still waits, and end."""
        if not self._events:
            return
        self._stopping.set()
        with suppress(queue.Full):
            self._queue.put(None, timeout=timeout_s)
            self._thread.join(timeout_s)

    def _tell(self, event: str, signal: Signal) -> None:
        if event not in self._events:
            return
        try:
            self._queue.put_nowait(signal)
            self._is_full = False
        except queue.Full:
            if not self._is_full:
                self._is_full = True
                self._log.warning("d-bus: the bus takes no signals, further ones are dropped; look at its log")

    def _run(self) -> None:
        link = Link(self._log, self._bus)
        if link.open():
            self._stopping.wait(self._delay_s)
        while True:
            try:
                signal = self._queue.get(timeout=LOOK_S)
            except queue.Empty:
                link.take()
                continue
            if signal is None:
                break
            if link.open():
                link.send(signal)
        link.close()


class Link:
    """The connection to the bus, for one thread. A bus that is not there is one warning until it is there again."""

    def __init__(self, log: Log, bus: str) -> None:
        self._log, self._bus = log, bus
        self._connection: DBusConnection | None = None
        self._has_failed = False
        self._tried_at = -RETRY_S

    def open(self) -> bool:
        """Connect, unless that was tried lately; whether there is a connection."""
        if self._connection is None and time.monotonic() - self._tried_at >= RETRY_S:
            self._tried_at = time.monotonic()
            self._attempt(self._connect)
        return self._connection is not None

    def send(self, signal: Signal) -> None:
        """Send a signal, if there is a connection."""
        from jeepney import DBusAddress, new_signal

        message = new_signal(DBusAddress(PATH, interface=INTERFACE), signal.member, signal.types or None, signal.values)
        connection = self._connection
        if connection is not None:
            self._attempt(lambda: connection.send(message))
        self.take()

    def take(self) -> None:
        """Take and forget what the bus has sent: there is nothing to be asked of us."""
        connection = self._connection

        def drain() -> None:
            with suppress(TimeoutError):
                while connection is not None:
                    connection.receive(timeout=0)

        self._attempt(drain)

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> None:
        from jeepney import message_bus
        from jeepney.io.blocking import Proxy, open_dbus_connection

        self._connection = open_dbus_connection(self._bus)
        proxy = Proxy(message_bus, self._connection, timeout=REPLY_S)
        if proxy.RequestName(BUS_NAME, DO_NOT_QUEUE)[0] not in IS_OWNER:
            raise BusRefused(f"the name {BUS_NAME} is taken")
        self._has_failed = False
        self._log.info("d-bus: connected to system bus")

    def _attempt(self, step: Any) -> None:
        """Do something with the bus; without it nothing is told until it is back."""
        from jeepney.wrappers import DBusErrorResponse

        try:
            step()
        except (OSError, RuntimeError, ValueError, BusRefused, DBusErrorResponse) as error:
            self.close()
            if not self._has_failed:
                self._has_failed = True
                text = f"d-bus: failed to open system bus ({error}), nothing is told there"
                self._log.warning(f"{text}; start it, permit the name {BUS_NAME}, or unset server.dbus-event")
