# SPDX-License-Identifier: Apache-2.0
"""Deleted keys of xdpdns-keymgr: how long they can be taken back, and when their private half goes."""

from pathlib import Path

import pytest

from control.store.kasp_tables import get_shared, list_keys, put_shared
from control.store.shared import open_shared
from tests.support.keymgr_stage import KeymgrStage


@pytest.fixture
def stage(tmp_path: Path) -> KeymgrStage:
    """A place without keys, whose trash keeps them for a day."""
    return KeymgrStage(tmp_path, "trash-delay: 1d")


def fields(line: str) -> dict[str, str]:
    """Return the times of a line of trash-list."""
    return dict(word.split("=") for word in line.split() if "=" in word)


def test_a_deleted_key_is_in_the_trash(stage: KeymgrStage) -> None:
    """For as long as the policy says, with its private half, and listed in both forms."""
    key_id = stage.make("ksk=yes")
    assert stage.ok(f"example. delete {key_id}") == "OK\n"
    assert stage.ok("example. list") == ""
    line = stage.ok("example. trash-list")
    assert line.split()[:1] + line.split()[2:4] == [key_id, "KSK", "ECDSAP256SHA256"]
    assert int(fields(line)["discard"]) - int(fields(line)["deleted"]) == 86400
    assert " trash=yes " in stage.ok("-e example. trash-list")
    assert stage.files() == {key_id}


@pytest.mark.parametrize(("policy", "days"), [("", 28), ("rrsig-lifetime: 10d\nrrsig-refresh: 1d", 20)])
def test_by_default_the_trash_outlives_signatures(tmp_path: Path, policy: str, days: int) -> None:
    """A key can be taken back for twice the time that its signatures are valid."""
    stage = KeymgrStage(tmp_path, policy)
    stage.ok(f"example. delete {stage.make()}")
    times = fields(stage.ok("example. trash-list"))
    assert int(times["discard"]) - int(times["deleted"]) == days * 86400


def test_without_trash_the_private_half_goes(tmp_path: Path) -> None:
    """At once, and for good."""
    stage = KeymgrStage(tmp_path, "trash-delay: 0")
    stage.ok(f"example. delete {stage.make()}")
    assert (stage.files(), stage.ok("- trash-list")) == (set(), "")


def test_a_shared_key_goes_with_its_last_zone(stage: KeymgrStage) -> None:
    """While another zone has it, it needs no trash."""
    key_id = stage.make()
    stage.ok(f"other. share {key_id} example.")
    stage.ok(f"example. delete {key_id}")
    assert stage.ok("- trash-list") == ""
    stage.ok(f"other. delete {key_id}")
    assert stage.ok("- trash-list").split()[0] == key_id


def test_a_private_half_stays_while_anyone_has_it(tmp_path: Path) -> None:
    """Another zone, or the trash of another zone."""
    stage = KeymgrStage(tmp_path, "trash-delay: 0", after="  - domain: kept.\n")
    key_id = stage.make()
    stage.ok(f"other. share {key_id} example.")
    stage.ok(f"kept. share {key_id} example.")
    stage.ok(f"example. delete {key_id}")
    stage.ok(f"other. delete {key_id}")
    assert stage.files() == {key_id}
    stage.ok(f"kept. delete {key_id}")
    assert stage.files() == {key_id}, "zone kept. has the policy that is built in, with a trash"
    stage.ok(f"kept. trash-discard {key_id}")
    assert stage.files() == set()


def test_a_deleted_key_is_not_shared_with_new_zones(stage: KeymgrStage) -> None:
    """Zones of a policy with `ksk-shared` share a key that one of them has."""
    key_id = stage.make("ksk=yes")
    stage.ok(f"other. share {key_id} example.")
    with open_shared(stage.directory / "store", 20 << 30, 1) as store:
        store.write(lambda txn: put_shared(txn, "p", list_keys(txn, b"\7example\0")[0]))
    for zone, shared in (("example.", True), ("other.", False)):
        stage.ok(f"{zone} delete {key_id}")
        with open_shared(stage.directory / "store", 20 << 30, 1) as store, store.read() as txn:
            assert (get_shared(txn, "p") is not None) is shared


