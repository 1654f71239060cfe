# SPDX-License-Identifier: Apache-2.0
"""Catalog zones in tests: their text, and their pairs."""

from control.store.keys import Pair
from pyxdp_dns.scan import scan_zone_text
from tests.support import ask

HEAD = """\
@ 0 SOA invalid. invalid. {serial} 3600 600 2147483646 0
@ 0 NS invalid.
"""
VERSION = 'version 0 TXT "2"\n'


def catalog_text(*lines: str, serial: int = 1, version: str = VERSION) -> str:
    """Return a zone file of a catalog: `lines` are its member nodes."""
    return HEAD.format(serial=serial) + version + "".join(f"{line}\n" for line in lines)


def member_line(unique: str, zone: str) -> str:
    """Return the line of a member."""
    return f"{unique}.zones 0 PTR {zone}."


def catalog_pairs_of(apex: str, *lines: str, version: str = VERSION) -> list[Pair]:
    """Return the contents of a catalog as pairs of the store."""
    with scan_zone_text(catalog_text(*lines, version=version).encode(), ask.name_wire(apex), 7) as scanned:
        return list(scanned)
