# SPDX-License-Identifier: Apache-2.0
"""xdpdnsd, the daemon: configuration, and the engine's start before anything slow is imported."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from control.conf.check import warnings
from control.conf.document import Document
from control.conf.errors import ConfigurationError, file_reason
from control.conf.model import Config
from control.conf.source import Source, find_source, load_database, load_source
from control.conf.version import PROGRAM, VERSION
from control.log import DEBUG, ERROR, Log, Target
from control.server.claim import Claimed, claim_directory, remove_pid, write_pid
from control.server.early import EarlySignals
from control.server.launch import AdoptingLauncher, EngineLauncher, start_engine
from control.server.user import User, UserProblem, become, configured_user
from control.tools.daemon_options import ENGINE, HELP, SERVE, Options, Usage, parse_options
from pyxdp_dns.notify import Notifier

if TYPE_CHECKING:
    from control.conf.database import ConfDatabase
    from control.server.background import Background
    from control.server.bind import Listeners
    from control.server.launch import Running
    from control.server.reloading import Origin
    from control.transfer.credentials import TlsSettings

FAILED_UNIT_SECONDS = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Run the daemon; return the exit status."""
    try:
        options = parse_options(sys.argv[1:] if arguments is None else arguments)
    except Usage as error:
        print(f"xdpdnsd: {error}\n{HELP}", file=sys.stderr, end="")
        return 1
    if options.text is not None:
        print(options.text, end="")
        return 0
    log = Log()
    source = find_source(options.config, options.confdb, options.conf_mib << 20)
    loaded = read_config(source, log)
    if loaded is None:
        return failed(options)
    document, config = loaded
    if options.socket is not None:
        config = config._replace(control=config.control._replace(listen=(os.path.abspath(options.socket),)))
    if options.role == SERVE and not open_log(config, log, options.verbose):
        return 1
    try:
        user = configured_user(config.server.user)
    except UserProblem as error:
        log.critical(str(error))
        return failed(options)
    if options.role != SERVE:
        from control.server.roles import run_role

        return run_role(options.role, config, log, user) and failed(options)
    return start(Setup(source, document, config, log, options, user))


def failed(options: Options) -> int:
    """Return the status of a start that failed; an engine's unit is started again at once, so it waits."""
    if options.role == ENGINE:
        time.sleep(FAILED_UNIT_SECONDS)
    return 1


def name_of(source: Source) -> str:
    """What the log calls a source of configuration."""
    return f"configuration {'file' if source.confdb is None else 'database'} '{source.path}'"


def read_config(source: Source, log: Log) -> tuple[Document, Config] | None:
    """Load the configuration; None after logging why not. A database is closed again: this process may fork."""
    try:
        loaded = load_source(source)
    except ConfigurationError as error:
        log.error(str(error))
        log.critical(f"failed to load {name_of(source)} ({error.outcome})")
        return None
    except OSError as error:
        log.critical(f"failed to load {name_of(source)} ({file_reason(error)})")
        return None
    if loaded.database is not None:
        loaded.database.close()
    return loaded.document, loaded.config


def open_log(config: Config, log: Log, verbose: bool) -> bool:
    """Open the log targets of the configuration; false after logging why not."""
    try:
        log.configure(config.logs)
    except OSError as error:
        log.critical(f"log target '{error.filename}' cannot be opened ({error.strerror}), set log.target")
        return False
    if verbose:
        log.extra.append(Target("stdout", dict.fromkeys(("server", "control", "zone"), DEBUG)))
    return True


class Setup(NamedTuple):
    """What a start begins with; `document` is what `source` sets, `user` whom the daemon becomes."""

    source: Source
    document: Document
    config: Config
    log: Log
    options: Options
    user: User | None


def start(setup: Setup) -> int:
    """Claim the directories, go to the background when asked to, serve; return the exit status."""
    directory, log, pidfile = setup.options.directory, setup.log, setup.config.server.pidfile
    log.info(f"{PROGRAM} {VERSION} starting")
    try:
        with claimed(setup.config):
            background = None
            if directory is not None:
                from control.server.background import go

                try:
                    background = go(directory, log)
                except OSError as error:
                    raise Claimed(f"option -d: '{directory}' cannot be entered ({error.strerror})") from error
                if background is None:
                    return 0
            early = EarlySignals()
            write_pid(pidfile)
            try:
                return serve(setup, background, early)
            finally:
                remove_pid(pidfile)
    except (Claimed, UserProblem) as error:
        log.critical(str(error))
    return 1


@contextmanager
def claimed(config: Config) -> Iterator[None]:
    """Hold run directory and storage; raise Claimed."""
    server, storage = config.server, config.database.storage
    locks = [claim_directory(server.rundir, "server.rundir", server.pidfile)]
    try:
        if os.path.realpath(server.rundir) != os.path.realpath(storage):
            locks.append(claim_directory(storage, "database.storage", server.pidfile))
        yield
    finally:
        for lock in locks:
            os.close(lock)


