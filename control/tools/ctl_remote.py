# SPDX-License-Identifier: Apache-2.0
"""Commands of xdpdnsctl that the daemon carries out: find its socket, ask, print."""

import os
import sys
from collections.abc import Iterable, Iterator

from control.conf.model import CONTROL_SOCKET, DEFAULT_RUNDIR
from control.ctl.arguments import Options, UsageError, operands, parse
from control.ctl.client import Client
from control.ctl.render import Renderer, Style, json_lines
from control.ctl.table import CommandSpec, Shape
from control.ctl.unit import Kind, Unit
from control.tools.ctl_options import Settings, request_timeout

PICTURE = "--svg"


def socket_path(settings: Settings) -> str:
    """Return the path of the socket: of the option, else of the configuration; raises `UsageError`."""
    if settings.socket is not None:
        return settings.socket
    from control.conf.errors import ConfigurationError
    from control.conf.source import control_sockets, find_source

    source = find_source(settings.config, settings.confdb, settings.map_mib << 20)
    if (settings.config, settings.confdb) == (None, None) and not os.path.exists(source.path):
        return os.path.join(DEFAULT_RUNDIR, CONTROL_SOCKET)
    try:
        return control_sockets(source)[0]
    except ConfigurationError as error:
        raise UsageError(f"{error}; name the socket with -s") from error
    except OSError as error:
        raise UsageError(
            f"{source.path}: {error.strerror}; name the configuration with -c or the socket with -s"
        ) from error


def run_remote(settings: Settings, spec: CommandSpec, words: list[str]) -> int:
    """Ask and print; return the exit status. Raises `UsageError`, `ClientError` and `ItemTooLong`."""
    picture, words = take_picture(words) if spec.shape is Shape.REPORT else (None, words)
    request = operands(spec, words, Options(settings.blocking, settings.force))
    path = socket_path(settings)
    if settings.verbose:
        print(f"debug: {spec.name}, socket '{path}', {len(request)} operands", file=sys.stderr)
    with Client(path, request_timeout(settings)) as client:
        units = client.ask(request)
        if settings.json:
            return print_json(units)
        if spec.shape is Shape.REPORT:
            from control.tools.ctl_report import print_report

            return print_report(spec, units, picture)
        colour = sys.stdout.isatty() if settings.colour is None else settings.colour
        return print_text(spec, Style(settings.extended, colour, parse(spec, words).all_zones), units)


def take_picture(words: list[str]) -> tuple[str | None, list[str]]:
    """Return the file of the option --svg, and the other words; raises `UsageError`."""
    for at, word in enumerate(words):
        if word.startswith(f"{PICTURE}="):
            return word.partition("=")[2], words[:at] + words[at + 1 :]
        if word == PICTURE:
            if at + 1 == len(words):
                raise UsageError(f"option '{PICTURE}' requires an argument")
            return words[at + 1], words[:at] + words[at + 2 :]
    return None, words


def print_text(spec: CommandSpec, style: Style, units: Iterable[tuple[Kind, Unit]]) -> int:
    """Print an answer as it comes; return the exit status. What came before a failure of the connection stays."""
    renderer = Renderer(spec, style)
    for kind, unit in units:
        sys.stdout.write(renderer.unit(kind, unit))
    sys.stdout.write(renderer.end())
    return 1 if renderer.failed else 0


def print_json(units: Iterable[tuple[Kind, Unit]]) -> int:
    """Print an answer as a JSON list; return the exit status."""
    failed = False

    def watched() -> Iterator[tuple[Kind, Unit]]:
        nonlocal failed
        for kind, unit in units:
            failed = failed or unit.error is not None
            yield kind, unit

    for text in json_lines(watched()):
        sys.stdout.write(text)
    return 1 if failed else 0
