# SPDX-License-Identifier: Apache-2.0
"""Opening, locking, limits and errors of the store."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import lmdb
import pytest

from control.errors import StoreDamaged, StoreError, StoreFull, StoreLocked, StoreRefused
from control.store.environment import RESERVE_BYTES, Store, Transaction
from control.store.verify import read_everything
from control.store.zones import list_condemned

MIB = 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


def put_mebibytes(store: Store, number: int, key: bytes) -> None:
    store.write(lambda txn: txn.put(txn.contents, key, bytes(number * MIB)))


def test_what_was_written_is_there_after_reopening(path: Path) -> None:
    """A committed transaction is read by the next process."""
    with Store(path, MIB, 1) as store:
        store.write(lambda txn: txn.put(txn.zones, b"k", b"v"))
    with Store(path, MIB, 1) as store, store.read() as txn:
        assert txn.get(txn.zones, b"k") == b"v"


def test_a_job_that_raises_stores_nothing(path: Path) -> None:
    """All of a transaction is stored or nothing, and the exception comes back."""

    def job(txn: Transaction) -> None:
        txn.put(txn.zones, b"k", b"v")
        raise KeyError("reason")

    with Store(path, MIB, 1) as store:
        with pytest.raises(KeyError, match="reason"):
            store.write(job)
        with store.read() as txn:
            assert txn.get(txn.zones, b"k") is None


def test_a_snapshot_stays_as_it_was(path: Path) -> None:
    """A reader does not see what is written after it began."""
    with Store(path, MIB, 1) as store, store.read() as txn:
        store.write(lambda txn: txn.put(txn.zones, b"k", b"v"))
        assert txn.get(txn.zones, b"k") is None


def test_the_file_grows_with_its_contents(path: Path) -> None:
    """The permitted size takes no disk space, and reaching for more of it needs no reopening, also under a snapshot."""
    with Store(path, 1 << 34, 1) as store:
        small = (path / "data.mdb").stat().st_size
        with store.read():
            for i in range(20):
                put_mebibytes(store, 1, b"%d" % i)
        assert small < MIB < 20 * MIB < (path / "data.mdb").stat().st_size


def test_a_full_store_refuses_and_keeps_what_it_has(path: Path) -> None:
    """The error names the item to raise; earlier contents are intact; removing makes room."""
    with Store(path, 4 * MIB, 1) as store:
        put_mebibytes(store, 3, b"a")
        with pytest.raises(StoreFull, match=r"4 MiB.*database\.journal-db-max-size"):
            put_mebibytes(store, 2, b"b")
        with store.read() as txn:
            assert txn.get(txn.contents, b"a") == bytes(3 * MIB)
            assert txn.get(txn.contents, b"b") is None
        store.write(lambda txn: txn.delete(txn.contents, b"a"))
        put_mebibytes(store, 2, b"b")


def test_a_transaction_larger_than_the_map_is_refused(path: Path) -> None:
    """LMDB's own limit is reported like the configured one."""
    with Store(path, 4 * MIB, 1) as store, pytest.raises(StoreFull, match="journal-db-max-size"):
        put_mebibytes(store, (4 * MIB + 2 * RESERVE_BYTES) // MIB, b"a")


def test_a_store_over_a_lowered_limit_can_still_be_emptied(path: Path) -> None:
    """It opens, refuses to grow, and shrinks."""
    with Store(path, 8 * MIB, 1) as store:
        for key in (b"a", b"b", b"c"):
            put_mebibytes(store, 2, key)
    with Store(path, 2 * MIB, 1) as store:
        with pytest.raises(StoreFull):
            put_mebibytes(store, 2, b"d")
        for key in (b"a", b"b", b"c"):
            assert store.write(lambda txn, key=key: txn.delete(txn.contents, key))
        assert store.used_bytes() < MIB


def test_a_second_process_is_refused_by_name(path: Path) -> None:
    """The error says which process has the store; a process that ended, however, holds nothing."""
    hold = "import sys,time,control.store.environment as e, pathlib as p; s=e.Store(p.Path(sys.argv[1]),1<<20,1);"
    command = [sys.executable, "-c", f"{hold} print('open', flush=True); sys.stdin.read()", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(StoreLocked, match=rf"process {process.pid}; stop it or .*database\.storage"):
            Store(path, MIB, 1)
        process.kill()
    Store(path, MIB, 1).close()


@pytest.mark.parametrize("contents", [b"\xff" * 100, b"no database" * 2000])
def test_a_foreign_file_is_refused(path: Path, contents: bytes) -> None:
    """Damage is told with what to do about it, and the store is unlocked again."""
    path.mkdir()
    (path / "data.mdb").write_bytes(contents)
    for _ in range(2):
        with pytest.raises(StoreDamaged, match="move the directory away"):
            Store(path, MIB, 1)


def test_a_truncated_file_is_refused(path: Path) -> None:
    """Reading on would end the process."""
    with Store(path, 8 * MIB, 1) as store:
        put_mebibytes(store, 4, b"a")
    os.truncate(path / "data.mdb", MIB)
    with pytest.raises(StoreDamaged, match=r"truncated; move the directory away"):
        Store(path, 8 * MIB, 1)


def test_a_file_without_the_pages_it_never_needed_is_whole(path: Path) -> None:
    """Allocated and freed in one transaction, they are not written: the store looks truncated and is not."""

    def job(txn: Transaction) -> None:
        txn.put(txn.contents, b"kept", bytes(500))
        txn.put(txn.contents, b"removed", bytes(MIB))
        txn.delete(txn.contents, b"removed")

    with Store(path, 64 * MIB, 1) as store:
        store.write(job)
        last_page = store._env.info()["last_pgno"]
    assert (path / "data.mdb").stat().st_size < (last_page + 1) * 4096
    with Store(path, 64 * MIB, 1) as store, store.read() as txn:
        assert txn.get(txn.contents, b"kept") == bytes(500)


def test_everything_is_read_by_the_look_through(path: Path) -> None:
    """Entries are counted against what the tables say."""
    with Store(path, 8 * MIB, 1) as store:
        put_mebibytes(store, 1, b"a")
    assert read_everything(path)


def test_zones_of_the_first_format_are_forgotten(path: Path) -> None:
    """They came from files and are read again; their contents are removed by the next sweep."""
    with Store(path, MIB, 1) as store:
        store.write(lambda txn: txn.put(txn.zones, b"example\0", b"\0\0\0\7rest"))
        store.write(lambda txn: txn.put(txn.meta, b"format", b"\0\0\0\1"))
    with Store(path, MIB, 1) as store, store.read() as txn:
        assert list(txn.cursor(txn.zones)) == []
        assert list_condemned(txn) == [7]


def test_another_format_is_refused(path: Path) -> None:
    """A store of a later program is not misread."""
    with Store(path, MIB, 1) as store:
        store.write(lambda txn: txn.put(txn.meta, b"format", b"\0\0\0\5"))
    with pytest.raises(StoreDamaged, match="format 5, this program has 4; run the program that wrote it"):
        Store(path, MIB, 1)


def test_a_place_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    """The system's reason is told."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreRefused, match="Not a directory"):
        Store(tmp_path / "file" / "store", MIB, 1)


def test_versions_and_zone_ids_are_never_used_twice(path: Path) -> None:
    """Not in one store, not by one made anew later: versions begin at the time of day."""
    with Store(path, MIB, 1000) as store:
        versions = [store.reserve_version() for _ in range(3)]
        ids = [store.reserve_zone_id() for _ in range(3)]
        assert versions == [1001, 1002, 1003]
        assert ids == sorted(set(ids))
    with Store(path, MIB, 2000) as store:
        assert store.reserve_version() == 2001


def test_every_lmdb_error_has_a_remedy() -> None:
    """No error of LMDB passes the seam as itself."""
    from control.store.environment import mapped_errors

    kinds = [kind for kind in vars(lmdb).values() if isinstance(kind, type) and issubclass(kind, lmdb.Error)]
    assert len(kinds) > 20
    for kind in kinds:
        with pytest.raises(StoreError, match=r"^zone store /s: .+; .+"), mapped_errors(Path("/s"), MIB):
            raise kind("what")


def test_a_disk_too_full_for_the_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is one of the store's, and the lock is given back."""

    def refuse(*args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", refuse)
        with pytest.raises(StoreRefused, match="No space left"):
            Store(path, MIB, 1)
    Store(path, MIB, 1).close()


def test_a_file_system_without_locks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no place for a store."""

    def refuse(*args: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(StoreRefused, match="No locks available"):
        Store(path, MIB, 1)
