# SPDX-License-Identifier: Apache-2.0
"""Errors of the engine side, by the operator's remedy.

EngineError
+-- TableError            the response table cannot be used
|   +-- TableRefused      the file is damaged or foreign: rebuild it from the store
|   +-- TableFull         no room: enlarge the disk or drop zones
+-- ZoneRefused           zone contents or names were refused: correct the zone
|   +-- ZoneFileError     the text of a zone file has errors
|   +-- ZoneCheckError    the records contradict each other
+-- SigningError          a zone cannot be signed or a key not be used: correct the keys or the zone
|   +-- SigningStopped    it was stopped by the program: sign again
+-- ResourceError         the system denied memory, a descriptor, a lock or a device
+-- FilterError           the XDP filter cannot be loaded, attached or removed
    +-- FilterDenied      no permission: run it as root
    +-- InterfaceError    no such interface, queue or address: name an existing one
    +-- BpffsError        no bpffs to pin in: mount one
    +-- CompilerError     bcc or kernel headers are missing or unfit: install the package named
    +-- FilterRefused     the kernel or driver refuses the program: try another mode, report the log
    +-- FilterLoaded      the interface has this filter already: replace or unload it
    +-- ForeignProgram    the interface has another XDP program: remove or replace it
    +-- FilterNotLoaded   there is no such filter
"""


class EngineError(Exception):
    """Anything the engine side reports; the message ends with what to do next."""


class TableError(EngineError):
    """The response table cannot be used."""


class TableRefused(TableError):
    """The table file is damaged, foreign or stale; it has to be rebuilt from the store."""


class TableFull(TableError):
    """The table reached its maximum size or the disk is full."""


class ZoneRefused(EngineError):
    """Zone contents, a name or record data were refused."""


class ZoneFileError(ZoneRefused):
    """The text of a zone file has errors: `errors` holds (file, line, reason) of each; line 0: the whole file."""

    def __init__(self, path: str, errors: tuple[tuple[str, int, str], ...], count: int) -> None:
        where, line, reason = errors[0] if errors else (path, 0, "unknown")
        more = f", and {count - 1} more" if count > 1 else ""
        super().__init__(
            f"zone file {path}: {count} errors, file '{where}', line {line} ({reason}){more}; "
            "correct the file and reload"
        )
        self.path = path
        self.errors = errors
        self.count = count


class ZoneCheckError(ZoneRefused):
    """The records of a zone contradict each other: `findings` holds (owner, reason) of each."""

    def __init__(self, zone: str, findings: tuple[tuple[str, str], ...], count: int) -> None:
        owner, reason = findings[0]
        more = f", and {count - 1} more" if count > 1 else ""
        super().__init__(f"[{zone}] check, node {owner}, {reason}{more}; correct the records and reload")
        self.zone = zone
        self.findings = findings
        self.count = count


class SigningError(EngineError):
    """A key cannot be used, or a zone cannot be signed with the keys there are."""


class SigningStopped(SigningError):
    """Signing ended early because it was told to."""


class ResourceError(EngineError):
    """The system denied a resource; `errno` is set when it gave one."""

    def __init__(self, message: str, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno


class FilterError(EngineError):
    """The XDP filter cannot be loaded, attached or removed."""


class FilterDenied(FilterError):
    """The process lacks the privilege for bpf(2) or the bpffs."""


class InterfaceError(FilterError):
    """The interface is gone, or has no such queue."""


class BpffsError(FilterError):
    """No bpffs is mounted where the filter is to be pinned, or it does not take the pins."""


class CompilerError(FilterError):
    """The filter cannot be compiled here: bcc or kernel headers are missing, or do not fit."""


class FilterRefused(FilterError):
    """The kernel's verifier or the interface's driver refuses the filter."""


class FilterLoaded(FilterError):
    """The interface has this filter already."""


class ForeignProgram(FilterError):
    """The interface has an XDP program of somebody else's: `name` and `prog_id`."""

    def __init__(self, message: str, name: str, prog_id: int) -> None:
        super().__init__(message)
        self.name = name
        self.prog_id = prog_id


class FilterNotLoaded(FilterError):
    """There is no filter under this name."""
