# SPDX-License-Identifier: Apache-2.0
"""xdpdnsctl conf-init, conf-check, conf-import, conf-export: what needs no running daemon.

Each is a function that prints, errors to stderr, and returns the exit status.
"""

import os
import sys
from typing import TYPE_CHECKING

from control.conf.errors import ConfdbError, ConfigurationError, file_reason
from control.conf.version import DEFAULT_CONFDB, DEFAULT_CONFIG

if TYPE_CHECKING:
    from control.conf.model import Config
    from control.conf.zone import ZoneConf

MAP_MIB = 500
USE_FORCE = "use force option to overwrite the existing destination and ensure the server is not running!"


def _fail(text: str) -> int:
    print(f"error: {text}", file=sys.stderr)
    return 1


def _refused(error: ConfigurationError, what: str) -> int:
    _fail(str(error))
    return _fail(f"{what} ({error.outcome})")


def _load_failed(path: str, error: ConfigurationError | OSError) -> int:
    if isinstance(error, ConfdbError):
        return _fail(str(error))
    if isinstance(error, ConfigurationError):
        return _refused(error, f"failed to load configuration file '{path}'")
    return _fail(f"failed to load configuration file '{path}' ({file_reason(error)})")


def conf_init(confdb: str | None = None, map_mib: int = MAP_MIB) -> int:
    """Make the configuration database, unless it is there."""
    from control.conf.database import ConfDatabase

    try:
        ConfDatabase(confdb or DEFAULT_CONFDB, map_mib << 20, create=True).close()
    except ConfigurationError as error:
        return _fail(str(error))
    return 0


def conf_check(config: str | None = None, confdb: str | None = None, map_mib: int = MAP_MIB) -> int:
    """Check the configuration and report its first error."""
    from control.conf.check import warnings
    from control.conf.source import find_source, load_source

    source = find_source(config, confdb, map_mib << 20)
    try:
        loaded = load_source(source)
    except (ConfigurationError, OSError) as error:
        return _load_failed(config or source.path, error)
    if loaded.database is not None:
        loaded.database.close()
    for notice in loaded.document.notices:
        print(f"notice: {notice}", file=sys.stderr)
    problem = _tls_problem(loaded.config)
    if problem is not None:
        return _fail(problem)
    for warning in warnings(loaded.config):
        print(f"warning: {warning}", file=sys.stderr)
    print("Configuration is valid")
    return 0


def _tls_problem(config: "Config") -> str | None:
    """Return what is wrong with the files of certificates and keys, None when nothing is."""
    server = config.server
    if not (server.cert_file or server.key_file or server.ca_files):
        return None
    from control.server.identity import read_tls
    from control.transfer.credentials import CredentialProblem

    try:
        read_tls(config, listens=False, kept_key=None)
    except CredentialProblem as error:
        return str(error)
    return None


def configured_zones(
    config: str | None = None, confdb: str | None = None, map_mib: int = MAP_MIB
) -> "dict[str, ZoneConf] | None":
    """Return the zones of the configuration by name, None after reporting why it cannot be read."""
    from control.conf.source import find_source, load_source

    source = find_source(config, confdb, map_mib << 20)
    try:
        loaded = load_source(source)
    except (ConfigurationError, OSError) as error:
        _load_failed(config or source.path, error)
        return None
    if loaded.database is not None:
        loaded.database.close()
    return loaded.config.zones


def conf_check_all(config: str | None = None) -> int:
    """Check a configuration file and report everything in it that is refused."""
    from control.conf.check import all_problems

    path = config or DEFAULT_CONFIG
    try:
        document, problems = all_problems(path)
    except OSError as error:
        return _load_failed(path, error)
    for notice in document.notices:
        print(f"notice: {notice}", file=sys.stderr)
    for problem in problems:
        _fail(str(problem))
    if problems:
        return _fail(f"failed to load configuration file '{path}' ({len(problems)} errors)")
    print("Configuration is valid")
    return 0


def conf_schema() -> int:
    """Print the schema of the configuration as JSON."""
    from control.conf.schema_json import schema_text

    print(schema_text(), end="")
    return 0


def conf_import(
    file: str, confdb: str | None = None, map_mib: int = MAP_MIB, *, force: bool = False, purge: bool = True
) -> int:
    """Make the database say what a file says, or without `purge` add that to it; what is there needs `force`."""
    from control.conf.check import check_document
    from control.conf.database import ConfDatabase
    from control.conf.model import build_config
    from control.conf.parse import parse_file

    path = confdb or DEFAULT_CONFDB
    try:
        with ConfDatabase(path, map_mib << 20, create=True) as database:
            if not force and not database.is_empty():
                return _fail(USE_FORCE)
            document = parse_file(file, None if purge else database.load())
            check_document(document)
            build_config(document, file)
            database.replace(document)
    except ConfigurationError as error:
        return _refused(error, "import")
    except OSError as error:
        return _fail(f"failed to load configuration file '{file}' ({file_reason(error)})")
    return 0


def conf_export(
    file: str | None = None, confdb: str | None = None, config: str | None = None, map_mib: int = MAP_MIB
) -> int:
    """Write the configuration as text to a file or standard output."""
    from control.conf.export import export_lines
    from control.conf.source import find_source, load_source

    source = find_source(config, confdb, map_mib << 20)
    try:
        loaded = load_source(source)
    except (ConfigurationError, OSError) as error:
        return _load_failed(config or source.path, error)
    if loaded.database is not None:
        loaded.database.close()
    return write_text("".join(export_lines(loaded.document)), file)


def conf_export_schema(file: str | None = None) -> int:
    """Write the schema as JSON to a file or standard output."""
    from control.conf.schema_json import schema_text

    return write_text(schema_text(), file)


def write_text(text: str, file: str | None) -> int:
    """Write a text to a file, which is replaced as a whole, or to standard output."""
    octets = text.encode("utf-8", "surrogateescape")
    if file is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(octets)
        return 0
    new = f"{file}.{os.getpid()}.new"
    try:
        with open(new, "xb") as stream:
            stream.write(octets)
        os.replace(new, file)
    except OSError as error:
        return _fail(f"'{file}' cannot be written ({error.strerror or error})")
    return 0
