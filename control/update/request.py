# SPDX-License-Identifier: Apache-2.0
"""What the door is asked to change."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from control.conf.zone import DEFAULT_SETTINGS, ZoneSettings
from control.sign.signing import Signed, Signing
from control.store.environment import Transaction
from control.store.keys import Record, RRsetChange


class ZoneUpdate(NamedTuple):
    """A change of one zone: either `changes`, or `removals` and then `additions` (`plan_changes` has their rules).

    `changes` give whole RRset values; their keys may be under any zone id. What an RRset was (`old`) is read anew, so
    it is of no importance here. Where nothing else raises the serial, the zone's serial policy does.
    """

    zone: bytes
    settings: ZoneSettings = DEFAULT_SETTINGS
    changes: Sequence[RRsetChange] = ()
    removals: Sequence[Record] = ()
    additions: Sequence[Record] = ()
    base_version: int | None = None
    """The version the change was made for: with another it is refused (ZoneBusy); 0: for a zone without contents."""
    may_create: bool = False
    """A zone without contents gets its first ones; they must have an SOA."""
    digests: bool = False
    """The ZONEMD is brought to what `zonemd-generate` wants even if nothing else changes."""
    keeps_serial: bool = False
    """The serial is what the change says or was; no policy is applied."""
    signing: Signing | None = None
    """How the zone is signed, where that is not what the door is told of the zone."""
    signed: Signed | None = None
    """The changes have the signatures and NSEC or NSEC3 records they need, but for the SOA: this was done for them."""
    also: Callable[[Transaction], None] | None = None
    """Writes something else (timers) in the transaction of the change, even when contents stay as they are."""
