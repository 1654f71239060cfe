# SPDX-License-Identifier: Apache-2.0
"""Where xdpdns-keymgr finds store, keystores and policies."""

import os
from pathlib import Path

import pytest

from control.conf.database import ConfDatabase
from control.conf.parse import parse_file
from control.store.environment import Store
from control.store.members import Member, put_members
from control.store.shared import open_shared
from control.tools.keymgr_options import Settings
from control.tools.keymgr_place import find_place
from control.tools.keymgr_refusal import Refusal
from tests.support.keymgr_stage import KeymgrStage, run_keymgr

CATALOG = """\
  - domain: cat.
    catalog-role: interpret
    catalog-template: [plain, special]
"""
TEMPLATES = """\
template:
  - id: plain
  - id: special
    dnssec-policy: q
"""


def test_a_configuration(tmp_path: Path) -> None:
    """The items of the section database say where, each zone has its policy."""
    before = "keystore:\n  - id: k\n    config: /elsewhere\n"
    stage = KeymgrStage(tmp_path, "keystore: k\nnsec3-salt-length: 3", before)
    place = find_place(Settings(config=str(stage.config)))
    assert (place.store, place.kasp_db, place.user) == (tmp_path / "store", str(tmp_path / "keys"), None)
    assert {one.id: one.directory for one in place.keystores.values()} == {
        "": str(tmp_path / "keys/keys"),
        "k": "/elsewhere",
    }
    with open_shared(place.store, place.max_bytes, 1) as store, store.read() as txn:
        assert place.policy(txn, b"\7example\0").nsec3_salt_length == 3
        unknown = place.policy(txn, b"\7unknown\0")
    assert (unknown.id, unknown.keystores[0].directory) == ("", str(tmp_path / "keys/keys"))


def test_a_configuration_database(tmp_path: Path) -> None:
    """The same from there."""
    stage = KeymgrStage(tmp_path)
    with ConfDatabase(str(tmp_path / "confdb"), create=True) as database:
        database.replace(parse_file(str(stage.config)))
    told = run_keymgr(["-C", str(tmp_path / "confdb"), "example.", "generate"])
    assert (told.status, told.err) == (0, "")
    assert stage.ok("example. list").split()[0] == told.out.strip()


def test_a_member_of_a_catalog_has_the_policy_of_its_template(tmp_path: Path) -> None:
    """That of its group, else the first; the configuration does not name the zone."""
    stage = KeymgrStage(tmp_path, after=CATALOG)
    text = stage.config.read_text().replace("zone:\n", f"  - id: q\n{TEMPLATES}zone:\n", 1)
    stage.config.write_text(text)
    place = find_place(Settings(config=str(stage.config)))
    members = [Member(b"\1a\0", b"\3cat\0", b"u"), Member(b"\1b\0", b"\3cat\0", b"v", b"special")]
    with Store(place.store, 64 << 20, 1) as store:
        store.write(lambda txn: put_members(txn, members))
        with store.read() as txn:
            assert [place.policy(txn, name).id for name in (b"\1a\0", b"\1b\0", b"\1c\0")] == ["", "q", ""]


def test_a_new_directory_becomes_store_and_keystore(tmp_path: Path) -> None:
    """As with Knot; later it is found again."""
    place = tmp_path / "new"
    key_id = run_keymgr(["-D", str(place), "example.", "generate"]).out.strip()
    assert (place / "data.mdb").exists()
    assert [file.stem for file in (place / "keys").iterdir()] == [key_id]
    assert run_keymgr(["-D", str(place), "-l"]) == (0, "example.\n", "")
    assert " missing " not in run_keymgr(["-D", str(place), "example.", "list"]).out


def test_the_directories_of_a_daemon(tmp_path: Path) -> None:
    """That of its store, or that of its keys; the private keys are where the daemon has them."""
    stage = KeymgrStage(tmp_path)
    key_id = stage.make()
    for name in ("store", "keys"):
        told = run_keymgr(["-D", str(tmp_path / name), "example.", "list"])
        assert (told.status, told.out.split()[0]) == (0, key_id)
        assert " missing " not in told.out


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, ["failed opening configuration file '{file}' (not exists)"]),
        ("foo: bar\n", ["{file}:1: invalid item 'foo'", "failed opening configuration"]),
        ("server:\n    user: nobody-has-this-name\n", ["server.user: there is no user"]),
    ],
)
def test_a_bad_configuration(tmp_path: Path, content: str | None, expected: list[str]) -> None:
    """It is named with what is wrong, and nothing is made."""
    file = tmp_path / "conf"
    if content is not None:
        file.write_text(content)
    with pytest.raises(Refusal) as refused:
        find_place(Settings(config=str(file)))
    assert len(refused.value.lines) == len(expected)


def test_a_store_that_is_none(tmp_path: Path) -> None:
    """It is named; -l makes none."""
    (tmp_path / "data.mdb").write_bytes(b"garbage" * 1000)
    told = run_keymgr(["-D", str(tmp_path), "example.", "list"])
    assert told.status == 1
    assert told.err.startswith(f"error: zone store {tmp_path}: ")
    told = run_keymgr(["-D", str(tmp_path / "none"), "-l"])
    assert (told.status, "none" in os.listdir(tmp_path)) == (1, False)


@pytest.mark.parametrize("name", ["a..b", "", "a" * 64, "\\"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    """They are refused before anything is looked for."""
    told = run_keymgr(["-D", str(tmp_path), name, "list"])
    assert told == (1, "", f"error: invalid zone name '{name}'\n")


def test_help_and_versions() -> None:
    """Help is on standard output; without command it is told what is missing."""
    assert run_keymgr(["-h"]).out.startswith("Usage:")
    assert run_keymgr(["-V"]).out.startswith("xdpdns-keymgr (")
    assert "Python:" in run_keymgr(["-VV"]).out
    for words in ([], ["example."]):
        status, out, err = run_keymgr(words)
        assert (status, out[:6], err) == (1, "Usage:", "error: zone name or command not specified\n")
    status, out, err = run_keymgr(["--foo"])
    assert (status, out[:6], err.split(":")[0]) == (1, "Usage:", "xdpdns-keymgr")
    assert run_keymgr(["-c", "a", "-D", "b", "-l"]).status == 1
