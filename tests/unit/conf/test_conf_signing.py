# SPDX-License-Identifier: Apache-2.0
"""Keystores, submissions and policies, and what zones have of them."""

import pytest

from control.conf.check import check_document, warnings
from control.conf.errors import ConfigurationError
from control.conf.export import export_lines
from control.conf.model import Config, build_config, make_builder
from control.conf.parse import parse_text
from control.conf.policy import DAY, DnssecConf, KeystoreConf, PolicyConf, SubmissionConf
from control.conf.signing import built_in_policy, plain_dnssec
from tests.unit.conf.test_conf_dependents import change
from tests.unit.conf.test_conf_dynamic import active

BUILT_IN = KeystoreConf("", "/var/lib/xdpdns/keys/keys")

FULL = """
remote:
  - id: parent
    address: 192.0.2.1
  - id: second
    address: 192.0.2.2
remotes:
  - id: parents
    remote: [parent, second]
keystore:
  - id: files
    config: here
  - id: vault
    config: /srv/vault
    ksk-only: on
submission:
  - id: asked
    parent: parents
    check-interval: 10m
    timeout: 2d
    parent-delay: 5
policy:
  - id: full
    keystore: [vault, files, vault]
    manual: on
    single-type-signing: on
    algorithm: RSASHA256
    ksk-size: 4096
    zsk-size: 1024
    ksk-shared: on
    dnskey-ttl: 300
    zone-max-ttl: 600
    keytag-modulo: 1/3
    dnssec-jitter: 7
    ksk-lifetime: 365d
    zsk-lifetime: 60d
    deleg-adt: on
    delete-delay: 1d
    trash-delay: 0
    propagation-delay: 2m
    rrsig-lifetime: 20d
    rrsig-refresh: 5d
    rrsig-pre-refresh: 1h
    reproducible-signing: on
    nsec3: on
    nsec3-iterations: 30
    nsec3-opt-out: on
    nsec3-salt-length: 8
    nsec3-salt-lifetime: -1
    signing-threads: 4
    ksk-submission: asked
    ds-push: parents
    cds-cdnskey-publish: double-ds
    cds-digest-type: sha384
    dnskey-management: incremental
    unsafe-operation: [no-check-keyset, none]
  - id: short
    rrsig-lifetime: 10d
    dnssec-jitter: 5%
  - id: ed448
    algorithm: ed448
  - id: old
    algorithm: rsasha1
zone:
  - domain: a
    dnssec-signing: on
    dnssec-policy: full
  - domain: b
    dnssec-validation: on
    dnssec-policy: short
  - domain: c
    dnssec-signing: on
    dnssec-policy: full
    ds-push: []
  - domain: d
    dnssec-policy: full
    ds-push: second
  - domain: e
    dnssec-signing: on
    dnssec-policy: default
  - domain: f
    dnssec-metadata-db: kasp
  - domain: g
    dnssec-signing: on
    dnssec-policy: old
"""


def build(text: str) -> Config:
    document = parse_text(text, "k.conf")
    check_document(document)
    return build_config(document, "k.conf")


def test_every_item_of_a_policy() -> None:
    """Each item acts, with its references resolved, times in seconds and each keystore once."""
    config = build(FULL)
    parents = config.remotes["parent"], config.remotes["second"]
    assert config.zones["a."].dnssec.policy == PolicyConf(
        id="full",
        keystores=(KeystoreConf("vault", "/srv/vault", True), KeystoreConf("files", "/var/lib/xdpdns/keys/here")),
        manual=True,
        single_type_signing=True,
        algorithm=8,
        ksk_size=4096,
        zsk_size=1024,
        ksk_shared=True,
        dnskey_ttl_s=300,
        zone_max_ttl_s=600,
        keytag_remainder=1,
        keytag_modulus=3,
        jitter_s=7,
        ksk_lifetime_s=365 * DAY,
        zsk_lifetime_s=60 * DAY,
        deleg_adt=True,
        delete_delay_s=DAY,
        trash_delay_s=0,
        propagation_delay_s=120,
        rrsig_lifetime_s=20 * DAY,
        rrsig_refresh_s=5 * DAY,
        rrsig_pre_refresh_s=3600,
        reproducible_signing=True,
        nsec3=True,
        nsec3_iterations=30,
        nsec3_opt_out=True,
        nsec3_salt_length=8,
        nsec3_salt_lifetime_s=-1,
        signing_threads=4,
        submission=SubmissionConf("asked", parents, 600, 2 * DAY, 5),
        ds_push=parents,
        cds_cdnskey_publish="double-ds",
        cds_digest_type=4,
        is_incremental=True,
        unsafe=frozenset(("no-check-keyset",)),
    )


