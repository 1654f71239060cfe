# SPDX-License-Identifier: Apache-2.0
"""The schema table and what is generated from it."""

import tomllib
from pathlib import Path

from control.conf import manual
from control.conf.schema import SECTIONS
from control.conf.source import find_source, load_source
from control.conf.version import PROGRAM, VERSION

ROOT = Path(__file__).resolve().parents[3]


def test_manual_is_up_to_date() -> None:
    """docs/reference.md is what the schema prints."""
    assert (ROOT / "docs" / "reference.md").read_text() == manual.render()


def test_defaults_and_restrictions_are_values() -> None:
    """The values an item is restricted to are values of its type."""
    for section in SECTIONS.values():
        for item in section.items.values():
            for only in item.only:
                item.type.convert(only)


def test_version_is_the_package_version() -> None:
    """The version the programs tell is the one of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (project["name"], project["version"]) == (PROGRAM, VERSION)


def test_example_configuration() -> None:
    """The configuration that is shown as an example has no error."""
    config = load_source(find_source(str(ROOT / "examples" / "knot.conf"), None)).config
    assert len(config.zones) == 7
    assert config.zones["signed.example.com."].dnssec.policy.id == "automatic"
