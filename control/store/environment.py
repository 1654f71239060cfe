# SPDX-License-Identifier: Apache-2.0
"""The LMDB environment: opening, locking, transactions, limits, and the map from LMDB's errors to ours.

The store is a directory with LMDB's files and `lock`, which the one daemon that uses it keeps locked. Its tables:

    meta        format of the store, greatest version used
    zones       apex (owner part of a key, so in canonical order) -> what is known of the zone (zones.py)
    contents    RRset key -> RRset value (keys.py)
    condemned   zone id -> nothing: contents under that id belong to no zone and are to be removed
    journals    apex, as in zones -> what is known of the zone's journal (journal.py)
    changesets  journal id, serial the changeset begins at, part, number of chunk -> a chunk of the changeset
    members     apex of a member zone, as in zones -> the catalog it is known from (members.py)
    timers      apex, as in zones -> what is remembered of the zone's replication (timers.py)
    keys, kasp, trash, shared  -> keys of zones and what is remembered of signing (kasp_tables.py)

Read transactions are snapshots and may live in any thread. Write transactions run in the caller's, one at a time.

The whole permitted size is mapped at once: that is address space, the file grows with what is stored. The limit counts
pages in use, and the map is `RESERVE_BYTES` larger, so that what a full store refuses can still be removed from it.
"""

import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import lmdb

from control.errors import StoreDamaged, StoreFull, StoreLocked, StoreRefused
from control.store.keys import ZONE_ID_BYTES
from control.store.pages import Pages
from control.store.verify import is_complete, verify_apart

FORMAT = 4
FROM_FILES = 1
"""A format whose zones all came from files: they are read again."""
LACKING_TABLES = (2, 3)
"""Formats that lack tables alone, of timers and members, and of keys: empty ones complete them."""
TABLES_MAX = 16
"""That an environment may have."""
RESERVE_BYTES = 16 << 20
READERS = 510
"""Snapshots open at once; LMDB's reader table has one slot for each."""

ZONE_TABLES = (b"meta", b"zones", b"contents", b"condemned", b"journals", b"changesets", b"timers", b"members")
KASP_TABLES = (b"keys", b"kasp", b"trash", b"shared")
"""Those that the program for keys writes to as well, beside the daemon."""
TABLES = (*ZONE_TABLES, *KASP_TABLES)
MOVE_AWAY = "move the directory away and start again: zones are loaded from their files"
CHECK_ACCESS = "check owner, permissions and limits of the daemon"

T = TypeVar("T")


class Transaction(NamedTuple):
    """One LMDB transaction and the tables in it. Values are copied out as bytes."""

    lmdb: Any
    pages: Pages | None
    """Of a snapshot; what a write transaction sees is not in the file."""
    meta: Any
    zones: Any
    contents: Any
    condemned: Any
    journals: Any
    changesets: Any
    timers: Any
    members: Any
    keys: Any
    kasp: Any
    trash: Any
    shared: Any

    def get(self, table: Any, key: bytes) -> bytes | None:
        """Return a value, or None."""
        value: bytes | None = self.lmdb.get(key, db=table)
        return value

    def put(self, table: Any, key: bytes, value: bytes) -> None:
        """Set a value."""
        self.lmdb.put(key, value, db=table)

    def delete(self, table: Any, key: bytes) -> bool:
        """Remove a key; false when it was not there."""
        return bool(self.lmdb.delete(key, db=table))

    def cursor(self, table: Any) -> Any:
        """Return an LMDB cursor."""
        return self.lmdb.cursor(db=table)

    def used_pages(self) -> int:
        """Return the pages of all tables as this transaction sees them."""
        pages = 0
        for table in self[2:]:
            stat = self.lmdb.stat(table)
            pages += stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
        return pages


