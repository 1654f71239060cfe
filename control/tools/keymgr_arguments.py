# SPDX-License-Identifier: Apache-2.0
"""Words `name=value` of xdpdns-keymgr's commands, and the specification that picks one of a zone's keys."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from control.conf.algorithms import ALGORITHMS, BY_NUMBER, Algorithm
from control.store.kasp import Key, KeyTimers
from control.tools.keymgr_refusal import INVALID, NOT_EXISTS, SEMANTIC, Refusal
from control.tools.keymgr_times import parse_time

FLAGS = ("ksk", "zsk", "sep", "adt", "for_later")
MADE_ONLY = ("algorithm", "size")
"""What cannot be changed of a key that is there."""
YES, NO = frozenset({"yes", "y", "true", "t", "on", "1"}), frozenset({"no", "n", "false", "f", "off", "0"})
TAG = re.compile(r"[0-9]{1,5}")
ID_DIGITS = 40
ID_PREFIX = re.compile(r"[0-9a-f]{1,40}")

ORDER = (("publish", "active"), ("active", "retire_active"), ("active", "retire"), ("active", "post_active"))
"""The first is never later than the second; a timer that is not set is later than all others."""
_NEVER = 1 << 64


@dataclass(slots=True)
class KeyArguments:
    """What the words say; what they do not name is missing."""

    algorithm: Algorithm | None = None
    size: int | None = None
    flags: dict[str, bool] = field(default_factory=dict)
    """By the names of `FLAGS`."""
    timers: dict[str, int] = field(default_factory=dict)
    """By the fields of `KeyTimers`."""

    def applied(self, timers: KeyTimers) -> KeyTimers:
        """Return timers with these in their places; raise Refusal when a key cannot have them."""
        changed = timers._replace(**self.timers)
        check_timers(changed)
        return changed

    def roles(self, is_ksk: bool = False, is_zsk: bool = False) -> tuple[bool, bool]:
        """Return whether the key is a KSK and a ZSK; one that is to be neither is a ZSK."""
        is_ksk = self.flags.get("ksk", is_ksk)
        return is_ksk, self.flags.get("zsk", is_zsk) or not is_ksk


def parse_arguments(words: Sequence[str], now_s: int, *, changing: bool = False) -> KeyArguments:
    """Return what the words say of a key that is made, or of one that is there (`changing`); raise Refusal."""
    found = KeyArguments()
    for word in words:
        name, equals, value = word.partition("=")
        name = name.lower().replace("-", "_")
        if name in FLAGS:
            found.flags[name] = _flag(word, value if equals else "yes")
        elif equals and name in KeyTimers._fields:
            found.timers[name] = parse_time(value, now_s)
        elif equals and name in MADE_ONLY and not changing:
            _take_kind(found, name, value)
        else:
            raise Refusal(f"invalid parameter: {word}", INVALID)
    return found


def _flag(word: str, value: str) -> bool:
    value = value.lower()
    if value not in YES | NO:
        raise Refusal(f"invalid parameter: {word}", INVALID)
    return value in YES


def _take_kind(found: KeyArguments, name: str, value: str) -> None:
    if name == "algorithm":
        found.algorithm = parse_algorithm(value)
    elif TAG.fullmatch(value) is None:
        raise Refusal(f"invalid size: '{value}'", INVALID)
    else:
        found.size = int(value)


def parse_algorithm(text: str) -> Algorithm:
    """Return the algorithm of a number, or a name with or without dashes; raise Refusal."""
    if TAG.fullmatch(text) is not None and int(text) < 256:
        if int(text) not in BY_NUMBER:
            raise Refusal("invalid key algorithm")
        return BY_NUMBER[int(text)]
    for algorithm in ALGORITHMS:
        if text.lower() in (algorithm.name, algorithm.name.replace("-", ""), algorithm.label.lower()):
            return algorithm
    raise Refusal(f"unknown algorithm: {text}", INVALID)


def check_size(algorithm: Algorithm, size: int) -> None:
    """Refuse bits that keys of the algorithm cannot have; raise Refusal."""
    if size not in algorithm.bits:
        raise Refusal("invalid key size")


def check_timers(timers: KeyTimers) -> None:
    """Refuse timers that no key passes through in this order; raise Refusal."""
    pairs = list(ORDER)
    if timers.pre_active:
        pairs.insert(0, ("pre_active", "publish"))
    if not timers.post_active:
        pairs.append(("retire_active" if timers.retire_active and not timers.retire else "retire", "remove"))
    for first, second in pairs:
        if (getattr(timers, first) or _NEVER) > (getattr(timers, second) or _NEVER):
            raise Refusal(f"timestamp '{first}' must be before '{second}'", SEMANTIC)


def whole_id(text: str) -> str | None:
    """Return the id of a specification that is a whole one, else None."""
    key_id = text.lower().removeprefix("id=")
    return key_id if len(key_id) == ID_DIGITS and ID_PREFIX.fullmatch(key_id) is not None else None


def find_key(keys: Sequence[Key], text: str, tag_of: Callable[[Key], int]) -> Key:
    """Return the key of a specification: its tag, its id or a beginning of that, which `keytag=` and `id=` tell apart.

    Raises Refusal when there is none, or more than one.
    """
    kind, equals, rest = text.partition("=")
    kind = kind.lower() if equals else ""
    wanted = rest.lower() if equals else text.lower()
    by_tag = kind in ("", "keytag") and TAG.fullmatch(wanted) is not None and int(wanted) < 1 << 16
    by_id = kind in ("", "id") and ID_PREFIX.fullmatch(wanted) is not None
    if not (by_tag or by_id):
        raise Refusal("invalid key specification", INVALID)
    found = [key for key in keys if (by_id and key.id.startswith(wanted)) or (by_tag and tag_of(key) == int(wanted))]
    if not found:
        raise Refusal("key not found", NOT_EXISTS)
    if len(found) > 1:
        raise Refusal("key is not specified uniquely, use id= with the whole key id", INVALID)
    return found[0]
