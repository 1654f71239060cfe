# SPDX-License-Identifier: Apache-2.0
"""The configuration database: what is written is read again, and what cannot be read is told."""

from pathlib import Path

import lmdb
import pytest

from control.conf.check import check_document
from control.conf.database import ConfDatabase, encode_block, entry_key
from control.conf.document import Document
from control.conf.dynamic import ActiveConfiguration, Operand
from control.conf.errors import ConfdbError, ConfigurationError
from control.conf.export import export_lines
from control.conf.parse import parse_text
from control.conf.source import find_source, load_source
from control.conf.special import SerialModulo

TEXT = r"""
server:
  identity: "0x0041"
  listen: ["::1", 192.0.2.1@54]
mod-cookies:
  - id: c
    secret: 0x000102030405060708090a0b0c0d0e0f
template:
  - id: default
    global-module: [mod-cookies/c, mod-stats]
    comment: "with \"quotes\" and \\"
zone:
  - domain: a\046b.c\000\@x
  - domain: b
    zonefile-skip: [dnssec, TYPE65000, aaaa]
"""


def document_of(text: str) -> Document:
    document = parse_text(text, "k.conf")
    check_document(document)
    return document


def stored(path: Path, text: str = TEXT) -> str:
    with ConfDatabase(str(path), create=True) as database:
        database.replace(document_of(text))
    return str(path)


def test_read_back(tmp_path: Path) -> None:
    """What was stored is read back, values of every kind."""
    with ConfDatabase(stored(tmp_path / "db")) as database:
        document = database.load()
    assert "".join(export_lines(document)) == "".join(export_lines(document_of(TEXT)))
    assert document.single("server")["identity"] == b"\0A"
    assert document.blocks["zone"]["b."].values["zonefile-skip"] == ("dnssec", "TYPE65000", "AAAA")


def test_loaded_as_the_file(tmp_path: Path) -> None:
    """The database makes the configuration that the file makes."""
    file = tmp_path / "k.conf"
    file.write_text(TEXT)
    of_database = load_source(find_source(confdb=stored(tmp_path / "db")))
    of_file = load_source(find_source(file=str(file)))
    assert of_database.database is not None
    of_database.database.close()
    assert of_database.config == of_file.config._replace(file=of_database.config.file)


def test_commit_is_kept(tmp_path: Path) -> None:
    """A commit changes the entries of what it touched, and the next start has it."""
    loaded = load_source(find_source(confdb=stored(tmp_path / "db")))
    active = ActiveConfiguration(*loaded)
    transaction = active.begin()
    transaction.set(Operand("zone", None, "domain", "new"), Operand("zone", "new", "file", "f"))
    transaction.unset(Operand("zone", "b"), Operand("server", None, "identity"))
    active.commit()
    assert loaded.database is not None
    loaded.database.close()
    again = load_source(find_source(confdb=str(tmp_path / "db")))
    assert again.config == active.config
    assert sorted(again.config.zones)[1:] == ["new."]
    assert again.database is not None
    again.database.close()


def test_long_identifiers(tmp_path: Path) -> None:
    """Identifiers longer than a key of LMDB are kept whole, and removed again."""
    longest = ".".join([r"\000" * 63] * 3 + [r"\000" * 61])
    path = stored(tmp_path / "db", f"zone:\n  - domain: {longest}\ntemplate:\n  - id: {'t' * 600}\n")
    with ConfDatabase(path) as database:
        document = database.load()
        assert list(document.blocks["zone"]) == [f"{longest}."]
        database.write({"zone": {f"{longest}.": None}, "template": {"t" * 600: None}})
        assert database.is_empty()
    assert max(len(entry_key("zone", name)) for name in document.blocks["zone"]) <= 511


def test_not_there(tmp_path: Path) -> None:
    """A database that is not there is told, and made only when asked to."""
    with pytest.raises(ConfdbError, match="not exists"):
        ConfDatabase(str(tmp_path / "db"))
    assert not (tmp_path / "db").exists()
    with pytest.raises(ConfdbError, match="Not a directory"):
        ConfDatabase("/dev/null/db", create=True)


