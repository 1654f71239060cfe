# SPDX-License-Identifier: Apache-2.0
"""Zones from text straight into a store, without the door: for tests of what reads it."""

from control.store.contents import add_pairs, flatten
from control.store.environment import Store, Transaction
from control.store.keys import Pair
from control.store.sources import FileIdentity
from control.store.zones import StoredZone, put_zone
from pyxdp_dns.scan import scan_zone_text

SOA = 6


class StoredZones:
    """Puts zones into a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def put(self, apex: bytes, text: str | bytes, *sources: FileIdentity) -> list[Pair]:
        """Make `text` the contents of a zone, as a new version; return its pairs."""
        octets = text if isinstance(text, bytes) else text.encode()
        with scan_zone_text(octets, apex, self.store.reserve_zone_id()) as scanned:
            pairs, records = list(scanned), scanned.records
        zone_id = int.from_bytes(pairs[0][0][:4], "big")
        serial = next((int.from_bytes(value[-20:-16], "big") for key, value in pairs if key[-1] == SOA), 0)
        zone = StoredZone(
            apex=apex,
            zone_id=zone_id,
            version=self.store.reserve_version(),
            serial=serial,
            rrsets=len(pairs),
            records=records,
            reading=3600,
            sources=sources,
            size=flatten(pairs).measure()[1],
        )

        def job(txn: Transaction) -> None:
            add_pairs(txn, zone_id, pairs)
            put_zone(txn, zone)

        self.store.write(job)
        return pairs
