# SPDX-License-Identifier: Apache-2.0
"""Five thousand small zones are answered as the other servers answer them, or as the RFCs rule where those differ."""

from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest

from pyxdp_dns.scan import scan_zone_text
from pyxdp_dns.table import Responder, Table, Transport
from tests.scenario.answers import dataset
from tests.scenario.answers.rulings import RULINGS, ruling
from tests.support import ask

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def cases() -> list[dataset.Case]:
    """The data set, or a skip where it is not here."""
    if not dataset.FILE.exists():
        pytest.skip(f"needs the test data {dataset.FILE.name} (environment XDPDNS_TEST_DATA)")
    return list(dataset.cases())


def _answers(cases: list[dataset.Case], directory: Path) -> Iterator[tuple[dataset.Case, dataset.Answer]]:
    """Publish each case's zone alone in a table and yield what is answered."""
    with Table.create(directory / "table") as table, Responder(table) as responder:
        for case in cases:
            apex = ask.name_wire(case.apex)
            with scan_zone_text(case.zone.encode(), apex, 0) as scanned, table.transaction() as txn:
                txn.build_zone(apex, 1, scanned.bytes_pointer, scanned.offsets_pointer, scanned.count)
            responder.enter()
            query = ask.query(ask.name_wire(case.qname), ask.type_number(case.qtype))
            reply = ask.parse(responder.answer(Transport.TCP, query).data)
            responder.leave()
            with table.transaction() as txn:
                txn.remove_zone(apex)
            rcode, is_authoritative = dns.rcode.to_text(dns.rcode.Rcode(reply.rcode)), bool(reply.flags & ask.AA)
            answer = dataset.Answer(rcode, is_authoritative, reply.answer, reply.authority, reply.additional)
            yield case, answer.without_apex_servers(apex)


def test_answers_are_the_reference_or_the_ruling(cases: list[dataset.Case], tmp_path: Path) -> None:
    """Each question is answered with what NSD, Knot and PowerDNS agree on, or with what a ruling says."""
    wrong = []
    for case, ours in _answers(cases, tmp_path):
        ruled = ruling(case)
        expected = case.reference() if ruled is None else ruled.expected(case)
        if ours != expected:
            wrong.append(f"case {case.id}: {case.qname} {case.qtype}\n{case.zone}  expected {expected}\n  got {ours}")
    assert not wrong, f"{len(wrong)} of {len(cases)}\n" + "\n".join(wrong[:5])
    assert len(cases) == 5069


def test_rulings_are_for_cases_without_reference(cases: list[dataset.Case]) -> None:
    """Exactly the cases in which the servers do not agree are ruled, each by one ruling."""
    open_cases = [case.id for case in cases if case.reference() is None]
    assert sorted(open_cases) == sorted(number for each in RULINGS for number in each.cases)
