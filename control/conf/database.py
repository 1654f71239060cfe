# SPDX-License-Identifier: Apache-2.0
"""The configuration database: an LMDB environment of its own, one entry for each section or block that is set.

    table `conf`    section 0 identifier -> identifier, then for each item its name, the number of values, the values
                    (all of them texts in normalised form, divided by 0)
    table `meta`    `format` -> number of this format

An identifier that is too long for a key of LMDB stands there as its hash; it is in the value in any case.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import lmdb

from control.conf.checks import broken_reference
from control.conf.document import Block, Document
from control.conf.draft import Changes
from control.conf.errors import (
    INVALID_REFERENCE,
    NOT_SUPPORTED,
    ConfdbError,
    ConfdbFull,
    ConfigurationError,
    ValueProblem,
)
from control.conf.item import acts, texts_of
from control.conf.schema import SECTIONS
from control.store.verify import is_complete, verify_apart

FORMAT = b"1"
MAP_BYTES = 500 << 20
ID_OCTETS_MAX = 400
EXPORT_AGAIN = "move the directory away and import the configuration again from its last export"


def entry_key(section: str, block_id: str | None) -> bytes:
    """Return the key of a block."""
    octets = (block_id or "").encode("utf-8", "surrogateescape")
    return section.encode() + b"\0" + (octets if len(octets) <= ID_OCTETS_MAX else sha256(octets).digest())


def encode_block(block: Block) -> bytes:
    """Return the value of a block's entry."""
    items = SECTIONS[block.section].items
    parts = [block.id or ""]
    for name, value in block.values.items():
        texts = texts_of(items[name], value)
        parts += (name, str(len(texts)), *texts)
    return "\0".join(parts).encode("utf-8", "surrogateescape")


def _fields(value: bytes) -> tuple[str, list[tuple[str, list[str]]]]:
    """Return the identifier and the texts of every item of an entry; raise ValueError or IndexError."""
    parts = value.decode("utf-8", "surrogateescape").split("\0")
    fields, at = [], 1
    while at < len(parts):
        count = int(parts[at + 1])
        fields.append((parts[at], parts[at + 2 : at + 2 + count]))
        if count < 1 or len(fields[-1][1]) != count:
            raise ValueError
        at += 2 + count
    return parts[0], fields


