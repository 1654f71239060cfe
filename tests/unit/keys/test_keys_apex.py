# SPDX-License-Identifier: Apache-2.0
"""What the apex shows of the keys, and what may not be signed with them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from control.conf.policy import PolicyConf
from control.keys.apex import ApexSets, apex_sets
from control.keys.check import check_keyset, remarks_on_keyset
from control.keys.dnskey import DELETE_CDNSKEY, DELETE_CDS, dnskey_rdata, ds_rdata
from control.keys.state import KeyState
from control.store.kasp import Key, KeyTimers
from tests.unit.keys.test_keys_state import CSK, KSK, NOW, ZSK, key_of

APEX = b"\7example\0"
MODES = ("none", "rollover", "always", "double-ds")
OLD, ZONE_KEY = key_of(KSK, KeyState.ACTIVE), key_of(ZSK, KeyState.ACTIVE, number=2)


def new(state: KeyState, algorithm: int = 13) -> Key:
    return key_of(KSK, state, number=3, algorithm=algorithm)


def submitted(mode: str, *keys: Key, digest_type: int = 2) -> str:
    """The numbers of the keys whose CDS and CDNSKEY records are there."""
    policy = PolicyConf(cds_cdnskey_publish=mode, cds_digest_type=digest_type)
    sets = apex_sets(APEX, keys, policy, NOW)
    by_rdata = {dnskey_rdata(key): str(int(key.id, 16)) for key in keys}
    by_ds = {ds_rdata(APEX, dnskey_rdata(key), digest_type): str(int(key.id, 16)) for key in keys}
    numbers = "".join(sorted(by_rdata[rdata] for rdata in sets.cdnskeys))
    assert numbers == "".join(sorted(by_ds[rdata] for rdata in sets.cdss))
    assert (sorted(sets.cdnskeys), sorted(sets.cdss)) == (list(sets.cdnskeys), list(sets.cdss))
    return numbers


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((OLD, ZONE_KEY), ("", "", "1", "1")),
        ((OLD, ZONE_KEY, new(KeyState.PUBLISHED)), ("", "", "1", "1")),
        ((OLD, ZONE_KEY, new(KeyState.READY)), ("", "3", "3", "13")),
        ((OLD, ZONE_KEY, new(KeyState.READY, 15)), ("", "3", "3", "3")),
        ((key_of(KSK, KeyState.RETIRE_ACTIVE), ZONE_KEY, new(KeyState.ACTIVE)), ("", "", "3", "3")),
        ((key_of(KSK, KeyState.READY), ZONE_KEY), ("", "1", "1", "1")),
        ((key_of(CSK, KeyState.READY),), ("", "1", "1", "1")),
        ((key_of(KSK, KeyState.REVOKE),), ("", "", "", "")),
        ((), ("", "", "", "")),
    ],
)
def test_what_the_parent_is_to_publish(keys: tuple[Key, ...], expected: tuple[str, ...]) -> None:
    """By what cds-cdnskey-publish says, through the phases of a KSK rollover."""
    assert tuple(submitted(mode, *keys) for mode in MODES) == expected
    assert tuple(submitted(mode, *keys, digest_type=4) for mode in MODES) == expected


def test_the_parent_is_asked_to_delete() -> None:
    """Whatever keys there are."""
    sets = apex_sets(APEX, [OLD, new(KeyState.READY)], PolicyConf(cds_cdnskey_publish="delete-dnssec"), NOW)
    assert (sets.cdnskeys, sets.cdss) == ((DELETE_CDNSKEY,), (DELETE_CDS,))


def test_the_dnskey_set() -> None:
    """All that are public, in canonical order, revoked ones with their flag."""
    revoked = key_of(KSK, KeyState.REVOKE, number=9)
    foreign = replace(key_of(ZSK, KeyState.ACTIVE, number=8), is_public_only=True)
    hidden = [key_of(ZSK, KeyState.PRE_ACTIVE, number=7), key_of(KSK, KeyState.RETIRED, number=6)]
    sets = apex_sets(APEX, [revoked, OLD, foreign, *hidden, ZONE_KEY], PolicyConf(), NOW)
    expected = [dnskey_rdata(key) for key in (OLD, foreign, ZONE_KEY)] + [dnskey_rdata(revoked, revoked=True)]
    assert sets == ApexSets(tuple(sorted(expected)))


GOOD: dict[str, tuple[Key, ...]] = {
    "two keys": (OLD, ZONE_KEY),
    "first keys": (key_of(KSK, KeyState.READY), ZONE_KEY),
    "one key": (key_of(CSK, KeyState.ACTIVE),),
    "first single key": (key_of(CSK, KeyState.READY),),
    "zsk in rollover": (OLD, key_of(ZSK, KeyState.RETIRED, number=2), key_of(ZSK, KeyState.ACTIVE, number=4)),
    "new algorithm signs": (
        OLD,
        ZONE_KEY,
        new(KeyState.PRE_ACTIVE, 15),
        key_of(ZSK, KeyState.PRE_ACTIVE, algorithm=15),
    ),
    "foreign algorithm": (OLD, ZONE_KEY, replace(new(KeyState.ACTIVE, 8), is_public_only=True)),
    "revoked beside": (OLD, ZONE_KEY, new(KeyState.REVOKE)),
}
BAD: dict[str, tuple[tuple[Key, ...], str]] = {
    "nothing": ((), "no key signs the zone"),
    "no zsk": ((OLD,), "algorithm 13: no ZSK or CSK is published"),
    "no ksk": ((ZONE_KEY,), "algorithm 13: no KSK or CSK that is published and signs"),
    "only retired zsk": ((OLD, key_of(ZSK, KeyState.RETIRED)), "algorithm 13: no ZSK or CSK that signs"),
    "only revoked ksk": ((ZONE_KEY, new(KeyState.REVOKE)), "algorithm 13: no KSK or CSK that is published and signs"),
    "half an algorithm": ((OLD, ZONE_KEY, new(KeyState.READY, 15)), "algorithm 15: no ZSK or CSK is published"),
}


@pytest.mark.parametrize("name", GOOD)
def test_keys_that_may_sign(name: str) -> None:
    """Each published algorithm has a key for the DNSKEY RRset and one for the zone."""
    assert check_keyset(GOOD[name], PolicyConf(), NOW) == []


@pytest.mark.parametrize("name", BAD)
def test_keys_that_must_not_sign(name: str) -> None:
    """Something is lacking, and is named; `no-check-keyset` lets it pass."""
    keys, reason = BAD[name]
    assert reason in check_keyset(keys, PolicyConf(), NOW)
    assert check_keyset(keys, PolicyConf(unsafe=frozenset({"no-check-keyset"})), NOW) == []


@pytest.mark.parametrize("unsafe", [frozenset(), frozenset({"no-check-keyset"})])
def test_missing_private_keys(unsafe: frozenset[str]) -> None:
    """They are named where they would have to sign, also under `no-check-keyset`."""
    unused = key_of(ZSK, KeyState.PUBLISHED, number=5)
    missing = {ZONE_KEY.id, unused.id}
    found = check_keyset([OLD, ZONE_KEY, unused], PolicyConf(unsafe=unsafe), NOW, missing=missing)
    assert len(found) == 1
    assert found[0].startswith("ZSK tag ")
    assert found[0].endswith("its private key is missing")


def test_an_algorithm_that_does_not_know_nsec3() -> None:
    """RSASHA1 under a policy with NSEC3."""
    keys = [key_of(CSK, KeyState.ACTIVE, algorithm=5)]
    assert check_keyset(keys, PolicyConf(nsec3=True), NOW) == ["algorithm 5: it cannot be used with NSEC3"]
    assert check_keyset(keys, PolicyConf(), NOW) == []


def idle(key: Key) -> Key:
    return replace(key, timers=KeyTimers(created=5))


@pytest.mark.parametrize(
    ("change", "manual", "remark"),
    [
        (idle, False, "do not say when"),
        (lambda key: replace(key, is_public_only=True), False, "nobody here signs"),
        (lambda key: replace(key, algorithm=7), False, "SHA-1"),
        (lambda key: replace(key, timers=KeyTimers(remove=5)), True, "del-all-old"),
        (lambda key: replace(key, timers=KeyTimers(remove=5)), False, ""),
        (lambda key: replace(idle(key), is_for_later=True), False, ""),
        (lambda key: replace(key, timers=KeyTimers(publish=NOW + 1)), False, ""),
        (lambda key: key, False, ""),
    ],
)
def test_remarks(change: Callable[[Key], Key], manual: bool, remark: str) -> None:
    """What is strange and harmless is remarked on."""
    found = remarks_on_keyset([change(ZONE_KEY)], PolicyConf(manual=manual), NOW)
    assert [remark in text for text in found] == ([True] if remark else [])
