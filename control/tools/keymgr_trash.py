# SPDX-License-Identifier: Apache-2.0
"""Deleted keys: they stay in the trash for a while with their private half, and can be taken back.

Commands trash-list, trash-discard and import-trash of xdpdns-keymgr.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from control.conf.policy import PolicyConf
from control.keys.dnskey import tag_of
from control.store.environment import Transaction
from control.store.kasp import Key
from control.store.kasp_tables import (
    TrashedKey,
    get_key,
    list_trash,
    put_key,
    put_trash,
    remove_shared,
    remove_trash,
    zones_of_key,
)
from control.store.keys import name_text
from control.tools.keymgr_arguments import parse_arguments, whole_id
from control.tools.keymgr_attributes import flagged, new_timers
from control.tools.keymgr_listing import Listed, key_lines
from control.tools.keymgr_options import ALL_ZONES
from control.tools.keymgr_refusal import INVALID, NOT_EXISTS, Refusal
from control.tools.keymgr_session import Session


def trash_delay_s(policy: PolicyConf) -> int:
    """Return how long a deleted key is kept; 0: not at all."""
    return 2 * policy.rrsig_lifetime_s if policy.trash_delay_s is None else policy.trash_delay_s


def throw_away(txn: Transaction, apex: bytes, key: Key, policy: PolicyConf, now_s: int) -> bool:
    """Put a key that was taken from a zone into the trash, where it has a use; tell whether its private half stays.

    It also stays with the other zones that have the key, which then needs no trash. A key that no zone has is not
    shared with new ones any more.
    """
    if key.is_public_only or any(get_key(txn, zone, key.id) for zone in zones_of_key(txn, key.id)):
        return True
    remove_shared(txn, key.id)
    delay_s = trash_delay_s(policy)
    if not delay_s:
        return False
    put_trash(txn, TrashedKey(apex, key, now_s, now_s + delay_s))
    return True


def trash_list(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Print the deleted keys of the zone, or of all."""
    with session.read() as txn:
        found = list_trash(txn, session.one_zone)
    listed = [
        Listed(name_text(one.zone), one.key, tag_of(one.key), deleted=one.deleted_s, discard=one.discard_s)
        for one in found
    ]
    yield from key_lines(listed, session.styled(words)._replace(with_zone=session.one_zone is None))


def trash_discard(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Let go of a deleted key, or of all of the zone, or of all zones, for good."""

    def job(txn: Transaction) -> list[str]:
        chosen = _deleted_keys(txn, session.one_zone, words[0])
        for one in chosen:
            remove_trash(txn, one.zone, one.key.id)
        return [one.key.id for one in chosen]

    session.release(session.write(job))
    yield "OK"


def import_trash(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Take a deleted key back, with new timers; algorithm, size and roles are as they were."""
    arguments = parse_arguments(words[1:], session.now_s, changing=True)

    def job(txn: Transaction) -> Key:
        if words[0] == ALL_ZONES:
            raise Refusal("invalid key specification", INVALID)
        one = _deleted_keys(txn, None, words[0])[0]
        is_ksk, is_zsk = arguments.roles(one.key.is_ksk, one.key.is_zsk)
        timers = new_timers(arguments, session.now_s, is_ksk=is_ksk)
        key = flagged(replace(one.key, is_ksk=is_ksk, is_zsk=is_zsk, timers=timers, is_for_later=False), arguments)
        put_key(txn, session.apex, key)
        remove_trash(txn, one.zone, key.id)
        return key

    yield session.write(job).id
    yield "OK"


def _deleted_keys(txn: Transaction, apex: bytes | None, text: str) -> list[TrashedKey]:
    """Return what the trash of a zone, or of all, has of a whole id, or all that it has; raise Refusal."""
    if text == ALL_ZONES:
        return list_trash(txn, apex)
    key_id = whole_id(text)
    if key_id is None:
        raise Refusal("invalid key specification", INVALID)
    found = [one for one in list_trash(txn, apex) if one.key.id == key_id]
    if not found:
        raise Refusal("key not found", NOT_EXISTS)
    return found
