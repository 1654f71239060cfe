# SPDX-License-Identifier: Apache-2.0
"""Signing what a change of a zone touches, and nothing else, inside the transaction of the change.

Touched are the names of the change, all beneath a zone cut or DNAME that appears or goes, and the NSEC or NSEC3 records
that come before them. Every new signature is verified against the DNSKEY records that will be published with it.
"""

from collections.abc import Iterable, Sequence

from control.errors import ZoneInvalid
from control.sign.apex import key_changes
from control.sign.nsec import NsecChain
from control.sign.nsec3 import Hashing, Nsec3Chain
from control.sign.signing import DNSKEY, MADE_HERE, SOA, Signed, Signing
from control.sign.view import NSEC, NSEC3, RRSIG, Node, ZoneView
from control.store.contents import apply_changes
from control.store.environment import Transaction
from control.store.keys import (
    RRsetChange,
    name_text,
    owner_of_key,
    pack_typed,
    parse_owner_key,
    type_of_key,
    unpack_rdatas,
    unpack_ttl,
)
from control.store.zones import StoredZone
from control.update.difference import invert_changes, shifted_owners

COVERED = slice(0, 2)
EXPIRATION = slice(8, 12)
"""In the data of an RRSIG (RFC 4034, section 3.1)."""
SOA_MINIMUM_OCTETS = 4


class Signer:
    """Signs one change of one zone; all other changes of it are written already."""

    def __init__(self, txn: Transaction, zone: StoredZone, signing: Signing) -> None:
        self._txn, self._zone, self._signing = txn, zone, signing
        self._view = ZoneView(txn, zone)
        self._made: dict[bytes, RRsetChange] = {}
        self.new_signatures = 0
        self.expires = 0
        self.max_ttl = 0

    def take_back(self) -> None:
        """Undo what was written."""
        apply_changes(self._txn, invert_changes(self._made.values()))

    def sign(self, changes: Sequence[RRsetChange]) -> list[RRsetChange]:
        """Write and return what the changes need: records about keys, NSEC or NSEC3 records, signatures."""
        apex = self._zone.apex
        keys = list(
            key_changes(self._signing, self._zone.zone_id, apex, lambda t: self._view.value(self._view.apex, t))
        )
        self._write(keys)
        given = [change for change in (*changes, *keys) if type_of_key(change.key) not in MADE_HERE]
        changed = {change.key for change in given}
        names = dict.fromkeys(owner_of_key(change.key) for change in given)
        for name in shifted_owners(given, apex):
            names.update(dict.fromkeys(self._view.beneath(name)))
        touched = {name: self._view.node(name) for name in names}
        chained = self._chain(touched)
        self._write(chained)
        changed.update(change.key for change in chained)
        names.update(dict.fromkeys(owner_of_key(change.key) for change in chained))
        self._write(self._signatures(names, changed))
        return [self._made[key] for key in sorted(self._made)]

    def _write(self, changes: Iterable[RRsetChange]) -> None:
        found = [change for change in changes if change.old != change.new]
        apply_changes(self._txn, found)
        self._made.update((change.key, change) for change in found)

    def _chain(self, touched: dict[bytes, Node]) -> list[RRsetChange]:
        """Return the changes of NSEC or NSEC3 records."""
        soa = self._view.value(self._view.apex, SOA)
        if soa is None:
            return []
        ttl, nsec3 = negative_ttl(soa), self._signing.nsec3
        if nsec3 is None:
            rtype, settled = NSEC, NsecChain(self._view, ttl, touched).settle()
        else:
            from pyxdp_dns.signing import nsec3_hash

            hashing = Hashing(*nsec3, hash_name=lambda name: nsec3_hash(name, nsec3))
            rtype, settled = NSEC3, Nsec3Chain(self._view, ttl, touched, hashing).settle()
        keys = {self._view.key(name, rtype): value for name, value in settled.items()}
        found = [RRsetChange(key, self._txn.get(self._txn.contents, key), keys[key]) for key in sorted(keys)]
        return [change for change in found if change.old != change.new]

    def _signatures(self, names: Iterable[bytes], changed: set[bytes]) -> list[RRsetChange]:
        """Return the changes of the signatures at names; those of RRsets that were not changed are kept if they can
        be."""
        from pyxdp_dns.signing import sign_rrsets

        nodes = {name: self._view.node(name) for name in names}
        wanted: list[tuple[bytes, bytes, Sequence[bytes]]] = []
        for name, node in nodes.items():
            old = _signatures_by_type(node)
            for rtype in node.signed_types():
                key = self._view.key(name, rtype)
                wanted.append((key, node.rrsets[rtype], () if key in changed else old.get(rtype, ())))
        signed = sign_rrsets(self._signing.ring, wanted, self._zone.apex, self._signing.validity)
        made: dict[bytes, list[bytes]] = {}
        fresh: list[tuple[bytes, bytes, Sequence[bytes]]] = []
        for (key, value, old_rdatas), rdatas in zip(wanted, signed, strict=True):
            made.setdefault(owner_of_key(key), []).extend(rdatas)
            new = set(rdatas).difference(old_rdatas)
            if new:
                fresh.append((key, value, rdatas))
            self._count(value, rdatas, len(new))
        self._verify(fresh)
        return [
            RRsetChange(self._view.key(name, RRSIG), node.rrsets.get(RRSIG), _packed(made.get(name, ())))
            for name, node in nodes.items()
        ]

    def _count(self, value: bytes, rdatas: Iterable[bytes], new: int) -> None:
        self.new_signatures += new
        self.max_ttl = max(self.max_ttl, unpack_ttl(value))
        ends = [int.from_bytes(rdata[EXPIRATION], "big") for rdata in rdatas]
        self.expires = min([self.expires, *ends] if self.expires else ends, default=0)

    def _verify(self, signed: Sequence[tuple[bytes, bytes, Sequence[bytes]]]) -> None:
        """Check new signatures against the DNSKEY records of the zone. Raises ZoneInvalid."""
        from pyxdp_dns.signing import verify_rrsets

        dnskeys = self._view.value(self._view.apex, DNSKEY)
        rdatas = () if dnskeys is None else unpack_rdatas(dnskeys)
        reasons = verify_rrsets(rdatas, self._zone.apex, signed, self._signing.validity.now)
        for (key, _, _), reason in zip(signed, reasons, strict=True):
            if reason is not None and "no-check-keyset" not in self._signing.unsafe:
                owner = name_text(parse_owner_key(owner_of_key(key)))
                message = f"what would be published does not validate ({owner}, type {type_of_key(key)}: {reason}); "
                raise ZoneInvalid(self._zone.apex, message + "look at the zone's keys with xdpdns-keymgr ZONE list")


