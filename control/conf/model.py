# SPDX-License-Identifier: Apache-2.0
"""The typed, immutable configuration: defaults filled in, templates resolved, paths absolute."""

import os
import socket
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from control.conf.document import Block, Document, Values
from control.conf.errors import ValueProblem
from control.conf.peers import KeyConf, RemoteConf
from control.conf.policy import KeystoreConf
from control.conf.replication import Peers
from control.conf.schema import SECTIONS, Reload
from control.conf.values import Endpoint, XdpEndpoint
from control.conf.version import DEFAULT_CONFIG, PROGRAM, VERSION
from control.conf.zone import ZoneConf
from control.conf.zones import DEFAULT_TEMPLATE, ZoneBuilder

if TYPE_CHECKING:
    from control.conf.modules import ModuleConf

__all__ = ["Config", "ControlConf", "DatabaseConf", "LogConf", "ServerConf", "StatisticsConf", "XdpConf", "ZoneConf"]

DEFAULT_RUNDIR = "/run/xdpdns"
DEFAULT_STORAGE = "/var/lib/xdpdns"
CONTROL_SOCKET = "knot.sock"
"""In the run directory; the name under which Knot's own control program looks for it."""


class ServerConf(NamedTuple):
    """Section server."""

    identity: bytes
    version: bytes
    nsid: bytes
    rundir: str
    user: str | None
    """USER[:GROUP]; None: the daemon stays who it is."""
    pidfile: str
    udp_workers: int
    background_workers: int
    async_start: bool
    tcp_idle_timeout_s: int
    tcp_io_timeout_ms: int
    tcp_remote_io_timeout_ms: int
    """For one message of an outgoing connection; 0: none."""
    tcp_max_clients: int
    remote_pool_limit: int
    """Outgoing TCP connections that are kept open; 0: none."""
    remote_pool_timeout_s: int
    remote_retry_delay_ms: int
    udp_max_payload_ipv4: int
    udp_max_payload_ipv6: int
    automatic_acl: bool
    listen: tuple[Endpoint, ...]
    listen_tls: tuple[Endpoint, ...]
    key_file: str | None
    """Absolute path; None: a key is made."""
    cert_file: str | None
    """Absolute path; None: a certificate is made."""
    ca_files: tuple[str, ...]
    """Absolute paths of authorities' certificates; an empty one: those of the system."""
    dbus_events: frozenset[str] = frozenset()
    """Of running, zone-updated, keys-updated, ksk-submission, dnssec-invalid."""
    dbus_init_delay_s: int = 1


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
    journal_db: str
    """Absolute path of the zone store's directory."""
    kasp_db: str
    """Absolute path of the directory that paths of keystores start at."""
    tls_key: str
    """Absolute path of the key for TLS that is made where none is configured."""
    asynchronous: bool
    """Changes are acknowledged before they are on the disk."""


class ControlConf(NamedTuple):
    """Section control: absolute paths of the sockets; a timeout of 0 is none."""

    listen: tuple[str, ...]
    backlog: int
    timeout_s: int


class StatisticsConf(NamedTuple):
    """Section statistics; without a timer there is no dump."""

    timer_s: int | None
    file: str
    append: bool
    prometheus_listen: tuple[Endpoint, ...]


class LogConf(NamedTuple):
    """One log target: least severity by category, None where nothing is logged."""

    target: str
    server: str | None
    control: str | None
    zone: str | None


class Config(NamedTuple):
    """A whole configuration that passed every check. Its dictionaries are not changed."""

    file: str
    """The file or the database directory it comes from."""
    server: ServerConf
    xdp: XdpConf
    control: ControlConf
    statistics: StatisticsConf
    database: DatabaseConf
    logs: tuple[LogConf, ...]
    global_modules: tuple[str, ...]
    """`mod-name` or `mod-name/id`, in order."""
    modules: "dict[str, ModuleConf]"
    """The settings of every module reference that a zone, a template or `global_modules` has."""
    keys: dict[bytes, KeyConf]
    """By name in wire form, lower case."""
    remotes: dict[str, RemoteConf]
    keystores: dict[str, KeystoreConf]
    """The one that is built in under the empty name."""
    zones: dict[str, ZoneConf]
    fixed: dict[str, Any]
    """What was set of the items that need a restart, by `section.item`."""


