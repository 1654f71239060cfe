# SPDX-License-Identifier: Apache-2.0
"""The same scripted commands to knotd and to xdpdnsd: output, errors and exit status are the same, line by line.

Where they are not, a ruling in the battery says why and what this server answers.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pyxdp_dns.engine_client import EngineProcess, connect
from tests.scenario.control import signing_world
from tests.scenario.control.duel_world import CONFIG, FILES, RULINGS, in_dialect
from tests.scenario.control.secondary_world import secondaries
from tests.support.duel import KNOTC, XDPDNSCTL, Pair, Step, read_battery

pytestmark = pytest.mark.peer("knotd", "knotc")

BATTERIES = Path(__file__).parent / "battery"
WITH_KNOTC = ("reading", "editing", "events", "serials", "sessions", "peers")
ANYTHING = "*"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory for both servers; the engine of ours is ended with it."""
    yield tmp_path
    status = connect(str(tmp_path / "ours" / "run"))
    if status is not None:
        engine = EngineProcess(status.pid)
        engine.stop()
        engine.close()


def judge(pair: Pair, step: Step) -> str | None:
    """Play a step; return what is wrong with the answers, None when nothing is."""
    knot, ours = pair.play(step.line)
    ours = in_dialect(ours)
    if step.ruling is None:
        return None if knot == ours else f"differs\n    knot: {knot}\n    ours: {ours}"
    if knot == ours:
        return f"the ruling '{step.ruling}' is not needed"
    expected = ours if step.expected == ANYTHING else step.expected
    return (
        None if str(ours).rstrip() == str(expected).rstrip() else f"is not as ruled ({step.ruling})\n    ours: {ours}"
    )


def play(pair: Pair, name: str) -> None:
    """Play a battery to its end and tell of everything that differs."""
    wrong = []
    with pair:
        for step in read_battery(BATTERIES / f"{name}.txt"):
            problem = judge(pair, step)
            if problem is not None:
                wrong.append(f"{name}.txt:{step.number}: {step.line}: {problem}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", WITH_KNOTC)
def test_knotc(place: Path, name: str) -> None:
    """Knot's control program cannot tell this server from Knot but where it is ruled."""
    play(Pair(place, CONFIG, FILES, (KNOTC, KNOTC)), name)


@pytest.mark.parametrize("name", ["configuration", "peers"])
def test_configuration_database(place: Path, name: str) -> None:
    """The configuration commands on a database, imported by each side's own program, are the same."""
    play(Pair(place, CONFIG, FILES, (KNOTC, KNOTC), database=True), name)


def test_files(place: Path) -> None:
    """Configuration and zone files are checked by this project's program as by Knot's: file, line, item and reason."""
    play(Pair(place, CONFIG, FILES, (KNOTC, XDPDNSCTL)), "files")


def test_signing(place: Path) -> None:
    """The commands of DNSSEC are the same, and so are serials and events of zones that are signed."""
    play(Pair(place, signing_world.CONFIG, signing_world.FILES, (KNOTC, KNOTC)), "signing")


def test_policies(place: Path) -> None:
    """Policies that are changed while the server runs lead to the same serials and records."""
    play(Pair(place, signing_world.CONFIG, signing_world.FILES, (KNOTC, KNOTC), database=True), "policies")


def test_secondaries(place: Path) -> None:
    """The commands of replication are the same on two secondaries of one primary."""
    with secondaries(place, (KNOTC, KNOTC)) as pair:
        play(pair, "secondary")


@pytest.mark.parametrize("programs", [(XDPDNSCTL, XDPDNSCTL)], ids=["xdpdnsctl"])
def test_xdpdnsctl(place: Path, programs: tuple[Sequence[str], Sequence[str]]) -> None:
    """This project's control program drives Knot as it drives this server."""
    play(Pair(place, CONFIG, FILES, programs), "essentials")


def test_rulings() -> None:
    """Every ruling of the batteries is explained, and every explanation is needed."""
    used = {step.ruling for file in BATTERIES.iterdir() for step in read_battery(file)} - {None}
    assert used == set(RULINGS)
