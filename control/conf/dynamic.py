# SPDX-License-Identifier: Apache-2.0
"""The configuration in use and its one transaction: begin, changes, commit or abort.

A commit looks at what was changed and at what depends on it, so that one zone of many costs one zone. It happens in
four steps: check, build, write to the database when there is one, and only then use. What fails before leaves
configuration and transaction as they were.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from control.conf.checks import ZoneChecks, broken_reference, check_block
from control.conf.dependents import dependents, touches_links
from control.conf.document import Block, Document
from control.conf.draft import Changes, Draft
from control.conf.edit import set_value, unset_value
from control.conf.errors import INVALID_REFERENCE, NO_TRANSACTION, TOO_MANY_TRANSACTIONS, EditError, ValueProblem
from control.conf.model import Config, assemble, make_builder, restart_items
from control.conf.rows import Row, diff_rows, list_rows, read_rows, schema_rows, zone_rows
from control.conf.schema import SECTIONS, Item
from control.conf.values import Reference
from control.conf.zone import ZoneConf
from control.conf.zones import ZoneBuilder


class Difference(NamedTuple):
    """What a new configuration changes: zones by name, and items that need a restart as `section.item`."""

    old: Config
    new: Config
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    restart: tuple[str, ...]


class Database(Protocol):
    """Where a commit is kept."""

    def write(self, changes: Changes) -> None:
        """Store changed blocks in one transaction; raise `ConfdbError`."""


class Operand(NamedTuple):
    """What one `conf-set` or `conf-unset` is about; absent parts are None."""

    section: str | None = None
    id: str | None = None
    item: str | None = None
    value: str | None = None


def difference(old: Config, new: Config) -> Difference:
    """Compare two whole configurations."""
    changed = tuple(name for name, zone in new.zones.items() if name in old.zones and old.zones[name] != zone)
    added = tuple(name for name in new.zones if name not in old.zones)
    removed = tuple(name for name in old.zones if name not in new.zones)
    return Difference(old, new, added, removed, changed, tuple(restart_items(old, new)))


class ConfTransaction:
    """Changes that are not in use yet."""

    def __init__(self, document: Document) -> None:
        self.draft = Draft(document)

    def set(self, *operands: Operand) -> None:
        """Set values and create identifiers, all of `operands` or, raising EditError, none."""
        with self.draft.step():
            for operand in operands:
                set_value(self.draft, operand.section or "", *operand[1:])

    def unset(self, *operands: Operand) -> None:
        """Remove what `operands` name (none: everything), all of it or, raising EditError, nothing."""
        with self.draft.step():
            for operand in operands or (Operand(),):
                unset_value(self.draft, *operand)

    def get(self, section: str | None = None, id: str | None = None, item: str | None = None) -> Iterator[Row]:
        """Return what is set; raises EditError before the first row."""
        return read_rows(self.draft, section, id, item)

    def diff(self, section: str | None = None, id: str | None = None, item: str | None = None) -> Iterator[Row]:
        """Return what was changed, old values before new ones; raises EditError before the first row."""
        return diff_rows(self.draft, section, id, item)


class ActiveConfiguration:
    """The configuration in use, as values and as what was set; not safe for several threads that change it."""

    def __init__(self, document: Document, config: Config, database: Database | None = None) -> None:
        self.document, self.config, self.database = document, config, database
        self.transaction: ConfTransaction | None = None
        self._builder: ZoneBuilder | None = None
        self._members: tuple[Config, ZoneBuilder] | None = None
        """What makes the members of catalogs, and of which configuration."""

    def begin(self) -> ConfTransaction:
        """Open the transaction; EditError when it is open."""
        if self.transaction is not None:
            raise EditError(TOO_MANY_TRANSACTIONS)
        self.transaction = ConfTransaction(self.document)
        return self.transaction

    def current(self) -> ConfTransaction:
        """Return the open transaction; EditError when there is none."""
        if self.transaction is None:
            raise EditError(NO_TRANSACTION)
        return self.transaction

    def abort(self) -> None:
        """Forget the transaction, if there is one."""
        self.transaction = None

    def commit(self) -> Difference:
        """Make the transaction the configuration in use.

        Raises EditError when a check fails and `ConfdbError` when the database refuses; the transaction stays open.
        """
        draft = self.current().draft
        reached = list(dependents(draft))
        check(draft, reached)
        builder, zones, touched = self._build_zones(draft, reached)
        config = assemble(draft, self.config.file, builder, zones)
        found = self._compare(touched, config)
        if self.database is not None and any(draft.changes.values()):
            self.database.write(draft.changes)
        apply(draft.changes, self.document)
        builder.look_in(self.document)
        self._builder, self.config, self.transaction = builder, config, None
        return found

    def replace(self, document: Document, config: Config) -> Difference:
        """Use a configuration that was read anew; an open transaction ends."""
        found = difference(self.config, config)
        self.document, self.config, self.transaction, self._builder = document, config, None, None
        return found

    def read(self, section: str | None = None, id: str | None = None, item: str | None = None) -> Iterator[Row]:
        """Return what is set and in use; raises EditError before the first row."""
        return read_rows(Draft(self.document), section, id, item)

    def list(
        self,
        section: str | None = None,
        id: str | None = None,
        item: str | None = None,
        *,
        schema: bool = False,
        changing: bool = False,
    ) -> Iterator[Row]:
        """Return identifiers and values; with `schema` items and words; with `changing` of the transaction."""
        draft = self.current().draft if changing else Draft(self.document)
        return schema_rows(section, id, item) if schema else list_rows(draft, section, id, item)

    def list_zones(self, members: Iterable[str] = ()) -> Iterator[Row]:
        """Return the configured zones, and `members` of catalogs (text, final dot), in canonical order."""
        return zone_rows(self.document, members)

    def member(self, name: str, template: str, catalog: str) -> ZoneConf:
        """Return the configuration of a zone (text, final dot) that a catalog has as a member; raise `ValueProblem`."""
        config, members = self.config, self._members
        if members is None or members[0] is not config:
            members = self._members = config, make_builder(self.document)
        return members[1].member(name, template, catalog)

    def _build_zones(
        self, draft: Draft, reached: Iterable[Block]
    ) -> tuple[ZoneBuilder, dict[str, ZoneConf], tuple[str, ...]]:
        """Return every zone as the draft has it, and the names of those that it touches, which alone are made."""
        builder = self._builder
        if builder is None or touches_links(draft) or draft.changes.get("database") or draft.changes.get("server"):
            builder = make_builder(draft)
            builder.adopt(self.config.zones.values())
        builder.look_in(draft)
        touched = dict(draft.changes.get("zone", {}))
        everyone = builder.storage != self.config.database.storage
        everyone |= builder.signing.kasp_db != self.config.database.kasp_db
        everyone |= builder.peers.automatic_acl != self.config.server.automatic_acl
        blocks = draft.each("zone") if everyone else reached
        touched.update((block.id, block) for block in blocks if block.section == "zone")
        zones = dict(self.config.zones)
        for name, block in touched.items():
            if block is None:
                zones.pop(name or "", None)
            elif (zone := _build(builder, block)) != zones.get(zone.name):
                zones[zone.name] = zone
        return builder, zones, tuple(name or "" for name in touched)

    def _compare(self, names: tuple[str, ...], new: Config) -> Difference:
        """Tell what a commit changes by looking at the zones it touched."""
        old = self.config
        return Difference(
            old,
            new,
            added=tuple(name for name in names if name not in old.zones),
            removed=tuple(name for name in names if name not in new.zones),
            changed=tuple(name for name in names if _replaced(old.zones.get(name), new.zones.get(name))),
            restart=tuple(restart_items(old, new)),
        )


def _replaced(old: ZoneConf | None, new: ZoneConf | None) -> bool:
    return old is not None and new is not None and old is not new


def _build(builder: ZoneBuilder, block: Block) -> ZoneConf:
    try:
        return builder.build(block.id or "", block.values)
    except ValueProblem as problem:
        raise EditError(str(problem), block.section, block.id) from None


def apply(changes: Changes, document: Document) -> None:
    """Make a document what a draft over it says."""
    for section, blocks in changes.items():
        there: dict[Any, Block] = document.blocks[section] if SECTIONS[section].id_item else document.singles
        for block_id, block in blocks.items():
            name = section if block_id is None else block_id
            if block is None:
                there.pop(name, None)
            else:
                there[name] = block


def check(draft: Draft, reached: Iterable[Block]) -> None:
    """Check what a draft changes and the blocks that this reaches; raise EditError."""
    zones = ZoneChecks(draft)
    for section, blocks in draft.changes.items():
        for block in blocks.values():
            if block is not None:
                _check_references(draft, block, SECTIONS[section].items)
                _check_block(draft, block, zones)
    _check_referrers(draft)
    for block in reached:
        _check_block(draft, block, zones)


def _check_block(draft: Draft, block: Block, zones: ZoneChecks) -> None:
    for reason in zones.check(block) if block.section == "zone" else check_block(block, draft):
        raise EditError(reason, block.section, block.id)


def _check_references(draft: Draft, block: Block, items: Mapping[str, Item]) -> None:
    broken = broken_reference(draft, block, items)
    if broken is not None:
        raise EditError(INVALID_REFERENCE, block.section, block.id, *broken)


def _check_referrers(draft: Draft) -> None:
    """Check that nothing refers to a block that was removed."""
    removed = {section for section, blocks in draft.changes.items() if None in blocks.values()}
    for name, section in SECTIONS.items():
        items = {
            item.name: item
            for item in section.items.values()
            if isinstance(item.type, Reference) and not removed.isdisjoint(item.type.sections)
        }
        if items:
            for block in draft.each(name):
                _check_references(draft, block, items)