def descriptor_limit() -> int:
    """Open files this process may have."""
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Source(Protocol):
    """Where the values of sections and blocks are found."""

    def single(self, name: str) -> Values: ...

    def get(self, section: str, block_id: str) -> Block | None: ...

    def each(self, section: str) -> Iterator[Block]: ...


def build_config(document: Document, file: str) -> Config:
    """Make the typed configuration of a document that passed its checks; raise `ConfigurationError`."""
    builder = make_builder(document)
    zones = {}
    for name, block in document.blocks["zone"].items():
        try:
            zones[name] = builder.build(name, block.values)
        except ValueProblem as problem:
            raise block.error(str(problem)) from None
    return assemble(document, file, builder, zones)


def make_builder(source: Source) -> ZoneBuilder:
    """Return what makes the zones of a configuration."""
    database = _database(source.single("database"))
    automatic_acl = source.single("server").get("automatic-acl", False)
    return ZoneBuilder(source, database.storage, database.kasp_db, automatic_acl=automatic_acl)


def assemble(source: Source, file: str, builder: ZoneBuilder, zones: dict[str, ZoneConf]) -> Config:
    """Make the configuration of everything but zones, and of zones that were made by `builder`."""
    server = _server(source.single("server"))
    template = source.get("template", DEFAULT_TEMPLATE)
    global_modules = tuple(template.values.get("global-module", ())) if template is not None else ()
    references = dict.fromkeys(global_modules)
    for block in source.each("template"):
        builder.template(block.id or "")
    for settings in builder.shared:
        references.update(dict.fromkeys(settings.modules))
    return Config(
        file=file,
        server=server,
        xdp=_xdp(source.single("xdp")),
        control=_control(source.single("control"), server.rundir),
        statistics=_statistics(source.single("statistics"), server.rundir),
        database=_database(source.single("database")),
        logs=tuple(_log(block) for block in source.each("log")),
        global_modules=global_modules,
        modules=_modules(source, references),
        keys=_keys(source, builder.peers),
        remotes={block.id or "": builder.peers.remote(block.id or "") for block in source.each("remote")},
        keystores={name: builder.signing.keystore(name) for name in _keystore_names(source)},
        zones=zones,
        fixed=_fixed(source),
    )


def _keys(source: Source, peers: Peers) -> dict[bytes, KeyConf]:
    return {key.name: key for key in (peers.key(block.id or "") for block in source.each("key"))}


def _keystore_names(source: Source) -> Iterator[str]:
    yield ""
    yield from (block.id or "" for block in source.each("keystore"))


def _fixed(source: Source) -> dict[str, Any]:
    return {
        f"{name}.{item}": value
        for name, section in SECTIONS.items()
        if section.supported and section.id_item is None
        for item, value in source.single(name).items()
        if section.items[item].reload is Reload.RESTART
    }


def restart_items(old: Config, new: Config) -> list[str]:
    """Return the items (`section.item`) that differ and take effect only in a new start."""
    names = sorted(old.fixed.keys() | new.fixed.keys())
    return [name for name in names if old.fixed.get(name) != new.fixed.get(name)]


