# SPDX-License-Identifier: Apache-2.0
"""Finding the private half of a key in the keystores of a policy. Everything blocks on I/O."""

from collections.abc import Iterable, Iterator

from control.conf.policy import KeystoreConf, PolicyConf
from control.errors import KeyMissing, KeyRefused
from control.keys.keystore import KeyStore
from control.keys.private import PrivateKey, fits, public_field, to_der
from control.store.kasp import Key


def find_keystore(key: Key, keystores: Iterable[KeystoreConf]) -> KeyStore | None:
    """Return the keystore that has the file of a key: its own if that is one of them, else the first; None: none."""
    return next((store for store in _in_order(key, keystores) if store.has(key.id)), None)


def load_private(key: Key, policy: PolicyConf) -> PrivateKey:
    """Return the private half of a key, which is known to belong to its public half.

    Raises KeyMissing, or KeyRefused for a file that cannot be used or belongs to another key.
    """
    store = find_keystore(key, policy.keystores)
    if store is None:
        places = ", ".join(f"'{conf.directory}'" for conf in policy.keystores)
        raise KeyMissing(f"private key {key.id} is in no keystore ({places}); put its file back, or delete the key")
    private = store.load(key.id)
    if not fits(private, key.algorithm) or public_field(private) != key.public_key:
        path, tail = store.path(key.id), f"is not that of the DNSKEY record of algorithm {key.algorithm}"
        raise KeyRefused(f"private key '{path}' {tail}; delete the key and import the file again")
    return private


def private_der(key: Key, policy: PolicyConf) -> bytes:
    """Return the PKCS #8 DER of the private half of a key, for the signer. Raises as `load_private`."""
    return to_der(load_private(key, policy))


def remove_private(key_id: str, keystores: Iterable[KeystoreConf]) -> bool:
    """Remove the private half of a key for good from every keystore; false when none had it. Raises KeyRefused."""
    return any([KeyStore(conf).remove(key_id) for conf in keystores])


def _in_order(key: Key, keystores: Iterable[KeystoreConf]) -> Iterator[KeyStore]:
    return map(KeyStore, sorted(keystores, key=lambda conf: conf.id != key.keystore))
