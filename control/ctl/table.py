# SPDX-License-Identifier: Apache-2.0
"""Every command of the control program in one table; parsing, help, completion and refusals derive from it."""

from enum import Enum, StrEnum
from typing import NamedTuple


class Where(Enum):
    """Who carries a command out."""

    SERVER = "the daemon, over its socket"
    LOCAL = "this program, on configuration and files"
    TOOL = "this program, on interfaces and the engine; with options of its own"
    ABSENT = "nobody: a command of Knot that this server does not have"


class Shape(StrEnum):
    """How the arguments are written; the text is the synopsis."""

    NONE = ""
    DETAIL = "[<detail>]"
    COUNTER = "[<module>[.<counter>]]"
    ZONES = "[<zone>...]"
    SOME_ZONES = "<zone>..."
    ZONE = "<zone>"
    REPORT = "<zone> [--svg <filename>]"
    RECORDS = "<zone> [<owner> [<type>]]"
    SET = "<zone> <owner> [<ttl>] <type> <rdata>"
    UNSET = "<zone> <owner> [<type> [<rdata>]]"
    ZONE_COUNTER = "<zone> [<module>[.<counter>]]"
    SERIAL = "<zone> [[+]<serial>]"
    ROLL = "<zone> ksk|zsk"
    ITEMS = "[<item>...]"
    ITEM_SET = "<item> [<data>...]"
    ITEM_UNSET = "[<item>] [<data>...]"
    FILE = "<filename>"
    MAYBE_FILE = "[<filename>]"
    WORDS = "[<argument>...]"


class Filter(NamedTuple):
    """An option `+name` of a command, and the letter that stands for it on the socket."""

    name: str
    letter: str
    argument: str = ""


class CommandSpec(NamedTuple):
    """One command."""

    name: str
    shape: Shape
    help: str
    filters: tuple[Filter, ...] = ()
    where: Where = Where.SERVER
    blocking: bool = False
    """Does the option -b act on it?"""
    force: bool = False
    """Is the option -f demanded?"""
    success: str = ""
    """Printed when the answer has no unit."""

    @property
    def synopsis(self) -> str:
        """The arguments, filters included."""
        filters = " ".join(f"[+{one.name}{' ' + one.argument if one.argument else ''}]" for one in self.filters)
        return f"{self.shape} {filters}".strip()


_STATUS = tuple(Filter(name, name[0]) for name in ("role", "serial", "transaction", "freeze", "catalog", "events"))
_PURGE = (
    Filter("expire", "e"),
    Filter("zonefile", "f"),
    Filter("journal", "j"),
    Filter("timers", "t"),
    Filter("kaspdb", "k"),
    Filter("catalog", "c"),
    Filter("keys", "y"),
    Filter("orphan", "o"),
)
_OUTDIR = (Filter("outdir", "d", "<dir>"),)
_SUBMITTED = (Filter("ttl", "t", "<seconds>"),)
_BENEVOLENT = (Filter("benevolent", "b"),)


def _action(name: str, text: str, shape: Shape = Shape.ZONES, *filters: Filter, force: bool = False) -> CommandSpec:
    return CommandSpec(name, shape, text, filters, blocking=True, force=force, success="OK")


def _read(name: str, shape: Shape, text: str, *filters: Filter) -> CommandSpec:
    return CommandSpec(name, shape, text, filters)


def _write(name: str, shape: Shape, text: str, *filters: Filter) -> CommandSpec:
    return CommandSpec(name, shape, text, filters, success="OK")


def _local(name: str, shape: Shape, text: str, *filters: Filter) -> CommandSpec:
    return CommandSpec(name, shape, text, filters, Where.LOCAL)


def _tool(name: str, text: str) -> CommandSpec:
    return CommandSpec(name, Shape.WORDS, text, where=Where.TOOL)


def _absent(name: str) -> CommandSpec:
    return CommandSpec(name, Shape.WORDS, "Not supported by this server.", where=Where.ABSENT)


