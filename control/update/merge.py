# SPDX-License-Identifier: Apache-2.0
"""Changesets put together: several into one, and onto the contents of a zone. Pure: values in, values out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from control.store.changeset import Changeset, Entry, soa_first
from control.store.keys import TYPE_BYTES, Pair, pack_rrset, unpack_rdatas, unpack_ttl, zone_prefix

SOA_BYTES = (6).to_bytes(TYPE_BYTES, "big")
RRsetName = tuple[bytes, int]
"""Owner part of a key, and type."""
Records = set[tuple[int, bytes]]
"""TTL and rdata."""


class NetChange:
    """What several changes of one RRset remove and add together."""

    __slots__ = ("added", "removed")

    def __init__(self) -> None:
        self.removed: Records = set()
        self.added: Records = set()

    def remove(self, records: Records) -> None:
        """Take the removal of records after what was before."""
        self.removed |= records - self.added
        self.added -= records

    def add(self, records: Records) -> None:
        """Take the addition of records after what was before; those that come back were never gone."""
        back = records & self.removed
        self.removed -= back
        self.added |= records - back


def merge_changesets(changesets: Sequence[Changeset]) -> Changeset:
    """Return one changeset that leads from where the first begins to where the last ends, without detours."""
    shared = shared_names(changesets)
    net = net_changes(_only(changeset, shared) for changeset in changesets)
    removals = [entry for changeset in changesets for entry in changeset.removals if entry[:2] not in shared]
    additions = [entry for changeset in changesets for entry in changeset.additions if entry[:2] not in shared]
    removals += _entries((name, change.removed) for name, change in net.items())
    additions += _entries((name, change.added) for name, change in net.items())
    return Changeset(
        changesets[0].serial_from,
        changesets[-1].serial_to,
        changesets[-1].timestamp_s,
        soa_first(sorted(removals)),
        soa_first(sorted(additions)),
        merged=True,
    )


def shared_names(changesets: Iterable[Changeset]) -> set[RRsetName]:
    """Return the RRsets that several changesets change; what one alone does to an RRset needs no merging."""
    seen: set[RRsetName] = set()
    shared: set[RRsetName] = set()
    for changeset in changesets:
        names = {entry[:2] for part in (changeset.removals, changeset.additions) for entry in part}
        shared |= names & seen
        seen |= names
    return shared


def _only(changeset: Changeset, names: set[RRsetName]) -> Changeset:
    """Return the part of a changeset that is about some RRsets."""
    removals = tuple(entry for entry in changeset.removals if entry[:2] in names)
    return changeset._replace(
        removals=removals, additions=tuple(entry for entry in changeset.additions if entry[:2] in names)
    )


def net_changes(changesets: Iterable[Changeset]) -> dict[RRsetName, NetChange]:
    """Return what changesets, one after the other, do to each RRset."""
    net: defaultdict[RRsetName, NetChange] = defaultdict(NetChange)
    for changeset in changesets:
        for owner, rtype, value in changeset.removals:
            net[owner, rtype].remove(_records(value))
        for owner, rtype, value in changeset.additions:
            net[owner, rtype].add(_records(value))
    return net


def replay(pairs: Iterable[Pair], net: Mapping[RRsetName, NetChange], zone_id: int) -> Iterator[Pair]:
    """Yield the pairs of a zone (in key order, under `zone_id`) after changes.

    A record that is not there need not be removed, one that is there need not be added; a SOA replaces another.
    """
    prefix = zone_prefix(zone_id)
    waiting = sorted(
        (prefix + owner + b"\0" + rtype.to_bytes(TYPE_BYTES, "big"), net[owner, rtype]) for owner, rtype in net
    )
    waiting.reverse()
    for key, value in pairs:
        while waiting and waiting[-1][0] < key:
            yield from _changed(waiting.pop(), None)
        if waiting and waiting[-1][0] == key:
            yield from _changed(waiting.pop(), value)
        else:
            yield key, value
    while waiting:
        yield from _changed(waiting.pop(), None)


def _changed(change: tuple[bytes, NetChange], value: bytes | None) -> Iterator[Pair]:
    key, net = change
    if key[-TYPE_BYTES:] == SOA_BYTES and net.added:
        value = None
    records = set() if value is None else _records(value) - net.removed
    rdatas = {rdata for _, rdata in records | net.added}
    if rdatas:
        ttl = min(net.added)[0] if net.added else min(records)[0]
        yield key, pack_rrset(ttl, rdatas)


def _entries(parts: Iterable[tuple[RRsetName, Records]]) -> Iterator[Entry]:
    """Yield one entry for each RRset with records; all of them have one TTL."""
    for (owner, rtype), records in parts:
        if records:
            yield owner, rtype, pack_rrset(min(records)[0], (rdata for _, rdata in records))


def _records(value: bytes) -> Records:
    ttl = unpack_ttl(value)
    return {(ttl, rdata) for rdata in unpack_rdatas(value)}
