# SPDX-License-Identifier: Apache-2.0
"""Making keys as a policy wants them."""

from pathlib import Path

import pytest

from control.conf.algorithms import ALGORITHMS, Algorithm
from control.conf.policy import KeystoreConf, PolicyConf
from control.errors import KeyRefused
from control.keys.dnskey import dnskey_rdata, tag_of
from control.keys.generate import new_key, suitable_keystore
from control.keys.keystore import KeyStore
from control.keys.load import private_der
from control.keys.private import to_der
from control.store.kasp import KeyTimers

NOW = 1_900_000_000


@pytest.fixture
def policy(tmp_path: Path) -> PolicyConf:
    return PolicyConf("p", (KeystoreConf("files", str(tmp_path / "files")),))


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
def test_every_algorithm(policy: PolicyConf, algorithm: Algorithm) -> None:
    """Key and private half belong together, and are of the size the policy says."""
    size = min(algorithm.default_bits, 1024)
    policy = policy._replace(algorithm=algorithm.number, ksk_size=size, zsk_size=algorithm.bits[0])
    key = new_key(policy, is_ksk=True, is_zsk=False, now_s=NOW)
    assert (key.algorithm, key.size, key.is_ksk, key.is_zsk) == (algorithm.number, size, True, False)
    assert (key.timers, key.keystore, key.is_adt) == (KeyTimers(created=NOW), "files", False)
    assert len(private_der(key, policy)) > 40
    assert KeyStore(policy.keystores[0]).list() == [key.id]


def test_roles_and_timers(policy: PolicyConf) -> None:
    """Sizes are of the role, a CSK's that of a KSK; timers are those given; the policy says whether keys have ADT."""
    policy = policy._replace(algorithm=8, ksk_size=1280, zsk_size=1024, deleg_adt=True)
    timers = KeyTimers(publish=NOW + 1, active=NOW + 2)
    keys = [
        new_key(policy, is_ksk=is_ksk, is_zsk=is_zsk, now_s=NOW, timers=timers)
        for is_ksk, is_zsk in ((True, False), (False, True), (True, True))
    ]
    assert [key.size for key in keys] == [1280, 1024, 1280]
    assert [dnskey_rdata(key)[:2].hex() for key in keys] == ["0103", "0102", "0103"]
    assert {key.timers for key in keys} == {timers._replace(created=NOW)}
    created = new_key(policy, is_ksk=False, is_zsk=True, now_s=NOW, timers=KeyTimers(created=5)).timers.created
    assert created == 5


def test_another_algorithm_than_the_policy_has(policy: PolicyConf) -> None:
    """It has its usual size, or the one that is asked for."""
    key = new_key(policy, is_ksk=True, is_zsk=False, now_s=NOW, algorithm=16)
    assert (key.algorithm, key.size) == (16, 456)
    key = new_key(policy, is_ksk=True, is_zsk=False, now_s=NOW, algorithm=8, size=1024)
    assert (key.algorithm, key.size) == (8, 1024)
    for algorithm, size in ((8, 100), (99, None), (13, 2048)):
        with pytest.raises(KeyRefused, match=r"no keys of \d+ bits .*; choose another"):
            new_key(policy, is_ksk=True, is_zsk=False, now_s=NOW, algorithm=algorithm, size=size)


def test_tags(policy: PolicyConf) -> None:
    """They are congruent as the policy says, and none is that of another key of the zone, revoked or not."""
    policy = policy._replace(algorithm=15, keytag_remainder=2, keytag_modulus=5)
    keys = [new_key(policy, is_ksk=True, is_zsk=False, now_s=NOW) for _ in range(10)]
    assert {tag_of(key) % 5 for key in keys} == {2}
    taken = {tag for tag in range(65536) if tag % 4}
    others = [new_key(policy, is_ksk=True, is_zsk=False, now_s=NOW, taken_tags=taken) for _ in range(5)]
    assert {tag_of(key, revoked=revoked) % 4 for key in others for revoked in (False, True)} == {0}


def test_no_tag_is_free(policy: PolicyConf) -> None:
    """That ends with an error, and no private half is left behind."""
    with pytest.raises(KeyRefused, match="keytag-modulo 0/1; delete old keys of the zone"):
        new_key(policy._replace(algorithm=15), is_ksk=True, is_zsk=False, now_s=NOW, taken_tags=range(65536))
    assert KeyStore(policy.keystores[0]).list() == []


def test_tags_before_and_after_revocation(policy: PolicyConf) -> None:
    """A key is not made whose tag is free and would be taken once it is revoked, nor the other way round (RFC 5011)."""
    taken = {tag for tag in range(65536) if tag // 128 % 2 == 0 or tag % 128 == 127}
    with pytest.raises(KeyRefused, match="no key was found"):
        new_key(policy._replace(algorithm=15), is_ksk=True, is_zsk=False, now_s=NOW, taken_tags=taken)


def test_keystores_for_kinds_of_keys(tmp_path: Path) -> None:
    """Keys that sign zones, CSK among them, skip keystores with ksk-only; with no other there is an error."""
    vault, files = KeystoreConf("vault", str(tmp_path / "v"), ksk_only=True), KeystoreConf("files", str(tmp_path / "f"))
    policy = PolicyConf("p", (vault, files), algorithm=15)
    kinds = ((True, False, "vault"), (False, True, "files"), (True, True, "files"))
    for is_ksk, is_zsk, expected in kinds:
        key = new_key(policy, is_ksk=is_ksk, is_zsk=is_zsk, now_s=NOW)
        assert key.keystore == expected
        store = KeyStore(next(conf for conf in policy.keystores if conf.id == expected))
        assert to_der(store.load(key.id)) == private_der(key, policy)
    with pytest.raises(
        KeyRefused, match="policy 'p' has no keystore for keys that sign zones; name one without ksk-only"
    ):
        suitable_keystore(policy._replace(keystores=(vault,)), is_zsk=True)
    assert suitable_keystore(policy._replace(keystores=(vault,)), is_zsk=False) is vault


def test_a_keystore_that_cannot_be_written(policy: PolicyConf) -> None:
    """There is no key without its private half."""
    Path(policy.keystores[0].directory).write_text("x")
    with pytest.raises(KeyRefused, match="cannot be written"):
        new_key(policy, is_ksk=True, is_zsk=False, now_s=NOW)
