# SPDX-License-Identifier: Apache-2.0
"""The schema: every section and item of the format, declared once.

Parser, checks, `conf-*` commands, and the reference manual derive from it.
"""

from control.conf.item import COMMENT, Item, Reload, Section
from control.conf.schema_modules import MODULE_SECTIONS
from control.conf.schema_peers import PEER_SECTIONS
from control.conf.schema_server import SERVER_SECTIONS
from control.conf.schema_zone import ZONE_SECTIONS

__all__ = ["COMMENT", "DIRECTIVES", "EXPORTED", "SECTIONS", "Item", "Reload", "Section"]

DIRECTIVES = ("include", "clear")

SECTIONS: dict[str, Section] = {
    section.name: section for section in (*SERVER_SECTIONS, *PEER_SECTIONS, *ZONE_SECTIONS, *MODULE_SECTIONS)
}
"""In the order they are listed in."""

EXPORTED: dict[str, Section] = {
    section.name: section for section in (*SERVER_SECTIONS, *PEER_SECTIONS, *MODULE_SECTIONS, *ZONE_SECTIONS)
}
"""In an order in which no block refers to one that comes after it."""
