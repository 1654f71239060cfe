# SPDX-License-Identifier: Apache-2.0
"""Where keys are: store and keystores, and the policy of each zone, out of a configuration or a directory."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from control.catalog.membership import choose_template
from control.conf.database import MAP_BYTES
from control.conf.document import Document
from control.conf.errors import ConfdbError, ConfigurationError, ValueProblem, file_reason
from control.conf.model import Config, make_builder
from control.conf.policy import DnssecConf, KeystoreConf, PolicyConf
from control.conf.signing import built_in_policy, plain_dnssec
from control.conf.source import find_source, load_source
from control.server.user import User, UserProblem, become, configured_user, hand_over_directory
from control.store.environment import Transaction
from control.store.keys import name_text
from control.store.members import get_member
from control.tools.keymgr_options import Settings
from control.tools.keymgr_refusal import Refusal

STORE, KASP_DB = "store", "keys"
"""Names of the two directories in `database.storage` by default."""
DIRECTORY_BYTES = 20 << 30
"""Most that a store may hold that a directory names, as `database.journal-db-max-size` by default."""


class Place(NamedTuple):
    """What the command line names."""

    store: Path
    max_bytes: int
    kasp_db: str
    """Absolute path that keystores start at."""
    keystores: Mapping[str, KeystoreConf]
    """By id; the one that is built in under the empty name."""
    user: User | None = None
    """Whom this process is to become, as the daemon does."""
    config: Config | None = None
    """None: a directory was named, every zone has the policy that is built in."""
    document: Document | None = None

    def policy(self, txn: Transaction, apex: bytes) -> PolicyConf:
        """Return the policy of a zone."""
        return self.dnssec(txn, apex).policy

    def dnssec(self, txn: Transaction, apex: bytes) -> DnssecConf:
        """Return the signing of a zone, which may be configured, a member of a catalog, or neither."""
        if self.config is not None and self.document is not None:
            name = name_text(apex)
            zone = self.config.zones.get(name)
            member = get_member(txn, apex) if zone is None else None
            catalog = None if member is None else self.config.zones.get(name_text(member.catalog))
            if member is not None and catalog is not None and catalog.catalog.templates:
                template = choose_template(member.group, catalog.catalog.templates)
                zone = make_builder(self.document).member(name, template, catalog.name)
            if zone is not None:
                return zone.dnssec
        return plain_dnssec(self.kasp_db)


def find_place(settings: Settings) -> Place:
    """Return the place that the options name; raise Refusal."""
    if settings.directory is not None:
        return directory_place(Path(os.path.abspath(settings.directory)))
    return configured_place(settings.config, settings.confdb)


def configured_place(file: str | None, confdb: str | None, map_bytes: int = MAP_BYTES) -> Place:
    """Return the place of a configuration file or database, by default the one that the daemon has; raise Refusal."""
    source = find_source(file, confdb, map_bytes)
    try:
        loaded = load_source(source)
    except ConfdbError as error:
        raise Refusal(str(error)) from error
    except ConfigurationError as error:
        raise Refusal(str(error), f"failed opening configuration '{source.path}' ({error.outcome})") from error
    except OSError as error:
        raise Refusal(f"failed opening configuration file '{source.path}' ({file_reason(error)})") from error
    if loaded.database is not None:
        loaded.database.close()
    config, database = loaded.config, loaded.config.database
    try:
        user = configured_user(config.server.user)
    except UserProblem as problem:
        raise Refusal(str(problem)) from problem
    store = Path(database.journal_db)
    return Place(store, database.map_bytes, database.kasp_db, config.keystores, user, config, loaded.document)


def directory_place(path: Path) -> Place:
    """Return the place of option -D: the directory of the store, or of keys (`database.kasp-db`) beside it.

    One in which there is no store yet becomes both.
    """
    beside = path.parent / STORE
    store, kasp_db = path, path
    if os.path.exists(path / "data.mdb"):  # No error where this user may not look: opening the store tells of it.
        kasp_db = path if os.path.isdir(path / "keys") else path.parent / KASP_DB
    elif os.path.exists(beside / "data.mdb"):
        store = beside
    keystores = built_in_policy(str(kasp_db)).keystores
    return Place(store, DIRECTORY_BYTES, str(kasp_db), {one.id: one for one in keystores})


def enter(place: Place) -> None:
    """Become the user of the daemon, whose directories are made for it where they are not there; raise Refusal."""
    if place.user is None:
        return
    try:
        for path, item in ((str(place.store), "database.storage"), (place.kasp_db, "database.kasp-db")):
            if not os.path.isdir(path):
                os.makedirs(path, 0o770)
                hand_over_directory(place.user, path, item)
        become(place.user)
    except UserProblem as problem:
        raise Refusal(str(problem)) from problem
    except OSError as error:
        raise Refusal(f"'{error.filename}' cannot be made ({error.strerror}), make it or set another") from error


def zone_wire(text: str) -> bytes:
    """Return the wire name of a zone, in lower case, as users write it; raise Refusal."""
    from control.conf.values import name_to_wire, parse_name

    try:
        return name_to_wire(parse_name(text))
    except (ValueProblem, IndexError) as error:
        raise Refusal(f"invalid zone name '{text}'") from error