def serve(setup: Setup, background: "Background | None", early: EarlySignals) -> int:
    """Start or adopt the engine when it has a table to answer from, bind TCP and TLS, run the loop."""
    from control.errors import ControlError
    from pyxdp_dns.errors import EngineError
    from pyxdp_dns.privileges import drop

    config, log, options, user = setup.config, setup.log, setup.options, setup.user
    running: Running | None = None
    try:
        if user is not None:
            hand_over(user, setup)
        launcher = AdoptingLauncher(config, user) if options.adopt else EngineLauncher(config, user)
        if os.path.exists(launcher.table):
            running = start_on_table(launcher, log)
        from control.server.bind import bind_all
        from control.server.identity import read_tls

        listeners = bind_all(config.server, log)
        if user is not None:
            if not options.adopt:
                launcher.delegate()
            become(user)
        elif options.adopt and os.geteuid() != 0:
            drop()
        tls = read_tls(config, listens=bool(listeners.tls), kept_key=config.database.tls_key)
    except (ControlError, EngineError, OSError, UserProblem) as error:
        log.critical(str(error))
        if running is not None and not options.adopt:
            running.stop()
        return 1
    log.info(f"loaded {name_of(setup.source)}, mapsize {options.conf_mib} MiB")
    for text in warnings(config):
        log.warning(text)
    log.info(f"starting server in the {'background' if background else 'foreground'}, PID {os.getpid()}")
    if background is not None:
        background.release()
    try:
        return run_loop(setup, launcher, listeners, tls, running, early)
    finally:
        launcher.close()


def hand_over(user: User, setup: Setup) -> None:
    """Give the user what it has to write later: directories, their files, PID file and log files."""
    from control.server.user import check_reach, hand_over_directory, hand_over_file

    check_reach(user, sys.executable)
    check_reach(user, __file__)
    config, storage = setup.config, setup.config.database.storage
    if setup.source.confdb is not None:
        hand_over_directory(user, setup.source.confdb, "option -C")
    hand_over_directory(user, config.server.rundir, "server.rundir")
    own = frozenset(("table", "table.refused", os.path.basename(config.database.tls_key)))
    hand_over_directory(user, storage, "database.storage", own)
    if os.path.isdir(os.path.join(storage, "store")):
        hand_over_directory(user, os.path.join(storage, "store"), "database.storage")
    hand_over_file(user, config.server.pidfile)
    for target in setup.log.targets:
        if target.fd > 2 and target.name not in ("stdout", "stderr"):
            hand_over_file(user, target.name)


def start_on_table(launcher: EngineLauncher, log: Log) -> "Running | None":
    """Start the engine on the table that is there; None when that is refused and has to be built again."""
    from pyxdp_dns.errors import EngineError, TableRefused

    try:
        return start_engine(launcher, log)
    except EngineError as error:
        from pyxdp_dns.table import Table

        try:
            Table.open_reader(Path(launcher.table)).close()
        except TableRefused:
            log.error(str(error))
            return None
        raise


def run_loop(
    setup: Setup,
    launcher: EngineLauncher,
    listeners: "Listeners",
    tls: "TlsSettings",
    running: "Running | None",
    early: EarlySignals,
) -> int:
    """Import the rest and run the daemon in its loop."""
    import asyncio

    from control.conf.dynamic import ActiveConfiguration
    from control.errors import ControlError
    from control.server.daemon import Daemon
    from control.server.service import Service
    from pyxdp_dns.errors import EngineError

    async def live() -> None:
        loop, service = asyncio.get_running_loop(), Service(Notifier())
        loop.set_exception_handler(lambda _loop, context: report_fault(log, context))
        service.watch(loop)
        launcher.watch_helper(loop, log)
        with opened(setup.source) as (database, origin):
            active = ActiveConfiguration(setup.document, setup.config, database)
            await Daemon(active, log, launcher, listeners, tls, running, service, origin).run(early.noted)

    log = setup.log
    try:
        asyncio.run(live())
    except (ConfigurationError, ControlError, EngineError, OSError) as error:
        log.critical(str(error))
        return 1
    return 0


@contextmanager
def opened(source: Source) -> "Iterator[tuple[ConfDatabase | None, Origin]]":
    """Hold the database of the configuration open, if it is one; the origin reads it again."""
    from control.server.reloading import Origin, file_origin

    if source.confdb is None:
        yield None, file_origin(source.path)
        return
    from control.conf.database import ConfDatabase

    with ConfDatabase(source.confdb, source.map_bytes) as database:
        yield database, Origin(name_of(source), lambda: load_database(database))


def report_fault(log: Log, context: dict[str, Any]) -> None:
    """Log what went wrong on the loop where nobody waits for it: a connection may cause it, so it is limited."""
    import traceback

    error = context.get("exception")
    lines = [] if error is None else traceback.format_exception(error)[-2:]
    log.limited("loop", ERROR, " ".join((context.get("message", "fault"), *" ".join(lines).split())))


if __name__ == "__main__":
    sys.exit(main())
