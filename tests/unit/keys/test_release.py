# SPDX-License-Identifier: Apache-2.0
"""Private keys go when the last zone lets go of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from control.conf.policy import KeystoreConf, PolicyConf
from control.errors import KeyRefused
from control.keys.generate import new_key
from control.keys.keystore import KeyStore
from control.keys.release import release_private
from control.store.environment import Store
from control.store.kasp import Key
from control.store.kasp_tables import (
    TrashedKey,
    get_shared,
    purge_kasp,
    put_key,
    put_shared,
    put_trash,
    remove_trash,
    used_keys,
)

ONE, OTHER = b"\3one\0", b"\5other\0"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", 1 << 24, 1) as opened:
        yield opened


@pytest.fixture
def policy(tmp_path: Path) -> PolicyConf:
    return PolicyConf("p", (KeystoreConf("", str(tmp_path / "keys")),), algorithm=15)


def make(policy: PolicyConf) -> Key:
    return new_key(policy, is_ksk=True, is_zsk=False, now_s=1)


def test_a_key_that_zones_share(store: Store, policy: PolicyConf) -> None:
    """It stays as long as a zone has it, or has it in its trash; then zones to come do not share it either."""
    shared, own = make(policy), make(policy)
    files = KeyStore(policy.keystores[0])
    for apex, key in ((ONE, shared), (ONE, own), (OTHER, shared)):
        store.write(lambda txn, apex=apex, key=key: put_key(txn, apex, key))  # type: ignore[misc]
    store.write(lambda txn: put_shared(txn, "p", shared))
    gone = store.write(lambda txn: purge_kasp(txn, ONE))
    assert sorted(gone) == sorted((shared.id, own.id))
    assert store.write(lambda txn: release_private(txn, gone, policy.keystores)) == []
    assert files.list() == [shared.id]
    store.write(lambda txn: put_trash(txn, TrashedKey(OTHER, shared, 1, 2)))
    store.write(lambda txn: purge_kasp(txn, OTHER))
    assert store.write(lambda txn: release_private(txn, gone, policy.keystores)) == []
    with store.read() as txn:
        assert (used_keys(txn, gone), get_shared(txn, "p")) == ({shared.id}, shared)
    store.write(lambda txn: remove_trash(txn, OTHER, shared.id))
    assert store.write(lambda txn: release_private(txn, gone, policy.keystores)) == []
    assert files.list() == []
    with store.read() as txn:
        assert get_shared(txn, "p") is None


def test_the_trash_goes_when_it_is_to(store: Store, policy: PolicyConf) -> None:
    """A zone that is forgotten as a whole leaves no private key behind."""
    key = make(policy)
    store.write(lambda txn: put_trash(txn, TrashedKey(ONE, key, 1, 2)))
    gone = store.write(lambda txn: purge_kasp(txn, ONE, with_trash=True))
    assert store.write(lambda txn: release_private(txn, gone, policy.keystores)) == []
    assert KeyStore(policy.keystores[0]).list() == []


def test_what_cannot_be_removed_is_told(store: Store, tmp_path: Path) -> None:
    """One keystore that refuses does not keep the others from being looked into."""
    (tmp_path / "keys" / f"{40 * 'a'}.pem").mkdir(parents=True)
    conf = KeystoreConf("", str(tmp_path / "keys"))
    (problem,) = store.write(lambda txn: release_private(txn, [40 * "a", 40 * "b"], [conf]))
    assert isinstance(problem, KeyRefused)
    assert f"{40 * 'a'}.pem' cannot be removed" in str(problem)
