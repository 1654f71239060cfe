# SPDX-License-Identifier: Apache-2.0
"""The schema as a JSON Schema (draft 2020-12) of a configuration written as JSON; every value is text as in the file.

Annotations `x-...` say what the server makes of an item; values are checked more closely by `conf-check`.
"""

import json
from typing import Any

from control.conf.schema import SECTIONS, Item, Section
from control.conf.values import Bool, Choice
from control.conf.version import PROGRAM, VERSION


def _value(item: Item) -> dict[str, Any]:
    kind = item.type
    value: dict[str, Any] = {"type": "string", "x-type": kind.syntax}
    if isinstance(kind, Choice):
        value["enum"] = list(kind.words)
    elif isinstance(kind, Bool):
        value["enum"] = ["on", "off"]
    if item.only:
        value["x-only"] = list(item.only)
    return value


def _item(item: Item, supported: bool) -> dict[str, Any]:
    value = _value(item)
    schema = {"type": "array", "items": value} if item.multi else value
    return schema | {
        "description": item.help,
        "x-default": item.default,
        "x-change": item.reload.value,
        "x-supported": supported and item.supported,
        "x-obsolete": item.obsolete,
        "x-extension": item.extension,
    }


def _section(section: Section) -> dict[str, Any]:
    block: dict[str, Any] = {
        "type": "object",
        "properties": {item.name: _item(item, section.supported) for item in section.items.values()},
        "additionalProperties": False,
    }
    if section.id_item is None:
        return {"description": section.help, "x-supported": section.supported} | block
    block["required"] = [section.id_item.name]
    return {"description": section.help, "x-supported": section.supported, "type": "array", "items": block}


def schema_text() -> str:
    """Return the schema as indented JSON."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Configuration of {PROGRAM} {VERSION}",
        "type": "object",
        "properties": {name: _section(section) for name, section in SECTIONS.items()},
        "additionalProperties": False,
    }
    return json.dumps(schema, indent=2) + "\n"
