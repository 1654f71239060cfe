# SPDX-License-Identifier: Apache-2.0
"""Zone files of zones that are signed here: what they say of data counts, and nothing else of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from control.conf.policy import PolicyConf
from control.errors import SerialRefused, SigningRefused
from control.store.keys import Record
from control.update.results import Outcome
from tests.support.signed import DAY, SignedZones, signed_zones

APEX = b"\7example\0"
HEAD = "$ORIGIN example.\n$TTL 60\n@ SOA ns hm {} 3600 900 604800 30\n@ NS ns\nns A 192.0.2.1\n"
RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, CDS, CDNSKEY, ZONEMD = 46, 47, 48, 50, 51, 59, 60, 63


def text(serial: int, *lines: str) -> str:
    """Return a zone file."""
    return HEAD.format(serial) + "".join(f"{line}\n" for line in lines)


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[SignedZones]:
    """Zones under the built-in policy."""
    with signed_zones(tmp_path, PolicyConf()) as found:
        yield found


def test_first_load(zones: SignedZones) -> None:
    """A new zone gets keys, signatures and the next serial, and validates."""
    result = zones.load(APEX, text(1, "www A 192.0.2.2"), cold=True)
    assert (result.taken_serial, result.new_serial) == (1, 2)
    assert result.signed is not None
    assert result.signed.new_signatures == 10
    assert zones.faults(APEX) == ()
    assert sorted((key.is_ksk, key.is_zsk) for key in zones.keys(APEX)) == [(False, True), (True, False)]
    types = zones.types(APEX)
    assert [types[rtype] for rtype in (DNSKEY, CDS, CDNSKEY, NSEC)] == [1, 1, 1, 3]


def test_reload_of_the_same(zones: SignedZones) -> None:
    """A file that says the same as before changes nothing, whether or not it is read again."""
    zones.load(APEX, text(1), cold=True)
    before = zones.door.find_zone(APEX)
    assert zones.load(APEX, text(1)).outcome is Outcome.UNCHANGED
    assert zones.load(APEX, text(1), force=True).outcome is Outcome.UNCHANGED
    assert zones.load(APEX, text(1) + "; a remark\n").outcome is Outcome.UNCHANGED
    after = zones.door.find_zone(APEX)
    assert before is not None
    assert after is not None
    assert (after.version, after.serial) == (before.version, before.serial)


@pytest.mark.parametrize(("file_serial", "serial"), [(1, 3), (2, 3), (7, 8)])
def test_changed_file(zones: SignedZones, file_serial: int, serial: int) -> None:
    """Whatever its serial, a file with other data leads to a serial greater than both, and to what has to be signed."""
    zones.load(APEX, text(1, *(f"h{number} A 192.0.2.2" for number in range(40))), cold=True)
    lines = [f"h{number} A 192.0.2.2" for number in range(40) if number != 3]
    result = zones.load(APEX, text(file_serial, *lines))
    assert result.outcome is Outcome.UPDATED
    assert zones.serial(APEX) == serial
    assert result.signed is not None
    assert not result.signed.is_whole
    assert result.signed.new_signatures == 2  # of the SOA and of the NSEC before the name that went
    assert zones.lacking(APEX) == []
    assert zones.faults(APEX) == ()


def test_much_changed_file(zones: SignedZones) -> None:
    """A file with quite other contents is signed as a whole and keeps the zone's keys."""
    zones.load(APEX, text(1, "www A 192.0.2.2"), cold=True)
    keys = zones.keys(APEX)
    zones.load(APEX, text(2, *(f"n{number} A 192.0.2.3" for number in range(5000))))
    assert zones.faults(APEX) == ()
    assert zones.keys(APEX) == keys
    assert zones.serial(APEX) == 3


def test_signatures_in_the_file(zones: SignedZones, tmp_path: Path) -> None:
    """Records of signing in a file are no part of what is compared: those of the zone stay, in both directions."""
    zones.load(APEX, text(1, "www A 192.0.2.2"), cold=True)
    version = zones.door.find_zone(APEX)
    foreign = "@ DNSKEY 256 3 13 " + "A" * 86 + "==\nwww NSEC example. A RRSIG NSEC\n@ NSEC3PARAM 1 0 0 -\n"
    assert zones.load(APEX, text(1, "www A 192.0.2.2") + foreign).outcome is Outcome.UNCHANGED
    assert version is not None
    assert zones.lacking(APEX) == []
    assert zones.types(APEX)[NSEC3PARAM] == 0


def test_older_file_is_refused(zones: SignedZones) -> None:
    """With `difference` a file of a serial before that of the last one is refused."""
    zones.settings = zones.settings._replace(zonefile_load="difference")
    zones.load(APEX, text(5, "www A 192.0.2.2"), cold=True)
    with pytest.raises(SerialRefused):
        zones.load(APEX, text(4, "www A 192.0.2.3"))
    zones.load(APEX, text(5, "www A 192.0.2.3"))
    assert zones.serial(APEX) == 7


