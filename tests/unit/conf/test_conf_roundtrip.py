# SPDX-License-Identifier: Apache-2.0
"""Texts that are made up: what is exported is read as the same, and nothing ends the parser but its own error."""

import string
from base64 import b64encode
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from control.conf.check import find_problems
from control.conf.document import Document
from control.conf.dynamic import ActiveConfiguration, Operand
from control.conf.errors import ConfigurationError, EditError
from control.conf.export import export_lines
from control.conf.model import build_config
from control.conf.parse import parse_text
from control.conf.schema import SECTIONS, Item
from control.conf.special import AddressRange, Base64, CookieSecret, ModuleName, PeerAddress, RecordType, TimeOr
from control.conf.values import Bool, Choice, HexText, Int, Listen, Name, Text

PRINTED = st.text(st.characters(exclude_characters="\0\n", exclude_categories=["Cs"]), max_size=12)
ADDRESSES = st.sampled_from(["192.0.2.1", "::1", "2001:db8::42"])
WORDS = [*SECTIONS, *(name for section in SECTIONS.values() for name in section.items), "include", "clear"]


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def texts(item: Item) -> st.SearchStrategy[str] | None:
    """Texts of an item's type; None where they name other blocks."""
    kind = item.type
    found: dict[type, Any] = {
        Text: PRINTED,
        HexText: PRINTED.map(lambda text: text.removeprefix("0x")),
        Bool: st.sampled_from(["on", "OFF", "true", "False"]),
        Name: st.from_regex(r"[a-zA-Z0-9_-]{1,9}(\.[a-z\\]{0}[a-z0-9]{1,9}){0,3}\.?", fullmatch=True),
        Base64: st.binary(min_size=1, max_size=9).map(lambda octets: b64encode(octets).decode()),
        CookieSecret: st.binary(min_size=16, max_size=16).map(lambda octets: f"0x{octets.hex()}"),
        AddressRange: ADDRESSES,
        PeerAddress: ADDRESSES,
        Listen: ADDRESSES.map(lambda address: f"{address}@53000"),
        RecordType: st.sampled_from(["A", "aaaa", "TYPE65001", "TYPE1"]),
        TimeOr: st.sampled_from(["1", "2h", "30m"]),
        ModuleName: st.just("mod-x"),
    }
    if isinstance(kind, Base64) and kind.octets:
        return st.just(b64encode(bytes(range(kind.octets))).decode())
    if isinstance(kind, Int):
        low = kind.low or 0
        return st.integers(low, min(kind.high or low + 10**6, low + 10**6)).map(str)
    if isinstance(kind, Choice):
        return st.sampled_from(kind.words)
    return found.get(type(kind))


@st.composite
def documents(draw: st.DrawFn) -> str:
    """The text of a configuration without references."""
    lines = []
    for name in draw(st.permutations(list(SECTIONS)))[: draw(st.integers(0, 8))]:
        section = SECTIONS[name]
        lines.append(f"{name}:")
        id_texts = texts(section.id_item) if section.id_item else None
        id_type = section.id_item.type if section.id_item else None
        ids = (
            draw(st.lists(id_texts.filter(lambda text: text != ""), max_size=3, unique_by=id_type.convert))
            if id_texts is not None
            else [None]
        )
        for block_id in ids:
            if section.id_item is not None:
                lines.append(f"  - {section.id_item.name}: {quoted(block_id or '')}")
            for item in draw(st.lists(st.sampled_from(list(section.items.values())), max_size=6)):
                values = texts(item)
                if values is not None and item is not section.id_item:
                    drawn = draw(st.lists(values, min_size=1, max_size=3 if item.multi else 1))
                    lines.append(f"    {item.name}: [{', '.join(map(quoted, drawn))}]")
    return "\n".join(lines) + "\n"


def content(document: Document) -> dict[str, Any]:
    found: dict[str, Any] = {name: block.values for name, block in document.singles.items()}
    for name, blocks in document.blocks.items():
        found[name] = {block_id: block.values for block_id, block in blocks.items()}
    return found


@given(documents())
def test_exported_and_read_again(text: str) -> None:
    """The export of a configuration is read as the same configuration, and exported as the same text."""
    problems: list[ConfigurationError] = []
    document = parse_text(text, "k.conf", problems=problems)
    assert {problem.reason for problem in problems} <= {"not supported by this server"}
    exported = "".join(export_lines(document))
    again = parse_text(exported, "k.conf", problems=[])
    assert content(again) == content(document)
    assert "".join(export_lines(again)) == exported


LINE = st.lists(
    st.one_of(st.sampled_from(WORDS), st.sampled_from(list(' -:#"[],\\\t\r')), st.text(string.printable, max_size=4)),
    max_size=8,
).map("".join)


@given(
    st.one_of(st.text(), st.lists(LINE).map("\n".join), st.binary().map(lambda o: o.decode(errors="surrogateescape")))
)
def test_no_text_ends_the_parser(text: str) -> None:
    """Whatever the text, it makes a configuration or `ConfigurationError`, and collecting errors never fails."""
    if "include" not in text:
        problems: list[ConfigurationError] = []
        list(find_problems(parse_text(text, "k.conf", problems=problems)))
        for problem in problems:
            assert str(problem).startswith("config, file 'k.conf'")
    with suppress(ConfigurationError):
        build_config(parse_text(text.replace("include", "clear"), "k.conf"), "k.conf")


PART = st.one_of(st.none(), st.sampled_from([*WORDS, "a", "a.", "0"]), st.text(max_size=5))


@given(st.lists(st.tuples(st.booleans(), st.tuples(PART, PART, PART, PART)), max_size=12))
def test_no_change_ends_the_transaction(changes: list[tuple[bool, tuple[str | None, ...]]]) -> None:
    """Whatever is set and unset, the answer is done or `EditError`, and rows can be told."""
    document = Document()
    active = ActiveConfiguration(document, build_config(document, "k.conf"))
    transaction = active.begin()
    for is_set, parts in changes:
        if parts[0] == "include":
            continue
        with suppress(EditError):
            (transaction.set if is_set else transaction.unset)(Operand(*parts))
    now = list(transaction.get())
    list(transaction.diff())
    with suppress(EditError):
        active.commit()
        assert list(active.read()) == now
