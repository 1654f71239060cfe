# SPDX-License-Identifier: Apache-2.0
"""DNS cookies: the vectors of RFC 9018, and what becomes of queries with and without a good one."""

from ipaddress import ip_address
from pathlib import Path

import dns.message
import pytest

from pyxdp_dns.modules import CookiesConf
from pyxdp_dns.table import Reply, ServerInfo, Transport, Verdict
from tests.support.regions import Bench, bench, query

COOKIE = 10
SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
PREVIOUS = bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715")
NEXT = bytes.fromhex("445536bcd2513298075a5d379663c962")
NOW = 1559731985
CLIENT = "2464c4abcf10c957"
SERVER = "010000005cf79f111f8130c3eee29480"
ADDRESS = ip_address("198.51.100.100").packed
BADCOOKIE = 23
FORMERR = 1


def ask(one: Bench, cookie: str, now: int = NOW, address: bytes = ADDRESS, transport: Transport | None = None) -> Reply:
    """Ask with a cookie in hexadecimal at a time."""
    one.responder.set_clock(0, now)
    transport = transport or (Transport.UDP6 if len(address) == 16 else Transport.UDP4)
    return one.ask(query("ns.example.com.", "A", (COOKIE, bytes.fromhex(cookie))), transport, address)


def cookie_of(reply: Reply) -> str | None:
    """Return the COOKIE option of a reply in hexadecimal."""
    message = dns.message.from_wire(reply.data)
    return next((option.to_wire().hex() for option in message.options if option.otype == COOKIE), None)


@pytest.mark.parametrize(
    ("secrets", "cookie", "now", "address", "expected"),
    [
        ((SECRET,), CLIENT, NOW, "198.51.100.100", SERVER),
        ((SECRET,), CLIENT + SERVER, 1559734385, "198.51.100.100", "010000005cf7a871d4a564a1442aca77"),
        (
            (SECRET,),
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            1559734700,
            "203.0.113.203",
            "010000005cf7a9acf73a7810aca2381e",
        ),
        (
            (NEXT, PREVIOUS),
            "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
            1559741961,
            "2001:db8:220:1:59de:d0f4:8769:82b8",
            "010000005cf7c609a6bb79d16625507a",
        ),
    ],
    ids=["A.1 new", "A.2 renewed", "A.3 reserved bits", "A.4 secret rolled"],
)
def test_vectors_of_rfc_9018(
    tmp_path: Path, secrets: tuple[bytes, ...], cookie: str, now: int, address: str, expected: str
) -> None:
    """The examples of RFC 9018, appendix A, get the server cookies it has; a good and timely one gets an answer."""
    with bench(tmp_path, ServerInfo(cookies=CookiesConf(secrets))) as one:
        reply = ask(one, cookie, now, ip_address(address).packed)
        assert cookie_of(reply) == cookie[:16] + expected
        assert reply.rcode == (0 if len(cookie) > 16 and address != "203.0.113.203" else BADCOOKIE)


def test_reserved_bits_are_part_of_the_hash(tmp_path: Path) -> None:
    """The cookie of RFC 9018, appendix A.3, is good while it is young, and without its reserved bits it is not."""
    address = ip_address("203.0.113.203").packed
    with bench(tmp_path, ServerInfo(cookies=CookiesConf((SECRET,)))) as one:
        assert ask(one, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559728000, address).rcode == 0
        assert ask(one, "fc93fc62807ddb86010000005cf78f71a314227b6679ebf5", 1559728000, address).rcode == BADCOOKIE


def test_young_cookie_comes_back_as_it_was(tmp_path: Path) -> None:
    """A valid cookie of less than half an hour is answered with itself, an older one with a new one."""
    with bench(tmp_path, ServerInfo(cookies=CookiesConf((SECRET,)))) as one:
        assert cookie_of(ask(one, CLIENT + SERVER, NOW + 1800)) == CLIENT + SERVER
        assert cookie_of(ask(one, CLIENT + SERVER, NOW + 1801)) != CLIENT + SERVER


@pytest.mark.parametrize(("age", "is_good"), [(3600, True), (3601, False), (-300, True), (-301, False)])
def test_age_of_cookies_is_bounded(tmp_path: Path, age: int, is_good: bool) -> None:
    """Cookies count for an hour, and up to five minutes ahead of the clock."""
    with bench(tmp_path, ServerInfo(cookies=CookiesConf((SECRET,)))) as one:
        assert (ask(one, CLIENT + SERVER, NOW + age).rcode == 0) is is_good


def test_cookie_of_another_address_is_bad(tmp_path: Path) -> None:
    """A server cookie counts only for the address it was made for."""
    with bench(tmp_path, ServerInfo(cookies=CookiesConf((SECRET,)))) as one:
        assert ask(one, CLIENT + SERVER, NOW, b"\xc6\x33\x64\x65").rcode == BADCOOKIE


@pytest.mark.parametrize("octets", [0, 1, 7, 9, 15, 41, 64])
@pytest.mark.parametrize("transport", [Transport.UDP4, Transport.TCP])
def test_malformed_cookie_is_a_format_error(tmp_path: Path, octets: int, transport: Transport) -> None:
    """A COOKIE option of a length no cookie has gets FORMERR without a cookie, also over TCP."""
    with bench(tmp_path, ServerInfo(cookies=CookiesConf((SECRET,)))) as one:
        reply = ask(one, "00" * octets, transport=transport)
        assert (reply.rcode, cookie_of(reply)) == (FORMERR, None)


