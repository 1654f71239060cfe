# SPDX-License-Identifier: Apache-2.0
"""mod-stats: every family of counters, what each counts, and that it changes no answer."""

from pathlib import Path

import dns.opcode
import dns.rdatatype
import pytest

from pyxdp_dns.modules import DEFAULT_FAMILIES, FAMILIES, StatsConf
from pyxdp_dns.native import lib
from pyxdp_dns.statistics import MODULES, NAMES, stats_counters
from pyxdp_dns.table import ServerInfo, Transport, Verdict
from tests.support import ask
from tests.support.regions import EVERY_FAMILY, bench, query, told

EVERY = ServerInfo(stats=StatsConf(EVERY_FAMILY))


def test_names_fit_the_families() -> None:
    """Every family has as many names as the engine has counters for it."""
    for place, family in enumerate(FAMILIES):
        names = NAMES.get(family) or next(items for name, items in MODULES.values() if name == family)
        assert lib.xd_stats_family_size(place) == len(names) == len(set(names)), family


def test_one_query(tmp_path: Path) -> None:
    """A query is counted once in every family that has to do with it, with its octets and its reply's."""
    with bench(tmp_path, EVERY) as one:
        message = query("ns.example.com.", "A", dnssec=True)
        reply = one.ask(message)
        assert one.counted() == {
            ("request-protocol", "udp4"): 1,
            ("server-operation", "query"): 1,
            ("request-bytes", "query"): len(message),
            ("response-bytes", "reply"): len(reply.data),
            ("edns-presence", "request"): 1,
            ("edns-presence", "response"): 1,
            ("flag-presence", "DO"): 1,
            ("response-code", "NOERROR"): 1,
            ("query-type", "A"): 1,
            ("query-size", "32-47"): 1,
            ("reply-size", "48-63"): 1,
        }


@pytest.mark.parametrize(
    ("transport", "client", "name"),
    [
        (Transport.UDP4, 4, "udp4"),
        (Transport.UDP6, 16, "udp6"),
        (Transport.TCP, 4, "tcp4"),
        (Transport.TCP6, 16, "tcp6"),
        (Transport.UDP4_XDP, 4, "udp4-xdp"),
        (Transport.UDP6_XDP, 16, "udp6-xdp"),
        (Transport.TLS, 4, "tls4"),
        (Transport.TLS6, 16, "tls6"),
    ],
)
def test_protocols(tmp_path: Path, transport: Transport, client: int, name: str) -> None:
    """Each transport has its counter."""
    with bench(tmp_path, EVERY) as one:
        one.ask(query("ns.example.com."), transport, bytes(client))
        assert {key for key in one.counted() if key[0] == "request-protocol"} == {("request-protocol", name)}


@pytest.mark.parametrize(
    ("name", "rdtype", "counted"),
    [
        ("ns.example.com.", "AAAA", "AAAA"),
        ("example.com.", "A", "A"),
        ("example.com.", "TXT", "other"),
        ("sub.example.com.", "A", None),
        ("none.example.com.", "A", None),
        ("elsewhere.test.", "A", None),
    ],
)
def test_nodata(tmp_path: Path, name: str, rdtype: str, counted: str | None) -> None:
    """A name without the type counts as NODATA; a referral, a name that is not and a foreign one do not."""
    with bench(tmp_path, EVERY) as one:
        one.ask(query(name, rdtype))
        keys = {key[1] for key in one.counted() if key[0] == "reply-nodata"}
        assert keys == ({counted} if counted else set())


OTHER_TYPES = (66, 98, 111, 254, 261, 65535)


@pytest.mark.parametrize(
    ("rdtype", "name"),
    [
        *[(1, "A"), (65, "HTTPS"), (99, "SPF"), (110, "TYPE110"), (255, "ANY"), (260, "TYPE260")],
        *[(code, "other") for code in OTHER_TYPES],
    ],
)
def test_query_types(tmp_path: Path, rdtype: int, name: str) -> None:
    """Types are counted one by one as far as they have counters, the rest as other."""
    with bench(tmp_path, EVERY) as one:
        one.ask(query("ns.example.com.", dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rdtype))))
        keys = [key[1] for key in one.counted() if key[0] == "query-type"]
        assert keys == [name]


def test_options(tmp_path: Path) -> None:
    """EDNS options of requests and replies are counted by their names."""
    with bench(tmp_path, ServerInfo(stats=StatsConf(EVERY_FAMILY), nsid=b"me")) as one:
        one.ask(query("ns.example.com.", "A", (3, b""), (17, b""), (18, b""), (65001, b"x")))
        options = {key for key in one.counted() if key[0].endswith("edns-option")}
        asked = {("request-edns-option", name) for name in ("NSID", "CODE17", "other")}
        assert options == asked | {("response-edns-option", "NSID")}


