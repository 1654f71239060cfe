# SPDX-License-Identifier: Apache-2.0
"""Whatever words xdpdns-keymgr gets, it ends with a status and a reason."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.tools.keymgr_table import ABSENT, BY_NAME
from tests.support.keymgr_stage import KeymgrStage

COMMANDS = [name for name in BY_NAME if not name.startswith("keystore")] + [*ABSENT, "foo", "LIST", "nsec3_salt"]
WORDS = [
    "human",
    "iso",
    "-",
    "--",
    "0",
    "1",
    "99999",
    "zz",
    "ab",
    "id=",
    "id=ab",
    "keytag=1",
    "keytag=x",
    "ksk",
    "zsk=no",
    "sep=yes",
    "adt",
    "for-later=yes",
    "ksk=x",
    "size=1",
    "size=x",
    "algorithm=15",
    "algorithm=x",
    "created=0",
    "publish=+1d",
    "publish=-1d",
    "ready=5",
    "active=+1mo",
    "active=x",
    "retire=+1y",
    "remove=+2y",
    "revoke=+1",
    "post_active=+3y",
    "pre_active=1",
    "example.",
    "other.",
    "a..b",
    "/",
    "conf",
    "4294967295",
    "4294967296",
    "abcd",
    "-e",
    "-j",
    "-x",
]
NO_FILES = ("", ".", "/", "..")
ZONES = ("example.", "other.", "-", "--", "a..b", "\\", ".", "x" * 300)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> KeymgrStage:
    """A place with two keys, one of them deleted, whose ids and tags are among the words."""
    return KeymgrStage(tmp_path_factory.mktemp("any"), "trash-delay: 1d")


@pytest.fixture(scope="module")
def words(stage: KeymgrStage) -> list[str]:
    """What commands are made of."""
    keys = [stage.make("ksk=yes"), stage.make()]
    tags = [stage.listed(key)["tag"] for key in keys]
    stage.ok(f"example. delete {keys[1]}")
    return [*WORDS, *keys, *tags, f"id={keys[0]}", keys[0][:8]]


@settings(max_examples=200)
@given(data=st.data())
def test_any_words(stage: KeymgrStage, words: list[str], data: st.DataObject) -> None:
    """Status 0 or 1; with 1 the last line on standard error says why; no octet of a private key."""
    line = [data.draw(st.sampled_from(ZONES)), data.draw(st.sampled_from(COMMANDS))]
    line += data.draw(st.lists(st.one_of(st.sampled_from(words), st.text(max_size=8)), max_size=4))
    told = stage.run_words(line)
    assert told.status in (0, 1)
    assert "PRIVATE" not in told.out + told.err
    if told.status:
        assert told.err.splitlines()[-1].startswith(("error: ", "xdpdns-keymgr: "))


@pytest.mark.parametrize("command", ["import-bind", "import-pub", "import-pem"])
@pytest.mark.parametrize("path", NO_FILES)
def test_no_files(stage: KeymgrStage, command: str, path: str) -> None:
    """A path that names no file is an error as any other."""
    told = stage.run_words(["example.", command, path])
    assert (told.status, told.out) == (1, "")
    assert told.err.startswith("error: ")


def test_the_store_is_whole_after_them(stage: KeymgrStage) -> None:
    """Every key is listed, with its private half."""
    told = stage.run("-e example. list")
    assert (told.status, " missing=yes" in told.out) == (0, False)
    assert Path(stage.config).exists()


def test_words_that_would_end_a_line(stage: KeymgrStage) -> None:
    """They are shown escaped, in one line."""
    told = stage.run_words(["-", "foo", "\x1e\x1b[2J"])
    assert told.status == 1
    assert told.err.isascii()
    assert [line.isprintable() for line in told.err.splitlines()] == [True]
