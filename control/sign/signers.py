# SPDX-License-Identifier: Apache-2.0
"""How the zones of a daemon are signed: their keys and what is remembered of them, read from the store, by policy.

`current` is for what changes in between: a zone's keys sign as they did when all of it was signed last, whatever time
it is. `advance` is for the event re-sign: what is due with the keys is done, and the zone is signed as of now. A zone
that was never signed gets its first keys from whatever comes first.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from control.conf.policy import DnssecConf, PolicyConf
from control.errors import KeystoreError, SigningRefused
from control.keys.apex import ApexSets, apex_sets
from control.keys.check import check_keyset
from control.keys.confirm import confirm
from control.keys.events import Event
from control.keys.generate import new_key
from control.keys.load import remove_private
from control.keys.plan import Action
from control.keys.roll import RollResult, force, roll
from control.keys.settle import seen_now
from control.keys.state import use_of
from control.keys.timing import ZoneTiming, spread_s, steady_now
from control.sign.apex import own_rdatas
from control.sign.plan import BACKDATED_S, lifetimes, salt_due
from control.sign.rings import Rings, UsedKey
from control.sign.sharing import SharedKeys
from control.sign.signing import CDS, SOA, KeyRecords, Signing
from control.store.contents import get_rrset
from control.store.environment import Transaction
from control.store.kasp import Key, KeyTimers, ZoneKasp
from control.store.kasp_tables import get_kasp, get_shared, list_keys
from control.store.keys import unpack_rdatas, unpack_ttl
from control.store.zones import get_zone

if TYPE_CHECKING:
    from pyxdp_dns.signing import Nsec3


class Wanted(NamedTuple):
    """What an operator or the parent zone asks for, beside what is due."""

    rolls: tuple[str, ...] = ()
    """`ksk` or `zsk`: a rollover begins now."""
    confirmed_ttl_s: int | None = None
    """The parent has the DS of the key that is ready; for so long caches may have the DS records from before."""
    is_anew: bool = False
    """All signatures are made anew."""
    is_seen_late: bool = False
    """What the store has of the zone is answered only now: the daemon ended between storing and publishing it."""


NOTHING_WANTED = Wanted()


class Advance(NamedTuple):
    """How a zone is signed after what was due with its keys."""

    signing: Signing
    keys: tuple[Key, ...]
    next_action: Action | None
    wake_at: int | None
    """When the keys are to be looked at again; None: never."""


class State(NamedTuple):
    """What the store has of the signing of a zone."""

    conf: DnssecConf
    keys: tuple[Key, ...]
    kasp: ZoneKasp
    timing: ZoneTiming
    is_current: bool
    """The contents in the store were signed here."""


class Signers:
    """Makes what signing takes. Any thread may call; nothing is written but files of new private keys."""

    def __init__(
        self,
        conf_of: Callable[[bytes], DnssecConf | None],
        now_s: Callable[[], int],
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`conf_of` gives what is configured of a zone (wire name in lower case), None for an unknown one."""
        self._conf_of, self._now_s, self._random = conf_of, now_s, random
        self.rings = Rings()
        self._shared = SharedKeys()

    def current(self, txn: Transaction, apex: bytes) -> Signing | None:
        """Return how a change of the zone is signed; None: it is not signed here.

        Raises SigningRefused, KeyMissing, KeyRefused or KaspDamaged.
        """
        state = self.read(txn, apex)
        if state is None:
            return None
        if not state.kasp.signed_at:
            return self._advance(txn, apex, state, NOTHING_WANTED).signing
        return self._signing(apex, state, state.keys, state.kasp.signed_at, KeyRecords(state.keys))

    def advance(self, txn: Transaction, apex: bytes, wanted: Wanted = NOTHING_WANTED) -> Advance | None:
        """Do what is due with the keys of a zone and return how it is signed then; None: it is not signed here.

        Raises as `current`.
        """
        state = self.read(txn, apex)
        return None if state is None else self._advance(txn, apex, state, wanted)

    def discard(self, advance: Advance, apex: bytes) -> None:
        """Remove the private keys that were made for what came to nothing."""
        conf = self._conf_of(apex)
        for key in advance.signing.keys.made:
            if conf is not None:
                with suppress(KeystoreError):
                    remove_private(key.id, conf.policy.keystores)

    def read(self, txn: Transaction, apex: bytes) -> State | None:
        """Return what the store has of the signing of a zone; None: it is not signed here. Raises KaspDamaged."""
        conf = self._conf_of(apex)
        if conf is None or not conf.signing:
            return None
        kasp, policy = get_kasp(txn, apex), conf.policy
        stored = get_zone(txn, apex)
        soa = None if stored is None else get_rrset(txn, stored, apex, SOA)
        soa_ttl = 0 if soa is None else unpack_ttl(soa)
        fading = kasp.fading_ttl if self._now_s() < kasp.fades_at else 0
        wanted = soa_ttl if policy.dnskey_ttl_s is None else policy.dnskey_ttl_s
        timing = ZoneTiming(
            zone_max_ttl_s=max(fading, kasp.max_ttl) if policy.zone_max_ttl_s is None else policy.zone_max_ttl_s,
            dnskey_ttl_s=max(fading, wanted, kasp.dnskey_ttl),
            jitter_s=spread_s(apex, policy, policy.zsk_lifetime_s),
            signed_at=kasp.signed_at,
        )
        is_current = stored is not None and kasp.signed_version == stored.version
        return State(conf, tuple(list_keys(txn, apex)), kasp, timing, is_current)

    def _advance(self, txn: Transaction, apex: bytes, state: State, wanted: Wanted) -> Advance:
        policy, now = state.conf.policy, steady_now(self._now_s(), state.timing)
        made: list[Key] = []
        generate = partial(self._generate, txn, state, made)
        keys, events = state.keys, tuple[Event, ...]()
        if wanted.is_seen_late and not policy.manual:
            keys = seen_now(keys, state.timing, now)
        if wanted.confirmed_ttl_s is not None:
            keys, events = confirm(keys, now, wanted.confirmed_ttl_s)
        for kind in wanted.rolls:
            forced = force(keys, policy, kind, now, generate)
            keys, events = forced.keys, (*events, *forced.events)
        rolled = roll(keys, policy, state.timing, now, generate)
        records = _records(state, rolled, made, now)._replace(events=(*events, *rolled.events))
        signing = self._signing(apex, state, rolled.keys, now, records, is_anew=wanted.is_anew)
        if state.conf.ds_push and signing.sets.cdss and set(signing.sets.cdss) != _published_cds(txn, apex):
            kasp = signing.kasp._replace(ds_push_due=now + policy.propagation_delay_s)
            signing = replace(signing, kasp=kasp)
        return Advance(signing, rolled.keys, rolled.next_action, rolled.wake_at)

    def _generate(
        self,
        txn: Transaction,
        state: State,
        made: list[Key],
        policy: PolicyConf,
        *,
        is_ksk: bool,
        is_zsk: bool,
        now_s: int,
        taken_tags: frozenset[int],
        timers: KeyTimers,
    ) -> Key:
        """Make a key, or take the newest that zones of the policy share, where this one does not have it yet."""
        make = partial(new_key, policy, is_ksk=is_ksk, is_zsk=is_zsk, now_s=now_s, taken_tags=taken_tags, timers=timers)
        if is_ksk and policy.ksk_shared:
            own = {key.id for key in state.keys}
            key = self._shared.obtain(policy, get_shared(txn, policy.id), own, is_zsk=is_zsk, make=make)
            return replace(key, timers=timers)
        made.append(make())
        return made[-1]

    def _signing(
        self,
        apex: bytes,
        state: State,
        keys: Sequence[Key],
        as_of: int,
        records: KeyRecords,
        *,
        is_anew: bool = False,
    ) -> Signing:
        """Return how the zone is signed by keys in the states they have as of a time."""
        from pyxdp_dns.signing import Validity

        policy, kasp, now = state.conf.policy, state.kasp, self._now_s()
        used = [UsedKey(key, use_of(key, as_of, keys)) for key in keys]
        _check_keys(apex, keys, policy, as_of)
        kasp = self._salted(kasp, policy, as_of, zsk_changed=_zsk_entered(keys, state))
        times = lifetimes(policy, apex, state.timing.zone_max_ttl_s)
        sets = apex_sets(apex, keys, policy, as_of)
        keeps_expired = "no-update-expired" in policy.unsafe
        return Signing(
            ring=self.rings.ring(apex, used, policy),
            sets=sets,
            own=own_rdatas(apex, keys) if policy.is_incremental else frozenset(),
            is_incremental=policy.is_incremental,
            dnskey_ttl_s=policy.dnskey_ttl_s,
            validity=Validity(
                inception=now - BACKDATED_S,
                expiration=times.expiration(now),
                now=now,
                keep_until=0 if keeps_expired else times.keep_until(now),
                reuse=not is_anew,
            ),
            as_of=as_of,
            nsec3=_nsec3(policy, kasp),
            threads=policy.signing_threads,
            unsafe=policy.unsafe,
            digest=_digest(used, sets, policy, kasp),
            kasp=kasp,
            is_current=state.is_current,
            keys=records,
        )

    def _salted(self, kasp: ZoneKasp, policy: PolicyConf, at: int, *, zsk_changed: bool) -> ZoneKasp:
        """Return what is remembered with the salt that the zone is to have as of a time (RFC 9276, section 3.1)."""
        if not policy.nsec3:
            return kasp
        due = salt_due(policy, kasp)
        is_old = (due is not None and due <= at) or (policy.nsec3_salt_lifetime_s < 0 and zsk_changed)
        if len(kasp.salt) == policy.nsec3_salt_length and not (is_old and policy.nsec3_salt_length):
            return kasp
        return kasp._replace(salt=self._random(policy.nsec3_salt_length), salt_created=at)