SPECS: tuple[CommandSpec, ...] = (
    _read("status", Shape.DETAIL, "Check if the server is running.")._replace(success="Running"),
    CommandSpec("stop", Shape.NONE, "Stop the server.", success="Stopped"),
    CommandSpec("reload", Shape.NONE, "Reload the configuration and changed zone files.", success="Reloaded"),
    _read("stats", Shape.COUNTER, "Show counters of the server."),
    _local("zone-check", Shape.ZONES, "Check if zones can be loaded."),
    _local("zone-key-check", Shape.ZONES, "Check if zones can be signed with their keys."),
    _read("zone-status", Shape.ZONES, "Show the status of zones.", *_STATUS),
    _action("zone-reload", "Load zones from their files again."),
    _action("zone-flush", "Write zones to their files.", Shape.ZONES, *_OUTDIR),
    _action("zone-refresh", "Check if zones of a primary have changed (secondaries)."),
    _action("zone-retransfer", "Transfer zones whatever their serial (secondaries)."),
    _action("zone-notify", "Notify the secondaries of zones."),
    _action("zone-sign", "Make all signatures of zones anew."),
    _action("zone-validate", "Validate all signatures of zones."),
    _action("zone-keys-load", "Load the keys of zones again, and sign what differs."),
    _action("zone-key-rollover", "Begin a rollover of a key (`ksk` also of a CSK).", Shape.ROLL),
    _action("zone-ksk-submitted", "Confirm that the DS record is at the parent.", Shape.SOME_ZONES, *_SUBMITTED),
    _action("zone-freeze", "Postpone events that change zones."),
    _action("zone-thaw", "Let postponed events go on."),
    _action("zone-xfr-freeze", "Refuse outgoing transfers."),
    _action("zone-xfr-thaw", "Let outgoing transfers go on."),
    _read("zone-read", Shape.RECORDS, "Print records that are being answered."),
    _write("zone-begin", Shape.SOME_ZONES, "Begin zone transactions.", *_BENEVOLENT),
    _write("zone-commit", Shape.SOME_ZONES, "Commit zone transactions."),
    _write("zone-abort", Shape.SOME_ZONES, "Abort zone transactions."),
    _read("zone-diff", Shape.ZONE, "Print the changes of a zone transaction."),
    _read("zone-get", Shape.RECORDS, "Print records within a zone transaction."),
    _write("zone-set", Shape.SET, "Add a record within a zone transaction."),
    _write("zone-unset", Shape.UNSET, "Remove records within a zone transaction."),
    _write("zone-serial-set", Shape.SERIAL, "Print or set the serial of a zone."),
    _action("zone-purge", "Remove data of zones.", Shape.SOME_ZONES, *_PURGE, force=True),
    _read("zone-stats", Shape.ZONE_COUNTER, "Show counters of a zone."),
    _read("zone-journal", Shape.ZONE, "Print the journal of a zone."),
    _read("zone-dnssec", Shape.REPORT, "Show keys and signing of a zone, as text or as a picture."),
    _local("conf-init", Shape.NONE, "Make the configuration database."),
    _local("conf-check", Shape.WORDS, "Check the configuration."),
    _local("conf-import", Shape.FILE, "Import a file into the configuration database.", Filter("nopurge", "")),
    _local("conf-export", Shape.MAYBE_FILE, "Export the configuration database.", Filter("schema", "")),
    _read("conf-list", Shape.ITEMS, "List sections or the items of a section."),
    _read("conf-read", Shape.ITEMS, "Print items of the active configuration."),
    _write("conf-begin", Shape.NONE, "Begin the configuration transaction."),
    _write("conf-commit", Shape.NONE, "Commit the configuration transaction."),
    _write("conf-abort", Shape.NONE, "Abort the configuration transaction."),
    _read("conf-diff", Shape.ITEMS, "Print the changes of the configuration transaction."),
    _read("conf-get", Shape.ITEMS, "Print items within the configuration transaction."),
    _write("conf-set", Shape.ITEM_SET, "Set items within the configuration transaction."),
    _write("conf-unset", Shape.ITEM_UNSET, "Unset items within the configuration transaction."),
    _tool("load", "Load the XDP filter and attach it to an interface."),
    _tool("unload", "Take the XDP filter off an interface."),
    _tool("filters", "Show loaded filters and their counters."),
    _tool("worker-stats", "Show the counters of each worker of the engine."),
    *(
        _absent(name)
        for name in (
            "zone-backup",
            "zone-restore",
        )
    ),
)

BY_NAME = {spec.name: spec for spec in SPECS}
"""The table by name."""

ROLLED = ("ksk", "zsk")
"""Kinds of keys that are rolled over on request."""
DETAILS = ("version", "workers", "configure", "cert-key")
"""What `status` can be asked for."""
EXIT_WORD = "exit"
"""Leaves the interactive mode."""
