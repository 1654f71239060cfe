# SPDX-License-Identifier: Apache-2.0
"""The schema: every section and item, declared once.

The parser, the checks and the reference manual derive from the table at the end. An item is in it only when it acts;
what else Knot DNS knows is in `control.conf.foreign` and refused by name.
"""

from enum import Enum
from typing import NamedTuple

from control.conf.values import (
    Bool,
    Choice,
    HexText,
    Int,
    Listen,
    Name,
    Reference,
    Size,
    Text,
    Time,
    ValueType,
    XdpListen,
)

SEVERITIES = ("critical", "error", "warning", "notice", "info", "debug")


class Reload(Enum):
    """When a changed value takes effect."""

    LIVE = "reload"
    RESTART = "restart"


class Item(NamedTuple):
    """One item: its type, what it is without being set, and what it does.

    `only` lists the values of the type that are supported, as text; others are refused by name.
    """

    name: str
    type: ValueType
    default: str
    help: str
    reload: Reload = Reload.LIVE
    multi: bool = False
    only: tuple[str, ...] = ()
    extension: bool = False


class Section(NamedTuple):
    """One section; `id_item` names the identifier of a section that is a list of blocks."""

    name: str
    help: str
    items: dict[str, Item]
    id_item: Item | None = None


def _section(name: str, help_text: str, *items: Item, id_item: Item | None = None) -> Section:
    known = (*items, COMMENT) if id_item is None else (id_item, *items, COMMENT)
    return Section(name, help_text, {item.name: item for item in known}, id_item)


R = Reload.RESTART

COMMENT = Item("comment", Text(), "-", "A remark; no effect.")

SERVER = _section(
    "server",
    "The server as a whole.",
    Item("identity", HexText(), "host name", "Answer to CH TXT id.server and hostname.bind; empty: not told."),
    Item("version", HexText(), "program version", "Answer to CH TXT version.server and version.bind; empty: not told."),
    Item("nsid", HexText(), "host name", "Payload of the EDNS NSID option (RFC 5001); empty: not told."),
    Item("rundir", Text(), "/run/xdpdns", "Directory of sockets, the PID file and the counters.", R),
    Item("pidfile", Text(), "rundir/xdpdnsd.pid", "PID file; a relative path starts at rundir.", R),
    Item("udp-workers", Int(1, 256), "online CPUs", "Threads that answer on UDP sockets.", R),
    Item("async-start", Bool(), "off", "Answer SERVFAIL while zones load for the first time instead of waiting.", R),
    Item("tcp-idle-timeout", Time(1), "10", "A TCP connection without a query for this long is closed."),
    Item("tcp-io-timeout", Int(0, unit="ms"), "500", "Limit for receiving or sending one message over TCP; 0: none."),
    Item("tcp-max-clients", Int(0), "half of the descriptor limit", "TCP connections at one time."),
    Item("udp-max-payload", Size(1220, 4096), "1232", "Size of UDP replies with EDNS, both families."),
    Item("udp-max-payload-ipv4", Size(1220, 4096), "udp-max-payload", "The same over IPv4."),
    Item("udp-max-payload-ipv6", Size(1220, 4096), "udp-max-payload", "The same over IPv6."),
    Item("listen", Listen(), "-", "Addresses to answer on, UDP and TCP.", R, multi=True),
    Item("answer-rotation", Bool(), "off", "Rotation of the records of an answer.", only=("off",)),
    Item("automatic-acl", Bool(), "off", "Permissions derived from remotes.", only=("off",)),
)

XDP = _section(
    "xdp",
    "Answering by AF_XDP workers, beside the kernel's network stack.",
    Item("listen", XdpListen(), "-", "Interfaces (or addresses of them) to take queries from.", R, multi=True),
    Item("udp", Bool(), "on", "Answer UDP by AF_XDP; off: the interfaces are left alone.", R),
    Item("tcp", Bool(), "off", "TCP by AF_XDP.", R, only=("off",)),
    Item("quic", Bool(), "off", "QUIC by AF_XDP.", R, only=("off",)),
    Item("route-check", Bool(), "off", "Kernel routing for replies.", R, only=("off",)),
    Item("zero-copy", Bool(), "on", "Use the driver's zero-copy mode where it has one.", R),
    Item("ring-size", Int(4, 32768), "2048", "Entries of each AF_XDP ring; a power of two, at least 64, is used.", R),
    Item("busypoll-budget", Int(0, 65535), "0", "Packets per busy poll; 0: no busy polling.", R),
    Item("busypoll-timeout", Int(1, 2147483647, "us"), "20", "Length of one busy poll.", R),
    Item(
        "cpu-affinity",
        Int(0, 4095),
        "-",
        "CPUs the engine's threads are pinned to, in the order of workers, repeated from the start; none: not pinned.",
        R,
        multi=True,
        extension=True,
    ),
)

LOG = _section(
    "log",
    "Where log lines go. Without this section: warning and worse to stderr and syslog, notice and info to stdout.",
    Item("server", Choice(SEVERITIES), "-", "Least severity of lines about the server."),
    Item("control", Choice(SEVERITIES), "-", "Least severity of lines about control operations."),
    Item("zone", Choice(SEVERITIES), "-", "Least severity of lines about zones."),
    Item("any", Choice(SEVERITIES), "-", "Least severity of every category."),
    id_item=Item("target", Text(), "-", "stdout, stderr, syslog or the path of a file."),
)

DATABASE = _section(
    "database",
    "The zone store and the response table.",
    Item("storage", Text(), "/var/lib/xdpdns", "Directory of the store and the table.", R),
    Item(
        "journal-db-max-size",
        Size(1 << 20, 100 << 40),
        "20G",
        "Most that the zone store, which holds contents and journal, may grow to; changes are refused then.",
        R,
    ),
)

ZONE_ITEMS = (
    Item("storage", Text(), "database.storage", "Directory of the zone file."),
    Item("file", Text(), "%s.zone", "Zone file; %s %c[N] %c[N-M] %l[N] %% expand to (parts of) the zone name."),
    Item("default-ttl", Time(1, 2147483647), "3600", "TTL of records without one before the first $TTL."),
    Item("semantic-checks", Choice(("off", "on", "soft")), "off", "Checks beyond the mandatory ones.", only=("off",)),
    Item(
        "zonefile-load",
        Choice(("none", "difference", "difference-no-serial", "whole")),
        "whole",
        "How the zone file becomes the zone.",
        only=("whole",),
    ),
    Item("dnssec-signing", Bool(), "off", "Automatic signing.", only=("off",)),
    Item("dnssec-validation", Bool(), "off", "Validation of signatures.", only=("off",)),
)

TEMPLATE = _section(
    "template",
    "Settings shared by zones. Template `default` applies to zones that name none.",
    *ZONE_ITEMS,
    id_item=Item("id", Text(), "-", "Name of the template."),
)

ZONE = _section(
    "zone",
    "The zones.",
    Item("template", Reference("template"), "default, if defined", "Template for what the zone does not set."),
    *ZONE_ITEMS,
    id_item=Item("domain", Name(), "-", "Name of the zone."),
)

SECTIONS: dict[str, Section] = {section.name: section for section in (SERVER, XDP, LOG, DATABASE, TEMPLATE, ZONE)}
