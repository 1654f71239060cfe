# SPDX-License-Identifier: Apache-2.0
"""The typed, immutable configuration: defaults filled in, templates resolved, paths absolute."""

import os
import socket
from collections.abc import Iterable
from typing import Any, NamedTuple

from control.conf.errors import ValueProblem
from control.conf.filename import zone_file_name
from control.conf.parse import Block, Document
from control.conf.schema import SECTIONS, Reload
from control.conf.values import Endpoint, XdpEndpoint
from control.conf.version import PROGRAM, VERSION

DEFAULT_RUNDIR = "/run/xdpdns"
DEFAULT_STORAGE = "/var/lib/xdpdns"
DEFAULT_TEMPLATE = "default"


class ServerConf(NamedTuple):
    """Section server."""

    identity: bytes
    version: bytes
    nsid: bytes
    rundir: str
    pidfile: str
    udp_workers: int
    async_start: bool
    tcp_idle_timeout_s: int
    tcp_io_timeout_ms: int
    tcp_max_clients: int
    udp_max_payload_ipv4: int
    udp_max_payload_ipv6: int
    listen: tuple[Endpoint, ...]


class XdpConf(NamedTuple):
    """Section xdp."""

    listen: tuple[XdpEndpoint, ...]
    zero_copy: bool
    ring_size: int
    busypoll_budget: int
    busypoll_timeout_us: int
    cpu_affinity: tuple[int, ...]


class DatabaseConf(NamedTuple):
    """Section database."""

    storage: str
    map_bytes: int


class LogConf(NamedTuple):
    """One log target: least severity by category, None where nothing is logged."""

    target: str
    server: str | None
    control: str | None
    zone: str | None


class ZoneConf(NamedTuple):
    """One zone: canonical name, absolute path of its file, TTL of records that have none."""

    name: str
    file: str
    default_ttl: int


class Config(NamedTuple):
    """A whole configuration that passed every check."""

    file: str
    server: ServerConf
    xdp: XdpConf
    database: DatabaseConf
    logs: tuple[LogConf, ...]
    zones: dict[str, ZoneConf]
    fixed: dict[str, Any]
    """What was set of the items that need a restart, by `section.item`."""


def descriptor_limit() -> int:
    """Open files this process may have."""
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def build_config(document: Document, file: str) -> Config:
    """Make the typed configuration of a parsed document; raise `ConfigurationError`."""
    database = _database(document.single("database"))
    return Config(
        file=file,
        server=_server(document.single("server")),
        xdp=_xdp(document.single("xdp")),
        database=database,
        logs=tuple(_log(block) for block in document.blocks["log"].values()),
        zones=_zones(document, database.storage),
        fixed=_fixed(document),
    )


def _fixed(document: Document) -> dict[str, Any]:
    return {
        f"{section}.{name}": value
        for section, block in document.singles.items()
        for name, value in block.values.items()
        if SECTIONS[section].items[name].reload is Reload.RESTART
    }


def restart_items(old: Config, new: Config) -> list[str]:
    """Return the items (`section.item`) that differ and take effect only in a new start."""
    names = sorted(old.fixed.keys() | new.fixed.keys())
    return [name for name in names if old.fixed.get(name) != new.fixed.get(name)]


def _server(values: dict[str, Any]) -> ServerConf:
    get = values.get
    rundir = os.path.abspath(get("rundir") or DEFAULT_RUNDIR)
    host = socket.gethostname().encode()[:255]
    payload = get("udp-max-payload", 1232)
    clients = get("tcp-max-clients")
    version = get("version")
    return ServerConf(
        identity=get("identity", host),
        version=f"{PROGRAM} {VERSION}".encode() if version is None else version,
        nsid=get("nsid", host),
        rundir=rundir,
        pidfile=os.path.join(rundir, get("pidfile") or "xdpdnsd.pid"),
        udp_workers=get("udp-workers") or min(os.cpu_count() or 1, 256),
        async_start=get("async-start", False),
        tcp_idle_timeout_s=get("tcp-idle-timeout", 10),
        tcp_io_timeout_ms=get("tcp-io-timeout", 500),
        tcp_max_clients=descriptor_limit() // 2 if clients is None else clients,
        udp_max_payload_ipv4=get("udp-max-payload-ipv4", payload),
        udp_max_payload_ipv6=get("udp-max-payload-ipv6", payload),
        listen=_unique(get("listen", ())),
    )


def _unique(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


def _xdp(values: dict[str, Any]) -> XdpConf:
    get = values.get
    return XdpConf(
        listen=_unique(get("listen", ())) if get("udp", True) else (),
        zero_copy=get("zero-copy", True),
        ring_size=get("ring-size", 2048),
        busypoll_budget=get("busypoll-budget", 0),
        busypoll_timeout_us=get("busypoll-timeout", 20),
        cpu_affinity=tuple(get("cpu-affinity", ())),
    )


def _database(values: dict[str, Any]) -> DatabaseConf:
    storage = os.path.abspath(values.get("storage") or DEFAULT_STORAGE)
    return DatabaseConf(storage, values.get("journal-db-max-size", 20 << 30))


def _log(block: Block) -> LogConf:
    get = block.values.get
    every = get("any")
    target = block.id or ""
    if target not in ("stdout", "stderr", "syslog"):
        target = os.path.abspath(target)
    return LogConf(target, get("server", every), get("control", every), get("zone", every))


def _zones(document: Document, storage: str) -> dict[str, ZoneConf]:
    """Resolve templates: the zone's own value, then its template's; template `default` only without a named one."""
    built_in: dict[str, Any] = {"storage": storage, "file": "%s.zone", "default-ttl": 3600}
    templates = {name: built_in | block.values for name, block in document.blocks["template"].items()}
    fallback = templates.get(DEFAULT_TEMPLATE, built_in)
    zones = {}
    for name, block in document.blocks["zone"].items():
        values = block.values
        base = templates[values["template"]] if "template" in values else fallback
        pattern = values.get("file") or base["file"]
        try:
            file = zone_file_name(pattern, name) if "%" in pattern else pattern
        except ValueProblem as problem:
            raise block.error(str(problem)) from None
        directory = values.get("storage") or base["storage"]
        if directory[:1] != "/":
            directory = os.path.abspath(directory)
        path = file if file[:1] == "/" else f"{directory}/{file}"
        zones[name] = ZoneConf(name, path, values.get("default-ttl") or base["default-ttl"])
    return zones
