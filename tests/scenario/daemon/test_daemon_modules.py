# SPDX-License-Identifier: Apache-2.0
"""Modules in the running server: cookies with the world's clients and servers, rate limits, counters."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from pyxdp_dns.counters import CounterRegion
from pyxdp_dns.statistics import stats_counters
from tests.support.daemon import ADDRESS, DaemonUnderTest, wait_for
from tests.support.ports import free_port
from tests.support.regions import EVERY_FAMILY, told

SECRET = "0xe5e973e5a6b2a43f48e7dc849e37bfcf"
COOKIES = f"mod-cookies:\n  - id: c\n    secret: {SECRET}\n"
EVERY = ("edns-presence", "flag-presence", "query-type", "query-size", "reply-size", "reply-nodata")
COOKIE = 10
CLIENT = bytes(range(8))


def globally(*modules: str) -> str:
    """Return the default template with these modules."""
    return f"template:\n  - id: default\n    global-module: [{', '.join(modules)}]\n"


def with_cookie(cookie: bytes, port: int) -> dns.message.Message:
    """Ask with a cookie."""
    option = dns.edns.GenericOption(COOKIE, cookie)
    query = dns.message.make_query("www.example.com", "A", use_edns=0, options=[option])
    return dns.query.udp(query, ADDRESS, timeout=5, port=port)


def cookie_of(reply: dns.message.Message) -> bytes:
    """Return the cookie of a reply."""
    return next(option.to_wire() or b"" for option in reply.options if option.otype == COOKIE)


@contextmanager
def knot_with_cookies(directory: Path, zone: Path) -> Iterator[int]:
    """Run Knot with the same secret; yield its port."""
    if shutil.which("knotd") is None:
        pytest.skip("needs the program knotd")
    port = free_port()
    (directory / "k").mkdir()
    config = directory / "k" / "knot.conf"
    config.write_text(
        f"server:\n  rundir: {directory}/k\n  listen: {ADDRESS}@{port}\ndatabase:\n  storage: {directory}/k\n{COOKIES}"
        f"{globally('mod-cookies/c')}zone:\n  - domain: example.com\n    file: {zone}\n"
    )
    process = subprocess.Popen(["knotd", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: is_answering(port), "an answer of knotd")
        yield port
    finally:
        process.kill()
        process.wait()


def is_answering(port: int) -> bool:
    """Whether a server answers for the zone."""
    try:
        reply = dns.query.udp(dns.message.make_query("example.com", "SOA"), ADDRESS, timeout=0.2, port=port)
    except (dns.exception.DNSException, OSError):
        return False
    return reply.rcode() == dns.rcode.NOERROR


def test_cookies_of_knot_and_ours_are_the_same(daemon: DaemonUnderTest) -> None:
    """With one secret, a cookie that either server made is good at the other, and bad ones are refused alike."""
    zone = daemon.write_zone("example.com", 1)
    daemon.write_config("example.com", extra=COOKIES + globally("mod-cookies/c"))
    daemon.start()
    with knot_with_cookies(daemon.base, zone) as knot:
        for one, other in ((daemon.port, knot), (knot, daemon.port)):
            first = with_cookie(CLIENT, one)
            assert first.rcode() == dns.rcode.BADCOOKIE
            second = with_cookie(cookie_of(first), other)
            assert second.rcode() == dns.rcode.NOERROR
            assert second.answer
        bad = CLIENT + bytes(16)
        ours, theirs = with_cookie(bad, daemon.port), with_cookie(bad, knot)
        assert ours.rcode() == theirs.rcode() == dns.rcode.BADCOOKIE
        assert (ours.flags, ours.ednsflags >> 24) == (theirs.flags, theirs.ednsflags >> 24)


@pytest.mark.parametrize("program", ["kdig", "dig"])
def test_clients_with_cookies(daemon: DaemonUnderTest, program: str) -> None:
    """kdig and dig learn the cookie with their first query and are answered with it."""
    if shutil.which(program) is None:
        pytest.skip(f"needs the program {program}")
    daemon.write_config("example.com", extra="mod-cookies:\n  - id: c\n" + globally("mod-cookies/c"))
    daemon.start()
    done = subprocess.run(
        [program, f"@{ADDRESS}", "-p", str(daemon.port), "+cookie", "www.example.com", "A"],
        capture_output=True, text=True, check=True, timeout=20,
    )  # fmt: skip
    assert "NOERROR" in done.stdout
    assert "192.0.2.2" in done.stdout


def test_rate_limit_of_the_running_server(daemon: DaemonUnderTest) -> None:
    """Beyond instant-limit replies come truncated, TCP goes on, and a reload lifts the limit."""
    limit = "mod-rrl:\n  - id: r\n    rate-limit: 1\n    instant-limit: 5\n    slip: 1\n"
    daemon.write_config("example.com", extra=limit + globally("mod-rrl/r"))
    daemon.start()
    replies = [daemon.ask() for _ in range(20)]
    truncated = [reply for reply in replies if reply.flags & dns.flags.TC]
    assert len(truncated) >= 12
    assert all(not reply.answer for reply in truncated)
    assert daemon.ask(tcp=True).answer
    daemon.write_config("example.com")
    daemon.reload()
    assert all(daemon.ask().answer for _ in range(20))


def test_counters_of_the_running_server(daemon: DaemonUnderTest) -> None:
    """Queries over UDP and TCP and what is handed off are counted, and a restart of the daemon forgets nothing."""
    items = "".join(f"    {item}: on\n" for item in EVERY)
    daemon.write_config("example.com", extra=f"mod-stats:\n  - id: s\n{items}{globally('mod-stats/s')}")
    daemon.start()
    before = read_counters(daemon)
    daemon.ask()
    daemon.ask(tcp=True)
    daemon.ask("none.example.com", "AAAA")
    daemon.ask("example.com", "IXFR", tcp=True)
    wait_for(lambda: grown(before, daemon).get(("server-operation", "ixfr")) == 1, "the transfer is counted")
    after = grown(before, daemon)
    assert after["request-protocol", "udp4"] == 2
    assert after["request-protocol", "tcp4"] == 2
    assert after["server-operation", "query"] == 3
    assert after["response-code", "NOERROR"] == 2
    assert after["response-code", "NXDOMAIN"] == 1
    assert after["query-type", "AAAA"] == 1
    assert sum(value for key, value in after.items() if key[0] == "reply-size") == 3
    daemon.kill()
    assert grown(before, daemon) == after
    daemon.start()
    daemon.ask()
    assert grown(before, daemon)["request-protocol", "udp4"] > after["request-protocol", "udp4"]


def read_counters(daemon: DaemonUnderTest) -> dict[tuple[str, str | None], int]:
    """Return the counters of the running engine and of TCP."""
    with CounterRegion(daemon.rundir / "engine.shm") as region:
        return told(stats_counters(region.statistics(), EVERY_FAMILY))


def grown(before: dict[tuple[str, str | None], int], daemon: DaemonUnderTest) -> dict[tuple[str, str | None], int]:
    """Return by how much counters have grown."""
    now = read_counters(daemon)
    return {key: value - before.get(key, 0) for key, value in now.items() if value != before.get(key, 0)}
