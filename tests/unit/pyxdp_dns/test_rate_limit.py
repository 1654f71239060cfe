# SPDX-License-Identifier: Apache-2.0
"""Response rate limiting: buckets per prefix, slip, exemptions, and what is counted, under a clock of the test."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import dns.flags
import dns.message
import pytest

from pyxdp_dns.modules import CookiesConf, RrlConf, fill_rrl, merge_ranges
from pyxdp_dns.native import ffi
from pyxdp_dns.table import ServerInfo, Transport, Verdict
from tests.support.regions import Bench, bench, query

SECOND = 10**9
QUERY = query("ns.example.com.")
SMALL = RrlConf(rate_limit=10, instant_limit=20, slip=0)


def ask(one: Bench, address: str, times: int = 1, at_ns: int = SECOND, transport: Transport | None = None) -> int:
    """Ask so often at one moment; return how many were answered in full."""
    packed = ip_address(address).packed
    one.responder.set_clock(at_ns, 0)
    transport = transport or (Transport.UDP6 if len(packed) == 16 else Transport.UDP4)
    replies = [one.ask(QUERY, transport, packed) for _ in range(times)]
    return sum(1 for reply in replies if reply.verdict is Verdict.REPLY and not reply.truncated)


def test_burst_then_rate(tmp_path: Path) -> None:
    """A source gets instant-limit replies at once, and then rate-limit replies a second."""
    with bench(tmp_path, ServerInfo(rrl=SMALL)) as one:
        assert ask(one, "192.0.2.1", 30) == 20
        assert ask(one, "192.0.2.1", 30, 2 * SECOND) == 10
        assert ask(one, "192.0.2.1", 30, 2 * SECOND + SECOND // 10) == 1
        assert ask(one, "192.0.2.1", 30, 60 * SECOND) == 20


@pytest.mark.parametrize(
    ("first", "step", "each", "share"),
    [
        ("192.0.2.0", 1, 1, 32),
        ("198.18.0.0", 1 << 8, 32, 256),
        ("203.0.64.0", 1 << 8, 32, 768),
        ("2001:db8::", 1, 1, 2),
        ("2001:db8::", 1 << 64, 2, 3),
        ("2001:db8::", 1 << 72, 2, 4),
        ("2001:db8::", 1 << 80, 2, 64),
    ],
    ids=["/24", "/20", "/18", "/64", "/56", "/48", "/32"],
)
def test_shares_of_prefixes(tmp_path: Path, first: str, step: int, each: int, share: int) -> None:
    """Many sources of one prefix together get as many times a single one's replies as its share says."""
    start = ip_address(first)
    count = {"198.18.0.0": 16, "203.0.64.0": 64}.get(first, 128)
    with bench(tmp_path, ServerInfo(rrl=RrlConf(rate_limit=10, instant_limit=1, slip=0))) as one:
        sources = [str(start + i * step + low) for i in range(count) for low in range(each)]
        assert sum(ask(one, source) for source in sources) == share


def test_versions_of_ip_do_not_share(tmp_path: Path) -> None:
    """An IPv4 source is none of the IPv6 sources that look alike."""
    with bench(tmp_path, ServerInfo(rrl=SMALL)) as one:
        assert ask(one, "192.0.2.1", 30) == 20
        assert ask(one, "::ffff:192.0.2.1", 30) == 20
        assert ask(one, "192.0.2.2", 30) == 20


@pytest.mark.parametrize(("slip", "truncated"), [(0, 0), (1, 12), (2, 6), (5, 2)])
def test_slip(tmp_path: Path, slip: int, truncated: int) -> None:
    """One in `slip` limited replies goes out truncated, the others not at all, and both are counted."""
    with bench(tmp_path, ServerInfo(rrl=SMALL._replace(slip=slip))) as one:
        assert ask(one, "192.0.2.1", 20) == 20
        replies = [one.ask(QUERY) for _ in range(12)]
        slipped = [reply for reply in replies if reply.verdict is Verdict.REPLY]
        assert len(slipped) == truncated
        for reply in slipped:
            message = dns.message.from_wire(reply.data)
            assert message.flags & dns.flags.TC
            assert message.question
            assert not message.answer
            assert message.edns == 0
        counted = {("slipped", None): truncated, ("dropped", None): 12 - truncated}
        assert one.module("mod-rrl") == {key: value for key, value in counted.items() if value}


def test_whitelist(tmp_path: Path) -> None:
    """Sources on the list are never limited, those beside it are."""
    exempt = tuple(
        (ip_address(first).packed, ip_address(last).packed)
        for first, last in [
            ("192.0.2.10", "192.0.2.20"),
            ("2001:db8::", "2001:db8::ffff"),
            ("10.0.0.0", "10.255.255.255"),
        ]
    )
    with bench(tmp_path, ServerInfo(rrl=SMALL._replace(exempt=exempt))) as one:
        for free in ("192.0.2.10", "192.0.2.20", "10.1.2.3", "2001:db8::1"):
            assert ask(one, free, 50) == 50
        for limited in ("192.0.2.9", "192.0.2.21", "2001:db8::1:0", "11.0.0.0"):
            assert ask(one, limited, 50) == 20


