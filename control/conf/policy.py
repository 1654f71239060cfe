# SPDX-License-Identifier: Apache-2.0
"""Signing as the configuration has it: keystores, submissions, policies, and what a zone has of them.

Zones with the same values share one object: there may be a hundred thousand of them. Times are seconds.
"""

from typing import NamedTuple

from control.conf.peers import RemoteConf

DAY = 86400


class KeystoreConf(NamedTuple):
    """One `keystore` of the backend `pem`: a directory with a file for each private key."""

    id: str
    """Empty: the one that is built in."""
    directory: str
    """Absolute path."""
    ksk_only: bool = False
    """New zone-signing keys go to another keystore."""


class SubmissionConf(NamedTuple):
    """One `submission`: how the parent zone is asked for its DS."""

    id: str
    parents: tuple[RemoteConf, ...] = ()
    """Every one has to show the DS; none: an operator confirms it."""
    check_interval_s: int = 3600
    timeout_s: int = 0
    """After this time the DS counts as published; 0: never."""
    parent_delay_s: int = 0


class PolicyConf(NamedTuple):
    """One `policy`, defaults filled in where they do not depend on the zone."""

    id: str = ""
    """Empty: the one that is built in. Zones of one policy may share their key-signing key."""
    keystores: tuple[KeystoreConf, ...] = ()
    """Where keys are looked for, and new ones made in the first that is suitable; at least one."""
    manual: bool = False
    single_type_signing: bool = False
    algorithm: int = 13
    """DNSSEC algorithm number."""
    ksk_size: int = 256
    zsk_size: int = 256
    """Bits."""
    ksk_shared: bool = False
    dnskey_ttl_s: int | None = None
    """None: the TTL of the SOA."""
    zone_max_ttl_s: int | None = None
    """None: the largest TTL in the zone."""
    keytag_remainder: int = 0
    keytag_modulus: int = 1
    """New keys have tags congruent to `keytag_remainder` modulo `keytag_modulus`."""
    jitter_s: int = 0
    jitter_percent: int = 0
    """At most one of the two is not 0: added to `rrsig-refresh` and taken from `zsk-lifetime`, spread over zones."""
    ksk_lifetime_s: int = 0
    zsk_lifetime_s: int = 30 * DAY
    """0: no end."""
    deleg_adt: bool = False
    delete_delay_s: int = 0
    trash_delay_s: int | None = None
    """None: twice `rrsig_lifetime_s`."""
    propagation_delay_s: int = 3600
    rrsig_lifetime_s: int = 14 * DAY
    rrsig_refresh_s: int | None = None
    """None: a tenth of the lifetime, and the propagation delay, and the largest TTL of the zone; a day for zones whose
    signatures are validated and not made."""
    rrsig_pre_refresh_s: int = 14 * DAY // 200
    reproducible_signing: bool = False
    nsec3: bool = False
    nsec3_iterations: int = 0
    nsec3_opt_out: bool = False
    nsec3_salt_length: int = 0
    """Octets."""
    nsec3_salt_lifetime_s: int = 30 * DAY
    """0: no end; -1: whenever the active zone-signing key changes."""
    signing_threads: int = 1
    submission: SubmissionConf | None = None
    ds_push: tuple[RemoteConf, ...] = ()
    cds_cdnskey_publish: str = "rollover"
    """none, delete-dnssec, rollover, always or double-ds."""
    cds_digest_type: int = 2
    """2: SHA-256, 4: SHA-384."""
    is_incremental: bool = False
    """`dnskey-management: incremental`: DNSKEY, CDNSKEY and CDS records that are not of our keys stay."""
    unsafe: frozenset[str] = frozenset()
    """Of no-check-keyset, no-update-dnskey, no-update-expired."""


class DnssecConf(NamedTuple):
    """What a zone has to do with signing and validation."""

    signing: bool = False
    validation: bool = False
    """The signatures of what is loaded and transferred are validated."""
    policy: PolicyConf = PolicyConf()
    ds_push: tuple[RemoteConf, ...] = ()
    """Of the zone, or else of its policy."""


NO_DNSSEC = DnssecConf()
