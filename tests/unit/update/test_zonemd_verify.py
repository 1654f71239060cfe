# SPDX-License-Identifier: Apache-2.0
"""`zone.zonemd-verify`: what does not verify is neither loaded nor committed."""

from pathlib import Path

import pytest

from control.clock import Clock
from control.conf.zone import DEFAULT_SETTINGS
from control.store.environment import Store
from control.store.keys import Record
from control.update.door import Door
from control.update.request import ZoneUpdate
from control.zonefile.zonemd import Verdict, ZonemdInvalid
from pyxdp_dns.table import Table

MIB = 1 << 20
APEX = b"\7example\0"
SETTINGS = DEFAULT_SETTINGS._replace(zonemd_verify=True)
DIGEST = "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c"
ZONE = f"""\
@ 86400 SOA ns1 admin 2018031900 1800 900 604800 86400
@ 86400 NS ns1
@ 86400 NS ns2
@ 86400 ZONEMD 2018031900 1 1 {DIGEST}
ns1 3600 A 203.0.113.63
ns2 3600 AAAA 2001:db8::63
"""
"""RFC 8976, appendix A.1."""


def test_loads_and_changes(tmp_path: Path) -> None:
    """A zone that verifies is loaded; one that does not, or a change that breaks it, is refused."""
    path = tmp_path / "zone"
    with Store(tmp_path / "store", 64 * MIB, 1) as store, Table.create(tmp_path / "table") as table:
        door = Door(store, table, Clock())
        path.write_text(ZONE.replace("203.0.113.63", "203.0.113.64"))
        with pytest.raises(ZonemdInvalid) as caught:
            door.load(APEX, str(path), SETTINGS, cold=True)
        assert caught.value.verdict is Verdict.MISMATCH
        assert door.find_zone(APEX) is None
        path.write_text(ZONE)
        assert door.load(APEX, str(path), SETTINGS, cold=True).new_serial == 2018031900
        added = Record(b"\1a" + APEX, 1, 60, bytes(4))
        with pytest.raises(ZonemdInvalid):
            door.commit([ZoneUpdate(APEX, SETTINGS, additions=(added,))])
        known = door.find_zone(APEX)
        assert known is not None
        assert known.serial == 2018031900
