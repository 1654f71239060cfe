# SPDX-License-Identifier: Apache-2.0
"""Where the configuration comes from: a file, or the database."""

import os
from typing import TYPE_CHECKING, NamedTuple

from control.conf.check import checked, load
from control.conf.document import Document
from control.conf.model import Config, socket_paths
from control.conf.parse import parse_sections
from control.conf.version import DEFAULT_CONFDB, DEFAULT_CONFIG

if TYPE_CHECKING:
    from control.conf.database import ConfDatabase


class Source(NamedTuple):
    """A file or a database directory, of which one is set."""

    file: str | None
    confdb: str | None
    map_bytes: int

    @property
    def path(self) -> str:
        """The path of whichever it is."""
        return self.confdb or self.file or ""


class Loaded(NamedTuple):
    """What was read; `database` is open, None with a file."""

    document: Document
    config: Config
    database: "ConfDatabase | None"


def find_source(
    file: str | None = None,
    confdb: str | None = None,
    map_bytes: int = 500 << 20,
    *,
    default_confdb: str = DEFAULT_CONFDB,
    default_config: str = DEFAULT_CONFIG,
) -> Source:
    """Return what to read: what is named (the database when both are), else the default database when it exists, else
    the default file."""
    if confdb is None and file is None and os.path.exists(os.path.join(default_confdb, "data.mdb")):
        confdb = default_confdb
    if confdb is not None:
        return Source(None, os.path.abspath(confdb), map_bytes)
    return Source(os.path.abspath(file or default_config), None, map_bytes)


def load_source(source: Source) -> Loaded:
    """Read, check and build; raise `ConfigurationError`, or OSError for a file that cannot be read."""
    if source.confdb is None:
        return Loaded(*load(source.path), None)
    from control.conf.database import ConfDatabase

    database = ConfDatabase(source.confdb, source.map_bytes)
    try:
        return Loaded(*load_database(database), database)
    except BaseException:
        database.close()
        raise


def control_sockets(source: Source) -> tuple[str, ...]:
    """Return the paths of the daemon's control sockets: nothing else of the configuration is looked at.

    Raises `ConfigurationError`, or OSError for a file that cannot be read.
    """
    if source.confdb is None:
        document = parse_sections(source.path, ("server", "control"))
        return socket_paths(document.single("control"), document.single("server"))
    from control.conf.database import ConfDatabase

    with ConfDatabase(source.confdb, source.map_bytes) as database:
        values = [database.load_single(name).single(name) for name in ("control", "server")]
    return socket_paths(*values)


def load_database(database: "ConfDatabase") -> tuple[Document, Config]:
    """Read, check and build what an open database says; raise `ConfigurationError`."""
    return checked(database.load, database.path)
