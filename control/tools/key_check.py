# SPDX-License-Identifier: Apache-2.0
"""`zone-key-check`: whether zones can be signed with their keys, looked at in store and keystores, without the daemon.

Each private half has to be where the policy looks for it, readable by the daemon's user and that of the DNSKEY record;
together the keys have to make a chain of trust.
"""

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from control.conf.policy import PolicyConf
from control.errors import KaspDamaged, KeystoreError
from control.keys.check import check_keyset, remarks_on_keyset
from control.keys.dnskey import tag_of
from control.keys.keystore import KeyStore
from control.keys.load import find_keystore, load_private
from control.log import ERROR, WARNING
from control.server.user import User, may
from control.store.environment import Transaction
from control.store.inspect import open_snapshot
from control.store.kasp import Key
from control.store.kasp_tables import scan_keys
from control.store.keys import name_text
from control.tools.keymgr_listing import role
from control.tools.keymgr_place import Place, zone_wire
from control.tools.keymgr_refusal import Refusal
from control.tools.zone_check import Report


class Problem(NamedTuple):
    """Something that is wrong, or (WARNING) worth a look."""

    level: int
    text: str


def check_keys(place: Place, names: Iterable[str], report: Report, now_s: int, *, strict: bool = False) -> int:
    """Check the keys of the zones named as users write them, without names of all that are signed; report problems.

    Returns the exit status: 0 when all can be signed, and with `strict` nothing is worth a look. Raises StoreError.
    """
    zones, status = [], 0
    for name in names or _signed_zones(place):
        try:
            zones.append(zone_wire(name))
        except Refusal:
            report(ERROR, name, "invalid name")
            status = 1
    with open_snapshot(place.store) as txn:
        for apex in zones:
            for problem in zone_problems(place, txn, apex, now_s):
                report(problem.level, name_text(apex), problem.text)
                if strict or problem.level == ERROR:
                    status = 1
    return status


def _signed_zones(place: Place) -> list[str]:
    return [] if place.config is None else [zone.name for zone in place.config.zones.values() if zone.dnssec.signing]


def zone_problems(place: Place, txn: Transaction, apex: bytes, now_s: int) -> Iterator[Problem]:
    """Yield what is wrong with the keys of a zone."""
    dnssec = place.dnssec(txn, apex)
    found = list(scan_keys(txn, apex))
    yield from (Problem(ERROR, str(one)) for one in found if isinstance(one, KaspDamaged))
    keys = [one for one in found if isinstance(one, Key)]
    if not dnssec.signing:
        yield Problem(WARNING, "the zone is not signed here, set dnssec-signing to have its keys used")
    if keys or dnssec.policy.manual:
        yield from key_problems(keys, dnssec.policy, place.user, now_s)


def key_problems(keys: list[Key], policy: PolicyConf, user: User | None, now_s: int) -> Iterator[Problem]:
    """Yield what is wrong with keys, each and together. `user` is whom the daemon becomes."""
    unusable = set()
    for key in keys:
        for problem in () if key.is_public_only else _private_problems(key, policy, user):
            yield Problem(problem.level, f"{role(key)} tag {tag_of(key)}: {problem.text}")
            if problem.level == ERROR:
                unusable.add(key.id)
    for text in check_keyset([key for key in keys if key.id not in unusable], policy, now_s):
        yield Problem(ERROR, text)
    for text in remarks_on_keyset(keys, policy, now_s):
        yield Problem(WARNING, text)


def _private_problems(key: Key, policy: PolicyConf, user: User | None) -> Iterator[Problem]:
    try:
        load_private(key, policy)
    except KeystoreError as error:
        yield Problem(ERROR, str(error))
        return
    store = find_keystore(key, policy.keystores)
    if store is not None:
        yield from _file_problems(store, key, user)


def _file_problems(store: KeyStore, key: Key, user: User | None) -> Iterator[Problem]:
    path = store.path(key.id)
    if user is not None and not may(user, os.stat(path), 4):
        yield Problem(ERROR, f"private key '{path}' cannot be read by user '{user.name}', chown it")
    if os.stat(path).st_mode & 0o007:
        yield Problem(WARNING, f"private key '{path}' is open to all users, chmod it to 600")
