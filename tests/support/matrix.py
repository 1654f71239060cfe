# SPDX-License-Identifier: Apache-2.0
"""The steps by which `zonefile-load` x `journal-content` is tried, and what each server shows after each step.

The zone file has a mark (a TXT record) that says in which step it was written; a dynamic update adds a name. So serial,
mark and the presence of that name tell where the contents came from.

    A  cold start, serial 10              E  reload, serial 20
    B  a dynamic update                   F  restart, serial 30
    C  restart, file untouched            G  reload, serial 5
    D  reload, file edited, serial 10     H  restart, serial 5
"""

from typing import NamedTuple, Protocol

ZONE = """\
example. 3600 IN SOA ns.example. host.example. {serial} 3600 900 604800 300
example. 3600 IN NS ns.example.
ns.example. 3600 IN A 192.0.2.1
mark.example. 3600 IN TXT "{mark}"
"""


class Shown(NamedTuple):
    """What a server has of the zone; `serial` None: it has no contents."""

    serial: int | None
    mark: str = ""
    updated: bool = False


class Server(Protocol):
    """A server with the zone `example.`; `text` None leaves its file alone."""

    def start(self, load: str, content: str, text: str | None) -> None: ...
    def reload(self, text: str | None) -> None: ...
    def update(self) -> None: ...
    def show(self) -> Shown: ...


GONE = Shown(None)
MATRIX: dict[tuple[str, str], str] = {
    ("none", "none"): "10a 11a+ - - - - - -",
    ("none", "changes"): "10a 11a+ - - - - - -",
    ("none", "all"): "10a 11a+ 11a+ 11a+ 11a+ 11a+ 11a+ 11a+",
    ("whole", "none"): "10a 11a+ 10a 10d 20e 30f 5g 5g",
    ("whole", "changes"): "10a 11a+ 11a+ 11d+ 20e 30f 5g 5g",
    ("whole", "all"): "10a 11a+ 11a+ 11d+ 20e 30f 5g 5g",
    ("difference", "none"): "10a 11a+ 10a 11d 20e 30f 30f 5g",
    ("difference", "changes"): "10a 11a+ 11a+ 12d+ 20e 30f 30f 5g",
    ("difference", "all"): "10a 11a+ 11a+ 12d+ 20e 30f 30f 30f",
    ("difference-no-serial", "all"): "10a 11a+ 12a 13d 14e 15f 16g 16g",
}
"""After each step: serial, mark, `+` when the update is in it; `-` without contents."""


def parse_shown(text: str) -> Shown:
    """Return what an entry of the matrix says."""
    if text == "-":
        return GONE
    digits = text.rstrip("abcdefgh+")
    return Shown(int(digits), text[len(digits)], text.endswith("+"))


def run_steps(server: Server, load: str, content: str) -> list[Shown]:
    """Go through all steps; the zone is first filled from its file where its mode never reads one."""
    shown = []

    def file(serial: int, mark: str) -> str:
        return ZONE.format(serial=serial, mark=mark)

    server.start("whole" if load == "none" else load, content, file(10, "a"))
    shown.append(server.show())
    server.update()
    shown.append(server.show())
    server.start(load, content, None)
    shown.append(server.show())
    server.reload(file(10, "d"))
    shown.append(server.show())
    server.reload(file(20, "e"))
    shown.append(server.show())
    server.start(load, content, file(30, "f"))
    shown.append(server.show())
    server.reload(file(5, "g"))
    shown.append(server.show())
    server.start(load, content, file(5, "g"))
    shown.append(server.show())
    return shown
