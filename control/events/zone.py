# SPDX-License-Identifier: Apache-2.0
"""The state of one configured zone while the daemon runs. Belongs to the loop's thread.

There may be a hundred thousand of them: no task, no timer and no dictionary each.
"""

from enum import Enum
from typing import TYPE_CHECKING, Any

from control.events.event import Event, Waiter
from control.events.kinds import Kind
from control.store.timers import NO_TIMERS

if TYPE_CHECKING:
    from control.conf.model import ZoneConf
    from control.conf.peers import RemoteConf


class Freeze(Enum):
    """Whether an operator stopped the changes of a zone; the values are what `zone-status` shows."""

    NONE = "-"
    FREEZING = "freezing"
    """An event still runs."""
    FROZEN = "yes"
    THAWING = "thawing"
    """An event still runs; then what was held goes on."""


class ZoneHandle:
    """A zone by its names: `name` as text with the final dot, `wire` in wire form, both in lower case."""

    __slots__ = (
        "attempts",
        "conf",
        "events",
        "failure",
        "freeze",
        "idle_waiters",
        "loaded",
        "masters",
        "name",
        "refreshed_at",
        "removed",
        "running",
        "running_since",
        "serial",
        "timers",
        "transaction",
        "unnotified",
        "wire",
    )

    def __init__(self, name: str, wire: bytes, conf: "ZoneConf") -> None:
        self.name, self.wire, self.conf = name, wire, conf
        self.events: tuple[Event, ...] = ()
        """Planned, pending and held ones; at most one of a kind. The running one is not among them."""
        self.running: Event | None = None
        self.running_since = 0.0
        self.freeze = Freeze.NONE
        self.idle_waiters: tuple[Waiter, ...] = ()
        """To be told when no event runs."""
        self.transaction: Any = None
        """The open transaction of the control socket, if there is one."""
        self.failure: str | None = None
        """Why the last event failed; None after one that succeeded."""
        self.serial: int | None = None
        """What is served; None: nothing."""
        self.loaded = False
        """Whether a load was tried since the start, or since the zone was configured."""
        self.timers = NO_TIMERS
        """What outlives the daemon; `control.server.replication.timers` keeps it in the store."""
        self.attempts = 0
        """Refreshes that failed since the zone lost its contents, or an operator asked for one."""
        self.masters: tuple[RemoteConf, ...] | None = None
        """The primaries that were asked last; None: none was since the start."""
        self.refreshed_at = 0.0
        """When the last refresh ended, by the loop's clock."""
        self.unnotified: tuple[str, ...] = ()
        """Ids of those that could not be told of the serial they are to be told."""
        self.removed = False
        """No longer configured: nothing is planned for it any more."""

    def __repr__(self) -> str:
        return f"<zone {self.name}>"

    def planned(self, kind: Kind) -> Event | None:
        """Return the event of a kind that has not begun."""
        return next((event for event in self.events if event.kind is kind), None)

    def frozen(self) -> bool:
        """Whether changes are held."""
        return self.freeze is not Freeze.NONE
