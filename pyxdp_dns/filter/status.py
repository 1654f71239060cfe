# SPDX-License-Identifier: Apache-2.0
"""What the pins tell of loaded filters. Needs neither BCC nor netlink."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pyxdp_dns.errors import FilterError, FilterNotLoaded
from pyxdp_dns.filter import bpf, layout, pins

ATTACHED = "attached"
STALE = "interface gone"
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class FilterStatus:
    """A pinned filter.

    `state` is "attached", "interface gone" (the pins are left over: unload it), or "unreadable" (made by another
    version, or incomplete: load it again with replace, or unload it), where all that follows `path` is empty.
    """

    interface: str
    state: str
    path: Path
    mode: str = ""
    ifindex: int = 0
    netns_cookie: int = 0
    program_id: int = 0
    link_id: int = 0
    queues: int = 0
    ports: tuple[int, ...] = ()
    addresses: tuple[str, ...] = ()
    counters: dict[str, int] = field(default_factory=dict)
    note: str = ""

    @property
    def name(self) -> str:
        """What `unload` takes: the interface, or NAME@COOKIE where two namespaces have one of that name."""
        return pins.decode(self.path.name)

    @property
    def xskmap(self) -> Path:
        """The pinned map the engine puts its sockets in."""
        return self.path / layout.PIN_XSKMAP


def read_status(place: Path, note: str = "") -> FilterStatus:
    """Return the filter pinned in the directory `place`; FilterNotLoaded when there is none."""
    with pins.mapped(place):
        try:
            return _read_pins(place, note)
        except (FileNotFoundError, ValueError) as exc:
            name = pins.decode(place.name)
            if place.is_dir():
                return FilterStatus(name, UNREADABLE, place, note=note)
            raise FilterNotLoaded(f"{name}: no filter is loaded (no {place}): xdpdnsctl load {name}") from exc


def _read_pins(place: Path, note: str) -> FilterStatus:
    config = read_config(place)
    link = _read_link(place)
    return FilterStatus(
        interface=config.interface,
        state=ATTACHED if link.ifindex else STALE,
        path=place,
        mode=config.mode,
        ifindex=link.ifindex,
        netns_cookie=config.netns_cookie,
        program_id=link.prog_id,
        link_id=link.id,
        queues=config.queues,
        ports=config.ports,
        addresses=read_addresses(place) if config.address_count else (),
        counters=read_counters(place),
        note=note,
    )


def read_config(place: Path) -> layout.Config:
    """Return the configuration a filter runs with; ValueError when it is of another version."""
    with _opened(place / layout.PIN_CONFIG) as (fd, info):
        return layout.Config.unpack(bpf.map_lookup(fd, bytes(4), info.value_bytes))


def read_counters(place: Path) -> dict[str, int]:
    """Return packets by reason, summed over the CPUs."""
    cpus = bpf.possible_cpus()
    totals = {}
    with _opened(place / layout.PIN_COUNTERS) as (fd, _info):
        for index, reason in enumerate(layout.REASONS):
            values = memoryview(bpf.map_lookup(fd, index.to_bytes(4, sys.byteorder), 8 * cpus)).cast("Q")
            totals[reason] = sum(values)
    return totals


def read_addresses(place: Path) -> tuple[str, ...]:
    """Return the addresses a filter is restricted to, sorted, IPv4 first."""
    with _opened(place / layout.PIN_ADDRESSES) as (fd, info):
        addresses = [layout.unpack_address(key) for key in bpf.map_keys(fd, info.key_bytes)]
    return tuple(str(address) for address in sorted(addresses, key=lambda one: (one.version, one.packed)))


def list_filters(root: Path | str | None = None) -> list[FilterStatus]:
    """Return all filters pinned in the bpffs, of every network namespace.

    BpffsError when it is not mounted, FilterDenied when it cannot be read.
    """
    place = pins.find_root(root)
    pins.check_root(place)
    found = []
    for directory in pins.directories(place):
        try:
            found.append(read_status(directory))
        except FilterNotLoaded:
            continue
    return found


def find_filter(interface: str, root: Path | str | None = None) -> FilterStatus:
    """Return the filter of `interface` in this network namespace; FilterNotLoaded when it has none."""
    pins.check_root(pins.find_root(root))
    return read_status(directory(interface, root))


def remove_left_over(interface: str, root: Path | str | None = None) -> bool:
    """Remove the pins under this name when their interface has gone; return whether there were any."""
    place = directory(interface, root)
    with pins.mapped(place):
        if not (place / layout.PIN_LINK).exists():
            return False
        with pins.locked(pins.find_root(root)):
            try:
                is_left_over = not _read_link(place).ifindex
            except (FileNotFoundError, ValueError):
                return False
            if is_left_over:
                pins.remove(place)
            return is_left_over


def find_directory(interface: str, root: Path | str | None = None) -> Path:
    """Return the directory of this namespace's `interface`, else the one that has this name: as `FilterStatus.name`."""
    named = pins.find_root(root) / layout.PIN_DIR / pins.encode(interface)
    place = directory(interface, root)
    with pins.mapped(place):
        return named if not place.is_dir() and named.is_dir() else place


def directory(interface: str, root: Path | str | None = None) -> Path:
    """Return where the filter of this network namespace's `interface` is pinned, or would be.

    FilterError when the name is not one, FilterDenied when the bpffs cannot be read.
    """
    if "/" in interface or interface in ("", ".", ".."):
        raise FilterError(f"{interface!r}: not an interface name; xdpdnsctl filters lists the filters")
    plain = pins.find_root(root) / layout.PIN_DIR / pins.encode(interface)
    apart = plain.with_name(f"{plain.name}@{layout.netns_cookie()}")
    with pins.mapped(plain):
        return apart if apart.is_dir() or _is_elsewhere(plain) else plain


def _is_elsewhere(place: Path) -> bool:
    """Return whether `place` holds the living filter of another network namespace."""
    if not place.is_dir():
        return False
    try:
        return bool(_read_link(place).ifindex) and read_config(place).netns_cookie != layout.netns_cookie()
    except (FileNotFoundError, ValueError):
        return False


def _read_link(place: Path) -> bpf.LinkInfo:
    with bpf.obj_get(str(place / layout.PIN_LINK)) as fd:
        link = bpf.LinkInfo.of(fd)
    if link is None:
        raise ValueError("the pinned link is not an XDP link")
    return link


@contextmanager
def _opened(path: Path) -> Iterator[tuple[bpf.Fd, bpf.MapInfo]]:
    with bpf.obj_get(str(path)) as fd:
        yield fd, bpf.MapInfo.of(fd)