def sign_changes(
    txn: Transaction, zone: StoredZone, changes: Sequence[RRsetChange], signing: Signing
) -> tuple[list[RRsetChange], Signed]:
    """Sign a zone whose other `changes` are written; return what was written for it, in key order, and what was done.

    The zone has to be signed with the same keys and parameters already (`Signing.fits`). Raises ZoneInvalid when the
    result would not validate, or SigningError; nothing is written then.
    """
    signer = Signer(txn, zone, signing)
    try:
        made = signer.sign(changes)
    except BaseException:
        signer.take_back()
        raise
    return made, Signed(False, signer.new_signatures, signer.expires, signer.max_ttl)


def negative_ttl(soa: bytes) -> int:
    """Return the TTL of NSEC and NSEC3 records by the value of the SOA (RFC 9077, section 3)."""
    return min(unpack_ttl(soa), int.from_bytes(soa[-SOA_MINIMUM_OCTETS:], "big"))


def _signatures_by_type(node: Node) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for rdata in unpack_rdatas(node.rrsets[RRSIG]) if RRSIG in node.rrsets else ():
        found.setdefault(int.from_bytes(rdata[COVERED], "big"), []).append(rdata)
    return found


def _packed(rdatas: Sequence[bytes]) -> bytes | None:
    return pack_typed(RRSIG, 0, rdatas) if rdatas else None