@pytest.mark.parametrize("octets", [8, 16, 24, 39, 40])
def test_unknown_server_cookie_over_tcp_is_answered(tmp_path: Path, octets: int) -> None:
    """Over UDP a cookie that proves nothing gets BADCOOKIE with a good one; over TCP the answer comes along."""
    with bench(tmp_path, ServerInfo(cookies=CookiesConf((SECRET,)))) as one:
        udp, tcp = ask(one, "aa" * octets), ask(one, "aa" * octets, transport=Transport.TCP)
        assert (udp.rcode, tcp.rcode) == (BADCOOKIE, 0)
        assert cookie_of(udp) == cookie_of(tcp)
        assert not dns.message.from_wire(udp.data).answer
        assert dns.message.from_wire(tcp.data).answer


def test_badcookie_slip_answers_one_in_so_many(tmp_path: Path) -> None:
    """With badcookie-slip 3, two of three queries without a good cookie get nothing, and are counted as dropped."""
    with bench(tmp_path, ServerInfo(cookies=CookiesConf((SECRET,), badcookie_slip=3))) as one:
        verdicts = [ask(one, CLIENT).verdict for _ in range(6)]
        assert verdicts == [Verdict.DROP, Verdict.DROP, Verdict.REPLY] * 2
        assert one.module("mod-cookies") == {("presence", None): 6, ("dropped", None): 4}


def test_query_without_cookie_is_answered_as_ever(tmp_path: Path) -> None:
    """Cookies change nothing for who has none."""
    with bench(tmp_path, ServerInfo(cookies=CookiesConf((SECRET,)))) as one:
        plain = one.ask(query("ns.example.com."))
        one.tell(ServerInfo())
        assert plain.data == one.ask(query("ns.example.com.")).data
        assert not one.module("mod-cookies")


def test_cookies_off_ignores_the_option(tmp_path: Path) -> None:
    """Without mod-cookies a COOKIE option, even a malformed one, is not looked at."""
    with bench(tmp_path, ServerInfo()) as one:
        assert ask(one, "00").rcode == 0
        assert cookie_of(ask(one, CLIENT)) is None


def test_table_file_is_its_owners(tmp_path: Path) -> None:
    """Others cannot read the table, which holds the secrets."""
    with bench(tmp_path, ServerInfo()):
        assert (tmp_path / "table").stat().st_mode & 0o007 == 0


def without_question(cookie: str) -> bytes:
    """Return a query of a COOKIE option alone."""
    wire = query(".", "A", (COOKIE, bytes.fromhex(cookie)))
    return wire[:4] + bytes(2) + wire[6:12] + wire[17:]


@pytest.mark.parametrize(
    ("cookie", "rcode", "told"),
    [
        (CLIENT, 0, CLIENT + SERVER),
        (CLIENT + SERVER, 0, CLIENT + SERVER),
        (CLIENT + "00" * 16, BADCOOKIE, CLIENT + SERVER),
        (CLIENT[:-2], FORMERR, None),
    ],
    ids=["client's alone", "valid", "invalid", "malformed"],
)
def test_cookie_asked_for_without_question(tmp_path: Path, cookie: str, rcode: int, told: str | None) -> None:
    """A query without a question asks for a cookie alone (RFC 7873, section 5.4)."""
    with bench(tmp_path, ServerInfo(cookies=CookiesConf((SECRET,)))) as one:
        one.responder.set_clock(0, NOW)
        reply = one.ask(without_question(cookie), Transport.UDP4, ADDRESS)
        assert (reply.rcode, cookie_of(reply)) == (rcode, told)
        assert reply.data[4:10] == bytes(6)


def test_no_question_without_cookies(tmp_path: Path) -> None:
    """A query without a question is malformed where there are no cookies."""
    with bench(tmp_path, ServerInfo()) as one:
        reply = one.ask(without_question(CLIENT), Transport.UDP4, ADDRESS)
        assert reply.rcode == FORMERR
        assert len(reply.data) == 12


@pytest.mark.parametrize("transport", [Transport.UDP4, Transport.TCP])
def test_cookies_of_every_length(tmp_path: Path, transport: Transport) -> None:
    """FORMERR for a length that no cookie has; else BADCOOKIE over UDP, an answer over TCP, with a cookie of ours."""
    with bench(tmp_path, ServerInfo(cookies=CookiesConf((SECRET,)))) as one:
        for length in range(48):
            reply = ask(one, "5a" * length, transport=transport)
            if length == 8 or 16 <= length <= 40:
                assert reply.rcode == (BADCOOKIE if transport is Transport.UDP4 else 0), length
                assert (cookie_of(reply) or "").startswith("5a" * 8)
            else:
                assert (reply.rcode, cookie_of(reply)) == (FORMERR, None), length


def test_first_of_several_cookies_counts(tmp_path: Path) -> None:
    """Of several COOKIE options all but the first are ignored (RFC 7873, section 5.2)."""
    with bench(tmp_path, ServerInfo(cookies=CookiesConf((SECRET,)))) as one:
        one.responder.set_clock(0, NOW)
        good, bad = bytes.fromhex(CLIENT + SERVER), b"x"
        reply = one.ask(query("ns.example.com.", "A", (COOKIE, good), (COOKIE, bad)), Transport.UDP4, ADDRESS)
        assert reply.rcode == 0
        reply = one.ask(query("ns.example.com.", "A", (COOKIE, bad), (COOKIE, good)), Transport.UDP4, ADDRESS)
        assert reply.rcode == FORMERR
