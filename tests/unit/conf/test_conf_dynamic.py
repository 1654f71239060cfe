# SPDX-License-Identifier: Apache-2.0
"""Changes of the configuration while it is in use: set, unset, read, list, difference, commit."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from control.conf.check import check_document
from control.conf.document import Document
from control.conf.dynamic import ActiveConfiguration, Changes, Operand, difference
from control.conf.errors import ConfdbError, EditError
from control.conf.model import build_config
from control.conf.parse import parse_text
from control.conf.rows import Row

TEXT = """\
server:
  listen: 127.0.0.1@5353
log:
  - target: /tmp/log
    any: info
mod-stats:
  - id: s
template:
  - id: t
    storage: /tmp
  - id: t2
zone:
  - domain: z1
    template: t
  - domain: b
    semantic-checks: soft
"""


def document_of(text: str) -> Document:
    document = parse_text(text, "k.conf")
    check_document(document)
    return document


def active(text: str = TEXT) -> ActiveConfiguration:
    document = document_of(text)
    return ActiveConfiguration(document, build_config(document, "k.conf"))


def operand(text: str) -> Operand:
    """`section[id].item=value` in parts."""
    key, equals, value = text.partition("=")
    found = re.fullmatch(r"([^.\[]*)(?:\[(.*)\])?(?:\.(.*))?", key)
    assert found is not None
    return Operand(found[1], found[2], found[3], value if equals else None)


def shown(rows: Iterable[Row]) -> list[str]:
    out = []
    for row in rows:
        block = f"[{row.id}]" if row.id is not None else ""
        item = f".{row.item}" if row.item is not None else ""
        out.append(f"{row.sign}{row.section}{block}{item} {' '.join(row.values)}".rstrip())
    return out


def read(configuration: ActiveConfiguration, key: str) -> list[str]:
    return shown(configuration.current().get(*operand(key)[:3]))


def test_read_shows_what_is_set() -> None:
    """Rows come in the order of the schema, identifiers before their items, names in wire order, without defaults."""
    assert shown(active().read()) == [
        "server.listen 127.0.0.1@5353",
        "log.target /tmp/log",
        "log[/tmp/log].any info",
        "template.id t",
        "template[t].storage /tmp",
        "template.id t2",
        "zone.domain b.",
        "zone[b.].semantic-checks soft",
        "zone.domain z1.",
        "zone[z1.].template t",
        "mod-stats.id s",
    ]


def test_values_are_normalised() -> None:
    """Times and sizes are shown as plain numbers, switches as on and off, names with their final dot."""
    configuration = active()
    transaction = configuration.begin()
    texts = (
        "journal-max-usage=1M",
        "default-ttl=1h",
        "zonemd-verify=TRUE",
        "zonefile-load=WHOLE",
        "module=mod-stats/s",
    )
    transaction.set(*(operand(f"zone[B].{text}") for text in (*texts, "module=mod-stats")))
    assert read(configuration, "zone[b.]") == [
        "zone.domain b.",
        "zone[b.].semantic-checks soft",
        "zone[b.].default-ttl 3600",
        "zone[b.].zonefile-load whole",
        "zone[b.].journal-max-usage 1048576",
        "zone[b.].zonemd-verify on",
        "zone[b.].module mod-stats/s mod-stats",
    ]


REFUSED = [
    ("set", "server.udp-workers=0", "value is out of range"),
    ("set", "server.udp-workers=abc", "invalid parameter"),
    ("set", "server.foo=1", "invalid item"),
    ("set", "foo", "invalid item"),
    ("set", "=1", "invalid item"),
    ("set", "server", "operation not supported"),
    ("set", "server[x].listen=1", "identifier not supported"),
    ("set", "server.tcp-workers=1", "not supported by this server"),
    ("set", "dnskey-sync.id=a", "not supported by this server"),
    ("set", "xdp.tcp=on", "not supported by this server"),
    ("set", "zone[b].module=mod-rrl", "not supported by this server"),
    ("set", "zone", "missing identifier"),
    ("set", "zone.domain", "missing identifier"),
    ("set", "zone[b]", "duplicate identifier"),
    ("set", "zone[b].domain", "duplicate identifier"),
    ("set", "zone.domain=B.", "duplicate identifier"),
    ("set", "zone[..]", "invalid parameter"),
    ("set", "zone[b].file", "missing value"),
    ("set", "zone[c].file=x", "invalid identifier"),
    ("set", "zone[b].template=x", "not exists"),
    ("set", "zone[b].domain=y", "value not supported"),
    ("set", "zone[b].file=a\nb", "invalid parameter"),
    ("set", "include=/no/such/file", "file error"),
    ("set", "clear=zone", "operation not supported"),
    ("unset", "foo", "invalid item"),
    ("unset", "server.foo", "invalid item"),
    ("unset", "include", "operation not supported"),
    ("unset", "server.identity", "not exists"),
    ("unset", "server.listen=::1", "not exists"),
    ("unset", "zone[c]", "invalid identifier"),
    ("unset", "zone[c].file", "invalid identifier"),
    ("unset", "zone.domain=c", "invalid identifier"),
    ("unset", "zone[b].domain=b", "value not supported"),
    ("unset", "zone[b].file", "not exists"),
    ("unset", "zone[b].semantic-checks=on", "not exists"),
    ("set", "zone[b].master=x", "not exists"),
    ("set", "zone[b].acl=", "not exists"),
    (
        "set",
        "remote[r].address=/run/sock",
        "not supported by this server: not an IP address; a port is written ADDR@PORT",
    ),
    ("set", "remote[r].quic=on", "not supported by this server"),
    ("set", "remote[r].via=192.0.2.1%eth0", "invalid parameter"),
    ("set", "key[k].secret=x", "invalid base64 string length"),
    ("set", "acl[a].address=/run/sock", "not supported by this server: not an IP address"),
    ("set", "acl[a].protocol=quic", "not supported by this server"),
    ("set", "acl[a].cert-key=AAAA", "not supported by this server"),
    ("set", "zone[b].catalog-group=" + 256 * "x", "group name longer than 255 characters"),
    ("get", "server[x]", "identifier not supported"),
    ("get", "zone[c]", "invalid identifier"),
    ("get", "include", "operation not supported"),
    ("diff", "zone[c]", "invalid identifier"),
]


@pytest.mark.parametrize(("verb", "key", "reason"), REFUSED)
def test_refused(verb: str, key: str, reason: str) -> None:
    """What cannot be done is refused in Knot's words, repeats what was asked for, and changes nothing."""
    configuration = active()
    transaction = configuration.begin()
    asked = operand(key)
    operands = [asked] if verb in ("set", "unset") else asked[:3]
    with pytest.raises(EditError) as caught:
        getattr(transaction, verb)(*operands)
    error = caught.value
    assert error.reason == reason
    assert (error.section or None, error.id, error.item, error.value) == (asked.section or None, *asked[1:])
    assert not list(transaction.diff())


