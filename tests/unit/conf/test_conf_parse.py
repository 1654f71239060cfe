# SPDX-License-Identifier: Apache-2.0
"""The configuration parser: what it reads and, word for word, how it refuses."""

import os
from pathlib import Path

import pytest

from control.conf.document import Document
from control.conf.errors import ConfigurationError
from control.conf.parse import parse_file, parse_text


def parse(text: str) -> Document:
    return parse_text(text, "k.conf")


REFUSED = [
    ("server:\n  identity: a b\n", "line 2, item 'identity', value 'a' (parser failed)"),
    ("server:\n  identity: a#b\n", "line 2, item 'identity', value 'a' (parser failed)"),
    ('server:\n  identity: "a\n', "line 2, item 'identity', value 'a' (parser failed)"),
    ('server:\n  identity: "a"b\n', "line 2, item 'identity', value 'a' (parser failed)"),
    ('server:\n  identity: a"b\n', "line 2, item 'identity', value 'a' (parser failed)"),
    ("server:\n  identity: a]\n", "line 2, item 'identity', value 'a' (parser failed)"),
    ("server:\n  identity:x\n", "line 2, item 'identity' (parser failed)"),
    ("server:\n  listen: [::1\n", "line 2, item 'listen', value '::1' (parser failed)"),
    ("server:\n  listen: [1.2.3.4 ::1]\n", "line 2, item 'listen', value '1.2.3.4' (parser failed)"),
    ("server:\n  listen: [1.2.3.4,\n    ::1]\n", "line 2, item 'listen', value '1.2.3.4' (parser failed)"),
    ("server:\n  udp-workers: abc\n", "line 2, item 'udp-workers', value 'abc' (invalid parameter)"),
    ("server:\n  udp-workers: 0\n", "line 2, item 'udp-workers', value '0' (value is out of range)"),
    ("server:\n  udp-workers: 257\n", "line 2, item 'udp-workers', value '257' (value is out of range)"),
    ("server:\n  udp-workers:\n", "line 2, item 'udp-workers' (invalid parameter)"),
    ("server:\n  foo: yes\n", "line 2, item 'foo', value 'yes' (invalid item)"),
    ("server:\n  tcp-workers: 3\n", "line 2, item 'tcp-workers', value '3' (not supported by this server)"),
    ("foo:\n", "line 1, item 'foo' (invalid item)"),
    ("external:\n  - id: a\n", "line 1, item 'external' (not supported by this server)"),
    ("xdp:\n  tcp: on\n", "line 2, item 'tcp', value 'on' (not supported by this server)"),
    ("server: foo\n", "line 1, item 'server', value 'foo' (value not supported)"),
    ("server:\n  - identity: yes\n", "line 2, item 'identity', value 'yes' (invalid identifier)"),
    ("server:\n  identity: a\n   version: z\n", "line 3 (invalid indentation)"),
    ("server:\n\tidentity: a\n", "line 2 (tabulator character is not allowed)"),
    ("server:\n  identity:\ta\n", "line 2 (tabulator character is not allowed)"),
    ("server:\nidentity: yes\n", "line 2, item 'identity', value 'yes' (invalid item)"),
    ("  server:\n", "line 1, item 'server' (invalid indentation)"),
    ("zone:\n  file: a\n", "line 2, item 'file', value 'a' (missing identifier)"),
    ("zone:\n  - file: a\n", "line 2, item 'file', value 'a' (missing identifier)"),
    ("zone:\n  - domain: a..b\n", "line 2, item 'domain', value 'a..b' (invalid parameter)"),
    ("zone:\n  - domain: a\n  - domain: A.\n", "line 3, item 'domain', value 'A.' (duplicate identifier)"),
    ("zone:\n  - domain: a\n    template: x\n", "line 3, item 'template', value 'x' (invalid reference)"),
    ("zone:\n  - domain: [a, b]\n", "line 2, item 'domain' (parser failed)"),
    ("zone:\n  - domain:\n", "line 2, item 'domain' (parser failed)"),
    ('zone:\n  - domain: ""\n', "line 2, item 'domain' (missing value)"),
    ("zone:\n  - domain: a\n  - domain: b\n   - domain: c\n", "line 4 (invalid indentation)"),
    ("zone:\n  - domain: a\n    domain: b\n", "line 3, item 'domain', value 'b' (identifier not supported)"),
    ("zone:\n  - domain: a\n    master: b\n", "line 3, item 'master', value 'b' (invalid reference)"),
    (
        "zone:\n  - domain: a\n    deleg-aware: on\n",
        "line 3, item 'deleg-aware', value 'on' (not supported by this server)",
    ),
    ("zone:\n  -\n    domain: a\n", "line 2 (parser failed)"),
    ("template:\n  - id: x\n    template: x\n", "line 3, item 'template', value 'x' (invalid item)"),
    ("include: nofile\n", "line 1, item 'include', value 'nofile' (file error)"),
    ("---\n", "line 1 (parser failed)"),
    ("server:\n  identity: a\0b\n", "line 2 (parser failed)"),
]


