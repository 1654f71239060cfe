# SPDX-License-Identifier: Apache-2.0
"""The operator's manual, "Statistics": every form of stats and zone-stats, and the periodic dump."""

import pytest

from tests.support.daemon import wait_for
from tests.support.operator import Operated

pytestmark = pytest.mark.peer("knotc")

MODULE = "template:\n  - id: default\n    global-module: mod-stats\n    module: mod-stats\n"
QUERIES = 3


@pytest.fixture
def counting(operated: Operated) -> Operated:
    """A daemon with two zones and mod-stats everywhere that has answered three queries."""
    operated.write_zone("example.net", 7)
    operated.write_config("example.com", "example.net")
    head, _, zones = operated.config.read_text().partition("zone:\n")
    dump = f"statistics:\n  timer: 1\n  file: {operated.base}/stats.yaml\n"
    operated.config.write_text(f"{head}{dump}{MODULE}zone:\n{zones}")
    operated.start()
    for _ in range(QUERIES):
        operated.ask("www.example.net", tcp=True)
    name = "mod-stats.request-protocol[tcp4]"
    wait_for(lambda: operated.counter(name, QUERIES) in operated.run("stats"), "the counted queries")
    return operated


def test_counters_of_the_server(counting: Operated) -> None:
    """All of them, those of a section, and a single one."""
    everything = counting.run("stats").splitlines()
    section = counting.run("stats", "server").splitlines()
    module = counting.run("stats", "mod-stats").splitlines()
    assert everything == section + module
    assert counting.counter("mod-stats.request-protocol[tcp4]", QUERIES) in module
    assert counting.run("stats", "server.zone-count") == counting.counter("server.zone-count", 2)
    assert all(
        "mod-stats.request-protocol[" in line
        for line in counting.run("stats", "mod-stats.request-protocol").splitlines()
    )


def test_counters_of_zones(counting: Operated) -> None:
    """Of one zone and of all, of a module, and a single counter; only zones that were asked have counted."""
    counter = counting.counter("mod-stats.request-protocol[tcp4]", QUERIES, "example.net.")
    assert counter in counting.run("zone-stats", "example.net.").splitlines()
    assert counter in counting.run("zone-stats", "example.net.", "mod-stats").splitlines()
    assert counting.run("zone-stats", "example.net.", "mod-stats.request-protocol") == counter
    everywhere = counting.run("zone-stats", "--").splitlines()
    assert {line.partition(" ")[0] for line in everywhere} == {"[example.com.]", "[example.net.]"}
    only = counting.run("zone-stats", "--", "mod-stats.request-protocol").splitlines()
    assert [line for line in only if line.startswith("[example.net.] mod-stats.request-protocol[tcp4]")]


def test_counters_without_value(counting: Operated) -> None:
    """Those that are zero are shown with the force option."""
    assert counting.counter("mod-stats.request-protocol[udp6]", 0) not in counting.run("stats", "mod-stats")
    assert counting.counter("mod-stats.request-protocol[udp6]", 0) in counting.run("-f", "stats", "mod-stats")
    words = ("zone-stats", "example.com", "mod-stats.request-protocol")
    assert counting.counter("mod-stats.request-protocol[tcp4]", 0, "example.com.") in counting.run("-f", *words)


def test_unknown_counters(counting: Operated) -> None:
    """A section or counter that is not there is refused."""
    assert counting.fails("stats nope") == "error: (invalid parameter) nope"
    assert "(invalid parameter)" in counting.fails("stats server.nope")
    assert "(invalid parameter)" in counting.fails("zone-stats example.com mod-stats.nope")
    assert "(no such zone found)" in counting.fails("zone-stats example.org")


def test_periodic_dump(counting: Operated) -> None:
    """The file is written every `timer` seconds and has the counters of server and zones."""
    path = counting.base / "stats.yaml"
    wait_for(lambda: path.exists() and f"    tcp4: {QUERIES}\n" in path.read_text(), "the dump")
    first = path.stat().st_mtime_ns
    wait_for(lambda: path.stat().st_mtime_ns != first, "the next dump")
    assert ' "example.net.":\n' in path.read_text()