def test_set_appends_or_replaces() -> None:
    """Several values are appended, those that are there are not repeated; one value replaces another."""
    configuration = active()
    transaction = configuration.begin()
    transaction.set(operand("server.listen=::7"), operand("server.listen=::7"), operand("server.listen=127.0.0.1@5353"))
    transaction.set(operand("server.version=a"), operand("server.version=b"))
    assert read(configuration, "server") == ["server.version b", "server.listen 127.0.0.1@5353 ::7"]
    assert shown(transaction.diff()) == [
        "+server.version b",
        "-server.listen 127.0.0.1@5353",
        "+server.listen 127.0.0.1@5353 ::7",
    ]


def test_item_of_all_blocks() -> None:
    """An item of a list section without identifier is set and unset in every block."""
    configuration = active()
    transaction = configuration.begin()
    transaction.set(operand("zone.storage=/s"))
    assert read(configuration, "zone.storage") == ["zone[b.].storage /s", "zone[z1.].storage /s"]
    transaction.unset(operand("zone.storage"))
    transaction.unset(operand("zone.storage"))
    assert not list(transaction.diff())


def test_one_command_is_all_or_nothing() -> None:
    """When one of the operands of a command is refused, none of them is done; what was done before stays."""
    configuration = active()
    transaction = configuration.begin()
    transaction.set(operand("zone.domain=c"))
    with pytest.raises(EditError):
        transaction.set(operand("zone.domain=d"), operand("zone[c].file=x"), operand("zone[d].file"))
    assert shown(transaction.diff()) == ["+zone.domain c."]


def test_difference_of_blocks() -> None:
    """Added and removed blocks are shown whole, others by the items that differ."""
    configuration = active()
    transaction = configuration.begin()
    transaction.set(operand("zone.domain=c"), operand("zone[c].file=f"), operand("zone[b].semantic-checks=on"))
    transaction.unset(operand("zone[z1]"), operand("xdp"))
    assert shown(transaction.diff("zone")) == [
        "-zone[b.].semantic-checks soft",
        "+zone[b.].semantic-checks on",
        "-zone.domain z1.",
        "-zone[z1.].template t",
        "+zone.domain c.",
        "+zone[c.].file f",
    ]
    assert shown(transaction.diff("zone", "c")) == ["+zone.domain c.", "+zone[c.].file f"]
    assert shown(transaction.diff("zone", None, "file")) == ["+zone[c.].file f"]


