# SPDX-License-Identifier: Apache-2.0
"""The command line of xdpdnsd, with the options of knotd. Without argparse, whose import costs a tenth of the start."""

from typing import Any, NamedTuple

from control.conf.version import DEFAULT_CONFDB, DEFAULT_CONFIG, PROGRAM, VERSION

SERVE, ENGINE, LOAD_FILTERS, UNLOAD_FILTERS = "serve", "engine", "load-filters", "unload-filters"

CONF_MIB, CONF_MIB_MAX = 500, 10_000

HELP = f"""\
Usage: xdpdnsd [options]

Options:
 -c, --config FILE    configuration file (default {DEFAULT_CONFIG})
 -C, --confdb DIR     configuration database (default {DEFAULT_CONFDB}, where it exists)
 -m, --max-conf-size MIB
                      maximum size of the configuration database (default {CONF_MIB}, at most {CONF_MIB_MAX})
 -s, --socket PATH    control socket, instead of control.listen
 -d, --daemonize[=DIR]
                      run in the background, in the working directory DIR (default /)
 -v, --verbose        also log to standard output, debug lines included
 -h, --help           this text
 -V, --version        program and version

For units of a service manager:
     --adopt          use the engine that another unit runs, wait for it, and leave it running
     --engine         become that engine
     --load-filters   load the filter on the interfaces of the configuration, and end
     --unload-filters unload the filters that --load-filters loaded, and end

SIGHUP reads the configuration and changed zone files again, SIGUSR1 only the zone files.
SIGTERM and SIGINT stop the daemon and, without --adopt, its engine.
"""

ROLES = {"--engine": ENGINE, "--load-filters": LOAD_FILTERS, "--unload-filters": UNLOAD_FILTERS}
FLAGS = {"-v": "verbose", "--verbose": "verbose", "--adopt": "adopt"}
SIZES = ("-m", "--max-conf-size")
WITH_VALUE = {
    **dict.fromkeys(("-c", "--config"), "config"),
    **dict.fromkeys(("-C", "--confdb"), "confdb"),
    **dict.fromkeys(("-s", "--socket"), "socket"),
    **dict.fromkeys(SIZES, "conf_mib"),
}
TEXTS = {"-h": HELP, "--help": HELP, "-V": f"{PROGRAM} {VERSION}\n", "--version": f"{PROGRAM} {VERSION}\n"}


class Usage(Exception):
    """The command line is wrong."""


class Options(NamedTuple):
    """What the command line says."""

    config: str | None = None
    confdb: str | None = None
    conf_mib: int = CONF_MIB
    socket: str | None = None
    directory: str | None = None
    """Run in the background with this working directory."""
    verbose: bool = False
    adopt: bool = False
    role: str = SERVE
    text: str | None = None
    """To be printed instead of running."""


def parse_size(text: str) -> int:
    """Return a size of the configuration database in MiB; raise Usage."""
    if not text.isdecimal() or not 1 <= int(text) <= CONF_MIB_MAX:
        raise Usage(f"option -m needs a number of MiB from 1 to {CONF_MIB_MAX}, not '{text}'")
    return int(text)


def parse_options(arguments: list[str]) -> Options:
    """Return what the arguments say; raise Usage."""
    options, words = Options(), list(arguments)
    while words and options.text is None:
        word = words.pop(0)
        name, equals, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
        if name in ("-d", "--daemonize"):
            options = options._replace(directory=value or "/")
        elif name in WITH_VALUE:
            if not equals:
                if not words:
                    raise Usage(f"option {name} needs a value")
                value = words.pop(0)
            changed: dict[str, Any] = {WITH_VALUE[name]: value}
            if name in SIZES:
                changed = {WITH_VALUE[name]: parse_size(value)}
            options = options._replace(**changed)
        elif word in TEXTS:
            options = options._replace(text=TEXTS[word])
        elif word in FLAGS:
            changed = {FLAGS[word]: True}
            options = options._replace(**changed)
        elif word in ROLES:
            options = options._replace(role=ROLES[word])
        else:
            raise Usage(f"unknown argument '{word}'")
    if options.directory is not None and (options.role != SERVE or options.adopt):
        raise Usage("-d is not for units of a service manager")
    return options