def test_start_again(zones: SignedZones) -> None:
    """A start without a change reads no file and signs nothing, also after updates that are not in the file."""
    zones.load(APEX, text(1, "www A 192.0.2.2"), cold=True)
    before = zones.door.find_zone(APEX)
    result = zones.load(APEX, text(1, "www A 192.0.2.2"), cold=True)
    assert result.signed is None
    assert result.file_serial is None
    assert zones.door.find_zone(APEX) == before


def test_keys_that_are_lost(zones: SignedZones, tmp_path: Path) -> None:
    """Without its private key a zone stays as it is, and the error names the key and what to do."""
    zones.load(APEX, text(1, "www A 192.0.2.2"), cold=True)
    zsk = next(key for key in zones.keys(APEX) if key.is_zsk)
    (tmp_path / "keys" / f"{zsk.id}.pem").unlink()
    zones.signers.rings.forget(APEX)
    with pytest.raises(SigningRefused, match=f"{zsk.id}.*put its file back"):
        zones.load(APEX, text(2, "www A 192.0.2.3"))
    assert zones.serial(APEX) == 2
    assert zones.faults(APEX) == ()


def test_manual_policy_without_keys(zones: SignedZones) -> None:
    """A manual policy makes no keys: the load fails and says what to do."""
    zones.policy = zones.policy._replace(manual=True)
    with pytest.raises(SigningRefused, match="xdpdns-keymgr"):
        zones.load(APEX, text(1), cold=True)


def test_zonemd(zones: SignedZones) -> None:
    """The digest is over the signed zone, its type is in the apex' bit map, and it is signed."""
    zones.settings = zones.settings._replace(zonemd_generate="zonemd-sha384")
    zones.load(APEX, text(1, "www A 192.0.2.2"), cold=True)
    assert zones.types(APEX)[ZONEMD] == 1
    assert zones.faults(APEX) == ()
    zones.settings = zones.settings._replace(zonemd_verify=True)
    zones.change(APEX, (), [Record(b"\1x" + APEX, 1, 60, b"\xc0\0\2\1")])
    assert zones.faults(APEX) == ()


def test_switched_to_nsec3_and_back(zones: SignedZones) -> None:
    """Another chain replaces the one there is, in one version, whether an update comes first or the event."""
    zones.load(APEX, text(1, "www A 192.0.2.2", "a.b.c A 192.0.2.2"), cold=True)
    zones.policy = zones.policy._replace(nsec3=True)
    zones.sign(APEX)
    types = zones.types(APEX)
    assert (types[NSEC], types[NSEC3], types[NSEC3PARAM]) == (0, 6, 1)
    assert zones.faults(APEX) == ()
    zones.policy = zones.policy._replace(nsec3=False)
    zones.load(APEX, text(2, "www A 192.0.2.4", "a.b.c A 192.0.2.2"))
    types = zones.types(APEX)
    assert (types[NSEC], types[NSEC3], types[NSEC3PARAM]) == (4, 0, 0)
    assert zones.faults(APEX) == ()


def test_refresh(zones: SignedZones) -> None:
    """Signatures are renewed before they run out: those that are due, and no others."""
    zones.load(APEX, text(1, "www A 192.0.2.2"), cold=True)
    zones.now_s += DAY
    zones.load(APEX, text(2, "www A 192.0.2.3"))
    zones.now_s += 11 * DAY + 22 * 3600  # 1.05 days before the first signatures expire, and 2.05 before the others
    result = zones.sign(APEX)
    assert result.signed is not None
    kept = zones.types(APEX)[RRSIG]
    assert 0 < result.signed.new_signatures < 10
    assert kept == 3
    assert zones.faults(APEX) == ()
    assert zones.sign(APEX).outcome is Outcome.UNCHANGED


def test_unsigned_meanwhile(zones: SignedZones) -> None:
    """What was changed while the zone was not signed is signed as soon as it is again, whatever was signed before."""
    zones.load(APEX, text(1, "www A 192.0.2.2"), cold=True)
    zones.conf = zones.conf._replace(signing=False)
    zones.settings = zones.settings._replace(signs=False)
    zones.load(APEX, text(5, "www A 192.0.2.3"))
    assert zones.types(APEX)[RRSIG] == 0
    zones.conf = zones.conf._replace(signing=True)
    zones.settings = zones.settings._replace(signs=True)
    zones.change(APEX, (), [Record(b"\1x" + APEX, 1, 60, b"\xc0\0\2\1")])
    assert zones.faults(APEX) == ()
    assert zones.lacking(APEX) == []
