# SPDX-License-Identifier: Apache-2.0
"""The response table and the answering of queries from it (csrc/table.h, csrc/answer.h).

Names are wire-form bytes. One thread uses a `Table` at a time; a `Responder` belongs to one thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from pyxdp_dns.errors import EngineError
from pyxdp_dns.modules import NO_STATS, CookiesConf, RrlConf, StatsConf, fill_cookies, fill_rrl
from pyxdp_dns.native import check, ffi, lib

__all__ = [
    "AccessRule",
    "Reply",
    "Responder",
    "ServerInfo",
    "Table",
    "TableStats",
    "Transaction",
    "Transport",
    "Verdict",
    "ZoneInfo",
]


ACCESS_UDP, ACCESS_TCP, ACCESS_TLS = 1, 2, 4
ACCESS_RULES_MAX = 255


class Verdict(IntEnum):
    """What is to become of a query."""

    REPLY = lib.XD_REPLY
    DROP = lib.XD_DROP
    HANDOFF = lib.XD_HANDOFF


REPLY, HANDOFF = int(Verdict.REPLY), int(Verdict.HANDOFF)


class Transport(IntEnum):
    """How a query came: it decides the size of the response."""

    UDP4 = lib.XD_UDP4
    UDP6 = lib.XD_UDP6
    TCP = lib.XD_TCP4
    TCP6 = lib.XD_TCP6
    UDP4_XDP = lib.XD_UDP4_XDP
    UDP6_XDP = lib.XD_UDP6_XDP
    TLS = lib.XD_TLS4
    TLS6 = lib.XD_TLS6


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What the server says of itself; empty texts are not told. Payloads in octets."""

    identity: bytes = b""
    version: bytes = b""
    nsid: bytes = b""
    udp_payload_ipv4: int = 1232
    udp_payload_ipv6: int = 1232

    stats: StatsConf = NO_STATS
    zone_stats: bool = False
    """Some zones have rows of statistics of their own."""
    cookies: CookiesConf | None = None
    rrl: RrlConf | None = None

    def __post_init__(self) -> None:
        for name in ("identity", "version", "nsid"):
            if len(getattr(self, name)) > 255:
                raise ValueError(f"server.{name} is longer than 255 octets: shorten it")


@dataclass(frozen=True, slots=True)
class ZoneInfo:
    """A zone as the table has it; `version` is the store's."""

    version: int
    names: int
    serial: int
    has_contents: bool
    is_nsec: bool
    is_nsec3: bool
    stats_row: int = 0
    """Row of its own statistics, counted from 1; 0: none."""
    stats_families: int = 0
    is_closed: bool = False
    """Rules about access say who may ask."""


class AccessRule(NamedTuple):
    """Says whether addresses from `first` to `last` (4 or 16 octets; none: any) may ask, and over what."""

    first: bytes
    last: bytes
    is_allowed: bool
    udp: bool = True
    tcp: bool = True
    tls: bool = True


@dataclass(frozen=True, slots=True)
class TableStats:
    """Sizes in octets."""

    file_bytes: int
    used_bytes: int
    retired_bytes: int
    generation: int
    zones: int


class Reply(NamedTuple):
    """A response; `data` is empty unless `verdict` is REPLY."""

    verdict: Verdict
    data: bytes
    rcode: int
    truncated: bool
    has_edns: bool


