# SPDX-License-Identifier: Apache-2.0
"""A real zone of 47 000 records loads and is answered as knot answers it."""

import gzip
import os
import random
from pathlib import Path

import pytest

from pyxdp_dns.table import Transport
from tests.scenario.differential import differences, questions, world
from tests.support import ask, exchange, inprocess, peers, zones

DATA = Path(os.environ.get("XDPDNS_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
FILE = DATA / "gov" / "2024-06-02.zone.gz"
TYPES = ("A", "NS", "DS", "TXT", "ANY")
SAMPLE = 800

pytestmark = [pytest.mark.data, pytest.mark.peer("knotd")]


def test_sample_of_names_is_answered_as_knot_does(tmp_path: Path) -> None:
    """Names of the zone and names beneath them get knot's answers: referrals, glue, DS, proofs of what is missing."""
    file = tmp_path / "gov.zone"
    file.write_bytes(gzip.decompress(FILE.read_bytes()))
    files = {"gov.": file}
    owners = sorted(ask.name_wire(name) for name in zones.read("gov.", file).nodes)
    chosen = random.Random(1).sample(owners, SAMPLE)
    names = [name for owner in chosen for name in (owner, b"\4none" + owner, b"\3zz-" + owner) if len(name) <= 255]
    edns = ask.opt(do=True)
    asked = [
        questions.Question(name, ask.type_number(kind), "do", ask.query(name, ask.type_number(kind), edns=edns))
        for name in names
        for kind in TYPES
    ]
    messages = [question.message for question in asked]
    with inprocess.responder(files, tmp_path) as responder, peers.knot(files) as knot:
        ours = inprocess.ask_by(responder, Transport.TCP)(messages)
        theirs = exchange.Tcp(knot.address, knot.port)(messages)
    places = world.build(files)
    for question, mine, other in zip(asked, ours, theirs, strict=True):
        pair = differences.Pair(question, places, ask.parse(mine or b""), ask.parse(other or b""))
        message = f"{question.text()}\nours {pair.ours.text()}\nknot {pair.theirs.text()}"
        assert differences.explain("knot", pair) is not None, message
