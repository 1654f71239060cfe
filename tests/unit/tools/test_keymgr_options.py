# SPDX-License-Identifier: Apache-2.0
"""The command line of xdpdns-keymgr."""

from pathlib import Path

import pytest

from control.store.kasp import KeyTimers
from control.tools.keymgr_arguments import FLAGS, MADE_ONLY
from control.tools.keymgr_options import OPTIONS, Settings, WrongOption, command_name, help_text, parse_options
from control.tools.keymgr_refusal import Refusal
from control.tools.keymgr_table import ABSENT, SPECS
from control.tools.keymgr_times import UNITS


@pytest.mark.parametrize(
    ("line", "settings", "rest"),
    [
        ("z list", Settings(), "z list"),
        ("-c f z list -e iso", Settings(config="f", extended=True), "z list iso"),
        ("-Cd -jX z list", Settings(confdb="d", json=True, colour=True), "z list"),
        ("--dir=d --mono -l", Settings(directory="d", colour=False, list_zones=True), ""),
        ("--config f -h", Settings(config="f", show="help"), ""),
        ("-t name hmac-sha512 512", Settings(tsig="name"), "hmac-sha512 512"),
        ("-V", Settings(show="version"), ""),
        ("-VV", Settings(show="build"), ""),
        ("-- z list", Settings(), "z list"),
        ("-- trash-list -e", Settings(extended=True), "- trash-list"),
        ("-- TRASH_DISCARD --", Settings(), "- TRASH_DISCARD -"),
        ("- -- trash-discard", Settings(), "- trash-discard"),
        ("-- -- trash-list", Settings(), "- trash-list"),
        ("-- keystore-test", Settings(), "- keystore-test"),
    ],
)
def test_options(line: str, settings: Settings, rest: str) -> None:
    """They stand anywhere; `--` ends nothing, it means all zones where a zone stands."""
    assert parse_options(line.split()) == (settings, rest.split())


@pytest.mark.parametrize("line", ["-z", "--foo", "-t", "-c", "z pregenerate -1d", "--list=1"])
def test_wrong_options(line: str) -> None:
    """Unknown ones, and those that lack an argument or have one too many."""
    with pytest.raises(WrongOption):
        parse_options(line.split())


@pytest.mark.parametrize("line", ["-c a -C b", "-D a -c b", "-c a -c b"])
def test_one_place(line: str) -> None:
    """Where the keys are is said once."""
    with pytest.raises(Refusal, match="configuration already initialized"):
        parse_options(line.split())


def test_names_of_commands() -> None:
    """Either case, underscores as dashes."""
    assert command_name("NSEC3_Salt") == "nsec3-salt"


def test_help_names_everything() -> None:
    """Every command, also those that are not supported."""
    text = help_text()
    assert all(f"  {spec.name}" in text for spec in SPECS)
    assert all(name in text for name in ABSENT)
    assert max(map(len, text.splitlines())) <= 120


def test_the_manual_names_everything(root_dir: Path) -> None:
    """Every command, option, argument and unit."""
    manual = (root_dir / "docs/keys.md").read_text()
    names = [spec.name for spec in SPECS] + [f"-{one.short}" for one in OPTIONS if one.short not in "hV"]
    names += [name.replace("_", "-") for name in FLAGS] + [*MADE_ONLY, *KeyTimers._fields, *UNITS]
    assert [name for name in names if f"`{name}" not in manual] == []
