# SPDX-License-Identifier: Apache-2.0
"""Loading and unloading the filter: compile, attach by a bpf_link, pin. Loading brings LLVM into the process.

Nothing stays behind when loading fails: what is not pinned yet goes with its descriptors. A filter that is replaced
keeps its XSKMAP, so the engine's sockets stay in it, and its counters.
"""

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pyxdp_dns import nic as nics
from pyxdp_dns.errors import FilterDenied, FilterError, FilterLoaded, FilterNotLoaded, FilterRefused, InterfaceError
from pyxdp_dns.filter import attach, bpf, compiler, layout, pins, status
from pyxdp_dns.filter.status import FilterStatus

DEFAULT_PORT = 53
MODES = ("auto", "native", "generic")


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be loaded: ports and addresses (none: every address) whose queries go to the workers."""

    interface: str
    ports: tuple[int, ...]
    addresses: tuple[layout.Address, ...]
    mode: str

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise FilterError(f"{self.interface}: unknown mode {self.mode!r}: use {', '.join(MODES)}")
        if not 0 < len(self.ports) <= layout.PORTS_MAX:
            raise FilterError(f"{self.interface}: {len(self.ports)} ports: name 1 to {layout.PORTS_MAX}")
        for port in self.ports:
            if not 0 < port < 65536:
                raise FilterError(f"{self.interface}: port {port} is not between 1 and 65535")
        if len(self.addresses) > layout.ADDRESSES_MAX:
            raise FilterError(
                f"{self.interface}: {len(self.addresses)} addresses: name at most {layout.ADDRESSES_MAX}, "
                "or none, which means all"
            )


def make_request(interface: str, ports: Sequence[int], addresses: Sequence[str], mode: str) -> Request:
    """Return the checked request; FilterError says which value is wrong."""
    parsed = []
    for text in addresses:
        try:
            parsed.append(ipaddress.ip_address(text))
        except ValueError as exc:
            raise FilterError(f"{interface}: {exc}: write addresses like 192.0.2.1 or 2001:db8::1") from exc
    return Request(interface, tuple(dict.fromkeys(ports)), tuple(dict.fromkeys(parsed)), mode)


def load(
    interface: str,
    ports: Sequence[int] = (DEFAULT_PORT,),
    addresses: Sequence[str] = (),
    mode: str = "auto",
    replace: bool = False,
    root: Path | str | None = None,
) -> FilterStatus:
    """Attach the filter to an interface of this network namespace and pin it below the bpffs `root`.

    `mode` auto means native, and generic where the driver refuses it; the status' `note` then says why. With `replace`
    a filter that is there already is exchanged, without a gap if the mode stays, and another's program that was
    attached through netlink is taken off. Raises a FilterError; all its kinds are in pyxdp_dns.errors.
    """
    request = make_request(interface, ports, addresses, mode)
    base = pins.find_root(root)
    _check_privilege(request, base)
    nic = nics.query(interface)
    with pins.locked(base):
        place = status.directory(interface, base)
        note = _load_at(place, nic, request, replace)
        return status.read_status(place, note)


def _load_at(place: Path, nic: nics.Nic, request: Request, replace: bool) -> str:
    with pins.mapped(place), _previous(place, nic) as previous:
        if previous is None:
            programs = attach.attached(nic)
            attach.refuse_foreign(nic, programs, replace)
        elif not replace:
            raise FilterLoaded(f"{nic.name}: the filter is loaded already: use --replace, or unload it first")
        with compiler.compiled(nic.rx_queues) as fresh:
            return _install(nic, request, fresh, place, previous)


def _check_privilege(request: Request, root: Path) -> None:
    pins.check_root(root)
    try:
        with pins.mapped(root):
            bpf.check_privilege()
    except FilterDenied as exc:
        raise FilterDenied(
            f"{request.interface}: no permission to load XDP programs: run as root (CAP_BPF, CAP_NET_ADMIN)"
        ) from exc


@dataclass(frozen=True, slots=True)
class _Previous:
    """The filter that is being replaced."""

    link: bpf.Fd
    prog: bpf.Fd
    mode: str
    kept: dict[str, bpf.Fd]


@contextmanager
def _previous(place: Path, nic: nics.Nic) -> Iterator[_Previous | None]:
    """Open the filter pinned in `place`; what is left of one whose interface has gone is removed."""
    if not place.is_dir():
        yield None
        return
    found = status.read_status(place)
    with ExitStack() as stack:
        try:
            link = stack.enter_context(bpf.obj_get(str(place / layout.PIN_LINK)))
            prog = stack.enter_context(bpf.obj_get(str(place / layout.PIN_PROG)))
            info = bpf.LinkInfo.of(link)
        except FileNotFoundError:
            info = None
        if info is None or not info.ifindex:
            pins.remove(place)
            yield None
            return
        if info.ifindex != nic.index:
            raise FilterLoaded(
                f"{nic.name}: the filter loaded under this name is on the interface with index {info.ifindex}, "
                f"which was renamed: xdpdnsctl unload {found.name} takes it off there"
            )
        kept = {}
        if found.state == status.ATTACHED:
            for name in (layout.PIN_XSKMAP, layout.PIN_COUNTERS):
                kept[name] = stack.enter_context(bpf.obj_get(str(place / name)))
        yield _Previous(link, prog, found.mode, kept)


def _install(nic: nics.Nic, request: Request, fresh: compiler.Compiled, place: Path, previous: _Previous | None) -> str:
    """Attach and pin the compiled filter; return why it is not in native mode, if that was left open."""
    kept = _fitting(fresh, previous.kept) if previous else {}
    maps = {**fresh.maps, **kept}
    mode = request.mode
    if previous and mode == "auto" and previous.mode:
        mode = previous.mode
    _configure(maps, nic, request, mode)
    with _loaded(fresh, kept) as prog:
        note = ""
        if previous and mode == previous.mode:
            link, got = previous.link, mode
            bpf.link_update(link, prog)
        else:
            link, got, note = _exchange(nic, prog, mode, place, previous)
        with link:
            _configure(maps, nic, request, got)
            pins.write(place, {layout.PIN_LINK: link, layout.PIN_PROG: prog, **maps})
    return note


def _exchange(
    nic: nics.Nic, prog: bpf.Fd, mode: str, place: Path, previous: _Previous | None
) -> tuple[bpf.Fd, str, str]:
    """Attach `prog` anew; of two modes an interface has one at a time, so the previous link has to go before."""
    if previous is None:
        return attach.create_link(nic, prog, mode)
    (place / layout.PIN_LINK).unlink(missing_ok=True)
    previous.link.close()
    try:
        return attach.create_link(nic, prog, mode)
    except FilterError:
        with attach.create_link(nic, previous.prog, previous.mode or "auto")[0] as link:
            pins.write(place, {layout.PIN_LINK: link})
        raise


def _fitting(fresh: compiler.Compiled, kept: dict[str, bpf.Fd]) -> dict[str, bpf.Fd]:
    """Return those of the previous filter's maps that the new one can go on with."""
    fitting = {}
    for name, fd in kept.items():
        old, new = bpf.MapInfo.of(fd), bpf.MapInfo.of(fresh.maps[name])
        larger = name == layout.PIN_XSKMAP and old.entries >= new.entries
        if old == new or (larger and replace(old, entries=new.entries) == new):
            fitting[name] = fd
    return fitting