def _check_keys(apex: bytes, keys: Sequence[Key], policy: PolicyConf, at: int) -> None:
    """Check that the keys make a zone that validates. Raises SigningRefused."""
    problems = check_keyset(keys, policy, at)
    if not keys:
        problems = ["no key to sign it with"]
    if problems and "no-check-keyset" not in policy.unsafe:
        remedy = "generate or correct keys with xdpdns-keymgr, or use a policy that is not manual"
        raise SigningRefused(apex, f"{', '.join(problems)}; {remedy}")


def _nsec3(policy: PolicyConf, kasp: ZoneKasp) -> "Nsec3 | None":
    from pyxdp_dns.signing import Nsec3

    return Nsec3(policy.nsec3_iterations, kasp.salt, policy.nsec3_opt_out) if policy.nsec3 else None


def _zsk_entered(keys: Sequence[Key], state: State) -> bool:
    """Tell whether another key became the one that signs the zone."""
    before = {key.id for key in state.keys if key.is_zsk and key.timers.active}
    return any(key.is_zsk and key.timers.active and key.id not in before for key in keys)


def _published_cds(txn: Transaction, apex: bytes) -> set[bytes]:
    stored = get_zone(txn, apex)
    value = None if stored is None else get_rrset(txn, stored, apex, CDS)
    return set() if value is None else set(unpack_rdatas(value))


def _records(state: State, rolled: RollResult, made: Sequence[Key], now: int) -> KeyRecords:
    policy = state.conf.policy
    delay = 2 * policy.rrsig_lifetime_s if policy.trash_delay_s is None else policy.trash_delay_s
    written = [key for key in rolled.keys if key not in state.keys]
    before = {key.id for key in state.keys}
    shared = [key for key in written if key.is_ksk and policy.ksk_shared and key.id not in before]
    return KeyRecords(state.keys, written, rolled.removed, shared, made, policy.id, discard_at=now + delay)


def _digest(used: Sequence[UsedKey], sets: ApexSets, policy: PolicyConf, kasp: ZoneKasp) -> bytes:
    """Return a digest of all on which it depends that every name has the right signatures and proofs."""
    nsec3 = (policy.nsec3_iterations, kasp.salt, policy.nsec3_opt_out) if policy.nsec3 else None
    keys = sorted((key.id, tuple(use)) for key, use in used)
    told = repr((keys, sets, nsec3, policy.dnskey_ttl_s, policy.is_incremental, sorted(policy.unsafe)))
    return hashlib.sha256(told.encode()).digest()[:16]
