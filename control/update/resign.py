# SPDX-License-Identifier: Apache-2.0
"""Signing a zone whose data stays as it is: keys, parameters or time have gone on.

All of the zone is looked at without holding up other changes; what has to change is committed if the zone is still the
same then. Much of it is written as a whole.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.errors import SigningRefused, ZoneBusy, ZoneUnknown
from control.sign.apex import key_changes
from control.sign.remember import remember
from control.sign.signing import NOT_SIGNED, SOA, Signed, Signing
from control.sign.whole import sign_contents, summary
from control.store.contents import FlatZone, flat_zone, flatten, get_rrset
from control.store.environment import Store, Transaction
from control.store.keys import RRSIG, RRsetChange, pack_typed, rrset_key, type_of_key, unpack_rdatas
from control.store.zones import StoredZone, get_zone
from control.update.compare import RECORDED_MAX
from control.update.group import CommitQueue
from control.update.replace import Replacement, Replacer
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult, Outcome
from control.update.serial import next_serial, set_serial
from control.update.whole import check_current
from control.zonefile.rows import leading_owner
from pyxdp_dns.errors import EngineError

if TYPE_CHECKING:
    from pyxdp_dns.scan import ScannedZone
    from pyxdp_dns.signing import SignedZone

ATTEMPTS = 5
"""How often a zone is signed anew because it changed meanwhile."""


class Resigner:
    """Signs zones of one store and one response table."""

    def __init__(self, store: Store, queue: CommitQueue, replacer: Replacer, clock: Clock) -> None:
        self._store, self._queue, self._replacer, self._clock = store, queue, replacer, clock

    def sign(self, zone: bytes, settings: ZoneSettings, signing_of: Callable[[Transaction], Signing]) -> ChangeResult:
        """Sign a zone as `signing_of` says when it is asked with a snapshot; `Door.sign` has the contract."""
        for attempt in range(ATTEMPTS):
            try:
                return self._attempt(zone, settings, signing_of)
            except ZoneBusy:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError

    def _attempt(
        self, zone: bytes, settings: ZoneSettings, signing_of: Callable[[Transaction], Signing]
    ) -> ChangeResult:
        with self._store.read() as txn:
            known = get_zone(txn, zone)
            if known is None or known.expired:
                raise ZoneUnknown(zone, "no contents to sign; load the zone first")
            signing = signing_of(txn)
            keys = list(key_changes(signing, known.zone_id, zone, partial(get_rrset, txn, known, zone)))
            if signing.fits and not keys and signing.validity.reuse and not self._is_due(signing):
                return self._note(known, signing)
            contents = flat_zone(txn, known)
        return self._sign(known, settings, signing, contents, keys)

    @staticmethod
    def _is_due(signing: Signing) -> bool:
        """Tell whether some signature is to be renewed."""
        return signing.kasp.expires <= signing.validity.keep_until

    def _note(self, known: StoredZone, signing: Signing) -> ChangeResult:
        """Nothing is to be done; keys may have gone on all the same."""
        done = NOT_SIGNED
        if signing.keys.written or signing.keys.removed:
            done = self._remember(known, signing, done)
        return _unchanged(known, done)

    def _remember(self, known: StoredZone, signing: Signing, signed: Signed) -> Signed:
        """Write what goes with contents that stay. Raises ZoneBusy when the zone has other ones meanwhile."""

        def job(txn: Transaction) -> Signed:
            check_current(txn, known.apex, known)
            return remember(txn, known, signing, signed)

        return self._store.write(job)

    def _sign(
        self,
        known: StoredZone,
        settings: ZoneSettings,
        signing: Signing,
        contents: FlatZone,
        keys: Sequence[RRsetChange],
    ) -> ChangeResult:
        new_values = flatten((change.key, change.new or b"") for change in sorted(keys))
        with _signed(known, signing, contents, new_values) as (base, done):
            signed = summary(done, base)
            if done.changes.count + len(keys) <= RECORDED_MAX:
                changes = [*keys, *(RRsetChange(key, None, value or None) for key, value in done.changes)]
                return self._commit(known, settings, signing, signed, changes)
            return self._replace(known, settings, signing, signed, done.apply(base))

    def _commit(
        self,
        known: StoredZone,
        settings: ZoneSettings,
        signing: Signing,
        signed: Signed,
        changes: Sequence[RRsetChange],
    ) -> ChangeResult:
        if not changes:
            return _unchanged(known, self._remember(known, signing, signed))
        update = ZoneUpdate(known.apex, settings, changes, base_version=known.version, signing=signing, signed=signed)
        (result,) = self._queue.commit([update])
        return result

    def _replace(
        self, known: StoredZone, settings: ZoneSettings, signing: Signing, signed: Signed, contents: "ScannedZone"
    ) -> ChangeResult:
        """Write the zone as a whole; the contents are closed."""
        now_s = self._clock.now_ns() // 10**9
        serial = next_serial(known.serial, settings.serial_policy, settings.serial_modulo, now_s)
        with contents, _with_serial(contents, known, serial, signing) as final:
            records, octets = final.measure()
            target = known._replace(
                zone_id=self._store.reserve_zone_id(),
                version=self._store.reserve_version(),
                serial=serial,
                rrsets=final.count,
                records=records,
                size=octets,
                is_file=False,
            )
            final.move(target.zone_id)

            def also(txn: Transaction) -> None:
                remember(txn, target, signing, signed)

            result = self._replacer.carry_out(Replacement(known, target, final, settings, also))
            return result._replace(signed=signed._replace(events=signing.keys.events))


@contextmanager
def _signed(
    zone: StoredZone, signing: Signing, contents: FlatZone, keys: FlatZone
) -> "Iterator[tuple[ScannedZone, SignedZone]]":
    """Give the contents with other records about keys, and what makes these a signed zone. Raises SigningRefused."""
    from pyxdp_dns.signing import apply_changes

    with ExitStack() as held:
        try:
            base = held.enter_context(apply_changes(contents, keys))
            done = held.enter_context(sign_contents(base, zone.apex, zone.zone_id, signing))
        except EngineError as exc:
            raise SigningRefused(zone.apex, str(exc)) from exc
        yield base, done


def _with_serial(contents: "ScannedZone", zone: StoredZone, serial: int, signing: Signing) -> "ScannedZone":
    """Return signed contents with another serial, whose SOA is signed; the caller closes them."""
    from pyxdp_dns.signing import apply_changes, sign_rrsets

    values = {type_of_key(key): value for key, value in leading_owner(contents)}
    soa, key = set_serial(values[SOA], serial), rrset_key(zone.zone_id, zone.apex, SOA)
    ((*made,),) = sign_rrsets(signing.ring, [(key, soa, ())], zone.apex, signing.validity)
    kept = [rdata for rdata in unpack_rdatas(values[RRSIG]) if int.from_bytes(rdata[:2], "big") != SOA]
    signatures = pack_typed(RRSIG, 0, [*kept, *made])
    return apply_changes(contents, flatten([(key, soa), (rrset_key(zone.zone_id, zone.apex, RRSIG), signatures)]))


def _unchanged(known: StoredZone, signed: Signed) -> ChangeResult:
    return ChangeResult(
        zone=known.apex,
        outcome=Outcome.UNCHANGED,
        old_serial=known.serial,
        new_serial=known.serial,
        removed=0,
        added=0,
        version=known.version,
        size=known.size,
        signed=signed,
    )