def test_operations(tmp_path: Path) -> None:
    """Opcodes and transfers are counted under their operation, what makes no sense as invalid."""
    with bench(tmp_path, EVERY) as one:
        for opcode in (dns.opcode.UPDATE, dns.opcode.NOTIFY, dns.opcode.STATUS):
            message = bytearray(query("example.com.", "SOA", edns=False))
            message[2] |= opcode << 3
            one.ask(bytes(message))
        transfer = query("example.com.", "AXFR", edns=False)
        assert one.ask(transfer).verdict is Verdict.HANDOFF
        one.ask(query("example.com.", "IXFR", edns=False))
        one.ask(b"\0\1\1\0\0\2\0\0\0\0\0\0")
        operations = {key[1]: value for key, value in one.counted().items() if key[0] == "server-operation"}
        assert operations == {"update": 1, "notify": 1, "axfr": 1, "ixfr": 1, "invalid": 2}
        one.responder.enter()
        one.responder.count_reply(transfer, bytes(100), 17)
        one.responder.leave()
        counted = one.counted()
        assert counted["response-bytes", "transfer"] == 100
        assert counted["response-code", "BADKEY"] == 1


def test_messages_without_reply_are_not_counted(tmp_path: Path) -> None:
    """Responses and scraps are no requests."""
    with bench(tmp_path, EVERY) as one:
        one.ask(b"\0\1")
        one.ask(b"\0\1\x80\0" + bytes(8))
        assert one.counted() == {}


def test_sizes_end_in_a_last_bucket(tmp_path: Path) -> None:
    """Sizes beyond the buckets are counted in the last one."""
    with bench(tmp_path, EVERY) as one:
        one.ask(query("ns.example.com.", "A", (12, bytes(300))))
        assert ("query-size", "288-65535") in one.counted()


def test_only_families_that_are_on_are_counted(tmp_path: Path) -> None:
    """A family that is off stays at zero, and the defaults are on."""
    with bench(tmp_path, ServerInfo(stats=StatsConf.of(DEFAULT_FAMILIES))) as one:
        one.ask(query("ns.example.com.", dnssec=True))
        assert {key[0] for key in one.counted()} == set(DEFAULT_FAMILIES)


def test_zones_have_rows_of_their_own(tmp_path: Path) -> None:
    """A zone with a reserved row is counted there, with its own families; others are not."""
    with bench(tmp_path, ServerInfo(zone_stats=True), ("example.com.", "example.org.")) as one:
        families = StatsConf.of(("server-operation", "query-type")).families
        with one.table.transaction() as txn:
            txn.set_zone_stats(ask.name_wire("example.org."), 1, families)
        one.ask(query("ns.example.org."))
        assert told(stats_counters(one.zone_stats.sum(0), EVERY_FAMILY)) == {}
        one.zone_stats.reserve(1, wide=True)
        for name in ("ns.example.org.", "none.example.org.", "ns.example.com.", "foreign.test."):
            one.ask(query(name))
        expected = {("server-operation", "query"): 2, ("query-type", "A"): 2}
        assert told(stats_counters(one.zone_stats.sum(0), EVERY_FAMILY)) == expected
        assert one.counted() == {}


def test_answers_are_the_same_with_statistics(tmp_path: Path) -> None:
    """Counting changes no octet of any reply."""
    asked = [query(name, kind) for name in ("ns.example.com.", "x.example.com.", "x.test.") for kind in ("A", "ANY")]
    asked += [query("sub.example.com.", "DS", (3, b""), dnssec=True), b"\0\1\1\0\0\2" + bytes(6), bytes(12)]
    with bench(tmp_path, ServerInfo(nsid=b"me")) as one:
        plain = [one.ask(message) for message in asked]
        one.tell(ServerInfo(stats=StatsConf(EVERY_FAMILY), zone_stats=True, nsid=b"me"))
        assert [one.ask(message) for message in asked] == plain


def test_counters_outlive_their_reader(tmp_path: Path) -> None:
    """The counters of a slot go on where they were when another responder takes it."""
    with bench(tmp_path, EVERY) as one:
        one.ask(query("ns.example.com."))
        one.responder.close()
        assert one.counted()["server-operation", "query"] == 1


def test_unknown_family_is_refused() -> None:
    """A family there is not is an error that names those there are."""
    with pytest.raises(ValueError, match=r"mod-stats\.cookies.*request-protocol"):
        StatsConf.of(("cookies",))
