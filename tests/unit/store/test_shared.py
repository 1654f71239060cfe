# SPDX-License-Identifier: Apache-2.0
"""Changing keys in a store that a daemon may have open."""

import subprocess
import sys
from pathlib import Path

import pytest

from control.conf.values import name_to_wire
from control.errors import StoreDamaged, StoreRefused
from control.store.environment import Store, Transaction
from control.store.kasp import Key, KeyTimers
from control.store.kasp_tables import list_keys, put_key
from control.store.shared import check_access, open_shared

MIB = 1 << 20
APEX = name_to_wire("example.com.")
KEY = Key("0f" * 20, 13, 256, 64 * b"k", is_ksk=True, is_zsk=False, timers=KeyTimers(created=7))

PROGRAM = """
import sys
from pathlib import Path
from dataclasses import replace
from control.store.kasp_tables import list_keys, put_key
from control.store.shared import open_shared
from control.errors import ControlError
try:
    with open_shared(Path(sys.argv[1]), 1 << 24, 1) as store:
        with store.read() as txn:
            found = list_keys(txn, bytes.fromhex(sys.argv[2]))
        other = [replace(key, id=40 * "a", size=key.size + 1) for key in found]
        store.write(lambda txn: [put_key(txn, bytes.fromhex(sys.argv[2]), key) for key in other])
    print(len(found))
except ControlError as error:
    print(type(error).__name__, error)
"""


def run(path: Path) -> str:
    """Let another process add a copy of each key; return what it says."""
    command = [sys.executable, "-c", PROGRAM, str(path), APEX.hex()]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


def set_format(path: Path, number: int) -> None:
    with Store(path, 16 * MIB, 1) as store:
        store.write(lambda txn: txn.put(txn.meta, b"format", number.to_bytes(4, "big")))


def test_beside_a_daemon(path: Path) -> None:
    """Another process reads what the daemon wrote, and the daemon what it wrote; the daemon goes on writing."""
    with Store(path, 16 * MIB, 1) as store:
        store.write(lambda txn: put_key(txn, APEX, KEY))
        with store.read() as before:
            assert run(path) == "1"
            assert list_keys(before, APEX) == [KEY]
        with store.read() as txn:
            assert [key.size for key in list_keys(txn, APEX)] == [256, 257]
        store.write(lambda txn: put_key(txn, APEX, KEY))
        assert run(path) == "2"


def test_a_store_that_is_not_there_is_made(path: Path) -> None:
    """Keys can be made before the daemon was ever started; it finds them."""
    with open_shared(path, 16 * MIB, 1) as shared:
        shared.write(lambda txn: put_key(txn, APEX, KEY))
        with shared.read() as txn:
            assert list_keys(txn, APEX) == [KEY]
    with Store(path, 16 * MIB, 2) as store, store.read() as txn:
        assert list_keys(txn, APEX) == [KEY]


def test_a_job_that_fails_changes_nothing(path: Path) -> None:
    """A transaction is kept as a whole or not at all."""

    def job(txn: Transaction) -> None:
        put_key(txn, APEX, KEY)
        raise KeyError

    with open_shared(path, 16 * MIB, 1) as shared:
        with pytest.raises(KeyError):
            shared.write(job)
        with shared.read() as txn:
            assert list_keys(txn, APEX) == []


def test_an_earlier_format_is_completed(path: Path) -> None:
    """Without a daemon; what a running daemon of an earlier version has is left alone."""
    set_format(path, 3)
    with open_shared(path, 16 * MIB, 1) as shared, shared.read() as txn:
        assert txn.get(txn.meta, b"format") == b"\0\0\0\4"
    with Store(path, 16 * MIB, 1) as store:
        store.write(lambda txn: txn.put(txn.meta, b"format", b"\0\0\0\3"))
        assert run(path).startswith(f"StoreLocked zone store {path}: used by a daemon of another version; restart")
        with store.read() as txn:
            assert txn.get(txn.meta, b"format") == b"\0\0\0\3"


def test_a_later_format_is_refused(path: Path) -> None:
    """Nothing is written to it."""
    set_format(path, 5)
    with pytest.raises(StoreDamaged, match="format 5, this program has 4; use the program"), open_shared(path, MIB, 1):
        pass


def test_what_is_no_store_is_refused(path: Path) -> None:
    """A file of something else is named."""
    path.mkdir()
    (path / "data.mdb").write_bytes(bytes(8192))
    with pytest.raises(StoreDamaged, match="damaged"), open_shared(path, MIB, 1):
        pass


def test_who_may_only_read_is_told(path: Path) -> None:
    """A user without permission for one of the files is told whom to be; before anything is there nobody is."""
    check_access(path, lambda _file, _mode: False)
    with Store(path, 16 * MIB, 1):
        pass
    check_access(path)
    for denied in (path, path / "data.mdb", path / "lock.mdb"):
        with pytest.raises(StoreRefused, match=f"permission denied for {denied}; run this as the user of the daemon"):
            check_access(path, lambda file, _mode, denied=denied: file != denied)  # type: ignore[misc]


def test_a_place_that_cannot_be_looked_into_is_told(path: Path) -> None:
    """The system's reason is in the error."""
    path.write_text("no directory")
    with pytest.raises(StoreRefused, match="Not a directory; run this as"):
        check_access(path)