def test_include_of_a_file(tmp_path: Path) -> None:
    """A file is read over what is there; one with an error changes nothing."""
    file = tmp_path / "more.conf"
    file.write_text("zone:\n  - domain: f\n    template: t\nserver:\n  listen: ::1\n")
    configuration = active()
    transaction = configuration.begin()
    transaction.set(Operand("include", None, None, str(file)))
    assert read(configuration, "zone[f]") == ["zone.domain f.", "zone[f.].template t"]
    assert read(configuration, "server") == ["server.listen 127.0.0.1@5353 ::1"]
    with pytest.raises(EditError, match="duplicate identifier"):
        transaction.set(Operand("include", None, None, str(file)))
    assert shown(configuration.read("server")) == ["server.listen 127.0.0.1@5353"]


def test_unset_everything() -> None:
    """conf-unset without operand removes everything."""
    configuration = active()
    transaction = configuration.begin()
    transaction.unset()
    assert not list(transaction.get())
    configuration.commit()
    assert not list(configuration.read())
    assert not configuration.config.zones


def test_list() -> None:
    """Sections, items, words of an item, identifiers and values are listed for completion."""
    configuration = active()
    sections = shown(configuration.list(schema=True))
    assert sections[:3] == ["module", "server", "xdp"]
    assert sections[sections.index("zone") :][:4] == ["zone", "include", "clear", "mod-alias"]
    assert shown(configuration.list("key", schema=True)) == ["key.id", "key.algorithm", "key.secret", "key.comment"]
    words = shown(configuration.list("zone", None, "semantic-checks", schema=True))
    assert words == ["zone.semantic-checks off", "zone.semantic-checks on", "zone.semantic-checks soft"]
    assert not list(configuration.list("zone", None, "file", schema=True))
    assert shown(configuration.list("zone")) == ["zone[b.]", "zone[z1.]"]
    assert list(configuration.list("zone", None, "domain")) == [
        Row("zone", None, None, (name,)) for name in ("b.", "z1.")
    ]
    assert shown(configuration.list("zone", "b", "semantic-checks")) == ["zone[b.].semantic-checks soft"]
    assert shown(configuration.list_zones()) == ["zone[b.]", "zone[z1.]"]
    assert shown(configuration.list_zones(["a.c.", "b."])) == ["zone[b.]", "zone[a.c.]", "zone[z1.]"]
    with pytest.raises(EditError, match="no active transaction"):
        configuration.list("zone", changing=True)
    configuration.begin().set(operand("zone.domain=new"))
    assert len(list(configuration.list("zone", changing=True))) == 3


def test_one_transaction() -> None:
    """There is one transaction: a second is refused, commit needs one, abort does not."""
    configuration = active()
    configuration.abort()
    with pytest.raises(EditError, match="no active transaction"):
        configuration.commit()
    configuration.begin()
    with pytest.raises(EditError, match="too many transactions"):
        configuration.begin()
    configuration.abort()
    configuration.begin()


FAILING = [
    (["unset template[t]"], ("invalid reference", "zone", "z1.", "template", "t")),
    (["unset mod-stats"], None),
    (
        ["set zone[b].module=mod-stats/s", "unset mod-stats"],
        ("invalid reference", "zone", "b.", "module", "mod-stats/s"),
    ),
    (["set template[t].zonefile-load=difference-no-serial"], ("'zonefile-load: difference", "zone", "z1.", None, None)),
    (["set template[t2].global-module=mod-stats"], ("global module in non-default", "template", "t2", None, None)),
    (["set zone[b].file=%x"], ("invalid parameter, formatter %x", "zone", "b.", None, None)),
    ([f"set control.listen={name}" for name in "abcde"], ("too many control sockets", "control", None, None, None)),
]


@pytest.mark.parametrize(("changes", "expected"), FAILING)
def test_commit_checks(changes: list[str], expected: tuple[str | None, ...] | None) -> None:
    """A commit that fails its checks names the block, changes nothing and leaves the transaction open."""
    configuration = active()
    transaction = configuration.begin()
    for change in changes:
        verb, key = change.split(" ")
        getattr(transaction, verb)(operand(key))
    before = configuration.config
    if expected is None:
        configuration.commit()
        return
    with pytest.raises(EditError) as caught:
        configuration.commit()
    error = caught.value
    assert error.reason.startswith(str(expected[0]))
    assert (error.section, error.id, error.item, error.value) == expected[1:]
    assert configuration.config is before
    assert configuration.current() is transaction


