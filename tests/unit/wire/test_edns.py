# SPDX-License-Identifier: Apache-2.0
"""OPT records of replies and options of requests."""

import dns.edns
import dns.message
import dns.rrset
import pytest

from control.wire.edns import EXPIRE, opt_record, pack_option, request_option


def request(*options: dns.edns.Option) -> bytes:
    """Return an IXFR request with EDNS options."""
    query = dns.message.make_query("Zone.Example.", "IXFR", use_edns=0, options=list(options))
    query.authority.append(dns.rrset.from_text("zone.example.", 0, "IN", "SOA", "a. b. 1 2 3 4 5"))
    return query.to_wire()


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), None),
        ((dns.edns.GenericOption(3, b"nsid"),), None),
        ((dns.edns.GenericOption(EXPIRE, b""),), b""),
        ((dns.edns.GenericOption(3, b"x"), dns.edns.GenericOption(EXPIRE, b"abcd")), b"abcd"),
    ],
)
def test_an_option_is_found(options: tuple[dns.edns.Option, ...], found: bytes | None) -> None:
    """The option is found behind other options and other records."""
    assert request_option(request(*options), EXPIRE) == found


def test_without_edns_there_is_no_option() -> None:
    """A request without OPT has no options."""
    assert request_option(dns.message.make_query("example.", "AXFR").to_wire(), EXPIRE) is None


def test_opt_record_of_a_reply() -> None:
    """DO is copied, other flags are not, and options stand behind."""
    record = opt_record(0xFFFF, pack_option(EXPIRE, b"\0\0\0\5"))
    assert record.hex() == "00002904d00000800000080009000400000005"