def test_of_another_program(tmp_path: Path) -> None:
    """The database of another program is refused and left as it is."""
    with lmdb.open(str(tmp_path), max_dbs=4) as env, env.begin(write=True) as txn:
        txn.put(b"foo", b"bar", db=env.open_db(b"0", txn=txn))
    with pytest.raises(ConfdbError, match="not a configuration database of this server"):
        ConfDatabase(str(tmp_path), create=True)


def test_of_another_version(tmp_path: Path) -> None:
    """A database of another format is refused."""
    path = stored(tmp_path / "db")
    with lmdb.open(path, max_dbs=4) as env, env.begin(write=True) as txn:
        txn.put(b"format", b"99", db=env.open_db(b"meta", txn=txn))
    with pytest.raises(ConfdbError, match="another version"):
        ConfDatabase(path)


def test_foreign_file(tmp_path: Path) -> None:
    """A file that is no database of LMDB is refused; an empty one is a database without entries."""
    (tmp_path / "data.mdb").write_bytes(b"not lmdb" * 1000)
    with pytest.raises(ConfdbError, match="damaged"):
        ConfDatabase(str(tmp_path))
    (tmp_path / "data.mdb").write_bytes(b"")
    with ConfDatabase(str(tmp_path)) as database:
        assert database.is_empty()


def test_truncated(tmp_path: Path) -> None:
    """A truncated file is refused instead of ending the process."""
    zones = "".join(f"  - domain: z{i}\n" for i in range(5000))
    path = stored(tmp_path / "db", f"zone:\n{zones}")
    data = tmp_path / "db" / "data.mdb"
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    with pytest.raises(ConfdbError, match="damaged"):
        ConfDatabase(path).load()


BAD_ENTRIES = [
    (b"nothing\0x", b"x", ConfdbError, "damaged"),
    (b"zone\0x.", b"x.\0file\x005\0x", ConfdbError, "damaged"),
    (b"zone\0x.", b"x.\0file", ConfdbError, "damaged"),
    (b"zone\0x.", b"x.\0nothing\x001\0x", ConfigurationError, "invalid item"),
    (b"zone\0x.", b"x.\0default-ttl\x001\0x", ConfigurationError, "invalid parameter"),
    (b"zone\0x.", b"x.\0template\x001\0x", ConfigurationError, "invalid reference"),
    (b"zone\0x.", b"x.\0adjust-threads\x001\x001", ConfigurationError, "not supported by this server"),
]


@pytest.mark.parametrize(("key", "value", "error", "reason"), BAD_ENTRIES)
def test_bad_entries(tmp_path: Path, key: bytes, value: bytes, error: type[Exception], reason: str) -> None:
    """An entry that says something wrong is told with its block and item."""
    path = stored(tmp_path / "db")
    with lmdb.open(path, max_dbs=4) as env, env.begin(write=True) as txn:
        txn.put(key, value, db=env.open_db(b"conf", txn=txn))
    with ConfDatabase(path) as database, pytest.raises(error, match=reason):
        database.load()


def test_full(tmp_path: Path) -> None:
    """A database that is full says how to make it larger, and keeps what it has."""
    with ConfDatabase(str(tmp_path / "db"), 1 << 18, create=True) as database:
        database.replace(document_of(TEXT))
        many = document_of("zone:\n" + "".join(f"  - domain: z{i}\n" for i in range(20000)))
        with pytest.raises(ConfdbError, match="option -m"):
            database.replace(many)
        assert "b." in database.load().blocks["zone"]


def test_source_that_is_used(tmp_path: Path) -> None:
    """What is named is used, else the database where there is one, else the file."""
    here, absent = stored(tmp_path / "db"), str(tmp_path / "no")
    conf = str(tmp_path / "k.conf")
    assert find_source(default_confdb=here, default_config=conf).path == here
    assert find_source(default_confdb=absent, default_config=conf).path == conf
    assert find_source(file="/f", default_confdb=here).path == "/f"
    assert find_source(confdb="/d", default_config=conf).confdb == "/d"


def test_entry_of_a_serial_modulo() -> None:
    """Values that are not texts have one as well."""
    document = parse_text("template:\n  - id: t\n    serial-modulo: 1/4-7\n", "k.conf")
    block = document.blocks["template"]["t"]
    assert block.values["serial-modulo"] == SerialModulo(1, 4, -7)
    assert encode_block(block) == b"t\0serial-modulo\x001\x001/4-7"