def _configure(maps: dict[str, bpf.Fd], nic: nics.Nic, request: Request, mode: str) -> None:
    config = layout.Config(
        ifindex=nic.index,
        netns_cookie=layout.netns_cookie(),
        mode="native" if mode == "auto" else mode,
        queues=nic.rx_queues,
        ports=request.ports,
        address_count=len(request.addresses),
        interface=nic.name,
    )
    for address in request.addresses:
        bpf.map_update(maps[layout.PIN_ADDRESSES], layout.pack_address(address), b"\1")
    bpf.map_update(maps[layout.PIN_CONFIG], bytes(4), config.pack())


def _loaded(fresh: compiler.Compiled, kept: dict[str, bpf.Fd]) -> bpf.Fd:
    try:
        return fresh.load(kept)
    except bpf.VerifierError as exc:
        lines = [line.strip() for line in exc.log.splitlines() if line.strip() and not line.startswith("processed ")]
        raise FilterRefused(
            f"the kernel's verifier refuses the filter: {lines[-1] if lines else exc.strerror}: "
            "report it with the kernel's version (uname -r)"
        ) from exc


def unload(interface: str, root: Path | str | None = None) -> None:
    """Take the filter off an interface and remove its pins, also when the interface has gone.

    A name that this namespace has no filter under may be the `FilterStatus.name` of another namespace's.
    FilterNotLoaded when there is none.
    """
    base = pins.find_root(root)
    pins.check_root(base)
    with pins.locked(base), pins.mapped(base):
        place = status.find_directory(interface, base)
        if not place.is_dir():
            raise FilterNotLoaded(f"{interface}: no filter is loaded; xdpdnsctl filters lists those that are")
        _remove(place)


def _remove(place: Path) -> None:
    """Remove the pins; return once an interface of this namespace is free for the next program."""
    found = status.read_status(place)
    pins.remove(place)
    if found.state == status.ATTACHED and found.netns_cookie == layout.netns_cookie():
        with suppress(OSError, InterfaceError):
            attach.wait_until_off(nics.query(socket.if_indextoname(found.ifindex)), found.program_id)


def unload_all(root: Path | str | None = None) -> list[str]:
    """Remove every filter in the bpffs, of every network namespace; return the names of their directories."""
    place = pins.find_root(root)
    pins.check_root(place)
    removed = []
    with pins.locked(place):
        for directory in pins.directories(place):
            with pins.mapped(directory):
                _remove(directory)
            removed.append(pins.decode(directory.name))
    return removed