def test_dry_run_counts_only(tmp_path: Path) -> None:
    """With dry-run every reply goes out as ever, and what would have been limited is counted."""
    with bench(tmp_path, ServerInfo(rrl=SMALL._replace(dry_run=True))) as one:
        assert ask(one, "192.0.2.1", 30) == 30
        assert one.module("mod-rrl") == {("dropped", None): 10}


def test_tcp_is_not_limited(tmp_path: Path) -> None:
    """Over TCP the source is known to be there."""
    with bench(tmp_path, ServerInfo(rrl=SMALL)) as one:
        assert ask(one, "192.0.2.1", 50, transport=Transport.TCP) == 50


def test_good_cookie_is_not_limited(tmp_path: Path) -> None:
    """Who shows a good cookie is not limited; who has none is."""
    info = ServerInfo(rrl=SMALL, cookies=CookiesConf((bytes(16),)))
    with bench(tmp_path, info) as one:
        one.responder.set_clock(SECOND, 1000)
        given = one.ask(query("ns.example.com.", "A", (10, b"clientok")))
        good = next(option for option in dns.message.from_wire(given.data).options if option.otype == 10)
        shown = query("ns.example.com.", "A", (10, good.to_wire()))
        assert all(one.ask(shown).rcode == 0 for _ in range(50))
        assert ask(one, "192.0.2.1", 50) == 19


def test_limited_source_is_noted(tmp_path: Path) -> None:
    """The log is told of a limited source and its prefix once in log-period."""
    with bench(tmp_path, ServerInfo(rrl=SMALL._replace(log_period_ms=1000))) as one:
        ask(one, "192.0.2.1", 30)
        first = next(note for note in one.region.limited() if note)
        assert (first.address, first.prefix_len) == ("192.0.2.1", 32)
        ask(one, "2001:db8::7", 30, 2 * SECOND - 1)
        assert next(note for note in one.region.limited() if note) == first
        ask(one, "2001:db8::7", 30, 2 * SECOND)
        assert next(note for note in one.region.limited() if note).address == "2001:db8::7"


def test_settings_change_live(tmp_path: Path) -> None:
    """Another rate, another table and no limit at all take effect with their publication."""
    with bench(tmp_path, ServerInfo(rrl=SMALL)) as one:
        assert ask(one, "192.0.2.1", 30) == 20
        one.tell(ServerInfo(rrl=SMALL._replace(table_size=65536)))
        assert ask(one, "192.0.2.1", 30) == 20
        one.tell(ServerInfo())
        assert ask(one, "192.0.2.1", 30) == 30


def test_ranges_are_merged() -> None:
    """Ranges that touch or overlap become one; IPv4 is mapped."""
    one = [(b"\0\0\0\1", b"\0\0\0\5"), (b"\0\0\0\6", b"\0\0\0\7"), (b"\0\0\0\2", b"\0\0\0\3"), (bytes(16), bytes(16))]
    assert merge_ranges(one) == [(0, 0), (0xFFFF00000001, 0xFFFF00000007)]


def test_too_many_ranges_are_refused() -> None:
    """More separate ranges than the engine holds are an error that says so."""
    ranges = tuple((bytes((10, 0, i >> 7, i << 1 & 255)),) * 2 for i in range(257))
    with pytest.raises(ValueError, match=r"mod-rrl\.whitelist has 257"):
        fill_rrl(ffi.new("xd_rrl_conf *"), SMALL._replace(exempt=ranges))


@contextmanager
def address_space_left(left: int) -> Iterator[None]:
    """Let this process map no more than so many octets more."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (mapped + left, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_table_without_memory_is_told(tmp_path: Path) -> None:
    """Without memory for a larger table the one before goes on limiting, and the size is told until it is lowered."""
    with bench(tmp_path, ServerInfo(rrl=SMALL)) as one:
        assert ask(one, "192.0.2.1", 30) == 20
        with address_space_left(1 << 30):
            one.tell(ServerInfo(rrl=SMALL._replace(table_size=1 << 31)))
            assert ask(one, "192.0.2.1", 30) == 0
        assert one.region.refused_size() == 1 << 31
        one.tell(ServerInfo(rrl=SMALL))
        assert ask(one, "192.0.2.1", 30) == 20
        assert one.region.refused_size() == 0


def test_largest_burst_at_the_least_rate(tmp_path: Path) -> None:
    """A burst of more seconds than a clock counts is as good as no limit."""
    with bench(tmp_path, ServerInfo(rrl=RrlConf(rate_limit=1, instant_limit=(1 << 32) - 1))) as one:
        assert ask(one, "192.0.2.1", 1000) == 1000


def test_clock_that_wraps(tmp_path: Path) -> None:
    """A bucket is still what it was when the time it is counted in begins anew."""
    end = (1 << 64) // 64
    with bench(tmp_path, ServerInfo(rrl=SMALL)) as one:
        assert ask(one, "192.0.2.1", 30, end - SECOND) == 20
        assert ask(one, "192.0.2.1", 30, end) == 10
