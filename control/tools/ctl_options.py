# SPDX-License-Identifier: Apache-2.0
"""Options of xdpdnsctl: those of Knot's control program, in short, combined and long form, before the command."""

from typing import NamedTuple

from control.conf.model import CONTROL_SOCKET, DEFAULT_RUNDIR
from control.conf.version import DEFAULT_CONFDB, DEFAULT_CONFIG
from control.ctl.arguments import UsageError
from control.ctl.table import EXIT_WORD, SPECS, Where

DEFAULT_TIMEOUT_S = 60
MAX_TIMEOUT_S = 86400
DEFAULT_MAP_MIB = 500
MAX_MAP_MIB = 10000
TRAILING = "bf"
"""Options that may also stand right after the command."""


class Settings(NamedTuple):
    """What the options say."""

    config: str | None = None
    confdb: str | None = None
    map_mib: int = DEFAULT_MAP_MIB
    socket: str | None = None
    timeout_s: int | None = None
    blocking: bool = False
    extended: bool = False
    force: bool = False
    colour: bool | None = None
    """None: when the output is a terminal."""
    verbose: bool = False
    json: bool = False
    show: str = ""
    """help, version or build: print that and do nothing else."""


class Option(NamedTuple):
    """One option."""

    short: str
    long: str
    argument: str
    help: str


OPTIONS = (
    Option("c", "config", "FILE", f"Configuration file (default {DEFAULT_CONFIG})."),
    Option("C", "confdb", "DIR", f"Configuration database (default {DEFAULT_CONFDB}, if it is there)."),
    Option("m", "max-conf-size", "MIB", f"Maximum size of that database (default {DEFAULT_MAP_MIB})."),
    Option("s", "socket", "PATH", f"Control socket (default of the configuration, {DEFAULT_RUNDIR}/{CONTROL_SOCKET})."),
    Option("t", "timeout", "SEC", f"Longest wait for the server (default {DEFAULT_TIMEOUT_S}, 0: for ever)."),
    Option("b", "blocking", "", "Wait until the event is finished."),
    Option("e", "extended", "", "Show empty items too."),
    Option("f", "force", "", "Override some checks; show counters that are zero."),
    Option("x", "mono", "", "Do not colour the output."),
    Option("X", "color", "", "Colour the output."),
    Option("j", "json", "", "Print answers as JSON."),
    Option("v", "verbose", "", "Say what is done, on standard error."),
    Option("h", "help", "", "Print this help."),
    Option("V", "version", "", "Print the version; twice: what it is built of."),
)
_SHORT = {one.short: one for one in OPTIONS}
_LONG = {one.long: one for one in OPTIONS}


def parse_options(words: list[str]) -> tuple[Settings, list[str]]:
    """Return what the options say, and the command with its words; raises `UsageError`."""
    settings, rest = Settings(), list(words)
    while rest and rest[0][:1] == "-" and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        settings = _take_long(settings, word[2:], rest) if word[:2] == "--" else _take_short(settings, word[1:], rest)
    return settings, rest


def take_trailing(settings: Settings, words: list[str]) -> tuple[Settings, list[str]]:
    """Return what options right after the command add, and the words behind them."""
    rest = list(words)
    while rest and len(rest[0]) > 1 and rest[0][0] == "-" and set(rest[0][1:]) <= set(TRAILING):
        for letter in rest.pop(0)[1:]:
            settings = _apply(settings, _SHORT[letter], "")
    return settings, rest


def _take_long(settings: Settings, word: str, rest: list[str]) -> Settings:
    name, equals, value = word.partition("=")
    option = _LONG.get(name)
    if option is None:
        raise UsageError(f"unknown option '--{name}'")
    if not option.argument and equals:
        raise UsageError(f"option '--{name}' takes no argument")
    return _apply(settings, option, value if equals or not option.argument else _argument(f"--{name}", rest))


def _take_short(settings: Settings, letters: str, rest: list[str]) -> Settings:
    while letters:
        letter, letters = letters[0], letters[1:]
        option = _SHORT.get(letter)
        if option is None:
            raise UsageError(f"unknown option '-{letter}'")
        if option.argument:
            return _apply(settings, option, letters or _argument(f"-{letter}", rest))
        settings = _apply(settings, option, "")
    return settings


def _argument(option: str, rest: list[str]) -> str:
    if not rest:
        raise UsageError(f"option '{option}' requires an argument")
    return rest.pop(0)


def _number(option: Option, text: str, low: int, high: int) -> int:
    if not text.isdecimal() or not text.isascii() or not low <= int(text) <= high:
        raise UsageError(f"option '--{option.long}' requires a number from {low} to {high}, not '{text}'")
    return int(text)


def _apply(settings: Settings, option: Option, value: str) -> Settings:
    match option.short:
        case "c":
            return settings._replace(config=value, confdb=None)
        case "C":
            return settings._replace(confdb=value, config=None)
        case "m":
            return settings._replace(map_mib=_number(option, value, 1, MAX_MAP_MIB))
        case "s":
            return settings._replace(socket=value)
        case "t":
            return settings._replace(timeout_s=_number(option, value, 0, MAX_TIMEOUT_S))
        case "x" | "X":
            return settings._replace(colour=option.short == "X")
        case "V":
            return settings._replace(show="build" if settings.show == "version" else "version")
        case "h":
            return settings._replace(show="help")
    return Settings(**settings._asdict() | {option.long: True})


def request_timeout(settings: Settings) -> float | None:
    """Return how long to wait for the server; None: for ever."""
    if settings.timeout_s is not None:
        return settings.timeout_s or None
    return None if settings.blocking else DEFAULT_TIMEOUT_S


def help_text() -> str:
    """Return the usage, options and commands."""
    lines = ["Usage: xdpdnsctl [options] <command> [arguments]", "", "Options:"]
    for option in OPTIONS:
        left = f"-{option.short}, --{option.long} {option.argument}".rstrip()
        lines.append(f" {left:<26} {option.help}")
    lines += ["", "Commands:", f" {EXIT_WORD:<17} {'':<44} Leave the interactive mode."]
    for spec in SPECS:
        if spec.where is not Where.ABSENT:
            mark = " (*)" if spec.where is Where.LOCAL else " (#)" if spec.blocking else ""
            lines.append(f" {spec.name:<17} {spec.synopsis:<44} {spec.help}{mark}")
    lines += [
        "",
        "Without a command: interactive mode, or commands from standard input when that is no terminal.",
        "No <zone> where it is optional, or --, means all zones. <owner> may be relative; @ is the zone itself.",
        "An <item> is written <section>[<identifier>].<name>.",
        "(*) works on configuration and files, without the daemon. (#) waits for the event with -b.",
        "Options -b and -f may also stand right after the command.",
        "Not supported by this server: " + ", ".join(one.name for one in SPECS if one.where is Where.ABSENT) + ".",
    ]
    return "\n".join(lines) + "\n"
