# SPDX-License-Identifier: Apache-2.0
"""What the configuration says about how one zone is loaded, changed, kept and written.

Zones with the same values share one object: there may be a hundred thousand of them.
"""

from typing import NamedTuple

from control.conf.peers import NO_CATALOG, NO_REPLICATION, CatalogConf, ReplicationConf
from control.conf.policy import NO_DNSSEC, DnssecConf


class SerialModulo(NamedTuple):
    """New serials are congruent to `remainder` modulo `modulus`; `shift` is added to serials made from the time."""

    remainder: int = 0
    modulus: int = 1
    shift: int = 0


class ZoneSettings(NamedTuple):
    """The items of `zone` and `template` that act on the contents of a zone, defaults filled in."""

    default_ttl: int = 3600
    semantic_checks: str = "off"
    """off, on or soft."""
    zonefile_load: str = "whole"
    """none, difference, difference-no-serial or whole."""
    zonefile_sync_s: int = 0
    """-1: the zone file is only written on demand."""
    zonefile_skip: frozenset[int] = frozenset()
    """Types that are neither read from the zone file nor written to it."""
    journal_content: str = "changes"
    """none, changes or all."""
    journal_max_usage_bytes: int = 100 << 20
    journal_max_depth: int = 20
    zone_max_size_bytes: int | None = None
    """Most octets of records in wire form that a change may lead to."""
    serial_policy: str = "increment"
    """increment, unixtime or dateserial."""
    serial_modulo: SerialModulo = SerialModulo()
    zonemd_verify: bool = False
    zonemd_generate: str = "none"
    """none, zonemd-sha384, zonemd-sha512 or remove."""
    interprets: bool = False
    """The contents are those of a catalog whose members are served: they must be a valid one."""
    signs: bool = False
    """The zone is signed here: what others say of its signatures, proofs of absence and keys does not count."""
    validates: bool = False
    """Contents are only taken with valid signatures."""
    validation_margin_s: int = 86400
    """For so long signatures have to be valid still."""
    validation_threads: int = 1
    modules: tuple[str, ...] = ()
    """`mod-name` or `mod-name/id`, in order; without the global ones."""


DEFAULT_SETTINGS = ZoneSettings()


class ZoneConf(NamedTuple):
    """One zone: canonical name, absolute path of its file, and everything else."""

    name: str
    file: str
    settings: ZoneSettings
    replication: ReplicationConf = NO_REPLICATION
    catalog: CatalogConf = NO_CATALOG
    dnssec: DnssecConf = NO_DNSSEC
