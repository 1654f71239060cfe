# SPDX-License-Identifier: Apache-2.0
"""Keystores: directories of private keys."""

import os
import stat
from pathlib import Path

import pytest

from control.conf.policy import KeystoreConf
from control.errors import KeyMissing, KeyRefused
from control.keys.keystore import FILE_BYTES_MAX, KeyStore
from control.keys.private import generate, key_id, to_der, to_pem


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(KeystoreConf("", str(tmp_path / "keys" / "keys")))


def modes(store: KeyStore) -> list[str]:
    """Return the permissions of the directory and of what is in it."""
    paths = [store.directory, *sorted(store.directory.iterdir())]
    return [stat.filemode(path.stat().st_mode) for path in paths]


@pytest.mark.parametrize(("algorithm", "bits"), [(8, 1024), (13, 256), (14, 384), (15, 256), (16, 456)])
def test_what_is_stored_is_loaded(store: KeyStore, algorithm: int, bits: int) -> None:
    """The same key comes back under its id; nobody else can read it, whatever the umask."""
    private = generate(algorithm, bits)
    before = os.umask(0)
    try:
        name = store.store(private)
    finally:
        os.umask(before)
    assert name == key_id(private)
    assert to_der(store.load(name)) == to_der(private)
    assert store.list() == [name]
    assert modes(store) == ["drwx------", "-rw-------"]
    assert store.path(name).read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert store.exposed() == ()


def test_storing_again_replaces(store: KeyStore) -> None:
    """A file that was damaged is made good by storing the key again; nothing else is left behind."""
    private = generate(13, 256)
    name = store.store(private)
    store.path(name).write_bytes(b"damaged")
    store.path(name).with_name(f"{name}.pem.{os.getpid()}.new").write_bytes(b"left over")
    assert store.store(private) == name
    assert to_der(store.load(name)) == to_der(private)
    assert [path.name for path in store.directory.iterdir()] == [f"{name}.pem"]


def test_removal(store: KeyStore) -> None:
    """It is told whether there was a file."""
    assert not store.remove(40 * "a")
    name = store.store(generate(13, 256))
    assert (store.has(name), store.remove(name), store.remove(name), store.has(name)) == (True, True, False, False)
    assert store.list() == []


def test_a_missing_key(store: KeyStore) -> None:
    """File and remedy are named, with and without the directory."""
    for _ in range(2):
        with pytest.raises(KeyMissing, match=f"'{store.path(40 * 'a')}' is not there; put the file back, or delete"):
            store.load(40 * "a")
        store.directory.mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize("name", ["", "x", "../../etc/passwd", 39 * "a", 40 * "A", f"{39 * 'a'}/", 40 * "a" + "\n"])
def test_what_is_no_id(store: KeyStore, name: str) -> None:
    """No file outside of the directory, or of another kind, is ever named."""
    for use in (store.load, store.remove, store.path):
        with pytest.raises(KeyRefused, match="is no key id"):
            use(name)


def test_files_that_cannot_be_used(store: KeyStore) -> None:
    """Garbage, nothing, too much, another key, a directory and a FIFO are refused with the file's name."""
    private, other = generate(13, 256), generate(13, 256)
    path = store.path(store.store(private))
    cases = {
        b"": "cannot be used: it is no private key in PEM form; put a good copy",
        b"\0garbage": "cannot be used: it is no private key in PEM form",
        to_pem(private)[:100]: "cannot be used: it is no private key in PEM form",
        b"x" * (FILE_BYTES_MAX + 1): "cannot be read .too large for a private key",
        to_pem(other): f"is that of key {key_id(other)}; put the right file",
    }
    for text, reason in cases.items():
        path.write_bytes(text)
        with pytest.raises(KeyRefused, match=f"private key '{path}' {reason}"):
            store.load(key_id(private))
    path.unlink()
    path.mkdir()
    with pytest.raises(KeyRefused, match=r"cannot be read \("):
        store.load(key_id(private))
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(KeyRefused, match="not a regular file"):
        store.load(key_id(private))
    assert not store.has(key_id(private))


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    """What is no directory is named with the remedy, for reading, writing and listing."""
    (tmp_path / "keys").write_text("x")
    store = KeyStore(KeystoreConf("", str(tmp_path / "keys")))
    with pytest.raises(KeyRefused, match=r"cannot be written \(.*\); let the daemon's user write"):
        store.store(generate(13, 256))
    with pytest.raises(KeyRefused, match=r"keystore '.*' cannot be read \(Not a directory\)"):
        store.list()
    with pytest.raises(KeyMissing):
        store.load(40 * "a")
    assert not store.remove(40 * "a")


def test_other_files_are_not_listed(store: KeyStore) -> None:
    """Only names of keys are."""
    name = store.store(generate(13, 256))
    for other in ("note", "x.pem", f"{name}.pem.1.new", f"{name.upper()}.pem", f"{40 * 'g'}.pem"):
        (store.directory / other).write_text("x")
    assert store.list() == [name]


def test_files_that_others_can_read(store: KeyStore) -> None:
    """They are used, as Knot DNS does, and told; a group may read."""
    name = store.store(generate(13, 256))
    store.path(name).chmod(0o640)
    assert store.exposed() == ()
    store.path(name).chmod(0o644)
    assert store.exposed() == (store.path(name),)
    assert key_id(store.load(name)) == name
    store.directory.chmod(0o755)
    assert store.exposed() == (store.directory, store.path(name))


def test_a_write_that_fails_leaves_the_old_file(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is told, and the file that was there stays, without the beginning of another."""
    private = generate(13, 256)
    name = store.store(private)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("control.keys.keystore.os.fsync", full)
    with pytest.raises(KeyRefused, match=r"\(No space left on device\); free some space"):
        store.store(private)
    monkeypatch.undo()
    assert key_id(store.load(name)) == name
    assert [path.name for path in store.directory.iterdir()] == [f"{name}.pem"]
