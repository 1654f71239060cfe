# SPDX-License-Identifier: Apache-2.0
"""Making keys: the private half is in a keystore before the public half is known to anybody. Blocks on I/O."""

from collections.abc import Collection
from dataclasses import replace

from control.conf.algorithms import BY_NUMBER
from control.conf.policy import KeystoreConf, PolicyConf
from control.errors import KeyRefused
from control.keys.dnskey import dnskey_rdata, key_tag
from control.keys.keystore import KeyStore
from control.keys.private import PrivateKey, bits_of, generate, key_id, public_field
from control.store.kasp import NO_KEY_TIMERS, Key, KeyTimers

TRIES = 50
"""Keys made before giving up on a tag, times the modulus: that none of so many suits does not happen by chance."""


def new_key(
    policy: PolicyConf,
    *,
    is_ksk: bool,
    is_zsk: bool,
    now_s: int,
    taken_tags: Collection[int] = (),
    timers: KeyTimers = NO_KEY_TIMERS,
    algorithm: int | None = None,
    size: int | None = None,
    is_sep: bool | None = None,
) -> Key:
    """Make a key as a policy wants it, or of another algorithm, size and SEP flag, and keep its private half.

    Its tag is congruent as the policy says and, revoked or not, none of `taken_tags`, those of the other keys of the
    zone. `timers` are those it begins with, created now unless they say when. Raises KeyRefused.
    """
    conf = suitable_keystore(policy, is_zsk=is_zsk)
    wanted = policy.algorithm if algorithm is None else algorithm
    if size is None:
        size = default_size(policy, wanted, is_ksk=is_ksk)
    created = timers if timers.created else timers._replace(created=now_s)
    for _ in range(TRIES * policy.keytag_modulus):
        private = _generate(wanted, size)
        key = key_of(private, wanted, is_ksk=is_ksk, is_zsk=is_zsk, timers=created, policy=policy, keystore=conf.id)
        key = replace(key, is_sep=is_sep)
        if _tag_suits(key, policy, taken_tags):
            KeyStore(conf).store(private)
            return key
    congruence = f"{policy.keytag_remainder}/{policy.keytag_modulus}"
    raise KeyRefused(
        f"no key was found whose tag is free and fits keytag-modulo {congruence}; delete old keys of the zone"
    )


def key_of(
    private: PrivateKey,
    algorithm: int,
    *,
    is_ksk: bool,
    is_zsk: bool,
    policy: PolicyConf,
    timers: KeyTimers = NO_KEY_TIMERS,
    keystore: str = "",
) -> Key:
    """Return the public half of a private key, in the role it is to have."""
    return Key(
        key_id(private),
        algorithm,
        bits_of(private),
        public_field(private),
        is_ksk=is_ksk,
        is_zsk=is_zsk,
        timers=timers,
        is_adt=policy.deleg_adt,
        keystore=keystore,
    )


def default_size(policy: PolicyConf, algorithm: int, *, is_ksk: bool) -> int:
    """Return the bits of a new key: as the policy says of its own algorithm, and what is usual for another one."""
    if algorithm == policy.algorithm:
        return policy.ksk_size if is_ksk else policy.zsk_size
    return BY_NUMBER[algorithm].default_bits if algorithm in BY_NUMBER else 0


def suitable_keystore(policy: PolicyConf, *, is_zsk: bool) -> KeystoreConf:
    """Return where a new key is kept: the first keystore that takes its kind. Raises KeyRefused when there is none.

    A key that signs the zone, a CSK too, is for no keystore with `ksk-only`.
    """
    for conf in policy.keystores:
        if not (is_zsk and conf.ksk_only):
            return conf
    raise KeyRefused(f"policy '{policy.id}' has no keystore for keys that sign zones; name one without ksk-only")


def _generate(algorithm: int, size: int) -> PrivateKey:
    try:
        return generate(algorithm, size)
    except ValueError as exc:
        raise KeyRefused(f"{exc}; choose another algorithm or size") from exc


def _tag_suits(key: Key, policy: PolicyConf, taken: Collection[int]) -> bool:
    tag = key_tag(dnskey_rdata(key))
    return (
        tag % policy.keytag_modulus == policy.keytag_remainder
        and tag not in taken
        and key_tag(dnskey_rdata(key, revoked=True)) not in taken
    )
