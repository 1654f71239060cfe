# SPDX-License-Identifier: Apache-2.0
"""Opening the store beside the daemon that uses it, for the program that changes keys.

LMDB lets processes read and write in turn, each transaction as a whole. What is changed here are the tables of keys
(`KASP_TABLES`): the daemon keeps what it knows of the others.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import lmdb

from control.errors import StoreDamaged, StoreLocked, StoreRefused
from control.store.environment import FORMAT, TABLES, TABLES_MAX, Store, Transaction, mapped_errors

RESTART = "restart the daemon with the version of this program, then try again"
RUN_AS = "run this as the user of the daemon, or as root"

LOOKS, PAUSE_S = 100, 0.02
"""How often, and after which pauses, a store is looked at that another program has and is not complete."""

T = TypeVar("T")


class SharedStore:
    """The store as another program has it, which the daemon may have open too."""

    def __init__(self, path: Path, max_bytes: int, env: Any, tables: tuple[Any, ...]) -> None:
        self.path, self._max_bytes, self._env, self._tables = path, max_bytes, env, tables

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Give a snapshot; keep it short. Raises StoreError."""
        with mapped_errors(self.path, self._max_bytes), self._env.begin() as txn:
            yield Transaction(txn, None, *self._tables)

    def write(self, job: Callable[[Transaction], T]) -> T:
        """Run `job`, which changes keys alone, in one transaction; the daemon's changes wait. Raises StoreError."""
        with mapped_errors(self.path, self._max_bytes), self._env.begin(write=True) as txn:
            return job(Transaction(txn, None, *self._tables))


@contextmanager
def open_shared(path: Path, max_bytes: int, now_ns: int) -> Iterator[SharedStore]:
    """Open the store in directory `path`, also while a daemon uses it; one that is not there is made.

    `max_bytes` and `now_ns` are those of `Store`. Raises StoreRefused, StoreLocked, StoreDamaged or StoreFull.
    """
    check_access(path)
    if not _is_current(path):
        _make_current(path, max_bytes, now_ns)
    with mapped_errors(path, max_bytes), _open(path) as env:
        env.reader_check()
        yield SharedStore(path, max_bytes, env, tuple(env.open_db(name, create=False) for name in TABLES))


def check_access(path: Path, may: Callable[[Path, int], bool] = os.access) -> None:
    """Refuse a store that this user cannot read and write, by what `may` says. Raises StoreRefused."""
    for file in (path, path / "data.mdb", path / "lock.mdb"):
        try:
            denied = bool(file.stat()) and not may(file, os.R_OK | os.W_OK)
        except FileNotFoundError:
            return
        except OSError as exc:
            raise StoreRefused(path, f"{exc.strerror}; {RUN_AS}") from exc
        if denied:
            raise StoreRefused(path, f"permission denied for {file}; {RUN_AS}")


def _open(path: Path, *, readonly: bool = False) -> Any:
    """Open LMDB's files as large as they may grow by what they say themselves."""
    return lmdb.open(str(path), map_size=0, max_dbs=TABLES_MAX, mode=0o660, readonly=readonly, create=False)


def _is_current(path: Path) -> bool:
    """Whether the store is there and has every table. Raises StoreDamaged for one of a later program."""
    data = path / "data.mdb"
    if not data.exists() or not data.stat().st_size:
        return False
    with mapped_errors(path, 0), _open(path, readonly=True) as env:
        with env.begin() as txn:
            names = {bytes(name) for name, _ in txn.cursor()}
        meta = env.open_db(b"meta", create=False) if b"meta" in names else None
        with env.begin() as txn:
            found = 0 if meta is None else int.from_bytes(txn.get(b"format", b"", db=meta), "big")
    if found > FORMAT:
        raise StoreDamaged(path, f"of format {found}, this program has {FORMAT}; use the program that wrote it")
    return found == FORMAT and names.issuperset(TABLES)


def _make_current(path: Path, max_bytes: int, now_ns: int) -> None:
    """Make the store, or complete one of an earlier program, unless a daemon has it.

    Who has it may be just making it, and is waited for.
    """
    for _ in range(LOOKS):
        try:
            Store(path, max_bytes, now_ns).close()
            return
        except StoreLocked as exc:
            locked = exc
        time.sleep(PAUSE_S)
        if _is_current(path):
            return
    raise StoreLocked(path, f"used by a daemon of another version; {RESTART}") from locked
