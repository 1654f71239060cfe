# SPDX-License-Identifier: Apache-2.0
"""Zones out of their blocks and templates: a zone's own value, then its template's, then what is built in."""

import os
from collections.abc import Iterable
from typing import Any, Protocol

from control.conf.document import NOTHING, Block, Values
from control.conf.filename import zone_file_name
from control.conf.zone import SerialModulo, ZoneConf, ZoneSettings

DEFAULT_TEMPLATE = "default"
"""The template of zones that name none."""

NO_SETTINGS = frozenset(("template", "storage", "file", "comment"))
"""Items of a zone that are not part of its settings."""

DNSSEC_TYPES = frozenset((46, 47, 48, 50, 51, 59, 60))
"""What `zonefile-skip: dnssec` means: RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, CDS, CDNSKEY."""


class Blocks(Protocol):
    """Where blocks of list sections are found."""

    def get(self, section: str, block_id: str) -> Block | None: ...


class ZoneBuilder:
    """Makes the configuration of zones; those of equal settings share one object."""

    def __init__(self, blocks: Blocks, storage: str) -> None:
        """`storage` is the directory of zones that are told none."""
        self.blocks, self.storage = blocks, storage
        self.templates: dict[str, tuple[Values, ZoneSettings]] = {}
        self.shared: dict[ZoneSettings, ZoneSettings] = {}

    def template(self, name: str) -> tuple[Values, ZoneSettings]:
        """Return the values of a template and the settings of a zone that sets none itself."""
        found = self.templates.get(name)
        if found is None:
            block = self.blocks.get("template", name)
            values = NOTHING if block is None else block.values
            found = self.templates[name] = values, self.share(make_settings(values))
        return found

    def adopt(self, zones: Iterable[ZoneConf]) -> None:
        """Share the settings of zones that were made before."""
        for settings in {id(zone.settings): zone.settings for zone in zones}.values():
            self.share(settings)

    def share(self, settings: ZoneSettings) -> ZoneSettings:
        """Return the one object of these settings."""
        return self.shared.setdefault(settings, settings)

    def build(self, name: str, values: Values) -> ZoneConf:
        """Return a zone; raise `ValueProblem` when its file name cannot be made."""
        base, settings = self.template(values.get("template") or DEFAULT_TEMPLATE)
        if not NO_SETTINGS.issuperset(values):
            settings = self.share(make_settings({**base, **values}))
        pattern = values.get("file") or base.get("file") or "%s.zone"
        file = zone_file_name(pattern, name) if "%" in pattern else pattern
        if file[:1] == "/":
            return ZoneConf(name, file, settings)
        directory = values.get("storage") or base.get("storage") or self.storage
        if directory[:1] != "/":
            directory = os.path.abspath(directory)
        return ZoneConf(name, f"{directory}/{file}", settings)


def make_settings(values: Values) -> ZoneSettings:
    """Return the settings of merged values, defaults filled in."""
    if not values:
        return ZoneSettings()
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
        modules=tuple(get("module", ())),
    )


def skipped_types(words: Any) -> frozenset[int]:
    """Return the numbers of record types and of what `dnssec` stands for."""
    if not words:
        return frozenset()
    from dns.rdatatype import from_text

    types = {int(from_text(word)) for word in words if word != "dnssec"}
    return frozenset(types | DNSSEC_TYPES if "dnssec" in words else types)
