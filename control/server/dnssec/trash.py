# SPDX-License-Identifier: Apache-2.0
"""Private halves of keys that were deleted: they are kept for a while, and then removed for good."""

from control.conf.policy import PolicyConf
from control.keys.load import remove_private
from control.store.environment import Store, Transaction
from control.store.kasp_tables import TrashedKey, list_trash, remove_trash, zones_of_key


def empty_trash(store: Store, apex: bytes, policy: PolicyConf, now_s: int) -> None:
    """Forget the deleted keys of a zone whose time is over, and remove their files where no zone has them. Blocks.

    The record goes first: what a crash leaves is a file that nothing refers to. Raises KaspDamaged, StoreError or
    KeyRefused.
    """
    with store.read() as txn:
        due = [trashed for trashed in list_trash(txn, apex) if trashed.discard_s <= now_s]

    def forget(txn: Transaction) -> list[TrashedKey]:
        for trashed in due:
            remove_trash(txn, apex, trashed.key.id)
        return [trashed for trashed in due if not zones_of_key(txn, trashed.key.id)]

    for trashed in store.write(forget) if due else ():
        remove_private(trashed.key, policy.keystores)
