# SPDX-License-Identifier: Apache-2.0
"""The members that a catalog zone's contents tell of (RFC 9432, section 4). Pure.

    version.CATALOG               TXT "2"     mandatory
    UNIQUE.zones.CATALOG          PTR         the member zone, exactly one
    group.UNIQUE.zones.CATALOG    TXT         its group; of several the first in canonical order
    coo.UNIQUE.zones.CATALOG      PTR         the catalog that may take the member over

All else is ignored.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from control.errors import CatalogRefused
from control.store.keys import Pair, name_text, owner_key, owner_of_key, parse_owner_key, type_of_key, unpack_rdatas
from control.store.members import Member

PTR, TXT = 12, 16
VERSION = b"\x012"
"""The one character-string that the version property is."""
VERSION_LABEL, ZONES_LABEL = b"\7version", b"\5zones"
GROUP, COO = b"group", b"coo"


@dataclass(slots=True)
class CatalogContents:
    """What a catalog says."""

    members: dict[bytes, Member] = field(default_factory=dict)
    """By zone."""
    duplicates: list[bytes] = field(default_factory=list)
    """Zones that are there under another label already, once for each further label."""
    successors: dict[bytes, bytes] = field(default_factory=dict)
    """The catalog that may take a member over, by zone."""


def read_catalog(catalog: bytes, pairs: Iterable[Pair]) -> CatalogContents:
    """Return what a catalog's contents, in key order, say; `catalog` is its apex in lower case.

    Raises CatalogRefused when version 2 is not what they have, or a member node has several zones.
    """
    version = owner_key(VERSION_LABEL + catalog)
    above = owner_key(ZONES_LABEL + catalog)
    has_version = False
    zones: dict[bytes, bytes] = {}
    groups: dict[bytes, bytes] = {}
    successors: dict[bytes, bytes] = {}
    for key, value in pairs:
        owner, rtype = owner_of_key(key), type_of_key(key)
        if rtype == TXT and owner == version:
            has_version = unpack_rdatas(value) == (VERSION,)
        elif rtype in (PTR, TXT) and owner.startswith(above) and owner != above:
            unique, *properties = owner[len(above) : -1].split(b"\0")
            if not properties and rtype == PTR:
                zones[unique] = _only(catalog, owner, unpack_rdatas(value))
            elif properties == [GROUP] and rtype == TXT:
                text = unpack_rdatas(value)[0]
                groups[unique] = text[1 : 1 + text[0]]
            elif properties == [COO] and rtype == PTR:
                successors[unique] = _only(catalog, owner, unpack_rdatas(value))
    if not has_version:
        raise CatalogRefused(catalog, f'no TXT record "2" alone at version.{name_text(catalog)}; correct the catalog')
    return _collect(catalog, zones, groups, successors)


def _collect(
    catalog: bytes, zones: dict[bytes, bytes], groups: dict[bytes, bytes], successors: dict[bytes, bytes]
) -> CatalogContents:
    found = CatalogContents()
    for unique, zone in zones.items():
        if zone in found.members:
            found.duplicates.append(zone)
            continue
        found.members[zone] = Member(zone, catalog, _label(unique), groups.get(unique, b""))
        if unique in successors:
            found.successors[zone] = successors[unique]
    return found


def _only(catalog: bytes, owner: bytes, rdatas: tuple[bytes, ...]) -> bytes:
    if len(rdatas) != 1:
        text = name_text(parse_owner_key(owner))
        raise CatalogRefused(catalog, f"{len(rdatas)} PTR records at {text}, where one may be; correct the catalog")
    return rdatas[0].lower()


def _label(part: bytes) -> bytes:
    """Return a label from its part of a key."""
    return part.replace(b"\1\1", b"\0").replace(b"\1\2", b"\1") if b"\1" in part else part