class ConfDatabase:
    """An open configuration database; `close` it, or use it as a context manager."""

    def __init__(self, path: str, map_bytes: int = MAP_BYTES, *, create: bool = False) -> None:
        """Open the database in directory `path`, making it when `create`; raise `ConfdbError`."""
        self.path, self.map_bytes = path, map_bytes
        if not create and not os.path.exists(os.path.join(path, "data.mdb")):
            raise ConfdbError("not exists", path)
        try:
            if create:
                os.makedirs(path, mode=0o770, exist_ok=True)
            self._env = self._open(create)
        except OSError as error:
            raise ConfdbError(error.strerror or str(error), path) from error

    def _open(self, create: bool) -> Any:
        with self._errors():
            env = lmdb.open(self.path, map_size=self.map_bytes, max_dbs=4, mode=0o660, create=create)
            try:
                self._check(env)
                self._tables(env)
            except BaseException:
                env.close()
                raise
            return env

    def _check(self, env: Any) -> None:
        """Refuse a truncated file, and the databases of other programs."""
        if not is_complete(env, Path(self.path, "data.mdb")) and not verify_apart(Path(self.path)):
            raise ConfdbError(f"damaged, {EXPORT_AGAIN}", self.path)
        with env.begin() as txn:
            names = {bytes(name) for name, _ in txn.cursor()}
            found = None
            if b"meta" in names:
                found = txn.get(b"format", db=env.open_db(b"meta", txn=txn, create=False))
        if names and found is None:
            text = "not a configuration database of this server, import the text that its own program exports"
            raise ConfdbError(text, self.path)
        if names and found != FORMAT:
            raise ConfdbError(f"written by another version, {EXPORT_AGAIN}", self.path)

    def _tables(self, env: Any) -> None:
        self._meta, self._conf = env.open_db(b"meta"), env.open_db(b"conf")
        with env.begin() as txn:
            known = txn.get(b"format", db=self._meta) is not None
        if not known:
            with env.begin(write=True) as txn:
                txn.put(b"format", FORMAT, db=self._meta)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except lmdb.MapFullError as error:
            text = f"it reached its maximum of {self.map_bytes >> 20} MiB, name a greater one (option -m)"
            raise ConfdbFull(text, self.path) from error
        except lmdb.DiskError as error:
            raise ConfdbFull("no space left on its disk, free some", self.path) from error
        except (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.PanicError, lmdb.InvalidError) as error:
            raise ConfdbError(f"damaged ({error}), {EXPORT_AGAIN}", self.path) from error
        except lmdb.Error as error:
            if os.strerror(errno.EIO) in str(error):  # LMDB says so of a write that fell short.
                text = f"cannot be written ({error}), free space on its disk, or replace the disk"
                raise ConfdbFull(text, self.path) from error
            raise ConfdbError(f"{error}, check owner, permissions and disk space", self.path) from error

    def close(self) -> None:
        """Let go of the files."""
        self._env.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_args: object) -> None:
        self.close()

    def is_empty(self) -> bool:
        """Whether nothing is set."""
        with self._errors(), self._env.begin() as txn:
            return bool(txn.stat(db=self._conf)["entries"] == 0)

    def write(self, changes: Changes) -> None:
        """Store changed blocks, and remove those that are None, in one transaction; raise `ConfdbError`."""
        with self._errors(), self._env.begin(write=True) as txn:
            for section, blocks in changes.items():
                for block_id, block in blocks.items():
                    if block is None:
                        txn.delete(entry_key(section, block_id), db=self._conf)
                    else:
                        txn.put(entry_key(section, block_id), encode_block(block), db=self._conf)

    def replace(self, document: Document) -> None:
        """Store what a document sets instead of everything there was, in one transaction; raise `ConfdbError`."""
        with self._errors(), self._env.begin(write=True) as txn:
            txn.drop(self._conf, delete=False)
            for section in SECTIONS:
                for block in document.each(section):
                    txn.put(entry_key(section, block.id), encode_block(block), db=self._conf)

    def load_single(self, name: str) -> Document:
        """Read one single-instance section; raise as `load`."""
        document = Document()
        with self._errors(), self._env.begin() as txn:
            key = entry_key(name, None)
            value = txn.get(key, db=self._conf)
            self._read(() if value is None else ((key, value),), document)
        return document

    def load(self) -> Document:
        """Read everything; raise `ConfdbError` when it cannot be read and `ConfigurationError` for what it says."""
        document = Document()
        document.files.append(self.path)
        with self._errors(), self._env.begin() as txn:
            self._read(txn.cursor(db=self._conf), document)
        for name, section in SECTIONS.items():
            refers = any(item.type.refers for item in section.items.values())
            for block in document.each(name) if refers else ():
                broken = broken_reference(document, block, section.items)
                if broken is not None:
                    raise ConfigurationError(
                        INVALID_REFERENCE, self.path, section=block.title, item=broken[0], value=broken[1]
                    )
        return document

    def _read(self, entries: Iterable[tuple[bytes, bytes]], document: Document) -> None:
        for key, value in entries:
            try:
                section = SECTIONS[key.partition(b"\0")[0].decode()]
                block_id, fields = _fields(bytes(value))
            except (KeyError, ValueError, IndexError):
                raise ConfdbError(f"damaged, {EXPORT_AGAIN}", self.path) from None
            block = Block(section.name, block_id if section.id_item else None, self.path)
            if section.id_item is None:
                document.singles[section.name] = block
            else:
                document.blocks[section.name][block_id] = block
            if fields:
                block.values = self._values(block, fields)

    def _values(self, block: Block, fields: list[tuple[str, list[str]]]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        section = SECTIONS[block.section]
        for name, texts in fields:
            item = section.items.get(name)
            try:
                if item is None:
                    raise ValueProblem("invalid item")
                converted = tuple(map(item.type.convert, texts))
                if not section.supported or not all(acts(item, value) for value in converted):
                    raise ValueProblem(NOT_SUPPORTED)
            except ValueProblem as problem:
                text = " ".join(texts)
                raise ConfigurationError(str(problem), self.path, section=block.title, item=name, value=text) from None
            values[name] = converted if item.multi else converted[-1]
        return values