class Snapshot:
    """The block of a read transaction; every step of an edit has one, so it is a class and no generator."""

    __slots__ = ("_env", "_errors", "_pages", "_tables", "_txn")

    def __init__(
        self, env: Any, tables: tuple[Any, ...], pages: Pages, errors: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._env, self._tables, self._pages, self._errors = env, tables, pages, errors
        self._txn: Any = None

    def __enter__(self) -> Transaction:
        try:
            self._txn = self._env.begin()
        except lmdb.Error:
            with self._errors():
                raise
        return Transaction(self._txn, self._pages, *self._tables)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._txn.abort()
        if isinstance(error, lmdb.Error):
            with self._errors():
                raise error


class Store:
    """The open store. One instance per directory and machine; `close` it, or use it as a context manager."""

    def __init__(self, path: Path, max_bytes: int, now_ns: int, *, durable: bool = True) -> None:
        """Open or create the store in directory `path`.

        `max_bytes` is the most it may hold (`database.journal-db-max-size`). Not `durable`: a commit does not wait
        for the disk (`database.journal-db-mode: asynchronous`), `flush` does. `now_ns` is the time of day.

        Versions begin above it, so that none is ever used twice, not even by a store made anew or set back by a
        power loss: a response table that outlived it is recognised by them.

        Raises StoreLocked, StoreDamaged, StoreRefused or StoreFull.
        """
        self.path = path
        self._max_bytes = max_bytes
        with mapped_errors(path, max_bytes):
            self._lock_fd = _lock_directory(path)
            try:
                self._env = _open_environment(path, max_bytes, durable)
            except BaseException:
                os.close(self._lock_fd)
                raise
            self._writing = threading.Lock()
            self.growing: set[int] = set()
            """Ids of zones that are being written and stay although they are condemned until they are complete."""
            self._pages = Pages(self._env, path / "data.mdb", max_bytes + RESERVE_BYTES)
            self._used_pages = 0
            """Of all tables after the last write."""
            self._background = ThreadPoolExecutor(1, "store-writer")
            try:
                self._page_bytes: int = self._env.stat()["psize"]
                self._tables = self._open_tables()
                self._set_counters(now_ns)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish queued writes, close the files and release the lock. No snapshot may be in use."""
        self._background.shutdown()
        with self._writing:
            self._pages.close()
            self._env.close()
            os.close(self._lock_fd)

    def read(self) -> "Snapshot":
        """Give a snapshot: it stays as it is while writes go on. Keep it short: pages it sees cannot be reused."""
        return Snapshot(self._env, self._tables, self._pages, lambda: mapped_errors(self.path, self._max_bytes))

    def write(self, job: Callable[[Transaction], T]) -> T:
        """Run `job` in one write transaction and wait for it: all of it is stored, or with an exception nothing.

        Raises what `job` raised, or StoreFull, StoreDamaged, StoreRefused. Not to be called from a job.
        """
        with self._writing:
            try:
                return self._write(job)
            except lmdb.Error:
                with mapped_errors(self.path, self._max_bytes):
                    raise

    def _write(self, job: Callable[[Transaction], T]) -> T:
        with self._env.begin(write=True) as txn:
            tables = Transaction(txn, None, *self._tables)
            result = job(tables)
            pages = tables.used_pages()
            if pages > self._used_pages and pages * self._page_bytes > self._max_bytes:
                raise lmdb.MapFullError(f"{pages} pages")
        self._used_pages = pages
        return result

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Let a thread of the store do work that writes, while the caller does something else."""
        return self._background.submit(work)

    def reserve_zone_id(self) -> int:
        """Return an id greater than all that contents are stored under. Any thread may call it."""
        return next(self._zone_ids)

    def reserve_version(self) -> int:
        """Return a version greater than all before. Any thread may call it."""
        return next(self._versions)

    def flush(self) -> None:
        """Write what was committed to disk; of use only for a store that is not durable. Blocks on I/O."""
        with mapped_errors(self.path, self._max_bytes):
            self._env.sync(True)

    def used_bytes(self) -> int:
        """Return how much of the permitted size is in use."""
        with self.read() as txn:
            return txn.used_pages() * self._page_bytes

    def _open_tables(self) -> tuple[Any, ...]:
        tables = tuple(self._env.open_db(name) for name in TABLES)
        with self._env.begin(write=True) as txn:
            _check_format(self.path, Transaction(txn, None, *tables))
        return tables

    def _set_counters(self, now_ns: int) -> None:
        with self.read() as txn:
            self._used_pages = txn.used_pages()
            version = int.from_bytes(txn.get(txn.meta, b"version") or b"", "big")
            with txn.cursor(txn.contents) as contents, txn.cursor(txn.condemned) as condemned:
                last_keys = [cursor.key()[:ZONE_ID_BYTES] for cursor in (contents, condemned) if cursor.last()]
        self._versions = count(1 + max(version, now_ns))
        self._zone_ids = count(1 + max((int.from_bytes(key, "big") for key in last_keys), default=0))


def note_version(txn: Transaction, version: int) -> None:
    """Keep the greatest version used so far, so that the next start goes on above it."""
    encoded = version.to_bytes(8, "big")
    txn.put(txn.meta, b"version", max(encoded, txn.get(txn.meta, b"version") or b""))


@contextmanager
def mapped_errors(path: Path, max_bytes: int) -> Iterator[None]:
    """Turn LMDB's errors into the StoreError of the operator's remedy."""
    try:
        yield
    except lmdb.MapFullError as exc:
        limit = f"{max_bytes >> 20} MiB"
        remedy = "raise database.journal-db-max-size, or let go of journals with xdpdnsctl zone-purge ZONE +journal"
        raise StoreFull(path, f"it reached its maximum of {limit}; {remedy}") from exc
    except lmdb.DiskError as exc:
        raise StoreFull(path, "no space left on its disk; free some") from exc
    except (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.PanicError, lmdb.InvalidError) as exc:
        raise StoreDamaged(path, f"damaged ({exc}); {MOVE_AWAY}") from exc
    except lmdb.VersionMismatchError as exc:
        raise StoreDamaged(path, f"written by another LMDB version; {MOVE_AWAY}") from exc
    except lmdb.ReadersFullError as exc:
        raise StoreRefused(path, f"more than {READERS} snapshots in use; try again when transfers have ended") from exc
    except lmdb.MemoryError as exc:
        message = f"no memory for {exc}; lower database.journal-db-max-size or raise the daemon's address space limit"
        raise StoreRefused(path, message) from exc
    except lmdb.Error as exc:
        if os.strerror(errno.EIO) in str(exc):  # LMDB reports a write that fell short, the usual end of a disk, so.
            message = (
                f"cannot be written ({exc}): no space left on its disk, or the disk fails; free some or replace it"
            )
            raise StoreFull(path, message) from exc
        raise StoreRefused(path, f"{exc}; {CHECK_ACCESS}") from exc


def _lock_directory(path: Path) -> int:
    """Make the directory and lock it for the life of the descriptor returned; `lock` holds the owner's process id."""
    try:
        path.mkdir(mode=0o770, parents=True, exist_ok=True)
        _check_files(path)
        fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    except OSError as exc:
        raise StoreRefused(path, f"{exc.strerror}; {CHECK_ACCESS}") from exc
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as exc:
        owner = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
        os.close(fd)
        message = f"in use by process {owner or 'unknown'}; stop it or configure another database.storage"
        raise StoreLocked(path, message) from exc
    except OSError as exc:
        os.close(fd)
        raise StoreRefused(path, f"cannot be locked ({exc.strerror}); check its disk and file system") from exc
    return fd


def _check_files(path: Path) -> None:
    """Refuse what is no file in the place of the store's files; opening a FIFO would wait. Raises OSError."""
    for name in ("lock", "data.mdb", "lock.mdb"):
        file = path / name
        if file.exists() and not file.is_file():
            raise OSError(errno.EINVAL, f"{name} is not a regular file")


def _open_environment(path: Path, max_bytes: int, durable: bool) -> Any:
    """Open LMDB's files. What a truncated file lacks would be a bus error later, so that is looked into first."""
    env = lmdb.open(
        str(path), map_size=max_bytes + RESERVE_BYTES, max_dbs=TABLES_MAX, max_readers=READERS, mode=0o660, sync=durable
    )
    try:
        env.reader_check()
        if not is_complete(env, path / "data.mdb") and not verify_apart(path):
            raise StoreDamaged(path, f"data.mdb is truncated; {MOVE_AWAY}")
    except BaseException:
        env.close()
        raise
    return env


def _check_format(path: Path, txn: Transaction) -> None:
    """Write the format of a new store, refuse another one."""
    found = txn.get(txn.meta, b"format")
    if found is None:
        txn.put(txn.meta, b"format", FORMAT.to_bytes(4, "big"))
    elif found == FROM_FILES.to_bytes(4, "big"):
        _forget_zones(txn)
        txn.put(txn.meta, b"format", FORMAT.to_bytes(4, "big"))
    elif int.from_bytes(found, "big") in LACKING_TABLES:
        txn.put(txn.meta, b"format", FORMAT.to_bytes(4, "big"))
    elif found != FORMAT.to_bytes(4, "big"):
        number = int.from_bytes(found, "big")
        message = f"of format {number}, this program has {FORMAT}; run the program that wrote it, or {MOVE_AWAY}"
        raise StoreDamaged(path, message)


def _forget_zones(txn: Transaction) -> None:
    """Condemn all contents; a zone's id begins its entry."""
    for _, entry in txn.cursor(txn.zones):
        txn.put(txn.condemned, entry[:ZONE_ID_BYTES], b"")
    txn.lmdb.drop(txn.zones, delete=False)
