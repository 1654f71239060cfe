# SPDX-License-Identifier: Apache-2.0
"""Arguments of xdpdns-keymgr's commands: names and values, and which key is meant."""

import pytest

from control.store.kasp import Key, KeyTimers
from control.tools.keymgr_arguments import check_size, find_key, parse_algorithm, parse_arguments
from control.tools.keymgr_refusal import Refusal

NOW = 1_795_914_653
MADE = KeyTimers(created=NOW, publish=NOW, active=NOW)


def key(key_id: str) -> Key:
    """Return a key whose tag is its size."""
    return Key(key_id.ljust(40, "0"), 13, int(key_id[-1], 16), b"", False, True)


def lines_of(words: list[str], *, changing: bool = False) -> tuple[str, ...]:
    """Return what is said of words that are refused."""
    with pytest.raises(Refusal) as refused:
        parse_arguments(words, NOW, changing=changing)
    return refused.value.lines


def test_every_name_is_read() -> None:
    """Letters of either case, a dash for the underscore of the manual; a flag without value is set."""
    words = "ALGORITHM=RsaSha256 size=2048 KSK=yes zsk=off sep adt=true for-later created=1 pre_active=2 publish=3"
    more = "Ready=4 active=5 retire-active=6 retire_active=7 retire=8 post_active=9 revoke=10 remove=+1"
    found = parse_arguments(f"{words} {more}".split(), NOW)
    assert found.algorithm is not None
    assert (found.algorithm.number, found.size) == (8, 2048)
    assert found.flags == {"ksk": True, "zsk": False, "sep": True, "adt": True, "for_later": True}
    assert KeyTimers(**found.timers) == KeyTimers(1, 2, 3, 4, 5, 7, 8, 9, 10, NOW + 1)


@pytest.mark.parametrize("word", ["foo", "foo=1", "publish", "=1", "ksk=maybe", "ksk=", "algorithm", "size", ""])
def test_other_names_are_refused(word: str) -> None:
    """Nothing is taken for something else."""
    assert lines_of([word]) == (f"invalid parameter: {word}", "invalid parameter")


def test_wrong_values_are_named() -> None:
    """Each kind of value has its own words, as with Knot."""
    assert lines_of(["algorithm=foo"]) == ("unknown algorithm: foo", "invalid parameter")
    assert lines_of(["algorithm=300"]) == ("unknown algorithm: 300", "invalid parameter")
    assert lines_of(["algorithm=1"]) == ("invalid key algorithm",)
    assert lines_of(["size=x"]) == ("invalid size: 'x'", "invalid parameter")
    assert lines_of(["active=+1m"]) == ("invalid timestamp: +1m", "invalid parameter")


def test_what_a_key_is_made_of_cannot_be_set() -> None:
    """Algorithm and size are those of its numbers."""
    for word in ("algorithm=8", "size=2048"):
        assert lines_of([word], changing=True) == (f"invalid parameter: {word}", "invalid parameter")


@pytest.mark.parametrize(
    ("text", "number"),
    [("8", 8), ("ECDSAP384SHA384", 14), ("rsasha1-nsec3-sha1", 7), ("RSASHA1NSEC3SHA1", 7), ("ED448", 16)],
)
def test_algorithms(text: str, number: int) -> None:
    """By number, or name with or without dashes."""
    assert parse_algorithm(text).number == number


def test_sizes() -> None:
    """RSA keys have 1024 to 4096 bits, the others their one size."""
    check_size(parse_algorithm("rsasha256"), 1024)
    for name, size in (("rsasha256", 512), ("rsasha256", 4104), ("ed25519", 512)):
        with pytest.raises(Refusal, match="invalid key size"):
            check_size(parse_algorithm(name), size)


@pytest.mark.parametrize(
    ("words", "before", "roles"),
    [
        ("", (False, False), (False, True)),
        ("ksk=yes", (False, False), (True, False)),
        ("ksk zsk", (False, False), (True, True)),
        ("ksk=no zsk=no", (False, False), (False, True)),
        ("ksk=no", (True, False), (False, True)),
        ("zsk=yes", (True, False), (True, True)),
        ("zsk=no", (True, True), (True, False)),
    ],
)
def test_roles(words: str, before: tuple[bool, bool], roles: tuple[bool, bool]) -> None:
    """A key is a KSK, a ZSK or both; one that is made neither becomes a ZSK."""
    assert parse_arguments(words.split(), NOW).roles(*before) == roles


@pytest.mark.parametrize(
    ("words", "first", "second"),
    [
        ("publish=+1d", "publish", "active"),
        ("publish=0", "publish", "active"),
        ("pre_active=+1", "pre_active", "publish"),
        ("retire=-1", "active", "retire"),
        ("retire_active=-1", "active", "retire_active"),
        ("post_active=-1", "active", "post_active"),
        ("remove=+1d", "retire", "remove"),
        ("retire=+2d remove=+1d", "retire", "remove"),
        ("retire_active=+2d remove=+1d", "retire_active", "remove"),
    ],
)
def test_timers_out_of_order_are_refused(words: str, first: str, second: str) -> None:
    """No key is active before it is published, or removed while it signs; what is not set is later than all else."""
    with pytest.raises(Refusal) as refused:
        parse_arguments(words.split(), NOW).applied(MADE)
    assert refused.value.lines == (f"timestamp '{first}' must be before '{second}'", "semantic check")


@pytest.mark.parametrize(
    "words",
    ["", "active=+1d", "active=0", "retire=+1 remove=+1", "retire_active=+1 remove=+2", "post_active=+1 remove=+5"],
)
def test_timers_in_order_are_taken(words: str) -> None:
    """Two at the same time are in order; a KSK may go from retire-active to removed."""
    found = parse_arguments(words.split(), NOW)
    assert found.applied(MADE) == MADE._replace(**found.timers)


def test_a_key_is_found() -> None:
    """By its tag, by its id or the beginning of that; the prefixes say which of both."""
    keys = [key("abc1"), key("abd2"), key("0003")]
    for text in ("abc1", "ABC1", "id=abc", "1", "keytag=1", "KEYTAG=00001", keys[0].id):
        assert find_key(keys, text, lambda one: one.size) is keys[0]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("9", "key not found"),
        ("keytag=0", "key not found"),
        ("id=ff", "key not found"),
        ("zz", "invalid key specification"),
        ("", "invalid key specification"),
        ("id=", "invalid key specification"),
        ("keytag=ab", "invalid key specification"),
        ("foo=1", "invalid key specification"),
        ("ab", "key is not specified uniquely"),
    ],
)
def test_a_key_that_is_not_found_is_told(text: str, first: str) -> None:
    """Nothing is done to a key that was perhaps not meant."""
    with pytest.raises(Refusal) as refused:
        find_key([key("abc1"), key("abd2")], text, lambda one: one.size)
    assert refused.value.lines[0].startswith(first)


def test_a_tag_that_is_also_the_beginning_of_an_id_is_ambiguous() -> None:
    """The prefix decides."""
    keys = [key("1000000000000000000000000000000000000002"), key("abc1")]
    with pytest.raises(Refusal, match="uniquely"):
        find_key(keys, "1", lambda one: one.size)
    assert find_key(keys, "id=1", lambda one: one.size) is keys[0]
    assert find_key(keys, "keytag=1", lambda one: one.size) is keys[1]
