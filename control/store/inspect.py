# SPDX-License-Identifier: Apache-2.0
"""Looking into a store from outside, also while a daemon uses it: a snapshot that only reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from control.errors import StoreDamaged, StoreRefused
from control.store.environment import FORMAT, TABLES, TABLES_MAX, Transaction, mapped_errors


@contextmanager
def open_snapshot(path: Path) -> Iterator[Transaction]:
    """Give a snapshot of the store in directory `path`, which is not locked. Raises StoreRefused or StoreDamaged."""
    import lmdb

    if not (path / "data.mdb").exists():
        raise StoreRefused(path, "not exists; name the directory of the store")
    with mapped_errors(path, 0), lmdb.open(str(path), readonly=True, max_dbs=TABLES_MAX) as env:
        with env.begin() as txn:
            names = {bytes(name) for name, _ in txn.cursor()}
        if not names.issuperset(TABLES):
            raise StoreDamaged(path, "no store of this program, or an older one; start the daemon on it once")
        tables = [env.open_db(name, create=False) for name in TABLES]
        with env.begin() as txn:
            snapshot = Transaction(txn, None, *tables)
            if snapshot.get(snapshot.meta, b"format") != FORMAT.to_bytes(4, "big"):
                raise StoreDamaged(path, "of another format; use the tool of the program that wrote it")
            yield snapshot
