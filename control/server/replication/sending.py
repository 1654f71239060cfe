# SPDX-License-Identifier: Apache-2.0
"""One outgoing transfer on the side of the threads: a snapshot of the store, and the messages made from it.

A snapshot holds pages of the store, so each ends with its transfer, whoever closes it.
"""

import threading
from collections.abc import Iterator

from control.errors import ZoneUnknown
from control.server.zones import Zones
from control.store.zones import StoredZone, get_zone
from control.transfer.outgoing import (
    Course,
    Plan,
    ReplyForm,
    axfr_messages,
    ixfr_messages,
    plan_ixfr,
    soa_expire,
    soa_message,
)
from pyxdp_dns.pack import Messages

NO_MESSAGES = Messages(b"")


class Sending:
    """Belongs to one thread at a time, but for `close`, which any may call at any time."""

    def __init__(self, zones: Zones, apex: bytes) -> None:
        self._lock = threading.Lock()
        self._snapshot = zones.store.read()
        self._apex = apex
        self._batches: Iterator[Messages] | None = None
        self._opened = self._closed = False
        self.zone: StoredZone
        """Once `open` has found it."""
        self.expire_s = 0
        """The zone's SOA expire."""

    def open(self) -> None:
        """Take the snapshot. Raises ZoneUnknown when the zone has no contents that may be told."""
        with self._lock:
            self._need_open()
            self._txn = self._snapshot.__enter__()
            self._opened = True
            zone = get_zone(self._txn, self._apex)
            if zone is None or zone.expired:
                raise ZoneUnknown(self._apex, "the zone has no contents")
            self.zone, self.expire_s = zone, soa_expire(self._txn, zone)

    def plan(self, serial: int, *, provide: bool) -> Plan:
        """Decide about a request for changes; as `plan_ixfr`."""
        with self._lock:
            self._need_open()
            return plan_ixfr(self._txn, self.zone, serial, provide=provide)

    def begin(self, plan: Plan, form: ReplyForm) -> None:
        """Make the messages of the zone or of its changes from now on."""
        with self._lock:
            self._need_open()
            if plan.course is Course.INCREMENTAL:
                self._batches = ixfr_messages(self._txn, self.zone, plan, form)
            else:
                self._batches = axfr_messages(self._txn, self.zone, form)

    def current(self, form: ReplyForm, most: int) -> Messages:
        """Return the reply with the SOA alone; as `soa_message`."""
        with self._lock:
            self._need_open()
            message = soa_message(self._txn, self.zone, form, most)
            return Messages(len(message).to_bytes(2, "big") + message)

    def take(self) -> Messages:
        """Make some more messages; none when there are no more. Raises what making them raises."""
        with self._lock:
            self._need_open()
            assert self._batches is not None
            return next(self._batches, NO_MESSAGES)

    def close(self) -> None:
        """Give the snapshot back, after what another thread is doing with it; again is no error."""
        with self._lock:
            if self._opened and not self._closed:
                self._batches = None
                self._snapshot.__exit__(None, None, None)
            self._closed = True

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def _need_open(self) -> None:
        if self._closed:
            raise ZoneUnknown(self._apex, "the transfer has ended")
