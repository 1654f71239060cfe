# SPDX-License-Identifier: Apache-2.0
"""`zone-key-check`: what is said of the keys of zones, and the exit status."""

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from control.keys.private import generate, to_pem
from control.server.user import User
from control.store.kasp_tables import list_keys
from control.store.shared import open_shared
from control.tools import xdpdnsctl
from control.tools.key_check import key_problems
from control.tools.keymgr_options import Settings
from control.tools.keymgr_place import find_place
from tests.support.keymgr_stage import KeymgrStage


@pytest.fixture
def stage(tmp_path: Path) -> KeymgrStage:
    """A zone with a KSK and a ZSK that fit together."""
    stage = KeymgrStage(tmp_path)
    stage.make("ksk=yes")
    stage.make()
    return stage


def check(stage: KeymgrStage, *words: str) -> tuple[int, list[str]]:
    """Return the exit status and the lines of the command."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        options, names = [word for word in words if word[0] == "-"], [word for word in words if word[0] != "-"]
        status = xdpdnsctl.main(["-c", str(stage.config), *options, "zone-key-check", *names])
    assert out.getvalue() == ""
    return status, err.getvalue().splitlines()


def pem(stage: KeymgrStage, key_id: str) -> Path:
    """Return the file of a private key."""
    return stage.directory / "keys/keys" / f"{key_id}.pem"


def test_good_keys(stage: KeymgrStage) -> None:
    """Nothing is said, of one zone or of all that are signed."""
    assert check(stage, "example") == (0, [])
    assert check(stage) == (0, [])


def test_a_zone_without_keys(tmp_path: Path) -> None:
    """It gets them when it is signed, unless the policy is manual."""
    stage = KeymgrStage(tmp_path)
    stage.ok("example. list")
    assert check(stage) == (0, [])
    stage = KeymgrStage(tmp_path, "manual: on")
    assert check(stage) == (1, ["error: [example.] no key signs the zone"])


def test_a_missing_file(stage: KeymgrStage) -> None:
    """The key is named, and what the zone lacks without it."""
    key_id = stage.make("ksk=yes")
    pem(stage, key_id).unlink()
    status, lines = check(stage, "example.")
    tag = int(stage.listed(key_id)["tag"])
    assert (status, len(lines)) == (1, 1)
    assert lines[0].startswith(f"error: [example.] KSK tag {tag}: private key {key_id} is in no keystore")


def test_the_only_zsk_is_of_another_key(stage: KeymgrStage) -> None:
    """A file in the place of another, and garbage, sign nothing: the chain of trust is broken."""
    (zsk,) = (line.split()[0] for line in stage.ok("example. list").splitlines() if " ZSK " in line)
    for text in (to_pem(generate(13, 256)), b"garbage"):
        pem(stage, zsk).write_bytes(text)
        status, lines = check(stage, "example.")
        assert (status, len(lines)) == (1, 2)
        assert str(pem(stage, zsk)) in lines[0]
        assert "ZSK" in lines[1]


def test_an_algorithm_without_ksk(stage: KeymgrStage) -> None:
    """Each algorithm of the DNSKEY set needs both roles."""
    stage.make("algorithm=ed25519")
    status, lines = check(stage)
    assert (status, lines) == (1, ["error: [example.] algorithm 15: no KSK or CSK that is published and signs"])


def test_a_damaged_record(stage: KeymgrStage) -> None:
    """It is named, and the other keys are looked at."""
    with open_shared(stage.directory / "store", 20 << 30, 1) as store:
        store.write(lambda txn: txn.put(txn.keys, b"\7example\0" + bytes(20), b"garbage"))
    status, lines = check(stage)
    assert (status, len(lines)) == (1, 1)
    assert "the record of key 0000" in lines[0]


def test_what_is_worth_a_look(stage: KeymgrStage) -> None:
    """A file that all may read, a zone that is not signed; with -f that fails."""
    (zsk,) = (line.split()[0] for line in stage.ok("example. list").splitlines() if " ZSK " in line)
    pem(stage, zsk).chmod(0o644)
    status, lines = check(stage)
    assert (status, len(lines)) == (0, 1)
    assert lines[0].startswith("warning: [example.] ZSK tag ")
    assert lines[0].endswith("is open to all users, chmod it to 600")
    assert check(stage, "-f")[0] == 1
    status, lines = check(stage, "other")
    assert (status, lines) == (
        0,
        ["warning: [other.] the zone is not signed here, set dnssec-signing to have its keys used"],
    )


def test_the_user_of_the_daemon_has_to_read_it(stage: KeymgrStage) -> None:
    """A key that root imported by hand is of no use."""
    place = find_place(Settings(config=str(stage.config)))
    with open_shared(place.store, place.max_bytes, 1) as store, store.read() as txn:
        keys, policy = list_keys(txn, b"\7example\0"), place.policy(txn, b"\7example\0")
    user = User("daemon", 12345, 12345, ())
    texts = [problem.text for problem in key_problems(keys, policy, user, 1 << 40)]
    assert len([text for text in texts if "cannot be read by user 'daemon'" in text]) == 2
    assert not [text for text in (one.text for one in key_problems(keys, policy, None, 1 << 40)) if "cannot" in text]


def test_wrong_words(stage: KeymgrStage) -> None:
    """Names that are none, a store and a configuration that are not there."""
    assert check(stage, "a..b", "example.") == (1, ["error: [a..b] invalid name"])
    (stage.directory / "none").mkdir()
    other = KeymgrStage(stage.directory / "none")
    status, lines = check(other)
    assert (status, len(lines)) == (1, 1)
    other.config.unlink()
    assert check(other)[0] == 1
