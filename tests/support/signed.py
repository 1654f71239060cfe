# SPDX-License-Identifier: Apache-2.0
"""Zones that are signed in a test: a door on a store and a table, keys in a directory, a clock that moves."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from control.clock import Clock
from control.conf.policy import DnssecConf, KeystoreConf, PolicyConf
from control.conf.zone import ZoneSettings
from control.keys.dnskey import tag_of
from control.sign.signers import NOTHING_WANTED, Advance, Signers, Wanted
from control.sign.signing import DNSKEY, Signing
from control.sign.whole import delta_changes, sign_contents
from control.store.contents import FlatZone, flat_zone
from control.store.environment import Store, Transaction
from control.store.kasp import Key, ZoneKasp
from control.store.kasp_tables import get_kasp, list_keys
from control.store.keys import RRSIG, Record, RRsetChange, type_of_key, unpack_rdatas
from control.store.zones import get_zone
from control.update.door import Door
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult, LoadResult
from pyxdp_dns.table import Table
from pyxdp_dns.validation import validate_zone

DAY = 86400
BEGIN_S = 1_800_000_000
SIGNED = DnssecConf(signing=True)
SETTINGS = ZoneSettings(signs=True, zonefile_sync_s=-1)


@dataclass
class SignedZones:
    """Zones under one policy, which a test may replace, as well as the time."""

    store: Store
    door: Door
    signers: Signers
    policy: PolicyConf
    directory: Path
    now_s: int = BEGIN_S
    settings: ZoneSettings = SETTINGS
    conf: DnssecConf = SIGNED
    advances: list[Advance] = field(default_factory=list)
    """What was made for `sign`, in order."""

    def load(self, apex: bytes, text: str, *, cold: bool = False, force: bool = False) -> LoadResult:
        """Write a zone file and load it."""
        path = self.directory / "zone"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        return self.door.load(apex, str(path), self.settings, cold=cold, force=force)

    def change(self, apex: bytes, removals: Sequence[Record] = (), additions: Sequence[Record] = ()) -> ChangeResult:
        """Remove and add records."""
        update = ZoneUpdate(apex, self.settings, removals=tuple(removals), additions=tuple(additions))
        (result,) = self.door.commit([update])
        return result

    def sign(self, apex: bytes, wanted: Wanted = NOTHING_WANTED) -> ChangeResult:
        """Do what is due."""

        def signing_of(txn: Transaction) -> Signing:
            advance = self.signers.advance(txn, apex, wanted)
            assert advance is not None
            self.advances.append(advance)
            return advance.signing

        return self.door.sign(apex, self.settings, signing_of)

    def contents(self, apex: bytes) -> FlatZone:
        """Return what the store has of a zone."""
        with self.store.read() as txn:
            stored = get_zone(txn, apex)
            assert stored is not None
            return flat_zone(txn, stored)

    def keys(self, apex: bytes) -> list[Key]:
        """Return the keys of a zone."""
        with self.store.read() as txn:
            return list_keys(txn, apex)

    def kasp(self, apex: bytes) -> ZoneKasp:
        """Return what is remembered of a zone's signing."""
        with self.store.read() as txn:
            return get_kasp(txn, apex)

    def faults(self, apex: bytes) -> tuple[tuple[str, str], ...]:
        """Return what a validator finds wrong in the zone as it is."""
        return validate_zone(self.contents(apex), apex, self.now_s).findings

    def serial(self, apex: bytes) -> int:
        """Return the serial of a zone."""
        stored = self.door.find_zone(apex)
        assert stored is not None
        return stored.serial

    def types(self, apex: bytes) -> Counter[int]:
        """Return how many RRsets the zone has of each type."""
        return Counter(type_of_key(key) for key, _ in self.contents(apex))

    def tags(self, apex: bytes) -> dict[Key, int]:
        """Return the keys of a zone and their tags."""
        return {key: tag_of(key) for key in self.keys(apex)}

    def dnskeys(self, apex: bytes) -> bytes:
        """Return the value of a zone's DNSKEY RRset."""
        (value,) = [value for key, value in self.contents(apex) if type_of_key(key) == DNSKEY]
        return value

    def signatures(self, apex: bytes) -> list[bytes]:
        """Return the data of all signatures of a zone."""
        values = [value for key, value in self.contents(apex) if type_of_key(key) == RRSIG]
        return [rdata for value in values for rdata in unpack_rdatas(value)]

    @property
    def made(self) -> set[str]:
        """The keys that there are private halves of."""
        return {path.stem for path in (self.directory / "keys").iterdir()}

    def lacking(self, apex: bytes) -> list[RRsetChange]:
        """Return what signing all of a zone anew with its keys would change; signatures are verified for it."""
        with self.store.read() as txn:
            stored, signing = get_zone(txn, apex), self.signers.current(txn, apex)
            assert stored is not None
            assert signing is not None
            contents = flat_zone(txn, stored)
            careful = replace(signing, validity=signing.validity._replace(verify_kept=True, keep_until=self.now_s))
            with sign_contents(contents, apex, stored.zone_id, careful) as signed:
                return delta_changes(signed, lambda key: txn.get(txn.contents, key))


@contextmanager
def signed_zones(directory: Path, policy: PolicyConf) -> Iterator[SignedZones]:
    """Give a door whose zones are all signed by a policy; its keystore is in the directory."""
    keystore = KeystoreConf("", str(directory / "keys"))
    found: list[SignedZones] = []
    signers = Signers(
        lambda _apex: found[0].conf._replace(policy=found[0].policy),
        lambda: found[0].now_s,
        random=lambda count: bytes(range(1, count + 1)),
    )
    clock = Clock(now_ns=lambda: found[0].now_s * 10**9)
    with Store(directory / "store", 256 << 20, 1) as store, Table.create(directory / "table") as table:
        door = Door(store, table, clock, signers.current)
        found.append(SignedZones(store, door, signers, policy._replace(keystores=(keystore,)), directory))
        yield found[0]
