# SPDX-License-Identifier: Apache-2.0
"""The table of timers: what of a zone's dealings with other servers and catalogs survives a restart.

One record per zone, under the zone's name, whether or not the zone has contents. Times are Unix seconds. A zone
without a record has default values.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from control.store.environment import Transaction
from control.store.zones import apex_of_key, zone_key

RECORD = struct.Struct(">QQQQIBHH")
HAS_NOTIFIED, XFR_FROZEN = 1, 2


class ZoneTimers(NamedTuple):
    """What is remembered of one zone."""

    refreshed_s: int = 0
    """When a primary was last reached with success, by an SOA query or a transfer; 0: never."""
    next_refresh_s: int = 0
    """When the next refresh is due; 0: none is planned, a zone without contents is asked for at once."""
    expires_s: int = 0
    """When the zone expires unless a primary is reached before; 0: never."""
    notified_serial: int | None = None
    """The serial that those to be notified were told last."""
    pinned: str = ""
    """The id of the primary whose contents the zone has, where `master-pin-tolerance` asks for it."""
    outpaced_s: int = 0
    """Since when another primary is known to be newer than the pinned one; 0: it is not."""
    xfr_frozen: bool = False
    """Outgoing transfers are refused."""
    member_id: bytes = b""
    """The label under which the zone is a member of a catalog."""


NO_TIMERS = ZoneTimers()


def get_timers(txn: Transaction, apex: bytes) -> ZoneTimers:
    """Return what is remembered of a zone; `apex` is a wire name in lower case."""
    record = txn.get(txn.timers, zone_key(apex))
    return NO_TIMERS if record is None else _unpack(record)


def put_timers(txn: Transaction, apex: bytes, timers: ZoneTimers) -> None:
    """Remember the timers of a zone; a record of default values is none."""
    if timers == NO_TIMERS:
        remove_timers(txn, apex)
    else:
        txn.put(txn.timers, zone_key(apex), _pack(timers))


def update_timers(txn: Transaction, apex: bytes, timers: ZoneTimers) -> None:
    """Remember the timers of a zone but for its label in a catalog, which stays as it is."""
    put_timers(txn, apex, timers._replace(member_id=get_timers(txn, apex).member_id))


def remove_timers(txn: Transaction, apex: bytes) -> bool:
    """Forget the timers of a zone; false when there were none."""
    return txn.delete(txn.timers, zone_key(apex))


def list_timers(txn: Transaction) -> Iterator[tuple[bytes, ZoneTimers]]:
    """Yield every zone that has timers, by its wire name, in canonical order."""
    for key, record in txn.cursor(txn.timers):
        yield apex_of_key(key), _unpack(record)


def _pack(timers: ZoneTimers) -> bytes:
    pinned = timers.pinned.encode()
    flags = HAS_NOTIFIED * (timers.notified_serial is not None) | XFR_FROZEN * timers.xfr_frozen
    times = (timers.refreshed_s, timers.next_refresh_s, timers.expires_s, timers.outpaced_s)
    head = RECORD.pack(*times, timers.notified_serial or 0, flags, len(pinned), len(timers.member_id))
    return head + pinned + timers.member_id


def _unpack(record: bytes) -> ZoneTimers:
    refreshed_s, next_refresh_s, expires_s, outpaced_s, serial, flags, pinned, member = RECORD.unpack_from(record)
    at = RECORD.size + pinned
    return ZoneTimers(
        refreshed_s=refreshed_s,
        next_refresh_s=next_refresh_s,
        expires_s=expires_s,
        notified_serial=serial if flags & HAS_NOTIFIED else None,
        pinned=record[RECORD.size : at].decode(),
        outpaced_s=outpaced_s,
        xfr_frozen=bool(flags & XFR_FROZEN),
        member_id=record[at : at + member],
    )
