# SPDX-License-Identifier: Apache-2.0
"""The table of members."""

from pathlib import Path

from control.store.environment import Store
from control.store.members import Member, list_members, put_members, remove_members

MEMBERS = [
    Member(b"\0", b"\3cat\0", b"u"),
    Member(b"\1a\0", b"\3cat\0", b"\0\1", b"gold"),
    Member(b"\1b\0", b"\0", b"x"),
]


def test_members_are_kept_in_canonical_order(tmp_path: Path) -> None:
    """The root zone, labels of any octets, groups; also after the store was opened again."""
    with Store(tmp_path, 64 << 20, 1) as store:
        store.write(lambda txn: put_members(txn, reversed(MEMBERS)))
    with Store(tmp_path, 64 << 20, 1) as store, store.read() as txn:
        assert list(list_members(txn)) == MEMBERS


def test_a_member_has_one_record(tmp_path: Path) -> None:
    """A later record replaces it; what is not there need not be removed."""
    later = MEMBERS[1]._replace(catalog=b"\5other\0", group=b"")
    with Store(tmp_path, 64 << 20, 1) as store:
        store.write(lambda txn: put_members(txn, MEMBERS))
        store.write(lambda txn: put_members(txn, [later]))
        store.write(lambda txn: remove_members(txn, [b"\0", b"\1b\0", b"\1c\0"]))
        with store.read() as txn:
            assert list(list_members(txn)) == [later]
