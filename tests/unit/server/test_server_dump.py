# SPDX-License-Identifier: Apache-2.0
"""The periodic dump: its layout, and that it takes the place of the last one whole or is appended."""

import asyncio
import os
from pathlib import Path

import pytest

from control.conf.model import StatisticsConf
from control.ctl.stats import Counter
from control.log import Log
from control.server.dump import Collected, Dump, document, quoted, write_dump

SERVER = [
    Counter("server", "zone-count", None, None, 2),
    Counter("server", "tcp-io-timeout", None, None, 0),
    Counter("mod-cookies", "presence", None, None, 4),
    Counter("mod-stats", "request-protocol", "udp4", None, 6),
    Counter("mod-stats", "request-protocol", "tcp4", None, 0),
    Counter("mod-stats", "flag-presence", "DO", None, 0),
    Counter("mod-stats", "response-code", "NOERROR", None, 5),
]
ZONE = [Counter("mod-stats", "request-protocol", "udp4", "example.com.", 5)]
LINES = """\
---
time: {time}
identity: "me"
server:
 zone-count: 2
mod-cookies:
 presence: 4
mod-stats:
 request-protocol:
  udp4: 6
 response-code:
  NOERROR: 5
zone:
 "example.com.":
  mod-stats:
   request-protocol:
    udp4: 5
"""


def collected() -> Collected:
    """Return what is dumped."""
    return SERVER, [("example.com.", ZONE)]


def text_of(identity: str = "me") -> str:
    """Return a dump as text."""
    return "".join(f"{line}\n" for line in document(collected(), identity, 0))


def test_layout() -> None:
    """Sections, items and identifiers are nested by one space each, and zeros are left out."""
    text = text_of()
    time = text.splitlines()[1].partition(" ")[2]
    assert text == LINES.format(time=time)
    assert len(time) == len("1970-01-01T00:00:00+0000")


def test_no_zone_no_map() -> None:
    """Without counters of zones there is no zone map."""
    assert "zone:" not in list(document((SERVER, []), "me", 0))


@pytest.mark.parametrize("text", ["plain", 'a "b" \\', "line\nbreak", "tab\t", "\x7f"])
def test_texts_are_quoted(text: str) -> None:
    """A name or identity of any characters is one line and one YAML scalar."""
    made = quoted(text)
    assert made.isprintable()
    assert made[1:-1].encode().decode("unicode_escape") == text


def test_replaced_or_appended(tmp_path: Path) -> None:
    """A dump replaces the one before, unless it is to be appended."""
    path = str(tmp_path / "stats.yaml")
    write_dump(path, False, ["one"])
    write_dump(path, False, ["two"])
    write_dump(path, True, ["three"])
    assert (tmp_path / "stats.yaml").read_text() == "two\nthree\n"
    assert [file.name for file in tmp_path.iterdir()] == ["stats.yaml"]


def test_failed_dump_leaves_the_last_one(tmp_path: Path) -> None:
    """When the new dump cannot be put in place, the last one stays and nothing is left behind."""
    (tmp_path / "stats.yaml").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_dump(str(tmp_path / "stats.yaml"), False, ["one"])
    assert [file.name for file in tmp_path.iterdir()] == ["stats.yaml"]


def test_settings_are_followed(tmp_path: Path) -> None:
    """Without a timer nothing is written; with one the file of the settings in force is."""

    async def scenario() -> None:
        dump = Dump(collected, Log([]))
        conf = StatisticsConf(None, str(tmp_path / "a"), False, ())
        dump.configure(conf, b"me")
        assert len(asyncio.all_tasks()) == 1
        dump.configure(conf._replace(timer_s=3600), b"me")
        dump.configure(conf._replace(timer_s=3600, file=str(tmp_path / "b")), b"me")
        dump.write(0)
        dump.stop()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scenario())
    assert [file.name for file in tmp_path.iterdir()] == ["b"]


def test_a_fifo_is_an_error(tmp_path: Path) -> None:
    """Nothing waits for somebody to read a dump."""
    os.mkfifo(tmp_path / "stats")
    with pytest.raises(OSError, match="No such device"):
        write_dump(str(tmp_path / "stats"), True, ["a"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\x07", '"a\\x07"'), ("\u200b", '"\\u200b"'), ("\U000e0001", '"\\U000e0001"')],
    ids=["octet", "16 bits", "32 bits"],
)
def test_invisible_characters_of_the_identity(text: str, expected: str) -> None:
    """What cannot be seen is written as an escape of YAML, whose length is fixed for each."""
    assert quoted(text) == expected
