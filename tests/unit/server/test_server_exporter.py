# SPDX-License-Identifier: Apache-2.0
"""The Prometheus endpoint: names and labels of knot_exporter, over HTTP."""

import os
import urllib.request

import pytest

from control.conf.values import Endpoint
from control.ctl.stats import Counter
from control.log import Log
from control.server.exporter import Exporter, Source, ZoneState
from tests.support.ports import free_port

STATE = ZoneState("example.com.", 7, -3, None, (3600, 600, 86400))


def source() -> Source:
    """Return a source with something of everything."""
    return Source(
        server_counters=lambda: [
            Counter("server", "zone-count", None, None, 2),
            Counter("mod-stats", "request-protocol", "udp4", None, 6),
            Counter("mod-stats", "request-protocol", "tcp4", None, 0),
        ],
        zone_counters=lambda: [("example.com.", [Counter("mod-stats", "query-type", "A", "example.com.", 5)])],
        zones=lambda: [STATE, ZoneState("empty.test.")],
        pids=lambda: [os.getpid(), 2**22 + 1],
    )


def scrape(endpoint: Endpoint) -> dict[str, float]:
    """Return the samples of an endpoint."""
    host = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
    with urllib.request.urlopen(f"http://{host}:{endpoint.port}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    pairs = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(value) for name, _, value in pairs}


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_metrics(address: str) -> None:
    """Each metric is there as a gauge and as a counter, with the labels dashboards ask for."""
    exporter = Exporter(source(), Log([]))
    endpoint = Endpoint(address, free_port())
    exporter.listen([endpoint])
    try:
        samples = scrape(endpoint)
    finally:
        exporter.stop()
    memory = f'knot_memory_usage_bytes{{pid="{os.getpid()}"}}'
    assert samples.pop(memory) > 0
    assert samples.pop(memory.replace("bytes{", "bytes_total{")) > 0
    expected = {
        'knot_stats_zone_count{module="server",type=""}': 2,
        'knot_stats_request_protocol{module="mod-stats",type="udp4"}': 6,
        'knot_zone_stats_query_type{module="mod-stats",type="A",zone="example.com."}': 5,
        'knot_zone_serial{zone="example.com."}': 7,
        'knot_zone_status_refresh_seconds{zone="example.com."}': -3,
        'knot_zone_refresh_seconds{zone="example.com."}': 3600,
        'knot_zone_retry_seconds{zone="example.com."}': 600,
        'knot_zone_expiration_seconds{zone="example.com."}': 86400,
    }
    plain = {normalised(name): value for name, value in samples.items() if "_total{" not in name}
    totals = {normalised(name).replace("_total{", "{"): value for name, value in samples.items() if "_total{" in name}
    assert plain == totals == expected


def normalised(name: str) -> str:
    """Return a sample's name with its labels in alphabetical order."""
    head, _, labels = name.rstrip("}").partition("{")
    return f"{head}{{{','.join(sorted(labels.split(',')))}}}"


def test_addresses_follow_the_configuration() -> None:
    """Addresses that are configured no more are closed, others stay open, and one in use is logged and left out."""
    exporter, other = Exporter(source(), Log([])), Exporter(source(), Log([]))
    one, two = Endpoint("127.0.0.1", free_port()), Endpoint("127.0.0.1", free_port())
    try:
        exporter.listen([one, two])
        other.listen([two])
        assert other.listening == ()
        exporter.listen([two])
        assert exporter.listening == (two,)
        assert scrape(two)
        other.listen([one])
        assert scrape(one)
    finally:
        exporter.stop()
        other.stop()
