# SPDX-License-Identifier: Apache-2.0
"""Finding the private half of a key in the keystores of a policy."""

from dataclasses import replace
from pathlib import Path

import pytest

from control.conf.policy import KeystoreConf, PolicyConf
from control.errors import KeyMissing, KeyRefused
from control.keys.keystore import KeyStore
from control.keys.load import find_keystore, load_private, private_der, remove_private
from control.keys.private import PrivateKey, bits_of, generate, key_id, public_field, to_der, to_pem
from control.store.kasp import Key


def policy_of(tmp_path: Path) -> PolicyConf:
    return PolicyConf("p", tuple(KeystoreConf(name, str(tmp_path / name)) for name in ("first", "second")))


def key_of(private: PrivateKey, algorithm: int = 13, keystore: str = "second") -> Key:
    half = public_field(private)
    return Key(key_id(private), algorithm, bits_of(private), half, is_ksk=True, is_zsk=False, keystore=keystore)


def test_keystores_are_searched_in_order(tmp_path: Path) -> None:
    """The one a key is known to be in is first, then the others of the policy."""
    policy, private = policy_of(tmp_path), generate(13, 256)
    first, second = map(KeyStore, policy.keystores)
    key = key_of(private)
    assert find_keystore(key, policy.keystores) is None
    first.store(private)
    found = find_keystore(key, policy.keystores)
    assert found is not None
    assert found.conf.id == "first"
    assert private_der(key, policy) == to_der(private)
    second.store(private)
    first.path(key.id).write_bytes(b"damaged")
    assert private_der(key, policy) == to_der(private)
    assert private_der(replace(key, keystore="gone"), policy._replace(keystores=policy.keystores[::-1])) == to_der(
        private
    )


def test_a_key_in_no_keystore(tmp_path: Path) -> None:
    """Key and directories are named."""
    policy, key = policy_of(tmp_path), key_of(generate(13, 256))
    places = f"'{tmp_path}/first', '{tmp_path}/second'"
    with pytest.raises(KeyMissing, match=f"key {key.id} is in no keystore .{places}.; put its file back, or delete"):
        load_private(key, policy)


@pytest.mark.parametrize("what", ["algorithm", "public_key"])
def test_a_private_half_of_another_key(tmp_path: Path, what: str) -> None:
    """A file that does not belong to the record is never signed with."""
    policy, private = policy_of(tmp_path), generate(13, 256)
    KeyStore(policy.keystores[0]).store(private)
    wrong = {
        "algorithm": replace(key_of(private), algorithm=14),
        "public_key": replace(key_of(private), public_key=b"x"),
    }
    with pytest.raises(KeyRefused, match=r"is not that of the DNSKEY record of algorithm 1[34]; delete the key"):
        load_private(wrong[what], policy)


def test_a_file_under_the_name_of_another(tmp_path: Path) -> None:
    """What the file has is looked at, not what it is called."""
    policy, private, other = policy_of(tmp_path), generate(13, 256), generate(13, 256)
    store = KeyStore(policy.keystores[0])
    store.store(private)
    store.path(key_id(private)).write_bytes(to_pem(other))
    with pytest.raises(KeyRefused, match=f"is that of key {key_id(other)}"):
        private_der(key_of(private), policy)


def test_removal_is_from_every_keystore(tmp_path: Path) -> None:
    """No copy is left; it is told whether there was one."""
    policy, private = policy_of(tmp_path), generate(13, 256)
    for conf in policy.keystores:
        KeyStore(conf).store(private)
    assert remove_private(key_id(private), policy.keystores)
    assert not remove_private(key_id(private), policy.keystores)
    assert not any(KeyStore(conf).list() for conf in policy.keystores)