def _server(values: Values) -> ServerConf:
    get = values.get
    rundir = _rundir(values)
    host = socket.gethostname().encode()[:255]
    payload = get("udp-max-payload", 1232)
    clients = get("tcp-max-clients")
    version = get("version")
    return ServerConf(
        identity=get("identity", host),
        version=f"{PROGRAM} {VERSION}".encode() if version is None else version,
        nsid=get("nsid", host),
        rundir=rundir,
        user=get("user") or None,
        pidfile=os.path.join(rundir, get("pidfile") or "xdpdnsd.pid"),
        udp_workers=get("udp-workers") or min(os.cpu_count() or 1, 256),
        background_workers=get("background-workers") or min(os.cpu_count() or 1, 10),
        async_start=get("async-start", False),
        tcp_idle_timeout_s=get("tcp-idle-timeout", 10),
        tcp_io_timeout_ms=get("tcp-io-timeout", 500),
        tcp_remote_io_timeout_ms=get("tcp-remote-io-timeout", 5000),
        tcp_max_clients=descriptor_limit() // 2 if clients is None else clients,
        remote_pool_limit=get("remote-pool-limit", 0),
        remote_pool_timeout_s=get("remote-pool-timeout", 5),
        remote_retry_delay_ms=get("remote-retry-delay", 0),
        udp_max_payload_ipv4=get("udp-max-payload-ipv4", payload),
        udp_max_payload_ipv6=get("udp-max-payload-ipv6", payload),
        automatic_acl=get("automatic-acl", False),
        listen=_unique(get("listen", ())),
        listen_tls=_unique(get("listen-tls", ())),
        key_file=_credential(get("key-file")),
        cert_file=_credential(get("cert-file")),
        ca_files=_unique(_credential(path) or "" for path in get("ca-file", ())),
        dbus_events=frozenset(get("dbus-event", ())) - {"none"},
        dbus_init_delay_s=get("dbus-init-delay", 1),
    )


def _credential(path: str | None) -> str | None:
    """The absolute path of a file that is looked for where configurations are by default."""
    return os.path.normpath(os.path.join(os.path.dirname(DEFAULT_CONFIG), path)) if path else None


def _unique(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


def _xdp(values: Values) -> XdpConf:
    get = values.get
    return XdpConf(
        listen=_unique(get("listen", ())) if get("udp", True) else (),
        zero_copy=get("zero-copy", True),
        ring_size=get("ring-size", 2048),
        busypoll_budget=get("busypoll-budget", 0),
        busypoll_timeout_us=get("busypoll-timeout", 20),
        cpu_affinity=tuple(get("cpu-affinity", ())),
    )


def _database(values: Values) -> DatabaseConf:
    storage = os.path.abspath(values.get("storage") or DEFAULT_STORAGE)
    return DatabaseConf(
        storage=storage,
        map_bytes=values.get("journal-db-max-size", 20 << 30),
        journal_db=os.path.normpath(os.path.join(storage, values.get("journal-db") or "store")),
        kasp_db=os.path.normpath(os.path.join(storage, values.get("kasp-db") or "keys")),
        tls_key=os.path.join(storage, "tls_key.pem"),
        asynchronous=values.get("journal-db-mode") == "asynchronous",
    )


def _log(block: Block) -> LogConf:
    get = block.values.get
    every = get("any")
    target = block.id or ""
    if target not in ("stdout", "stderr", "syslog"):
        target = os.path.abspath(target)
    return LogConf(target, get("server", every), get("control", every), get("zone", every))


def socket_paths(control: Values, server: Values) -> tuple[str, ...]:
    """Return the paths of the control sockets by the values of these two sections."""
    return _socket_paths(control, _rundir(server))


def _rundir(server: Values) -> str:
    return os.path.abspath(server.get("rundir") or DEFAULT_RUNDIR)


def _socket_paths(values: Values, rundir: str) -> tuple[str, ...]:
    paths = [path for path in values.get("listen", ()) if path] or [CONTROL_SOCKET]
    return _unique(os.path.normpath(os.path.join(rundir, path)) for path in paths)


def _control(values: Values, rundir: str) -> ControlConf:
    return ControlConf(_socket_paths(values, rundir), values.get("backlog", 5), values.get("timeout", 5))


def _statistics(values: Values, rundir: str) -> StatisticsConf:
    return StatisticsConf(
        timer_s=values.get("timer"),
        file=os.path.normpath(os.path.join(rundir, values.get("file") or "stats.yaml")),
        append=values.get("append", False),
        prometheus_listen=_unique(values.get("prometheus-listen", ())),
    )


def _modules(source: Source, references: Iterable[str]) -> "dict[str, ModuleConf]":
    if not references:
        return {}
    from control.conf.modules import module_conf

    return {reference: module_conf(source, reference) for reference in references}
