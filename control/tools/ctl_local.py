# SPDX-License-Identifier: Apache-2.0
"""Commands of xdpdnsctl that work on configuration and files, without the daemon."""

import sys
import time
from collections.abc import Callable, Mapping

from control.ctl.arguments import Parsed, UsageError
from control.tools import conf_commands
from control.tools.ctl_options import Settings

LocalCommand = Callable[[Settings, Parsed], int]
"""Takes what the options say and the words of the command; prints, and returns the exit status."""

ALL, SCHEMA = "--all", "--schema"


def conf_init(settings: Settings, _parsed: Parsed) -> int:
    """Make the configuration database."""
    return conf_commands.conf_init(settings.confdb, settings.map_mib)


def conf_check(settings: Settings, parsed: Parsed) -> int:
    """Check the configuration: `[--all] [FILE]`, or print its schema: `--schema`."""
    files = [word for word in parsed.words if word[:2] != "--"]
    unknown = {word for word in parsed.words if word[:2] == "--"} - {ALL, SCHEMA}
    if unknown:
        raise UsageError(f"unknown option '{min(unknown)}'")
    if len(files) > 1:
        raise UsageError("command takes at most 1 arguments")
    if SCHEMA in parsed.words:
        return conf_commands.conf_schema()
    file = files[0] if files else settings.config
    if ALL in parsed.words:
        return conf_commands.conf_check_all(file)
    return conf_commands.conf_check(file, None if files else settings.confdb, settings.map_mib)


def conf_import(settings: Settings, parsed: Parsed) -> int:
    """Read a file into the configuration database."""
    purge = "nopurge" not in _names(parsed)
    return conf_commands.conf_import(
        parsed.words[0], settings.confdb, settings.map_mib, force=settings.force, purge=purge
    )


def conf_export(settings: Settings, parsed: Parsed) -> int:
    """Write the configuration, or its schema, to a file or standard output."""
    file = parsed.words[0] if parsed.words else None
    if "schema" in _names(parsed):
        return conf_commands.conf_export_schema(file)
    return conf_commands.conf_export(file, settings.confdb, settings.config, settings.map_mib)


def zone_check(settings: Settings, parsed: Parsed) -> int:
    """Check the zone files of the configuration."""
    from control.tools.zone_check import check_configured

    zones = conf_commands.configured_zones(settings.config, settings.confdb, settings.map_mib)
    if zones is None:
        return 1
    return check_configured(zones, () if parsed.all_zones else parsed.words, strict=settings.force)


def zone_key_check(settings: Settings, parsed: Parsed) -> int:
    """Check the keys of zones."""
    from control.errors import StoreError
    from control.tools.key_check import check_keys
    from control.tools.keymgr_place import configured_place
    from control.tools.keymgr_refusal import Refusal
    from control.tools.zone_check import print_problem

    names = () if parsed.all_zones else parsed.words
    try:
        place = configured_place(settings.config, settings.confdb, settings.map_mib << 20)
        return check_keys(place, names, print_problem, int(time.time()), strict=settings.force)
    except Refusal as refusal:
        lines = refusal.lines
    except StoreError as error:
        lines = (str(error),)
    print(*(f"error: {line}" for line in lines), sep="\n", file=sys.stderr)
    return 1


def _names(parsed: Parsed) -> set[str]:
    return {one.name for one, _ in parsed.filters}


COMMANDS: Mapping[str, LocalCommand] = {
    "conf-init": conf_init,
    "conf-check": conf_check,
    "conf-import": conf_import,
    "conf-export": conf_export,
    "zone-check": zone_check,
    "zone-key-check": zone_key_check,
}
"""What is here; a local command of the table that is missing is refused."""
