# SPDX-License-Identifier: Apache-2.0
"""keystore-test and keystore-bench of xdpdns-keymgr."""

from itertools import count
from pathlib import Path

import pytest

from control.tools.keymgr_keystore import KINDS, keystore_bench, keystore_test, rate
from control.tools.keymgr_options import Settings
from control.tools.keymgr_place import Place, find_place
from tests.support.keymgr_stage import KeymgrStage, run_keymgr

KEYSTORES = "keystore:\n  - id: good\n    config: a\n  - id: bad\n    config: conf\n"

FEW = [kind for kind in KINDS if kind.bits < 2048]
"""Those of which keys are made quickly."""


def place_of(stage: KeymgrStage) -> Place:
    """Return what the program works with."""
    return find_place(Settings(config=str(stage.config)))


@pytest.fixture
def stage(tmp_path: Path) -> KeymgrStage:
    """A configuration with two keystores, of which one is a file in the place of a directory."""
    stage = KeymgrStage(tmp_path, before=KEYSTORES)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/conf").write_text("")
    return stage


def test_every_algorithm_is_tried(stage: KeymgrStage) -> None:
    """All steps work in an ordinary keystore, and no key stays there; the store is not touched."""
    heading, empty, *table = keystore_test(place_of(stage), "good", [], FEW)
    assert (heading, empty) == ("Keystore id 'good', type PEM", "")
    assert table[0] == "Algorithm             Generate    Import    Remove       Use"
    assert len(table) == 1 + len(FEW)
    assert all(line.split()[2:] == ["yes"] * 4 for line in table[1:])
    assert table[-1].startswith("ED448 456b ")
    assert stage.files("keys/a") == set()
    assert not (stage.directory / "store").exists()


def test_what_does_not_work_is_shown(stage: KeymgrStage) -> None:
    """Step by step."""
    table = list(keystore_test(place_of(stage), "bad", [], FEW))[3:]
    assert len(table) == len(FEW)
    assert all(line.split()[2:] == ["no"] * 4 for line in table)


def test_the_built_in_keystore(stage: KeymgrStage) -> None:
    """It has no id but a dash."""
    assert next(keystore_test(place_of(stage), "-", [], ())) == "Keystore default, type PEM"


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("none keystore-test", "keystore 'none' not configured"),
        ("- keystore-test x", "invalid parameter: x"),
        ("- keystore-bench 0", "invalid parameter: 0"),
        ("- keystore-bench 99999", "invalid parameter: 99999"),
        ("- keystore-bench 1 foo", "unknown algorithm: foo"),
    ],
)
def test_wrong_words(stage: KeymgrStage, line: str, first: str) -> None:
    """They are named."""
    told = run_keymgr(["-c", str(stage.config), *line.split()])
    assert (told.status, told.out, told.err.splitlines()[0]) == (1, "", f"error: {first}")


def test_speed_is_measured(stage: KeymgrStage) -> None:
    """Of the algorithms that are asked for, by several processes; without a usable keystore there is nothing to say."""
    place = place_of(stage)
    heading, _, _, line = keystore_bench(place, "good", ["2", "ed25519"], period_ns=1)
    assert heading == "Keystore id 'good', type PEM, threads 2, algorithm 15"
    assert line.split()[:2] == ["ED25519", "256b"]
    assert int(line.split()[2]) > 0
    assert stage.files("keys/a") == set()
    table = list(keystore_bench(place, "bad", [], period_ns=1, kinds=FEW))[3:]
    assert [one.split()[2] for one in table] == ["n/a"] * len(FEW)


def test_kinds() -> None:
    """Every algorithm that is to be used for signing, RSA in three sizes."""
    assert [kind.text for kind in KINDS] == [
        *(f"{name} {bits}b" for name in ("RSASHA256", "RSASHA512") for bits in (1024, 2048, 4096)),
        *("ECDSAP256SHA256 256b", "ECDSAP384SHA384 384b", "ED25519 256b", "ED448 456b"),
    ]


def test_a_rate() -> None:
    """How often something is done, over the time that it really took."""
    ticks = count(0, 400_000_000)
    assert rate(lambda: None, 1_000_000_000, lambda: next(ticks)) == 3 / 1.2