def test_what_depends_on_other_items() -> None:
    """Sizes follow the algorithm and the pre-refresh the lifetime; a jitter may be a share."""
    config = build(FULL)
    short, old = (config.zones[name].dnssec.policy for name in ("b.", "g."))
    assert (short.rrsig_pre_refresh_s, short.jitter_percent, short.jitter_s) == (10 * DAY // 200, 5, 0)
    assert short == PolicyConf(
        "short", (BUILT_IN,), rrsig_lifetime_s=10 * DAY, rrsig_pre_refresh_s=4320, jitter_percent=5
    )
    assert (old.ksk_size, old.zsk_size) == (2048, 2048)
    assert make_builder(parse_text(FULL, "k.conf")).signing.policy("ed448").ksk_size == 456


def test_zones() -> None:
    """Signing or validation, its policy, and where DS records are sent; zones of equal values share one object."""
    config = build(FULL)
    zones = {name[0]: zone.dnssec for name, zone in config.zones.items()}
    assert [(zones[name].signing, zones[name].validation) for name in "ab"] == [(True, False), (False, True)]
    assert zones["a"].policy is zones["c"].policy is zones["d"].policy
    assert [len(zones[name].ds_push) for name in "abcd"] == [2, 0, 0, 1]
    assert zones["d"].ds_push == (config.remotes["second"],)
    assert zones["e"] == DnssecConf(signing=True, policy=PolicyConf("", (BUILT_IN,)))
    assert zones["f"] is plain_dnssec("/var/lib/xdpdns/keys")
    assert zones["f"] == DnssecConf(policy=PolicyConf("", (BUILT_IN,)))


def test_policy_default_is_used_where_it_is_named() -> None:
    """A policy or keystore `default` applies to those that name it, and to no others."""
    text = "keystore:\n  - id: default\n    config: d\npolicy:\n  - id: default\n    nsec3: on\n"
    text += "    keystore: default\n  - id: other\nzone:\n  - domain: a\n    dnssec-policy: default\n  - domain: b\n"
    text += "    dnssec-policy: other\n  - domain: c\n"
    policies = {name: zone.dnssec.policy for name, zone in build(text).zones.items()}
    assert policies["a."] == PolicyConf("default", (KeystoreConf("default", "/var/lib/xdpdns/keys/d"),), nsec3=True)
    assert policies["b."] == PolicyConf("other", (BUILT_IN,))
    assert policies["c."] is built_in_policy("/var/lib/xdpdns/keys")


@pytest.mark.parametrize(
    ("kasp_db", "directory"),
    [("", "/s/keys/keys"), ("    kasp-db: k\n", "/s/k/keys"), ("    kasp-db: /k\n", "/k/keys")],
)
def test_where_the_built_in_keystore_is(kasp_db: str, directory: str) -> None:
    """It is the directory `keys` of the key database, which starts at storage."""
    config = build(f"database:\n    storage: /s\n{kasp_db}zone:\n  - domain: a\n")
    assert config.keystores == {"": KeystoreConf("", directory)}
    assert config.zones["a."].dnssec.policy.keystores == (KeystoreConf("", directory),)


def test_templates_and_members() -> None:
    """A zone has the signing of its template but for what it sets itself; so has the member of a catalog."""
    text = "policy:\n  - id: p\n    nsec3: on\n  - id: q\n"
    text += "template:\n  - id: t\n    dnssec-signing: on\n    dnssec-policy: p\n"
    text += "zone:\n  - domain: a\n    template: t\n  - domain: b\n    template: t\n    dnssec-policy: q\n"
    text += "  - domain: c\n    template: t\n    dnssec-signing: off\n  - domain: d\n    template: t\n    file: x\n"
    document = parse_text(text, "k.conf")
    zones = build_config(document, "k.conf").zones
    assert [zones[f"{name}."].dnssec.signing for name in "abcd"] == [True, True, False, True]
    assert [zones[f"{name}."].dnssec.policy.id for name in "abcd"] == ["p", "q", "p", "p"]
    assert zones["a."].dnssec is zones["d."].dnssec
    assert zones["a."].settings is zones["d."].settings
    assert [zones[f"{name}."].settings.signs for name in "abcd"] == [True, True, False, True]
    assert make_builder(document).member("m.", "t", "cat.").dnssec == zones["a."].dnssec


@pytest.mark.parametrize(
    "text",
    [
        "keystore:\n  - id: k\n    backend: pkcs11\n",
        "keystore:\n  - id: k\n    key-label: on\n",
        "policy:\n  - id: p\n    offline-ksk: on\n",
        "dnskey-sync:\n  - id: s\npolicy:\n  - id: p\n    dnskey-sync: s\n",
        "zone:\n  - domain: a\n    dnssec-metadata-db: timer\n",
        "database:\n    kasp-db-max-size: 1G\n",
    ],
)
def test_refused_by_name(text: str) -> None:
    """HSMs, offline KSK, exchange between signers and sizes of their own are named as not supported."""
    problems: list[ConfigurationError] = []
    parse_text(text, "k.conf", problems=problems)
    assert {problem.reason for problem in problems} == {"not supported by this server"}
    assert problems[-1].line == text.count("\n")


def test_values_of_what_is_not_supported_that_change_nothing() -> None:
    """A configuration that spells out what is done anyway is accepted."""
    build(
        "keystore:\n  - id: k\n    backend: pem\n    key-label: off\npolicy:\n  - id: p\n    offline-ksk: off\n"
        "zone:\n  - domain: a\n    dnssec-metadata-db: kasp\n"
    )


def test_discouraged_policies_are_told() -> None:
    """Deprecated algorithms and many iterations of policies that zones are signed by are warned of, once each."""
    found = [text for text in warnings(build(FULL)) if "directory" not in text and "listen" not in text]
    assert found == [
        "config, policy[full].nsec3-iterations=30 is too high, the recommended value is 0",
        "config, algorithm 5 is deprecated and shouldn't be used for DNSSEC signing",
    ]


REACHED = [
    ("set policy[full].nsec3=off", {"a.", "c.", "d."}),
    ("set policy[short].nsec3=on", {"b."}),
    ("set policy[ed448].nsec3=on", set()),
    ("set submission[asked].timeout=5", {"a.", "c.", "d."}),
    ("set keystore[vault].config=other", {"a.", "c.", "d."}),
    ("set remote[parent].no-edns=on", {"a.", "c.", "d."}),
    ("unset remotes[parents].remote=second", {"a.", "c.", "d."}),
    ("set policy.id=default", {"e."}),
    ("set zone[f].dnssec-signing=on", {"f."}),
    ("set zone[b].ds-push=parents", {"b."}),
    ("set database.kasp-db=/else", {"a.", "b.", "c.", "d.", "e.", "f.", "g."}),
]


@pytest.mark.parametrize(("text", "expected"), REACHED)
def test_zones_that_a_change_reaches(text: str, expected: set[str]) -> None:
    """The zones that differ are named, and have the values a reading of the same text gives."""
    configuration = active(FULL)
    before = dict(configuration.config.zones)
    configuration.begin()
    change(configuration, text)
    found = configuration.commit()
    assert set(found.changed) == expected
    assert all(found.new.zones[name] is before[name] for name in before.keys() - expected)
    read_again = active("".join(export_lines(configuration.document)))
    assert configuration.config._replace(file="") == read_again.config._replace(file="")
