# SPDX-License-Identifier: Apache-2.0
"""One KSK for all zones of a policy, whatever order they are signed in and whatever becomes of one of them."""

from pathlib import Path

from control.conf.policy import PolicyConf
from control.keys.load import remove_private
from control.sign.signers import Advance
from control.store.kasp import Key
from control.store.kasp_tables import get_shared
from tests.support.signed import SignedZones, signed_zones

ONE, TWO, THREE = b"\3one\0", b"\3two\0", b"\5three\0"
SHARED = PolicyConf(id="p", ksk_shared=True)
ZONE = "$ORIGIN {name}.\n$TTL 60\n@ SOA ns hm 1 3600 900 604800 30\n@ NS ns\nns A 192.0.2.1\n"


def first(zones: SignedZones, apex: bytes) -> Advance:
    """Return how a zone is to be signed that was never signed; nothing is stored of it."""
    with zones.store.read() as txn:
        advance = zones.signers.advance(txn, apex)
    assert advance is not None
    return advance


def ksk(keys: tuple[Key, ...] | list[Key]) -> str:
    """Return the id of the only KSK."""
    (key,) = [key for key in keys if key.is_ksk]
    return key.id


def zsk(keys: tuple[Key, ...] | list[Key]) -> str:
    """Return the id of the only ZSK."""
    (key,) = [key for key in keys if key.is_zsk]
    return key.id


def test_zones_that_are_signed_at_the_same_time(tmp_path: Path) -> None:
    """None of them is stored yet, and the KSK of the first is that of all; ZSKs are their own."""
    with signed_zones(tmp_path, SHARED) as zones:
        advances = [first(zones, apex) for apex in (ONE, TWO, THREE)]
        assert len({ksk(advance.keys) for advance in advances}) == 1
        assert len({zsk(advance.keys) for advance in advances}) == 3
        assert len(zones.made) == 4


def test_a_zone_that_comes_to_nothing(tmp_path: Path) -> None:
    """Its KSK stays, since others may have taken it, and is the one that is taken next; its ZSK goes."""
    with signed_zones(tmp_path, SHARED) as zones:
        vain, other = first(zones, ONE), first(zones, TWO)
        zones.signers.discard(vain, ONE)
        assert zones.made == {ksk(other.keys), zsk(other.keys)}
        assert ksk(first(zones, THREE).keys) == ksk(vain.keys)


def test_a_zone_that_takes_the_key_has_it_shared(tmp_path: Path) -> None:
    """The store knows the key that is shared though the zone it was made for was never stored."""
    with signed_zones(tmp_path, SHARED) as zones:
        vain = first(zones, ONE)
        zones.load(TWO, ZONE.format(name="two"))
        assert ksk(zones.keys(TWO)) == ksk(vain.keys)
        with zones.store.read() as txn:
            shared = get_shared(txn, SHARED.id)
        assert shared is not None
        assert shared.id == ksk(vain.keys)


def test_a_key_that_is_gone_is_not_offered(tmp_path: Path) -> None:
    """A key whose private half an operator removed is replaced by a new one."""
    with signed_zones(tmp_path, SHARED) as zones:
        gone = ksk(first(zones, ONE).keys)
        assert remove_private(gone, zones.policy.keystores)
        assert ksk(first(zones, TWO).keys) != gone
