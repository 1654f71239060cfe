# SPDX-License-Identifier: Apache-2.0
"""Keys that were deleted: their private halves are kept for a while, and then removed for good."""

from control.conf.policy import PolicyConf
from control.errors import KeystoreError
from control.keys.release import release_private
from control.store.environment import Store, Transaction
from control.store.kasp_tables import list_trash, remove_trash


def empty_trash(store: Store, apex: bytes, policy: PolicyConf, now_s: int) -> list[KeystoreError]:
    """Forget the deleted keys of a zone whose time is over; return which files could not be removed. Blocks.

    Raises KaspDamaged or StoreError.
    """
    with store.read() as txn:
        due = [trashed.key.id for trashed in list_trash(txn, apex) if trashed.discard_s <= now_s]

    def forget(txn: Transaction) -> list[KeystoreError]:
        for key_id in due:
            remove_trash(txn, apex, key_id)
        return release_private(txn, due, policy.keystores)

    return store.write(forget) if due else []
