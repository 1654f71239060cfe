# SPDX-License-Identifier: Apache-2.0
"""Commands of xdpdns-keymgr on the keys of a zone: list, generate, set, delete, share, del-all-old."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from control.conf.policy import PolicyConf
from control.errors import KaspDamaged
from control.keys.dnskey import tag_of
from control.keys.generate import new_key
from control.keys.keystore import KeyStore
from control.store.environment import Transaction
from control.store.kasp import Key
from control.store.kasp_tables import list_keys, put_key, remove_key, scan_keys
from control.store.keys import name_text
from control.tools.keymgr_arguments import parse_arguments, whole_id
from control.tools.keymgr_attributes import flagged, new_timers, wanted_policy, wanted_sep
from control.tools.keymgr_listing import Listed, key_lines
from control.tools.keymgr_place import zone_wire
from control.tools.keymgr_refusal import INVALID, Refusal
from control.tools.keymgr_session import Session, warn
from control.tools.keymgr_trash import throw_away

ATTEMPTS = 8
"""Of making a key while others make keys with the same tag."""


def list_command(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Print the keys of the zone, then refuse what is damaged of them."""
    with session.read() as txn:
        found = list(scan_keys(txn, session.apex))
    keys = [one for one in found if isinstance(one, Key)]
    missing = missing_keys(session.policy, keys)
    listed = [Listed(session.zone, key, tag_of(key), key.id in missing) for key in keys]
    yield from key_lines(listed, session.styled(words))
    for one in found:
        if isinstance(one, KaspDamaged):
            raise one


def missing_keys(policy: PolicyConf, keys: Iterable[Key]) -> set[str]:
    """Return the ids of keys whose private half should be in a keystore of the policy and is not."""
    wanted = {key.id for key in keys if not key.is_public_only}
    return wanted.difference(*(KeyStore(conf).list() for conf in policy.keystores)) if wanted else wanted


def generate(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Make a key and print its id."""
    arguments = parse_arguments(words, session.now_s)
    is_ksk, is_zsk = arguments.roles()
    policy = wanted_policy(session.policy, arguments, is_ksk)
    timers = new_timers(arguments, session.now_s, is_ksk=is_ksk)
    for _ in range(ATTEMPTS):
        with session.read() as txn:
            keys = list_keys(txn, session.apex)
        key = new_key(
            policy,
            is_ksk=is_ksk,
            is_zsk=is_zsk,
            now_s=session.now_s,
            taken_tags=_tags(keys),
            timers=timers,
            is_sep=wanted_sep(arguments, is_ksk),
        )
        key = flagged(key, arguments)
        if add_key(session, key):
            break
        session.release((key.id,))
    else:
        raise Refusal("too many keys are made at the same time, try again")
    if is_ksk and any(one.is_ksk and one.algorithm != key.algorithm for one in keys):
        warn("creating key with different algorithm than configured in the policy")
    yield key.id


def add_key(session: Session, key: Key) -> bool:
    """Add a key, unless one with its tag has come meanwhile; tell whether it was added."""

    def job(txn: Transaction) -> bool:
        if tag_of(key) in _tags(list_keys(txn, session.apex)):
            return False
        put_key(txn, session.apex, key)
        return True

    return session.write(job)


def _tags(keys: Iterable[Key]) -> set[int]:
    """Return the tags of keys, those that they have when they are revoked among them."""
    return {tag for key in keys for tag in (tag_of(key), tag_of(key, revoked=True))}


def set_command(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Change timers and flags of a key."""
    arguments = parse_arguments(words[1:], session.now_s, changing=True)

    def job(txn: Transaction) -> None:
        key = session.find(txn, words[0])
        is_ksk, is_zsk = arguments.roles(key.is_ksk, key.is_zsk)
        is_sep = key.is_sep if (is_ksk, is_zsk) == (key.is_ksk, key.is_zsk) else None
        timers = arguments.applied(key.timers)
        changed = replace(key, is_ksk=is_ksk, is_zsk=is_zsk, is_sep=is_sep, timers=timers)
        put_key(txn, session.apex, flagged(changed, arguments))

    session.write(job)
    yield "OK"


def delete(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Take a key from the zone; of one whose record is damaged only that goes, its private half stays."""
    key_id = whole_id(words[0])
    try:
        yield from _delete(session, lambda txn: [session.find(txn, words[0])])
    except KaspDamaged:
        if key_id is None:
            raise
        session.write(lambda txn: remove_key(txn, session.apex, key_id))
        yield "OK"


def delete_all_old(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Take all keys from the zone that are removed."""
    yield from _delete(
        session,
        lambda txn: [key for key in list_keys(txn, session.apex) if 0 < key.timers.remove <= session.now_s],
    )


def _delete(session: Session, choose: Callable[[Transaction], list[Key]]) -> Iterator[str]:
    policy = session.policy

    def job(txn: Transaction) -> list[str]:
        keys = choose(txn)
        for key in keys:
            remove_key(txn, session.apex, key.id)
        return [key.id for key in keys if not throw_away(txn, session.apex, key, policy, session.now_s)]

    session.release(session.write(job))
    yield "OK"


def share(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Let the zone use a key of another zone too, with timers of its own from now on."""
    if len(words) < 2:
        raise Refusal("Zone to be shared from not specified")
    source = zone_wire(words[1])
    if source == session.apex:
        raise Refusal(f"{name_text(source)} has this key, name another zone", INVALID)

    def job(txn: Transaction) -> None:
        put_key(txn, session.apex, session.find(txn, words[0], source))

    session.write(job)
    yield "OK"
