# SPDX-License-Identifier: Apache-2.0
"""Letting go of private keys that no zone has any more: zones may share them. Blocks on I/O."""

from collections.abc import Collection, Iterable

from control.conf.policy import KeystoreConf
from control.errors import KeystoreError
from control.keys.load import remove_private
from control.store.environment import Transaction
from control.store.kasp_tables import remove_shared, used_keys


def release_private(
    txn: Transaction, key_ids: Collection[str], keystores: Iterable[KeystoreConf]
) -> list[KeystoreError]:
    """Remove the private halves of keys that neither a zone nor its trash has; return what could not be removed.

    It is a write transaction, which keeps out those that would take one of the keys meanwhile.
    """
    keystores, problems = tuple(keystores), []
    for key_id in sorted(set(key_ids) - used_keys(txn, key_ids)):
        remove_shared(txn, key_id)
        try:
            remove_private(key_id, keystores)
        except KeystoreError as error:
            problems.append(error)
    return problems