def test_a_public_key_needs_no_trash(stage: KeymgrStage) -> None:
    """There is nothing that could not be imported again."""
    key_id = stage.make("ksk=yes")
    file = stage.directory / "public.key"
    file.write_text(stage.ok(f"example. dnskey {key_id}").replace(" DNSKEY", " IN DNSKEY"))
    stage.ok(f"example. trash-list {key_id}")
    assert stage.run(f"other. import-pub {file}").out == f"{key_id}\nOK\n"
    stage.ok(f"other. delete {key_id}")
    assert stage.ok("other. trash-list") == ""
    assert stage.files() == {key_id}


def test_a_deleted_key_is_taken_back(stage: KeymgrStage) -> None:
    """It is the same key in the same role; its times are new."""
    key_id = stage.make("ksk=yes publish=5 active=6 retire=7 remove=8")
    before = stage.listed(key_id)
    stage.ok(f"example. delete {key_id}")
    assert stage.ok(f"example. import-trash {key_id} retire=+1d") == f"{key_id}\nOK\n"
    after = stage.listed(key_id)
    assert (after["tag"], after["ksk"], after["zsk"], after["missing"]) == (before["tag"], "yes", "no", "no")
    assert after["publish"] == after["active"] == after["ready"] == after["created"]
    assert int(after["publish"]) > 8
    assert (after["remove"], stage.ok("example. trash-list")) == ("0", "")


def test_a_key_is_thrown_away_again(stage: KeymgrStage) -> None:
    """Also one that was imported from a file while the trash still had it."""
    key_id = stage.make()
    stage.ok(f"example. delete {key_id}")
    stage.ok(f"example. import-pem {stage.directory}/keys/keys/{key_id}.pem")
    stage.ok(f"example. delete {key_id}")
    assert len(stage.ok("example. trash-list").splitlines()) == 1
    stage.ok("example. trash-discard -")
    assert stage.files() == set()


def test_the_trash_is_emptied(stage: KeymgrStage) -> None:
    """Of one key, of a zone, of all zones, which the list names."""
    keys = [stage.make(zone=zone) for zone in ("example.", "example.", "other.", "third.")]
    for key_id, zone in zip(keys, ("example.", "example.", "other.", "third."), strict=True):
        stage.ok(f"{zone} delete {key_id}")
    assert fields(stage.ok("-- trash-list").splitlines()[0]).keys() == {"zone", "deleted", "discard"}
    stage.ok(f"example. trash-discard {keys[0].upper()}")
    assert stage.files() == set(keys[1:])
    stage.ok("example. trash-discard --")
    assert stage.files() == set(keys[2:])
    assert {fields(line)["zone"] for line in stage.ok("- trash-list").splitlines()} == {"other.", "third."}
    stage.ok("-- trash-discard --")
    assert (stage.files(), stage.ok("- trash-list")) == (set(), "")


@pytest.mark.parametrize("command", ["trash-discard", "import-trash"])
def test_the_trash_wants_a_whole_id(stage: KeymgrStage, command: str) -> None:
    """A key that was perhaps not meant is neither lost nor put into use."""
    key_id = stage.make()
    stage.ok(f"example. delete {key_id}")
    assert stage.refused(f"example. {command} {key_id[:39]}") == ["invalid key specification", "invalid parameter"]
    assert stage.refused(f"example. {command} {'0' * 40}") == ["key not found", "not exists"]
    assert stage.refused(f"example. {command}") == ["Key ID is not specified"]
    assert stage.files() == {key_id}


def test_only_the_trash_is_of_all_zones(stage: KeymgrStage) -> None:
    """Other commands want the name of a zone."""
    assert stage.refused("- generate") == ["command 'generate' needs the name of a zone"]
    assert stage.refused("-- list") == ["command 'list' needs the name of a zone"]