def test_commit_tells_what_changed() -> None:
    """A commit makes the configuration that the same text makes, and names zones and items that need a restart."""
    configuration = active()
    transaction = configuration.begin()
    transaction.set(operand("zone.domain=c"), operand("zone[b].semantic-checks=on"), operand("server.listen=::9"))
    transaction.unset(operand("zone[z1]"))
    found = configuration.commit()
    assert (found.added, found.removed, found.changed) == (("c.",), ("z1.",), ("b.",))
    assert found.restart == ("server.listen",)
    assert configuration.transaction is None
    text = TEXT.replace("  - domain: z1\n    template: t\n", "  - domain: c\n").replace("soft", "on")
    text = text.replace("listen: 127.0.0.1@5353", "listen: [127.0.0.1@5353, ::9]".replace("::9", '"::9"'))
    assert configuration.config == active(text).config


def test_template_changes_its_zones() -> None:
    """A changed template changes the zones that have it, and only those."""
    configuration = active()
    configuration.begin().set(operand("template[t].journal-max-depth=7"))
    old = configuration.config.zones["b."]
    found = configuration.commit()
    assert found.changed == ("z1.",)
    assert configuration.config.zones["z1."].settings.journal_max_depth == 7
    assert configuration.config.zones["b."] is old


def test_default_template_comes_and_goes() -> None:
    """Template default counts from the moment it exists for zones that name no template."""
    configuration = active()
    configuration.begin().set(operand("template.id=default"), operand("template[default].default-ttl=5"))
    assert configuration.commit().changed == ("b.",)
    configuration.begin().unset(operand("template[default]"))
    assert configuration.commit().changed == ("b.",)
    assert configuration.config == active().config


def test_modules_follow() -> None:
    """The settings of modules that zones refer to are those of the commit."""
    configuration = active()
    configuration.begin().set(operand("zone[b].module=mod-stats/s"), operand("mod-stats[s].query-type=on"))
    configuration.commit()
    assert configuration.config.zones["b."].settings.modules == ("mod-stats/s",)
    assert configuration.config.modules["mod-stats/s"].query_type is True  # type: ignore[union-attr]
    configuration.begin().set(operand("mod-stats[s].query-type=off"))
    configuration.commit()
    assert configuration.config.modules["mod-stats/s"].query_type is False  # type: ignore[union-attr]


class FakeDatabase:
    """Remembers what was written, or refuses."""

    def __init__(self, error: ConfdbError | None = None) -> None:
        self.error = error
        self.written: list[Changes] = []

    def write(self, changes: Changes) -> None:
        if self.error is not None:
            raise self.error
        self.written.append({section: dict(blocks) for section, blocks in changes.items() if blocks})


def test_commit_writes_what_changed() -> None:
    """The database gets the blocks that were touched; when it refuses, nothing is in use."""
    configuration = active()
    configuration.database = database = FakeDatabase()
    configuration.begin().set(operand("zone.domain=c"))
    configuration.commit()
    (written,) = database.written
    assert list(written) == ["zone"]
    assert list(written["zone"]) == ["c."]
    configuration.database = FakeDatabase(ConfdbError("full", "db"))
    configuration.begin().set(operand("zone.domain=d"))
    with pytest.raises(ConfdbError):
        configuration.commit()
    assert "d." not in configuration.config.zones
    assert configuration.transaction is not None


def test_untouched_zones_are_not_made_again() -> None:
    """Adding a zone to many keeps the objects of all others, blocks and configuration."""
    text = "template:\n  - id: t\nzone:\n" + "".join(f"  - domain: z{i}\n    template: t\n" for i in range(100))
    configuration = active(text)
    zones, blocks = dict(configuration.config.zones), dict(configuration.document.blocks["zone"])
    transaction = configuration.begin()
    transaction.set(operand("zone.domain=new"), operand("zone[new].template=t"))
    assert sum(map(len, transaction.draft.changes.values())) == 1
    configuration.commit()
    assert all(configuration.config.zones[name] is zone for name, zone in zones.items())
    assert all(configuration.document.blocks["zone"][name] is block for name, block in blocks.items())
    assert configuration.config.zones["new."].settings is zones["z0."].settings


def test_replaced_by_a_reload() -> None:
    """A configuration that was read anew takes the place of the one in use, and ends the transaction."""
    configuration = active()
    configuration.begin().set(operand("zone.domain=c"))
    document = document_of(TEXT.replace("domain: b", "domain: x"))
    found = configuration.replace(document, build_config(document, "k.conf"))
    assert (found.added, found.removed, found.changed) == (("x.",), ("b.",), ())
    assert configuration.transaction is None
    assert shown(configuration.read("zone", "x"))[0] == "zone.domain x."
    assert difference(configuration.config, configuration.config)[2:] == ((), (), (), ())
