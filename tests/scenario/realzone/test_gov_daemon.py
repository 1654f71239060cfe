# SPDX-License-Identifier: Apache-2.0
"""A running xdpdnsd follows a real zone: the file is replaced, SIGHUP, and the new contents are answered."""

import gzip
import os
import random
from pathlib import Path

import pytest

from pyxdp_dns.scan import scan_zone_file
from pyxdp_dns.table import Table
from tests.scenario.differential import differences
from tests.support import ask, exchange, peers
from tests.support.daemon import DaemonUnderTest

DATA = Path(os.environ.get("XDPDNS_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
DATES = ("2024-06-02", "2024-06-17", "2024-09-15", "2024-12-13")
APEX = ask.name_wire("gov.")
TYPES = ("A", "NS", "DS", "TXT")
SAMPLE = 250

pytestmark = [pytest.mark.data, pytest.mark.peer("knotd")]


def questions(text: str, seed: int) -> list[bytes]:
    """Return queries with DO for names of a zone file and names beside and beneath them."""
    owners = sorted({line.split(None, 1)[0] for line in text.splitlines() if line})
    names = [ask.name_wire(owner) for owner in random.Random(seed).sample(owners, SAMPLE)]
    around = [other for name in names for other in (name, b"\4none" + name, b"\3zz-" + name)]
    edns = ask.opt(do=True)
    return [ask.query(name, ask.type_number(kind), edns=edns) for name in [APEX, *around] for kind in (*TYPES, "SOA")]


def digest_of_full_build(file: Path, directory: Path) -> tuple[int, int]:
    """Return the digest of the zone in a table that is built from the file alone."""
    with Table.create(directory / "fresh") as table, scan_zone_file(file, APEX, 0) as scanned:
        with table.transaction() as txn:
            txn.build_zone(APEX, 1, scanned.bytes_pointer, scanned.offsets_pointer, scanned.count)
        return table.digest(APEX)


def served_digest(daemon: DaemonUnderTest) -> tuple[int, int]:
    """Return the digest of the zone in the table that the daemon answers from."""
    with Table.open_reader(daemon.storage / "table") as table:
        return table.digest(APEX)


def test_replaced_files_are_answered_after_sighup(tmp_path: Path) -> None:
    """After each replacement the serial is the new file's, names are answered as knot does, and the table is exact."""
    file = tmp_path / "gov.zone"
    daemon = DaemonUnderTest(tmp_path)
    daemon.write_config("example.com", "gov")
    serials = []
    try:
        for number, date in enumerate(DATES):
            text = gzip.decompress((DATA / "gov" / f"{date}.zone.gz").read_bytes())
            (tmp_path / "new").write_bytes(text)
            (tmp_path / "new").replace(file)
            if number:
                daemon.reload()
            else:
                daemon.start()
            messages = questions(text.decode(), number)
            ours = exchange.Tcp(daemon.address, daemon.port)(messages)
            with peers.knot({"gov.": file}) as knot:
                theirs = exchange.Tcp(knot.address, knot.port)(messages)
            for mine, other in zip(ours, theirs, strict=True):
                replies = ask.parse(mine or b""), ask.parse(other or b"")
                assert not differences.differs(*replies), f"ours {replies[0].text()}\nknot {replies[1].text()}"
            serials.append(daemon.ask("gov", "SOA").answer[0][0].serial)
            assert f"serial {serials[-1]}" in daemon.logged() or f"-> {serials[-1]}" in daemon.logged()
            assert served_digest(daemon) == digest_of_full_build(file, tmp_path)
    finally:
        daemon.close()
    assert serials == sorted(set(serials))
    assert len(serials) == len(DATES)
