# SPDX-License-Identifier: Apache-2.0
"""Commands import-bind, import-pub and import-pem of xdpdns-keymgr: keys that were made elsewhere."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from control.conf.algorithms import BY_NUMBER
from control.errors import KeyMissing, KeyRefused
from control.keys.bind import BindPublic, BindTimes, read_bind_pair, read_bind_public
from control.keys.generate import key_of, suitable_keystore
from control.keys.keystore import KeyStore, read_private
from control.keys.private import PrivateKey, fits
from control.keys.public import public_half
from control.store.environment import Transaction
from control.store.kasp import ADT_FLAG, SEP_FLAG, Key, KeyTimers
from control.store.kasp_tables import put_key
from control.store.keys import name_text
from control.tools.keymgr_arguments import check_size, check_timers, parse_arguments
from control.tools.keymgr_attributes import flagged
from control.tools.keymgr_refusal import NOT_EXISTS, Refusal
from control.tools.keymgr_session import Session, warn

BIND_SUFFIXES = (".key", ".private")


def import_bind(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Import a key of BIND with its times; where there are none it is in use from now on."""
    try:
        pair = read_bind_pair(Path(words[0]))
    except KeyMissing as error:
        raise Refusal(str(error), NOT_EXISTS) from error
    except KeyRefused as error:
        raise Refusal(str(error), "file error") from error
    _warn_of_owner(session, pair.public)
    timers = _bind_timers(pair.times, session.now_s)
    check_timers(timers)
    is_ksk = bool(pair.public.flags & SEP_FLAG)
    policy = session.policy._replace(deleg_adt=bool(pair.public.flags & ADT_FLAG))
    conf = suitable_keystore(policy, is_zsk=not is_ksk)
    key = key_of(
        pair.private,
        pair.public.algorithm,
        is_ksk=is_ksk,
        is_zsk=not is_ksk,
        policy=policy,
        timers=timers,
        keystore=conf.id,
    )
    yield from _keep(session, key, pair.private, KeyStore(conf))


def import_pub(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Import a public key, to be published from now on."""
    path = _key_file(Path(words[0]))
    try:
        public = read_bind_public(path)
    except (KeyMissing, KeyRefused) as error:
        raise Refusal(str(error), "file error") from error
    try:
        half = public_half(public.algorithm, public.public_key)
    except ValueError as error:
        raise Refusal(f"file '{path}' has no usable public key ({error}), correct it", "invalid public key") from error
    _warn_of_owner(session, public)
    is_ksk = bool(public.flags & SEP_FLAG)
    key = Key(
        half.id,
        public.algorithm,
        half.bits,
        public.public_key,
        is_ksk=is_ksk,
        is_zsk=not is_ksk,
        timers=KeyTimers(created=session.now_s, publish=session.now_s),
        is_adt=bool(public.flags & ADT_FLAG),
        is_public_only=True,
    )
    session.write(lambda txn: put_key(txn, session.apex, key))
    yield from (key.id, "OK")


def _key_file(path: Path) -> Path:
    """Return the file with the public half, given any name of the pair."""
    base = path.with_suffix("") if path.suffix in BIND_SUFFIXES else path
    return Path(f"{base}.key")


def import_pem(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Import a private key; what it does not say itself is of the arguments or the policy."""
    arguments = parse_arguments(words[1:], session.now_s)
    begun = KeyTimers(created=session.now_s, publish=session.now_s, active=session.now_s)
    timers = arguments.applied(begun)
    is_ksk, is_zsk = arguments.roles()
    algorithm = arguments.algorithm or BY_NUMBER[session.policy.algorithm]
    private = _read_pem(Path(words[0]))
    if not fits(private, algorithm.number):
        raise Refusal("invalid key algorithm")
    conf = suitable_keystore(session.policy, is_zsk=is_zsk)
    key = key_of(
        private,
        algorithm.number,
        is_ksk=is_ksk,
        is_zsk=is_zsk,
        policy=session.policy,
        timers=timers,
        keystore=conf.id,
    )
    if arguments.size not in (None, key.size):
        raise Refusal("invalid key size")
    check_size(algorithm, key.size)
    yield from _keep(session, flagged(key, arguments), private, KeyStore(conf))


def _read_pem(path: Path) -> PrivateKey:
    try:
        return read_private(path)
    except KeyMissing as error:
        raise Refusal(f"file '{path}' is not there, name a file with a private key", NOT_EXISTS) from error
    except KeyRefused as error:
        raise Refusal(str(error), "PKCS #8 import error") from error


def _keep(session: Session, key: Key, private: PrivateKey, store: KeyStore) -> Iterator[str]:
    """Keep both halves. In one transaction, so that nobody removes the file who has just deleted the same key."""

    def job(txn: Transaction) -> None:
        store.store(private)
        put_key(txn, session.apex, replace(key, keystore=store.conf.id))

    session.write(job)
    yield from (key.id, "OK")


def _bind_timers(times: BindTimes, now_s: int) -> KeyTimers:
    return KeyTimers(
        created=times.created or now_s,
        publish=times.publish or now_s,
        active=times.activate or now_s,
        retire=times.inactive,
        revoke=times.revoke,
        remove=times.delete,
    )


def _warn_of_owner(session: Session, public: BindPublic) -> None:
    if public.owner != session.apex:
        warn(f"the key was made for zone {name_text(public.owner)}")
