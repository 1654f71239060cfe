# SPDX-License-Identifier: Apache-2.0
"""Options of xdpdns-keymgr, which stand anywhere on the command line, and its help."""

from getopt import GetoptError, gnu_getopt
from typing import NamedTuple

from control.conf.version import DEFAULT_CONFDB, DEFAULT_CONFIG
from control.tools.ctl_options import Option
from control.tools.keymgr_refusal import Refusal
from control.tools.keymgr_table import ABSENT, BY_NAME, SPECS

PROGRAM = "xdpdns-keymgr"
ALL_ZONES = "-"


class Settings(NamedTuple):
    """What the options say."""

    config: str | None = None
    confdb: str | None = None
    directory: str | None = None
    tsig: str | None = None
    extended: bool = False
    json: bool = False
    list_zones: bool = False
    colour: bool | None = None
    """None: when the output is a terminal."""
    show: str = ""
    """help, version or build: print that and do nothing else."""


OPTIONS = (
    Option("c", "config", "FILE", f"Configuration file (default {DEFAULT_CONFIG})."),
    Option("C", "confdb", "DIR", f"Configuration database (default {DEFAULT_CONFDB}, if it is there)."),
    Option("D", "dir", "PATH", "Directory of the store or of the keys, with default policy."),
    Option("t", "tsig", "NAME", "Make a TSIG key: [algorithm [bits]] follow."),
    Option("e", "extended", "", "List keys with everything."),
    Option("j", "json", "", "Print lists as JSON."),
    Option("l", "list", "", "List the zones that have keys."),
    Option("x", "mono", "", "Do not colour the output."),
    Option("X", "color", "", "Colour the output."),
    Option("h", "help", "", "Print this help."),
    Option("V", "version", "", "Print the version; twice: what it is built of."),
)
_NAMES = {f"-{one.short}": one.short for one in OPTIONS} | {f"--{one.long}": one.short for one in OPTIONS}
_SHORT = "".join(one.short + (":" if one.argument else "") for one in OPTIONS)
_LONG = [one.long + ("=" if one.argument else "") for one in OPTIONS]


class WrongOption(Exception):
    """An option is unknown, or lacks its argument."""


def parse_options(words: list[str]) -> tuple[Settings, list[str]]:
    """Return what the options say, and the other words; raise WrongOption or Refusal.

    `--` is the word `-`, which stands for all zones; in front of a zone it only ends the options.
    """
    try:
        options, rest = gnu_getopt([ALL_ZONES if word == "--" else word for word in words], _SHORT, _LONG)
    except GetoptError as error:
        raise WrongOption(error.msg) from error
    settings = Settings()
    for name, value in options:
        settings = _apply(settings, _NAMES[name], value)
    if len(rest) > 1 and rest[0] == ALL_ZONES and command_name(rest[1]) not in BY_NAME.keys() | ABSENT:
        rest = rest[1:]
    return settings, rest


def command_name(word: str) -> str:
    """Return the name of a command as the table has it: letters of either case, `_` as well as `-`."""
    return word.lower().replace("_", "-")


def _apply(settings: Settings, short: str, value: str) -> Settings:
    if short in "cCD" and any((settings.config, settings.confdb, settings.directory)):
        raise Refusal("configuration already initialized, give only one of -c, -C and -D")
    match short:
        case "c":
            return settings._replace(config=value)
        case "C":
            return settings._replace(confdb=value)
        case "D":
            return settings._replace(directory=value)
        case "t":
            return settings._replace(tsig=value)
        case "x" | "X":
            return settings._replace(colour=short == "X")
        case "h":
            return settings._replace(show="help")
        case "V":
            return settings._replace(show="build" if settings.show == "version" else "version")
    return Settings(**settings._asdict() | {{"e": "extended", "j": "json", "l": "list_zones"}[short]: True})


def help_text() -> str:
    """Return usage, options and commands."""
    lines = [
        "Usage:",
        f"  {PROGRAM} [-c | -C | -D PATH] [options] ZONE COMMAND [argument...]",
        f"  {PROGRAM} [-c | -C | -D PATH] [options] KEYSTORE|- keystore-test|keystore-bench [argument...]",
        f"  {PROGRAM} [-c | -C | -D PATH] [options] -l",
        f"  {PROGRAM} -t NAME [algorithm [bits]]",
        "",
        "Options:",
    ]
    for option in OPTIONS:
        left = f"-{option.short}, --{option.long} {option.argument}".rstrip()
        lines.append(f"  {left:<20} {option.help}")
    lines += ["", "Commands:"]
    for spec in SPECS:
        lines += [f"  {f'{spec.name} {spec.synopsis}'.rstrip()}", f"      {spec.help}"]
    lines += [
        "",
        "KEY is the tag of a key, its id or a beginning of that; keytag=TAG and id=ID tell them apart.",
        "NAME=VALUE: algorithm, size (new keys only); ksk, zsk, sep, adt, for-later (yes or no);",
        "  created, pre_active, publish, ready, active, retire_active, retire, post_active, revoke, remove (times).",
        "Times: 0 (never), Unix seconds, YYYYMMDDHHMMSS (UTC), +N[u] or -N[u] from now with u of y mo d h mi s.",
        "ZONE of trash commands: - or -- for all zones.",
        "A running server takes changes over on 'xdpdnsctl zone-keys-load ZONE'.",
        "Not supported by this server:",
        *(f"  {name} ({purpose})" for name, purpose in sorted(ABSENT.items())),
    ]
    return "\n".join(lines) + "\n"