class Transaction:
    """Changes that become visible together. Made by `Table.transaction`."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def prepare(self) -> None:
        """Do all of the commit that may be refused; no change follows. Another store can then commit before this one.

        Raises what a change raises; the transaction is undone then.
        """
        check(lib.xd_txn_prepare(self._table), "the response table cannot be published")

    def set_server_info(self, info: ServerInfo) -> None:
        """Publish what the server says of itself."""
        c_info = ffi.new("xd_server_info *")
        c_info.udp_payload_ipv4 = info.udp_payload_ipv4
        c_info.udp_payload_ipv6 = info.udp_payload_ipv6
        for name in ("identity", "version", "nsid"):
            text = getattr(info, name)
            setattr(c_info, f"{name}_len", len(text))
            ffi.memmove(getattr(c_info, name), text, len(text))
        c_info.stats_families = info.stats.families
        c_info.has_zone_stats = info.zone_stats
        fill_cookies(c_info.cookies, info.cookies)
        fill_rrl(c_info.rrl, info.rrl)
        check(lib.xd_txn_set_server_info(self._table, c_info), "cannot publish the server information")

    def build_zone(self, apex: bytes, version: int, data: Any, offsets: Any, count: int) -> None:
        """Replace a whole zone by `count` RRsets in the flat form of csrc/pairs.h.

        `data` and `offsets` are C pointers or objects with the buffer interface (uint8, uint64).

        Raises:
            ZoneRefused: the contents cannot be answered from.
            TableFull, ResourceError: no room; nothing has changed.
        """
        c_data = data if isinstance(data, ffi.CData) else ffi.from_buffer("uint8_t[]", data)
        c_offsets = offsets if isinstance(offsets, ffi.CData) else ffi.from_buffer("uint64_t[]", offsets)
        check(
            lib.xd_txn_zone_build(self._table, apex, version, c_data, c_offsets, count),
            f"zone {apex!r} cannot be published",
        )

    def update_owner(self, apex: bytes, version: int, owner: bytes, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        """Replace one owner by the given (key, value) pairs, which are all it has; none removes it."""
        parts = [part for pair in pairs for part in pair]
        offsets = ffi.new("uint64_t[]", list(accumulate(map(len, parts), initial=0)))
        flat = b"".join(parts)
        result = lib.xd_txn_zone_update_owner(self._table, apex, version, owner, flat, offsets, len(pairs))
        if result < 0:
            check(result, f"owner {owner!r} of zone {apex!r} cannot be published")

    def empty_zone(self, apex: bytes) -> None:
        """Make the zone answer SERVFAIL: configured, but nothing to answer from."""
        check(lib.xd_txn_zone_empty(self._table, apex), f"zone {apex!r} cannot be emptied")

    def set_zone_stats(self, apex: bytes, row: int, families: int) -> None:
        """Give the zone a row of statistics of its own (counted from 1) with these families, or take it away (0)."""
        check(lib.xd_txn_zone_set_stats(self._table, apex, row, families), f"statistics of zone {apex!r}")

    def set_zone_access(self, apex: bytes, rules: Sequence[AccessRule] | None) -> None:
        """Close the zone to all but those whom the first of the rules that matches allows; None: open it.

        A zone the table lacks is made, without contents. There are 255 rules at most.
        """
        c_rules = ffi.NULL if rules is None else ffi.new("xd_access_rule[]", max(len(rules), 1))
        for c_rule, rule in zip(c_rules if rules else (), rules or (), strict=False):
            c_rule.address_len = len(rule.first)
            ffi.memmove(c_rule.first, rule.first, len(rule.first))
            ffi.memmove(c_rule.last, rule.last, len(rule.last))
            c_rule.transports = rule.udp * ACCESS_UDP | rule.tcp * ACCESS_TCP | rule.tls * ACCESS_TLS
            c_rule.is_allowed = rule.is_allowed
        count = len(rules or ())
        check(lib.xd_txn_zone_set_access(self._table, apex, c_rules, count), f"access to zone {apex!r}")

    def remove_zone(self, apex: bytes) -> None:
        """Take the zone out of the table; it must be there."""
        check(lib.xd_txn_zone_remove(self._table, apex), f"zone {apex!r} cannot be removed")


class Table:
    """A mapped response table. Use as a context manager, or `close` it."""

    def __init__(self, handle: Any, path: Path) -> None:
        self.handle = handle
        self.path = path

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make an empty table, replacing a file at `path`, and open it as the writer.

        Raises:
            ResourceError: no permission, no space.
        """
        return cls._open(lib.xd_table_create, path, "cannot be created")

    @classmethod
    def open_writer(cls, path: Path) -> Self:
        """Open an existing table as its only writer.

        Raises:
            TableRefused: it is damaged or foreign; create a new one and publish the zones again.
            ResourceError: it does not exist, or another process writes it.
        """
        return cls._open(lib.xd_table_open_writer, path, "cannot be opened for writing")

    @classmethod
    def open_reader(cls, path: Path) -> Self:
        """Open an existing table for answering only; errors as `open_writer`."""
        return cls._open(lib.xd_table_open_reader, path, "cannot be opened")

    @classmethod
    def _open(cls, function: Any, path: Path, failure: str) -> Self:
        out = ffi.new("xd_table **")
        check(function(str(path).encode(), out), f"response table {path} {failure}")
        return cls(out[0], path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unmap the table; further use is an error."""
        if self.handle:
            lib.xd_table_close(self.handle)
            self.handle = ffi.NULL

    def transaction(self) -> "OpenTransaction":
        """Open a transaction; it is committed at the end of the block, or undone when the block raises."""
        return OpenTransaction(self)

    def version_of(self, apex: bytes) -> int | None:
        """Return the version of a zone's contents, or None when it is not answered for or has none."""
        info = ffi.new("xd_zone_info *")
        if lib.xd_table_zone_info(self.handle, apex, info) < 0 or not info.has_contents:
            return None
        return int(info.version)

    def zone_info(self, apex: bytes) -> ZoneInfo | None:
        """Return what the table has of a zone, or None."""
        info = ffi.new("xd_zone_info *")
        if lib.xd_table_zone_info(self.handle, apex, info) < 0:
            return None
        return ZoneInfo(
            version=info.version,
            names=info.names,
            serial=info.serial,
            has_contents=bool(info.has_contents),
            is_nsec=bool(info.is_nsec),
            is_nsec3=bool(info.is_nsec3),
            stats_row=info.stats_row,
            stats_families=info.stats_families,
            is_closed=bool(info.is_closed),
        )

    def zones(self) -> list[bytes]:
        """Return the apexes of all zones, in canonical wire form, sorted as octets."""
        room = lib.xd_table_zone_names(self.handle, ffi.NULL, 0)
        names = ffi.new("uint8_t[]", room + 1)
        lib.xd_table_zone_names(self.handle, names, room)
        data = bytes(ffi.buffer(names, room))
        found = []
        start = at = 0
        while at < room:
            if data[at]:
                at += data[at] + 1
                continue
            at += 1
            found.append(data[start:at])
            start = at
        return sorted(found)

    def digest(self, apex: bytes) -> tuple[int, int]:
        """Return a digest of a zone's answers: equal contents have equal digests in any two tables."""
        out = ffi.new("uint64_t[2]")
        check(lib.xd_table_zone_digest(self.handle, apex, out), f"zone {apex!r} in response table {self.path}")
        return out[0], out[1]

    def check(self) -> None:
        """Validate every block; raises TableRefused."""
        check(lib.xd_table_check(self.handle), f"response table {self.path}")

    def stats(self) -> TableStats:
        """Return sizes and generation."""
        out = ffi.new("xd_table_stats *")
        lib.xd_table_get_stats(self.handle, out)
        return TableStats(out.file_bytes, out.used_bytes, out.retired_bytes, out.generation, out.zones)

    def set_readers(self, shm: Any | None) -> None:
        """Wait for the readers of a shared region (a C pointer, csrc/shm.h) before memory is reused; None: for none."""
        lib.xd_table_set_readers(self.handle, ffi.NULL if shm is None else shm)

    def reclaim(self) -> None:
        """Free what no reader can still see."""
        lib.xd_table_reclaim(self.handle)

    def oldest_seen(self) -> int:
        """Return the oldest generation that a reader may still work from; 2**64 - 1 while none works."""
        return int(lib.xd_table_oldest_seen(self.handle))

    def sync(self) -> None:
        """Write everything published to disk, so that it survives a power loss. Blocks."""
        check(lib.xd_table_sync(self.handle), f"response table {self.path} cannot be written to disk")


class OpenTransaction:
    """The block of a transaction; every commit has one, so it is a class and no generator."""

    __slots__ = ("_table",)

    def __init__(self, table: Table) -> None:
        self._table = table

    def __enter__(self) -> Transaction:
        table = self._table
        check(lib.xd_txn_begin(table.handle), f"response table {table.path} has a transaction open")
        return Transaction(table.handle)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        table = self._table
        if error is not None:
            lib.xd_txn_abort(table.handle)
            return
        check(lib.xd_txn_commit(table.handle), f"response table {table.path} cannot be published")


class Responder:
    """Answers queries in the calling thread. Hold it between `enter` and `leave` only while working."""

    def __init__(self, table: Table, shm: Any | None = None, slot: int = 0) -> None:
        out = ffi.new("xd_responder **")
        check(lib.xd_responder_create(table.handle, ffi.NULL if shm is None else shm, slot, out), "no reader slot")
        self._handle = out[0]
        self._table = table
        self._buffer = ffi.new("uint8_t[65535]")
        self._reply = ffi.new("xd_reply *")
        self._client = ffi.new("xd_client *")
        self._address = ffi.new("uint8_t[16]")
        self._asker = b""
        """The address in `_client`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the reader slot back."""
        if self._handle:
            lib.xd_responder_free(self._handle)
            self._handle = ffi.NULL

    def enter(self) -> None:
        """Pin the newest published contents."""
        lib.xd_responder_enter(self._handle)

    def leave(self) -> None:
        """Let go of the contents, before waiting for anything."""
        lib.xd_responder_leave(self._handle)

    def compose_all(self, composes_all: bool) -> None:
        """Compose every response, also where a template would do; the responses are the same."""
        lib.xd_responder_compose_all(self._handle, composes_all)

    def use_zone_stats(self, stats: Any) -> None:
        """Count for single zones there (a C pointer, csrc/zone_stats.h) as well; it must live longer than this."""
        lib.xd_responder_use_zone_stats(self._handle, stats)

    def set_clock(self, monotonic_ns: int, unix_s: int) -> None:
        """Let this be the time from now on, for cookies and rate limits."""
        lib.xd_responder_set_clock(self._handle, monotonic_ns, unix_s)

    def count_reply(self, request: bytes, reply: bytes, rcode: int = -1) -> None:
        """Count a reply composed elsewhere to a request that `answer` handed off, between `enter` and `leave`.

        `rcode` is the extended RCODE or the TSIG error where the reply's header does not have all of it.
        """
        lib.xd_responder_count_reply(self._handle, request, len(request), reply, len(reply), rcode)

    def answer(self, transport: Transport, message: bytes, client: bytes = b"", recount: bool = False) -> Reply:
        """Answer one query between `enter` and `leave`.

        `client` is the address of who asks, 4 or 16 octets as the transport has it: without it cookies and rate limits
        do not apply. With `recount` the request is not counted again, nor is the reply.

        Raises:
            EngineError: `message` is longer than a DNS message can be, or `client` no address.
        """
        self._answer(transport, message, client, recount)
        return Reply(
            verdict=Verdict(self._reply.verdict),
            data=bytes(ffi.buffer(self._buffer, self._reply.len)),
            rcode=self._reply.rcode,
            truncated=bool(self._reply.truncated),
            has_edns=bool(self._reply.has_edns),
        )

    def octets(self, transport: Transport, message: bytes, client: bytes = b"", recount: bool = False) -> bytes | None:
        """Answer as `answer` does, and return the octets of the response alone: none for who composes it elsewhere.

        None: there is no response.
        """
        self._answer(transport, message, client, recount)
        reply = self._reply
        verdict = reply.verdict
        if verdict == REPLY:
            return bytes(ffi.buffer(self._buffer, reply.len))
        return b"" if verdict == HANDOFF else None

    def _answer(self, transport: Transport, message: bytes, client: bytes, recount: bool) -> None:
        size = len(message)
        if size > 65535:
            raise EngineError(f"a DNS message has at most 65535 octets, this one {size}: drop it")
        ffi.memmove(self._buffer, message, size)
        asking = self._client
        if client != self._asker:
            if len(client) not in (0, 4, 16):
                raise EngineError(f"an address has 4 or 16 octets, this one {len(client)}")
            ffi.memmove(self._address, client, len(client))
            asking.address = self._address if client else ffi.NULL
            self._asker = client
        asking.transport = transport
        asking.is_recount = recount
        lib.xd_responder_answer(self._handle, asking, self._buffer, size, 65535, self._reply)
