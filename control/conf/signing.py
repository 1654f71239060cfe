# SPDX-License-Identifier: Apache-2.0
"""Keystores, submissions and policies out of their blocks, and the signing of zones; what is equal is one object."""

import os
from functools import lru_cache
from typing import Any

from control.conf.algorithms import BY_NAME, DEFAULT_ALGORITHM
from control.conf.document import NOTHING, Values
from control.conf.policy import DAY, NO_DNSSEC, DnssecConf, KeystoreConf, PolicyConf, SubmissionConf
from control.conf.replication import Peers

SIGNING_ITEMS = ("dnssec-signing", "dnssec-validation", "dnssec-policy", "ds-push")
"""Items of a zone that `DnssecConf` is made of."""

KEY_FILES = "keys"
"""The directory of a keystore that is told none, in `database.kasp-db`."""
DIGEST_TYPES = {"sha256": 2, "sha384": 4}


@lru_cache(8)
def built_in_policy(kasp_db: str) -> PolicyConf:
    """Return the policy of zones that name none, or `default` without such a block; `kasp_db` is a directory."""
    return make_policy("", NOTHING, (make_keystore("", NOTHING, kasp_db),))


@lru_cache(8)
def plain_dnssec(kasp_db: str) -> DnssecConf:
    """Return what zones have that set nothing of it; always the same object, there may be many of them."""
    return NO_DNSSEC._replace(policy=built_in_policy(kasp_db))


class Signing:
    """Makes keystores, submissions and policies, each once, and the signing of zones."""

    def __init__(self, peers: Peers, kasp_db: str) -> None:
        """Blocks, and the remotes they name, are found by `peers`; `kasp_db` is `database.kasp-db`, absolute."""
        self.peers, self.kasp_db = peers, kasp_db
        self.plain = plain_dnssec(kasp_db)
        self._keystores: dict[str, KeystoreConf] = {}
        self._submissions: dict[str, SubmissionConf] = {}
        self._policies: dict[str, PolicyConf] = {}
        self._zones: dict[tuple[Any, ...], DnssecConf] = {}

    def _values(self, section: str, block_id: str) -> Values | None:
        block = self.peers.blocks.get(section, block_id)
        return None if block is None else block.values

    def keystore(self, block_id: str) -> KeystoreConf:
        """Return one keystore; without a block it is the one that is built in."""
        found = self._keystores.get(block_id)
        if found is None:
            values = self._values("keystore", block_id)
            known = "" if values is None else block_id
            found = self._keystores[block_id] = make_keystore(known, values or NOTHING, self.kasp_db)
        return found

    def submission(self, block_id: str) -> SubmissionConf:
        """Return one submission."""
        found = self._submissions.get(block_id)
        if found is None:
            get = (self._values("submission", block_id) or NOTHING).get
            found = self._submissions[block_id] = SubmissionConf(
                block_id,
                parents=self.peers.remotes(get("parent", ())),
                check_interval_s=get("check-interval", 3600),
                timeout_s=get("timeout", 0),
                parent_delay_s=get("parent-delay", 0),
            )
        return found

    def policy(self, block_id: str) -> PolicyConf:
        """Return one policy; without a block it is the one that is built in."""
        found = self._policies.get(block_id)
        if found is None:
            values = self._values("policy", block_id)
            found = built_in_policy(self.kasp_db) if values is None else self._make_policy(block_id, values)
            self._policies[block_id] = found
        return found

    def _make_policy(self, block_id: str, values: Values) -> PolicyConf:
        keystores = tuple(dict.fromkeys(map(self.keystore, values.get("keystore", ("",)))))
        policy = make_policy(block_id, values, keystores or (self.keystore(""),))
        submission = values.get("ksk-submission")
        return policy._replace(
            submission=self.submission(submission) if submission else None,
            ds_push=self.peers.remotes(values.get("ds-push", ())),
        )

    def dnssec(self, values: Values) -> DnssecConf:
        """Return the signing of a zone that has these values."""
        wanted = tuple(map(values.get, SIGNING_ITEMS))
        found = self._zones.get(wanted)
        if found is None:
            found = self.plain if wanted.count(None) == len(wanted) else self._make_dnssec(values)
            self._zones[wanted] = found
        return found

    def _make_dnssec(self, values: Values) -> DnssecConf:
        policy = self.policy(values.get("dnssec-policy", ""))
        push = values.get("ds-push")
        return DnssecConf(
            signing=values.get("dnssec-signing", False),
            validation=values.get("dnssec-validation", False),
            policy=policy,
            ds_push=policy.ds_push if push is None else self.peers.remotes(push),
        )


def make_keystore(block_id: str, values: Values, kasp_db: str) -> KeystoreConf:
    """Return a keystore of its block's values."""
    directory = os.path.normpath(os.path.join(kasp_db, values.get("config") or KEY_FILES))
    return KeystoreConf(block_id, directory, values.get("ksk-only", False))


def make_policy(block_id: str, values: Values, keystores: tuple[KeystoreConf, ...]) -> PolicyConf:
    """Return a policy of its block's values, without what other servers have to do with it."""
    get = values.get
    algorithm = BY_NAME[get("algorithm", DEFAULT_ALGORITHM)]
    lifetime, jitter = get("rrsig-lifetime", 14 * DAY), get("dnssec-jitter", "0")
    remainder, modulus = map(int, get("keytag-modulo", "0/1").split("/"))
    return PolicyConf(
        id=block_id,
        keystores=keystores,
        manual=get("manual", False),
        single_type_signing=get("single-type-signing", False),
        algorithm=algorithm.number,
        ksk_size=get("ksk-size", algorithm.default_bits),
        zsk_size=get("zsk-size", algorithm.default_bits),
        ksk_shared=get("ksk-shared", False),
        dnskey_ttl_s=get("dnskey-ttl"),
        zone_max_ttl_s=get("zone-max-ttl"),
        keytag_remainder=remainder,
        keytag_modulus=modulus,
        jitter_s=0 if jitter.endswith("%") else int(jitter),
        jitter_percent=int(jitter[:-1]) if jitter.endswith("%") else 0,
        ksk_lifetime_s=get("ksk-lifetime", 0),
        zsk_lifetime_s=get("zsk-lifetime", 30 * DAY),
        deleg_adt=get("deleg-adt", False),
        delete_delay_s=get("delete-delay", 0),
        trash_delay_s=get("trash-delay"),
        propagation_delay_s=get("propagation-delay", 3600),
        rrsig_lifetime_s=lifetime,
        rrsig_refresh_s=get("rrsig-refresh"),
        rrsig_pre_refresh_s=get("rrsig-pre-refresh", lifetime // 200),
        reproducible_signing=get("reproducible-signing", False),
        nsec3=get("nsec3", False),
        nsec3_iterations=get("nsec3-iterations", 0),
        nsec3_opt_out=get("nsec3-opt-out", False),
        nsec3_salt_length=get("nsec3-salt-length", 0),
        nsec3_salt_lifetime_s=get("nsec3-salt-lifetime", 30 * DAY),
        signing_threads=get("signing-threads", 1),
        cds_cdnskey_publish=get("cds-cdnskey-publish", "rollover"),
        cds_digest_type=DIGEST_TYPES[get("cds-digest-type", "sha256")],
        is_incremental=get("dnskey-management") == "incremental",
        unsafe=frozenset(get("unsafe-operation", ())) - {"none"},
    )