@pytest.mark.parametrize(("text", "error"), REFUSED)
def test_refused(text: str, error: str) -> None:
    """A mistake is refused with file, line, item, value and reason in Knot's words."""
    with pytest.raises(ConfigurationError) as caught:
        parse(text)
    assert str(caught.value) == f"config, file 'k.conf', {error}"


def test_empty_text_is_valid() -> None:
    """An empty file sets nothing."""
    document = parse("")
    assert not document.singles
    assert not document.blocks["zone"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends(end: str) -> None:
    """LF and CRLF end lines, the last one may be without."""
    document = parse(
        end.join(["server:", "  identity: a", "", "  listen: [ ::1, 127.0.0.1@54 ]", "  # c", "  nsid: b"])
    )
    assert document.single("server")["identity"] == b"a"
    assert [str(endpoint) for endpoint in document.single("server")["listen"]] == ["::1@53", "127.0.0.1@54"]
    assert document.single("server")["nsid"] == b"b"


@pytest.mark.parametrize("text", ["zone:\n- domain: a\n  file: x\n", "zone:\n    -   domain: a\n        file: x\n"])
def test_dash_column(text: str) -> None:
    """The dash may stand at any column; items stand in the column after it."""
    assert parse(text).blocks["zone"]["a."].values == {"file": "x"}


def test_values_keep_what_quotes_protect() -> None:
    """Double quotes protect blanks and marks, with two escapes; single quotes are ordinary characters."""
    document = parse('server:\n  identity: "a #,[\\"\\\\\\n"\n  version: \'x\'\n  nsid: a:b # comment\n')
    assert document.single("server") == {"identity": b'a #,["\\\\n', "version": b"'x'", "nsid": b"a:b"}


@pytest.mark.parametrize("value", ["a", "a b", "a#b", "a[0]", "a\\\\b", "'a'", "", "a\tb"])
@pytest.mark.parametrize("end", ["", " ", " # comment", "\r"])
def test_quoted_values(value: str, end: str) -> None:
    """A value in quotes is read alike, whether its line is an ordinary one or not."""
    document = parse(f'server:\n  version: "{value}"{end}\n  identity: "{value}" {end}\n')
    expected = value.replace("\\\\", "\\").encode()
    assert document.single("server") == {"version": expected, "identity": expected}


@pytest.mark.parametrize("value", ['"a', 'a"', '"a"b', '"a""', '""a', '"a"#b'])
def test_unbalanced_quotes(value: str) -> None:
    """Quotes that do not enclose the whole value are refused."""
    with pytest.raises(ConfigurationError):
        parse(f"server:\n  version: {value}\n")


def test_repeated_items() -> None:
    """A repeated item is appended when it takes several values, else the last one counts; sections accumulate."""
    document = parse("server:\n  listen: ::1\n  identity: a\nserver:\n listen: [::2]\n identity: b\n")
    values = document.single("server")
    assert [endpoint.address for endpoint in values["listen"]] == ["::1", "::2"]
    assert values["identity"] == b"b"


def test_empty_values() -> None:
    """Nothing, an empty list and empty quotes are the same empty text."""
    for value in ("", " []", ' ""'):
        assert parse(f"server:\n  identity:{value}\n").single("server")["identity"] == b""


def test_duplicate_across_sections() -> None:
    """A zone in a second zone section is still a duplicate."""
    with pytest.raises(ConfigurationError, match="duplicate identifier"):
        parse("zone:\n  - domain: a\nzone:\n  - domain: a\n")


def test_include_in_place(tmp_path: Path) -> None:
    """Included files are read in sorted order where they stand, relative to the including file."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "2.conf").write_text("zone:\n  - domain: b\n    template: t\n")
    (tmp_path / "d" / "1.conf").write_text("template:\n  - id: t\n")
    main = tmp_path / "main.conf"
    main.write_text('include: "d/*.conf"\ninclude: none*.conf\nzone:\n  - domain: c\n    template: t\n')
    document = parse_file(str(main))
    assert list(document.blocks["zone"]) == ["b.", "c."]
    assert len(document.files) == 3


def test_include_error_names_the_included_file(tmp_path: Path) -> None:
    """A mistake in an included file is reported with that file and its line."""
    (tmp_path / "a.conf").write_text("\nserver:\n  foo: 1\n")
    main = tmp_path / "main.conf"
    main.write_text("include: a.conf\n")
    with pytest.raises(ConfigurationError) as caught:
        parse_file(str(main))
    assert str(caught.value) == f"config, file '{tmp_path}/a.conf', line 3, item 'foo', value '1' (invalid item)"


def test_include_of_itself(tmp_path: Path) -> None:
    """A file that includes itself is refused."""
    main = tmp_path / "main.conf"
    main.write_text("include: main.conf\n")
    with pytest.raises(ConfigurationError, match="files include each other too deeply"):
        parse_file(str(main))


def test_clear_drops_what_was_read() -> None:
    """`clear` drops the sections its pattern matches, up to where it stands."""
    document = parse("server:\n  identity: a\nzone:\n  - domain: a\nclear: zo*\nzone:\n  - domain: a\n    file: x\n")
    assert document.blocks["zone"]["a."].values == {"file": "x"}
    assert document.single("server")


def test_block_error_stands_after_the_block() -> None:
    """A semantic error names the section, the identifier and the line after the block."""
    block = parse("zone:\n  - domain: a\n    file: x\n").blocks["zone"]["a."]
    assert str(block.error("why")) == "config, file 'k.conf', line 4, section 'zone[a.]' (why)"


def test_a_fifo_is_refused(tmp_path: Path) -> None:
    """Neither a configuration nor what it includes waits for the writer of a FIFO; a directory is no file either."""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        parse_file(str(tmp_path / "fifo"))
    for name in ("fifo", "."):
        (tmp_path / "k.conf").write_text(f"include: {name}\n")
        with pytest.raises(ConfigurationError) as caught:
            parse_file(str(tmp_path / "k.conf"))
        assert str(caught.value).endswith(f"line 1, item 'include', value '{name}' (file error)")


@pytest.mark.parametrize("line", ["identity: {}", "{}", "listen: [{}", 'identity: "{}'])
def test_a_long_line_makes_a_short_message(line: str) -> None:
    """A message is one line of some hundred characters whatever is in the file."""
    with pytest.raises(ConfigurationError) as caught:
        parse("server:\n  " + line.format("x" * 1_000_000) + "\n")
    assert len(str(caught.value)) < 400
    assert "line 2" in str(caught.value)
