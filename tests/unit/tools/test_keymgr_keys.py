# SPDX-License-Identifier: Apache-2.0
"""Commands of xdpdns-keymgr on the keys of a zone: what is in the store and in the keystore afterwards."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from control.store.kasp import Key, KeyTimers
from control.store.kasp_tables import list_keys, put_key
from control.store.shared import open_shared
from control.tools.keymgr_keys import add_key
from control.tools.keymgr_listing import Look
from control.tools.keymgr_options import Settings
from control.tools.keymgr_place import find_place
from control.tools.keymgr_session import Session
from control.tools.keymgr_table import ABSENT
from tests.support.keymgr_stage import KeymgrStage, run_keymgr

APEX = b"\7example\0"


@pytest.fixture
def stage(tmp_path: Path) -> KeymgrStage:
    """A place without keys."""
    return KeymgrStage(tmp_path)


def test_a_key_is_made(stage: KeymgrStage) -> None:
    """It is in use from now on, its private half has mode 600 in a directory of mode 700."""
    key_id = stage.make()
    listed = stage.listed(key_id)
    assert listed["created"] == listed["publish"] == listed["active"] != "0"
    assert (listed["ksk"], listed["zsk"], listed["algorithm"], listed["ready"]) == ("no", "yes", "13", "0")
    file = stage.directory / "keys/keys" / f"{key_id}.pem"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_ksk_is_ready(stage: KeymgrStage) -> None:
    """When it is active, unless it is told otherwise."""
    listed = stage.listed(stage.make("ksk=yes active=+1d"))
    assert (listed["ready"], listed["ksk"], listed["zsk"]) == (listed["active"], "yes", "no")
    assert stage.listed(stage.make("ksk=yes publish=3 ready=5"))["ready"] == "5"


def test_flags(stage: KeymgrStage) -> None:
    """ADT is in the DNSKEY record; a key for later is not published and has no times but when it was made."""
    key_id = stage.make("adt=yes for-later=yes ksk zsk algorithm=ed448")
    listed = stage.listed(key_id)
    assert (listed["adt"], listed["for-later"], listed["publish"], listed["active"]) == ("yes", "yes", "0", "0")
    assert stage.ok(f"example. dnskey {key_id}").split()[2] == "259"
    stage.ok(f"example. set {key_id} for-later=no adt=no publish=5 active=6")
    assert stage.ok(f"example. dnskey {key_id}").split()[2] == "257"


def test_the_sep_flag(stage: KeymgrStage) -> None:
    """As the role has it, unless it is told otherwise; another role takes it back."""

    def flags(key_id: str) -> str:
        return stage.ok(f"example. dnskey {key_id}").split()[2]

    zsk, ksk = stage.make("sep=yes"), stage.make("ksk=yes sep=no")
    assert (flags(zsk), flags(ksk)) == ("257", "256")
    stage.ok(f"example. set {ksk} retire=+1d")
    assert flags(ksk) == "256"
    stage.ok(f"example. set {ksk} zsk=yes")
    stage.ok(f"example. set {zsk} sep=no")
    assert (flags(zsk), flags(ksk)) == ("256", "257")


def test_a_tag_is_congruent_whatever_the_sep_flag(tmp_path: Path) -> None:
    """It is part of what the tag is computed of."""
    stage = KeymgrStage(tmp_path, "keytag-modulo: 3/8")
    for line in ("sep=yes", "sep=no ksk=yes", "sep=no"):
        assert int(stage.listed(stage.make(line))["tag"]) % 8 == 3


def test_the_policy_says_what_is_not_said(tmp_path: Path) -> None:
    """Algorithm, size, congruence of the tag and the ADT flag; another algorithm has its own size."""
    stage = KeymgrStage(
        tmp_path, "algorithm: rsasha256\nksk-size: 2048\nzsk-size: 1024\nkeytag-modulo: 1/4\ndeleg-adt: on"
    )
    ksk, zsk, other = (stage.listed(stage.make(line)) for line in ("ksk=yes", "", "algorithm=ed25519"))
    assert [one["size"] for one in (ksk, zsk, other)] == ["2048", "1024", "256"]
    assert {int(one["tag"]) % 4 for one in (ksk, zsk, other)} == {1}
    assert {one["adt"] for one in (ksk, zsk, other)} == {"yes"}
    assert stage.listed(stage.make("adt=no size=1032 algorithm=8"))["size"] == "1032"


def test_a_ksk_of_another_algorithm_is_worth_a_warning(stage: KeymgrStage) -> None:
    """The chain of trust goes through one algorithm only; for other keys nothing is said."""
    stage.make("ksk=yes")
    stage.make("algorithm=ed25519")
    status, _, err = stage.run("example. generate ksk=yes algorithm=ed25519")
    assert (status, err.split()[0]) == (0, "warning:")


def test_keystores(tmp_path: Path) -> None:
    """A ZSK, a CSK too, passes over a keystore with ksk-only; the list has their ids."""
    before = "keystore:\n  - id: first\n    config: a\n    ksk-only: on\n  - id: second\n    config: b\n"
    stage = KeymgrStage(tmp_path, "keystore: [first, second]", before)
    ksk, zsk, csk = stage.make("ksk=yes"), stage.make(), stage.make("ksk zsk")
    assert (stage.files("keys/a"), stage.files("keys/b")) == ({ksk}, {zsk, csk})
    assert [stage.listed(key)["keystore"] for key in (ksk, zsk)] == ["PEM/first", "PEM/second"]


def test_no_keystore_takes_it(tmp_path: Path) -> None:
    """That is said before a key is made."""
    stage = KeymgrStage(tmp_path, "keystore: only", "keystore:\n  - id: only\n    config: a\n    ksk-only: on\n")
    assert "has no keystore for keys that sign zones" in stage.refused("example. generate")[0]
    assert not stage.files("keys/a")


@pytest.mark.parametrize("line", ["algorithm=8 size=512", "publish=+1d", "ksk=maybe", "algorithm=99", "active=soon"])
def test_what_is_refused_makes_no_key(stage: KeymgrStage, line: str) -> None:
    """Neither in the store nor in the keystore."""
    stage.refused(f"example. generate {line}")
    assert not stage.files()


def test_set_changes_what_is_named(stage: KeymgrStage) -> None:
    """The rest stays; two values of the same command count together."""
    key_id = stage.make("ksk=yes publish=5 active=6")
    stage.ok(f"example. set id={key_id[:9]} retire=10 remove=12")
    assert stage.listed(key_id)["remove"] == "12"
    stage.ok(f"example. set keytag={stage.listed(key_id)['tag']} zsk=yes remove=0")
    listed = stage.listed(key_id)
    assert (listed["ksk"], listed["zsk"], listed["retire"], listed["remove"]) == ("yes", "yes", "10", "0")
    assert stage.refused(f"example. set {key_id} active=4 publish=5") == [
        "timestamp 'publish' must be before 'active'",
        "semantic check",
    ]


def test_a_missing_private_half_is_listed(stage: KeymgrStage) -> None:
    """Where the policy looks for it; a public key has none."""
    key_id = stage.make()
    (stage.directory / "keys/keys" / f"{key_id}.pem").unlink()
    assert " missing " in stage.ok("example. list")
    assert stage.listed(key_id)["missing"] == "yes"


def test_old_keys_are_deleted(stage: KeymgrStage) -> None:
    """Those that are removed by now, no others."""
    old, coming, used = stage.make("publish=1 active=2 retire=3 remove=4"), stage.make(), stage.make()
    stage.ok(f"example. set {coming} retire=+1h remove=+2h")
    assert stage.ok("example. del-all-old") == "OK\n"
    assert {line.split()[0] for line in stage.ok("example. list").splitlines()} == {coming, used}
    assert stage.ok("example. trash-list").split()[0] == old


def test_a_damaged_record_concerns_its_key_alone(stage: KeymgrStage) -> None:
    """The others are listed and can be changed; the damaged one is named with what to do, which then works."""
    good, bad = sorted((stage.make(), stage.make()))
    with open_shared(stage.directory / "store", 20 << 30, 1) as store:
        store.write(lambda txn: txn.put(txn.keys, APEX + bytes.fromhex(bad), b"garbage"))
    status, out, err = stage.run("example. list")
    assert (status, out.split()[0]) == (1, good)
    assert err.startswith(f"error: [example.] the record of key {bad} is damaged")
    assert f"xdpdns-keymgr ZONE delete {bad}" in err
    assert stage.run(f"example. set {good} retire=+1d")[0] == 0
    assert stage.run(f"example. delete {bad[:6]}")[0] == 1
    assert stage.ok(f"example. delete {bad}") == "OK\n"
    assert stage.ok("example. list").split()[0] == good
    assert bad in stage.files(), "its private half can be imported again"
    stage.ok(f"example. import-pem {stage.directory}/keys/keys/{bad}.pem")
    assert stage.listed(bad)["missing"] == "no"


def test_a_shared_key(stage: KeymgrStage) -> None:
    """Both zones have it with times of their own; its own zone cannot share it."""
    key_id = stage.make("ksk=yes publish=5 active=6")
    assert stage.ok(f"other. share {key_id} example.") == "OK\n"
    stage.ok(f"other. set {key_id} retire=7")
    assert [stage.listed(key_id, zone)["retire"] for zone in ("example.", "other.")] == ["0", "7"]
    assert "name another zone" in stage.refused(f"example. share {key_id} example.")[0]


def test_tags_are_not_repeated(stage: KeymgrStage) -> None:
    """A tag says which key of the zone is meant; that is looked at again when the key is added."""
    key_id = stage.make("ksk=yes")
    place = find_place(Settings(config=str(stage.config)))
    with open_shared(place.store, place.max_bytes, 1) as store:
        session = Session(place, store, APEX, Look())
        with session.read() as txn:
            (key,) = list_keys(txn, APEX)
        assert key.id == key_id
        assert not add_key(session, replace(key, id="ab" * 20))
        assert add_key(session, replace(key, id="ab" * 20, public_key=key.public_key[::-1]))


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_what_is_not_supported_is_refused_by_name(stage: KeymgrStage, name: str) -> None:
    """Before anything is opened, with what it belongs to."""
    for words in (["example.", name], ["-c", "/none", "example.", name.upper().replace("-", "_"), "a", "b"]):
        told = run_keymgr(words)
        assert told == (
            1,
            "",
            f"error: command '{name}' is not supported by this server, which has no {ABSENT[name]}\n",
        )


def test_private_halves_are_never_shown(stage: KeymgrStage) -> None:
    """Not by any command, nor by its errors."""
    key_id = stage.make("ksk=yes algorithm=ed25519")
    file = stage.directory / "keys/keys" / f"{key_id}.pem"
    secret = base64.b64decode(file.read_text().splitlines()[1])[-32:]
    lines = ["example. list", "-e example. list", "-j example. list", "example. ds", "example. dnskey", "-l"]
    lines += [f"example. import-pem {file} algorithm=13", f"example. import-pem {file} algorithm=15", "- trash-list"]
    shown = "".join("".join(stage.run(line)[1:]) for line in [*lines, f"example. import-bind {file}"])
    for text in (secret.hex(), base64.b64encode(secret).decode(), file.read_text().splitlines()[1]):
        assert text not in shown


def test_a_key_of_the_daemon_is_listed(stage: KeymgrStage) -> None:
    """One that it recorded meanwhile."""
    key = Key("ab" * 20, 13, 256, bytes(64), is_ksk=True, is_zsk=False, timers=KeyTimers(publish=7))
    stage.ok("example. list")
    with open_shared(stage.directory / "store", 20 << 30, 1) as store:
        store.write(lambda txn: put_key(txn, APEX, key))
    assert stage.listed(key.id)["missing"] == "yes"
