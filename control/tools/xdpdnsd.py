# SPDX-License-Identifier: Apache-2.0
"""xdpdnsd, the daemon: arguments, configuration, and the engine's start before anything slow is imported."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from control.conf.check import load_config, warnings
from control.conf.errors import ConfigurationError
from control.conf.model import Config
from control.conf.version import DEFAULT_CONFIG, PROGRAM, VERSION
from control.log import DEBUG, Log, Target
from control.server.claim import Claimed, claim_directory, remove_pid, write_pid
from control.server.launch import EngineLauncher, start_engine

if TYPE_CHECKING:
    import socket

    from control.server.launch import Running

HELP = f"""\
Usage: xdpdnsd [options]

Options:
 -c, --config FILE   configuration file (default {DEFAULT_CONFIG})
 -v, --verbose       also log to standard output, debug lines included
 -h, --help          this text
 -V, --version       program and version

SIGHUP reads the configuration and changed zone files again, SIGTERM and SIGINT stop the daemon and its engine.
"""


class Usage(Exception):
    """The command line is wrong."""


def parse_arguments(arguments: list[str]) -> tuple[str, bool, str | None]:
    """Return configuration file, verbosity, and a text to print instead of running."""
    path, verbose, words = DEFAULT_CONFIG, False, list(arguments)
    while words:
        word = words.pop(0)
        if word in ("-c", "--config"):
            if not words:
                raise Usage(f"option {word} needs a file")
            path = words.pop(0)
        elif word.startswith("--config="):
            path = word.partition("=")[2]
        elif word in ("-v", "--verbose"):
            verbose = True
        elif word in ("-h", "--help"):
            return path, verbose, HELP
        elif word in ("-V", "--version"):
            return path, verbose, f"{PROGRAM} {VERSION}\n"
        else:
            raise Usage(f"unknown argument '{word}'")
    return path, verbose, None


def main(arguments: list[str] | None = None) -> int:
    """Run the daemon; return the exit status."""
    try:
        path, verbose, text = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    except Usage as error:
        print(f"xdpdnsd: {error}\n{HELP}", file=sys.stderr, end="")
        return 1
    if text is not None:
        print(text, end="")
        return 0
    log = Log()
    config = read_config(os.path.abspath(path), log, verbose)
    return 1 if config is None else start(config, log)


def read_config(path: str, log: Log, verbose: bool) -> Config | None:
    """Load the configuration and open its log targets; None after logging why not."""
    try:
        config = load_config(path)
    except ConfigurationError as error:
        log.error(str(error))
        log.critical(f"failed to load configuration file '{path}' ({error.reason})")
        return None
    except OSError as error:
        log.critical(f"failed to load configuration file '{path}' ({error.strerror})")
        return None
    try:
        log.configure(config.logs)
    except OSError as error:
        log.critical(f"log target '{error.filename}' cannot be opened ({error.strerror}), set log.target")
        return None
    if verbose:
        log.extra.append(Target("stdout", dict.fromkeys(("server", "control", "zone"), DEBUG)))
    return config


def start(config: Config, log: Log) -> int:
    """Claim the directories, start the engine, then everything else; return the exit status."""
    server = config.server
    log.info(f"{PROGRAM} {VERSION} starting")
    try:
        locks = [claim_directory(server.rundir, "server.rundir", server.pidfile)]
        if os.path.realpath(server.rundir) != os.path.realpath(config.database.storage):
            locks.append(claim_directory(config.database.storage, "database.storage", server.pidfile))
        write_pid(server.pidfile)
    except Claimed as error:
        log.critical(str(error))
        return 1
    try:
        return serve(config, log)
    finally:
        remove_pid(server.pidfile)
        for lock in locks:
            os.close(lock)


def serve(config: Config, log: Log) -> int:
    """Start or adopt the engine when it has a table to answer from, bind TCP, run the loop."""
    from pyxdp_dns.errors import EngineError

    launcher = EngineLauncher(config)
    running: Running | None = None
    try:
        if os.path.exists(os.path.join(config.database.storage, "table")):
            running = start_on_table(launcher, log, os.path.join(config.database.storage, "table"))
        listeners = bind_all(config, log)
    except (EngineError, OSError) as error:
        log.critical(str(error))
        if running is not None:
            running.stop()
        return 1
    log.info(f"loaded configuration file '{config.file}'")
    for text in warnings(config):
        log.warning(text)
    log.info(f"starting server in the foreground, PID {os.getpid()}")
    return run_loop(config, log, launcher, listeners, running)


def start_on_table(launcher: EngineLauncher, log: Log, table: str) -> "Running | None":
    """Start the engine on the table that is there; None when that is refused and has to be built again."""
    from pyxdp_dns.errors import EngineError, TableRefused

    try:
        return start_engine(launcher, log)
    except EngineError as error:
        from pyxdp_dns.table import Table

        try:
            Table.open_reader(Path(table)).close()
        except TableRefused:
            log.error(str(error))
            return None
        raise


def bind_all(config: Config, log: Log) -> "list[socket.socket]":
    """Bind every TCP address; raises OSError that names the address."""
    from control.server.bind import bind_tcp

    listeners: list[socket.socket] = []
    for endpoint in config.server.listen:
        try:
            listeners.append(bind_tcp(endpoint))
        except OSError as error:
            for listener in listeners:
                listener.close()
            raise OSError(f"cannot bind address {endpoint} ({error.strerror}), set server.listen") from error
        log.info(f"binding to interface {endpoint}")
    return listeners


def run_loop(
    config: Config,
    log: Log,
    launcher: EngineLauncher,
    listeners: "list[socket.socket]",
    running: "Running | None",
) -> int:
    """Import the rest and run the daemon in its loop."""
    import asyncio

    from control.errors import ControlError
    from control.server.daemon import Daemon
    from pyxdp_dns.errors import EngineError

    async def live() -> None:
        await Daemon(config, log, launcher, listeners, running).run()

    try:
        asyncio.run(live())
    except (ControlError, EngineError, OSError) as error:
        log.critical(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
