# SPDX-License-Identifier: Apache-2.0
"""Zones out of their blocks and templates: a zone's own value, then its template's, then what is built in."""

import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from control.conf.document import NOTHING, Values
from control.conf.filename import zone_file_name
from control.conf.peers import CatalogConf, ReplicationConf
from control.conf.policy import DnssecConf
from control.conf.replication import CATALOG_ITEMS, REPLICATION_ITEMS, Blocks, Peers
from control.conf.signing import SIGNING_ITEMS, Signing
from control.conf.zone import SerialModulo, ZoneConf, ZoneSettings

DEFAULT_TEMPLATE = "default"
"""The template of zones that name none."""

NO_SETTINGS = frozenset(("template", "storage", "file", "comment"))
"""Items of a zone that say nothing but what it is called and where its file is."""

OF_REPLICATION = frozenset(REPLICATION_ITEMS)
OF_CATALOG = frozenset(CATALOG_ITEMS)
OF_SIGNING = frozenset(SIGNING_ITEMS)
OF_NO_SETTING = (
    NO_SETTINGS
    | OF_REPLICATION
    | (OF_SIGNING - {"dnssec-signing", "dnssec-validation"})
    | (OF_CATALOG - {"catalog-role"})
    | {"dnssec-metadata-db"}
)
"""Items of a zone that are not part of its settings."""

OF_GENERATED = {"zonefile-load": "none", "journal-content": "all", "serial-policy": "unixtime"}
"""What a generated catalog has whatever it is told: its contents are made here and kept in the journal."""

DNSSEC_TYPES = frozenset((46, 47, 48, 50, 51, 59, 60))
"""What `zonefile-skip: dnssec` means: RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, CDS, CDNSKEY."""


class Template(NamedTuple):
    """The values of a template, and what a zone has that sets nothing itself."""

    values: Values
    settings: ZoneSettings
    replication: ReplicationConf
    catalog: CatalogConf
    dnssec: DnssecConf


class ZoneBuilder:
    """Makes the configuration of zones; those of equal values share one object."""

    def __init__(self, blocks: Blocks, storage: str, kasp_db: str, *, automatic_acl: bool = False) -> None:
        """`storage` is the directory of zones that are told none, `kasp_db` that of `database.kasp-db`, both absolute;
        `automatic_acl` is `server.automatic-acl`."""
        self.storage = storage
        self.peers = Peers(blocks, automatic_acl=automatic_acl)
        self.signing = Signing(self.peers, kasp_db)
        self.templates: dict[str, Template] = {}
        self.shared: dict[ZoneSettings, ZoneSettings] = {}

    def look_in(self, blocks: Blocks) -> None:
        """Find blocks in `blocks`, where templates and everything about other servers are as they were."""
        self.peers.blocks = blocks

    def template(self, name: str) -> Template:
        """Return a template, and what a zone has that sets nothing itself."""
        found = self.templates.get(name)
        if found is None:
            block, peers = self.peers.blocks.get("template", name), self.peers
            values = NOTHING if block is None else block.values
            settings, dnssec = self.share(make_settings(values)), self.signing.dnssec(values)
            found = Template(values, settings, peers.replication(values), peers.catalog(values), dnssec)
            self.templates[name] = found
        return found

    def adopt(self, zones: Iterable[ZoneConf]) -> None:
        """Share the settings of zones that were made before."""
        for settings in {id(zone.settings): zone.settings for zone in zones}.values():
            self.share(settings)

    def share(self, settings: ZoneSettings) -> ZoneSettings:
        """Return the one object of these settings."""
        return self.shared.setdefault(settings, settings)

    def build(self, name: str, values: Values) -> ZoneConf:
        """Return a configured zone; raise `ValueProblem` when its file name cannot be made."""
        base, settings, replication, catalog, dnssec = self.template(values.get("template") or DEFAULT_TEMPLATE)
        if not NO_SETTINGS.issuperset(values):
            merged = {**base, **values}
            if not OF_NO_SETTING.issuperset(values):
                settings = self.share(make_settings(merged))
            if not OF_REPLICATION.isdisjoint(values):
                replication = self.peers.replication(merged)
            if not OF_CATALOG.isdisjoint(values):
                catalog = self.peers.catalog(merged)
            if not OF_SIGNING.isdisjoint(values):
                dnssec = self.signing.dnssec(merged)
        settings = self._validating(settings, dnssec)
        return ZoneConf(name, self._file(name, values, base), settings, replication, catalog, dnssec)

    def member(self, name: str, template: str, catalog: str) -> ZoneConf:
        """Return a zone that exists because `catalog` (text, final dot) has it as a member; raise as `build`."""
        base, settings, replication, _, dnssec = self.template(template)
        role, settings = self.peers.catalog(base, catalog), self._validating(settings, dnssec)
        return ZoneConf(name, self._file(name, NOTHING, base), settings, replication, role, dnssec)

    def _validating(self, settings: ZoneSettings, dnssec: DnssecConf) -> ZoneSettings:
        """Return settings with what the policy says of validation."""
        if not settings.validates:
            return settings
        margin, threads = dnssec.policy.rrsig_refresh_s, dnssec.policy.signing_threads
        margin = settings.validation_margin_s if margin is None else margin
        return self.share(settings._replace(validation_margin_s=margin, validation_threads=threads))

    def _file(self, name: str, values: Values, base: Values) -> str:
        """Return the absolute path of a zone file."""
        pattern = values.get("file") or base.get("file") or "%s.zone"
        file = zone_file_name(pattern, name) if "%" in pattern else pattern
        if file[:1] == "/":
            return file
        directory = values.get("storage") or base.get("storage") or self.storage
        if directory[:1] != "/":
            directory = os.path.abspath(directory)
        return f"{directory}/{file}"


def make_settings(values: Values) -> ZoneSettings:
    """Return the settings of merged values, defaults filled in."""
    if not values:
        return ZoneSettings()
    role = values.get("catalog-role", "none")
    if role == "generate":
        values = {**values, **OF_GENERATED}
    get = values.get
    return ZoneSettings(
        default_ttl=get("default-ttl", 3600),
        semantic_checks=get("semantic-checks", "off"),
        zonefile_load=get("zonefile-load", "whole"),
        zonefile_sync_s=get("zonefile-sync", 0),
        zonefile_skip=skipped_types(get("zonefile-skip", ())),
        journal_content=get("journal-content", "changes"),
        journal_max_usage_bytes=get("journal-max-usage", 100 << 20),
        journal_max_depth=get("journal-max-depth", 20),
        zone_max_size_bytes=get("zone-max-size"),
        serial_policy=get("serial-policy", "increment"),
        serial_modulo=get("serial-modulo", SerialModulo()),
        zonemd_verify=get("zonemd-verify", False),
        zonemd_generate=get("zonemd-generate", "none"),
        interprets=role == "interpret",
        signs=get("dnssec-signing", False),
        validates=get("dnssec-validation", False),
        modules=tuple(get("module", ())),
    )


def skipped_types(words: Any) -> frozenset[int]:
    """Return the numbers of record types and of what `dnssec` stands for."""
    if not words:
        return frozenset()
    from dns.rdatatype import from_text

    types = {int(from_text(word)) for word in words if word != "dnssec"}
    return frozenset(types | DNSSEC_TYPES if "dnssec" in words else types)
