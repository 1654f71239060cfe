# SPDX-License-Identifier: Apache-2.0
"""The Prometheus endpoint: metrics with the names and labels of knot_exporter, so that its dashboards work.

Every family is told as a gauge and as a counter (`_total`), as that exporter does. Requests are served by threads of
their own and read from snapshots: the loop takes no part in a scrape. Imported only when an address is configured.
"""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.registry import Collector

from control.conf.values import Endpoint
from control.ctl.stats import Counter
from control.log import Log
from control.server.exported import ZoneState

REQUEST_TIMEOUT_S = 10.0


class Source(NamedTuple):
    """Where the metrics come from; each is called by the threads of the endpoint, once for every scrape."""

    server_counters: Callable[[], Iterable[Counter]]
    zone_counters: Callable[[], Iterable[tuple[str, Iterable[Counter]]]]
    zones: Callable[[], Iterable[ZoneState]]
    pids: Callable[[], Iterable[int]]
    """The processes whose memory is told."""


class Families:
    """Metric families in the making, by name."""

    def __init__(self) -> None:
        self._families: dict[str, tuple[GaugeMetricFamily, CounterMetricFamily]] = {}

    def add(self, name: str, labels: dict[str, str], value: int, unit: str = "") -> None:
        """Add one sample to the gauge and the counter of a name."""
        made = self._families.get(name)
        if made is None:
            made = (
                GaugeMetricFamily(name, "", labels=list(labels), unit=unit),
                CounterMetricFamily(name, "", labels=list(labels), unit=unit),
            )
            self._families[name] = made
        for family in made:
            family.add_metric(list(labels.values()), value)

    def __iter__(self) -> Iterator[Metric]:
        for gauge, counter in self._families.values():
            yield gauge
            yield counter


def metric_name(prefix: str, item: str) -> str:
    """Return the metric's name of a counter's item."""
    return (prefix + item).replace("-", "_")


def resident_bytes(pid: int) -> int | None:
    """Return the resident memory of a process, None when it is gone."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    import resource

    return pages * resource.getpagesize()


def add_counters(families: Families, source: Source) -> None:
    """Add the counters of the server and of zones; those that are zero are left out, as on the control socket."""
    for one in source.server_counters():
        if one.value:
            labels = {"module": one.section, "type": one.id or ""}
            families.add(metric_name("knot_stats_", one.item), labels, one.value)
    for zone, counters in source.zone_counters():
        for one in counters:
            if one.value:
                labels = {"zone": zone, "module": one.section, "type": one.id or ""}
                families.add(metric_name("knot_zone_stats_", one.item), labels, one.value)


def add_zone(families: Families, zone: ZoneState) -> None:
    """Add what is told of a zone's state."""
    labels = {"zone": zone.name}
    if zone.serial is not None:
        families.add("knot_zone_serial", labels, zone.serial)
    timers = zone.soa_timers or (None, None, None)
    values = {
        "knot_zone_status_expiration": zone.expiration_in_s,
        "knot_zone_status_refresh": zone.refresh_in_s,
        "knot_zone_refresh": timers[0],
        "knot_zone_retry": timers[1],
        "knot_zone_expiration": timers[2],
    }
    for name, value in values.items():
        if value is not None:
            families.add(name, labels, value, "seconds")


class ServerCollector(Collector):
    """Collects everything anew for every scrape."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of this moment."""
        families = Families()
        for pid in self._source.pids():
            used = resident_bytes(pid)
            if used is not None:
                families.add("knot_memory_usage", {"pid": str(pid)}, used, "bytes")
        add_counters(families, self._source)
        for zone in self._source.zones():
            add_zone(families, zone)
        return families


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    address_family = socket.AF_INET


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_TIMEOUT_S

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes are no events."""

    def address_string(self) -> str:
        """No name is looked up for a client."""
        return str(self.client_address[0])


class Exporter:
    """Serves the metrics on the configured addresses. Its methods belong to one thread."""

    def __init__(self, source: Source, log: Log) -> None:
        self._log = log
        registry = CollectorRegistry(auto_describe=False)
        registry.register(ServerCollector(source))
        self._app = make_wsgi_app(registry)
        self._servers: dict[Endpoint, WSGIServer] = {}

    @property
    def listening(self) -> tuple[Endpoint, ...]:
        """Addresses that are served, with the ports they have."""
        return tuple(Endpoint(str(server.server_address[0]), server.server_port) for server in self._servers.values())

    def listen(self, endpoints: Iterable[Endpoint]) -> None:
        """Serve on these addresses and on no other; one that cannot be had is logged and left out."""
        wanted = list(endpoints)
        for endpoint in [one for one in self._servers if one not in wanted]:
            self._close(self._servers.pop(endpoint))
        for endpoint in wanted:
            if endpoint not in self._servers:
                self._open(endpoint)

    def stop(self) -> None:
        """Serve no more."""
        self.listen(())

    def _open(self, endpoint: Endpoint) -> None:
        family = _Server6 if ":" in endpoint.address else _Server
        try:
            server = make_server(endpoint.address, endpoint.port, self._app, family, _Handler)
        except OSError as error:
            reason = error.strerror or str(error)
            self._log.error(f"statistics, cannot listen on {endpoint} ({reason}), correct statistics.prometheus-listen")
            return
        self._servers[endpoint] = server
        threading.Thread(target=server.serve_forever, name=f"metrics-{endpoint.port}", daemon=True).start()
        self._log.info(f"statistics, metrics on {endpoint}")

    @staticmethod
    def _close(server: WSGIServer) -> None:
        with contextlib.suppress(OSError):
            server.shutdown()
        server.server_close()
