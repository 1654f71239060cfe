# SPDX-License-Identifier: Apache-2.0
"""Keys in the store of a running daemon, and what zone-purge leaves of them."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.conf.policy import KeystoreConf, PolicyConf
from control.conf.values import name_to_wire
from control.keys.generate import new_key
from control.keys.keystore import KeyStore
from control.store.kasp import Key, ZoneKasp
from control.store.kasp_tables import list_kasp_zones, list_keys, put_kasp, put_key
from control.store.shared import open_shared
from tests.support.operator import Operated

COM, NET, ORG = (name_to_wire(f"example.{name}.") for name in ("com", "net", "org"))


class Keys:
    """Keys that another program than the daemon gives to zones."""

    def __init__(self, operated: Operated) -> None:
        self.store = operated.storage / "store"
        self.policy = PolicyConf("", (KeystoreConf("", str(operated.storage / "keys" / "keys")),), algorithm=15)
        self.files = KeyStore(self.policy.keystores[0])

    def give(self, *zones: bytes) -> Key:
        """Make a key that zones share."""
        key = new_key(self.policy, is_ksk=True, is_zsk=True, now_s=1)
        with open_shared(self.store, 64 << 20, time.time_ns()) as store:
            for zone in zones:
                store.write(lambda txn, zone=zone: [put_key(txn, zone, key), put_kasp(txn, zone, ZoneKasp(b"s"))])  # type: ignore[misc]
        return key

    def of(self, zone: bytes) -> list[Key]:
        """Return the keys of a zone."""
        with open_shared(self.store, 64 << 20, time.time_ns()) as store, store.read() as txn:
            return list_keys(txn, zone)

    def zones(self) -> set[bytes]:
        """Return the zones that anything is known of."""
        with open_shared(self.store, 64 << 20, time.time_ns()) as store, store.read() as txn:
            return list_kasp_zones(txn)


@pytest.fixture
def operated(tmp_path: Path) -> Iterator[Operated]:
    """A daemon with two zones."""
    under_test = Operated(tmp_path, "xdpdnsctl")
    try:
        under_test.write_zone("example.net", 7)
        under_test.write_config("example.com", "example.net")
        under_test.start()
        yield under_test
    finally:
        under_test.close()


def test_purge(operated: Operated) -> None:
    """Records of keys go with `+kaspdb` and by default, private keys when that is asked for and no zone has them."""
    keys = Keys(operated)
    own, shared = keys.give(COM), keys.give(COM, NET)
    operated.ok("-f zone-purge +journal example.com")
    assert sorted(keys.of(COM), key=lambda key: key.id) == sorted((own, shared), key=lambda key: key.id)
    operated.ok("-f zone-purge +kaspdb example.com")
    assert (keys.of(COM), keys.of(NET), keys.zones()) == ([], [shared], {NET})
    assert keys.files.list() == sorted((own.id, shared.id))
    again = keys.give(COM)
    with open_shared(keys.store, 64 << 20, 1) as store:
        store.write(lambda txn: put_key(txn, COM, shared))
    operated.ok("-f zone-purge +keys example.com")
    assert keys.files.list() == sorted((own.id, shared.id))
    assert again.id not in keys.files.list()
    operated.ok("-f zone-purge example.net")
    assert (keys.zones(), shared.id in keys.files.list()) == (set(), True)
    assert operated.stop() == 0


def test_orphans(operated: Operated) -> None:
    """What zones that are not configured have goes with `+orphan`; their private keys when that is asked for."""
    keys = Keys(operated)
    kept, gone = keys.give(COM), keys.give(ORG)
    operated.ok("-f zone-purge +orphan example.org")
    assert (keys.zones(), keys.files.list()) == ({COM}, sorted((kept.id, gone.id)))
    other = keys.give(ORG)
    operated.ok("-f zone-purge +orphan +keys --")
    assert (keys.of(COM), keys.zones(), other.id in keys.files.list()) == ([kept], {COM}, False)


def test_keys_survive_the_daemon(operated: Operated) -> None:
    """What another program wrote while the daemon ran is there after a restart, and after a crash."""
    keys = Keys(operated)
    key = keys.give(COM)
    operated.write_zone("example.com", 2)
    operated.ok("-b zone-reload example.com")
    operated.restart()
    assert keys.of(COM) == [key]
    other = keys.give(NET)
    operated.kill()
    operated.start()
    assert (keys.of(COM), keys.of(NET)) == ([key], [other])
    assert operated.serial() == "2"
