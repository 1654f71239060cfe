# SPDX-License-Identifier: Apache-2.0
"""What the running server tells of its counters: the dump, the metrics, counters of zones."""

import urllib.request

from tests.support.daemon import ADDRESS, DaemonUnderTest, wait_for
from tests.support.ports import free_port


def test_dump_and_metrics(daemon: DaemonUnderTest) -> None:
    """The dump and the metrics have the counters of the server and of a zone with mod-stats, and of no other zone."""
    port, dump = free_port(), daemon.base / "stats.yaml"
    daemon.write_zone("example.org", 1)
    daemon.write_config(
        "example.com",
        files={"example.org": daemon.base / "example.org.zone"},
        extra=f"    module: mod-stats\nstatistics:\n  timer: 1\n  file: {dump}\n"
        f"  prometheus-listen: {ADDRESS}@{port}\ntemplate:\n  - id: default\n    global-module: mod-stats\n",
    )
    daemon.start()
    daemon.ask()
    for _ in range(3):
        daemon.ask("www.example.org")

    def metrics() -> str:
        with urllib.request.urlopen(f"http://{ADDRESS}:{port}/metrics", timeout=10) as response:
            return str(response.read().decode())

    zone = 'knot_zone_stats_server_operation{module="mod-stats",type="query",zone="example.org."} 3.0'
    wait_for(lambda: zone in metrics(), "the zone's queries are in the metrics")
    text = metrics()
    assert 'knot_zone_serial{zone="example.com."} 1.0' in text
    assert 'zone="example.com.",' not in text.replace("knot_zone_stats", "")
    assert "knot_stats_zone_count" in text
    operations = "  mod-stats:\n   request-protocol:\n    udp4: 3\n   server-operation:\n    query: 3\n"
    wait_for(lambda: dump.exists() and operations in dump.read_text(), "the zone's queries are in the dump")
    text = dump.read_text()
    assert text.startswith("---\ntime: ")
    assert ' "example.org.":\n' in text
    assert ' "example.com.":\n' not in text
