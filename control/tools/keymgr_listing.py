# SPDX-License-Identifier: Apache-2.0
"""Keys as xdpdns-keymgr lists them: one line for each, brief or with everything, or JSON. Nothing of it is private."""

import json
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, NamedTuple

from control.conf.algorithms import BY_NUMBER
from control.store.kasp import Key, KeyTimers
from control.tools.keymgr_times import TimeStyle, time_text

BACKEND, BUILT_IN = "PEM", "-"
BOLD, DIM, UNDERLINED, RESET = "\x1b[1m", "\x1b[2m", "\x1b[4m", "\x1b[0m"
RED, GREEN, YELLOW, MAGENTA = "\x1b[31m", "\x1b[32m", "\x1b[93m", "\x1b[35m"
ROLE_COLOURS = {"KSK": RED, "ZSK": GREEN, "CSK": YELLOW}


class Listed(NamedTuple):
    """One key and what is known of it besides."""

    zone: str
    """In presentation form."""
    key: Key
    tag: int
    is_missing: bool = False
    """Its private half should be in a keystore and is not."""
    deleted: int | None = None
    """When it went to the trash; None: it did not."""
    discard: int = 0
    """When the trash lets go of it."""


class Form(Enum):
    """How much is shown."""

    BRIEF = "brief"
    FULL = "full"
    JSON = "json"


class Look(NamedTuple):
    """How keys are shown."""

    form: Form = Form.BRIEF
    style: TimeStyle = TimeStyle.UNIX
    now_s: int = 0
    colour: bool = False
    with_zone: bool = False
    """Keys of more than one zone are listed."""


def role(key: Key) -> str:
    """Return KSK, ZSK or CSK."""
    return ("CSK" if key.is_zsk else "KSK") if key.is_ksk else "ZSK"


def key_lines(keys: Iterable[Listed], look: Look) -> list[str]:
    """Return a line for each key, by id: with those timers that are set, or with everything; or an array in JSON.

    In JSON times are numbers, in the other styles texts.
    """
    ordered = sorted(keys, key=lambda one: (one.zone, one.key.id))
    match look.form:
        case Form.BRIEF:
            return [_brief(one, look) for one in ordered]
        case Form.FULL:
            return [_full(one, look) for one in ordered]
    return [json.dumps([_object(one, look) for one in ordered], indent=2)]


def zone_lines(zones: Sequence[str], form: Form) -> list[str]:
    """Return a line for each name, or an array of names in JSON."""
    return [json.dumps(list(zones), indent=2)] if form is Form.JSON else list(zones)


def _timers(one: Listed) -> list[tuple[str, int]]:
    """Return names and times; of a key in the trash only when it came and goes."""
    if one.deleted is not None:
        return [("deleted", one.deleted), ("discard", one.discard)]
    return [(name.replace("_", "-"), value) for name, value in zip(KeyTimers._fields, one.key.timers, strict=True)]


def _paint(text: str, codes: str, look: Look) -> str:
    return f"{codes}{text}{RESET}" if look.colour else text


def _brief(one: Listed, look: Look) -> str:
    kind = role(one.key)
    words = [one.key.id, _paint(f"{one.tag:5}", BOLD, look), _paint(kind, BOLD + ROLE_COLOURS[kind], look)]
    words.append(_algorithm_text(one.key, look))
    marks = (("public-only", one.key.is_public_only), ("for-later", one.key.is_for_later), ("missing", one.is_missing))
    words += (_paint(name, BOLD + MAGENTA, look) for name, marked in marks if marked)
    if look.with_zone:
        words.append(f"zone={one.zone}")
    timers = [(name, time_s) for name, time_s in _timers(one) if time_s]
    last = max((index for index, (_, time_s) in enumerate(timers) if time_s <= look.now_s), default=None)
    for index, (name, time_s) in enumerate(timers):
        painted = _paint(name, UNDERLINED if index == last else "", look)
        value = _paint(time_text(time_s, look.style, look.now_s), BOLD if time_s > look.now_s else "", look)
        words.append(f"{painted}={value}")
    return " ".join(words)


def _algorithm_text(key: Key, look: Look) -> str:
    algorithm = BY_NUMBER.get(key.algorithm)
    if algorithm is None:
        return f"ALGORITHM_{key.algorithm}"
    return algorithm.label + (_paint(f"/{key.size}", DIM, look) if algorithm.is_rsa else "")


def _yes_no(value: bool) -> str:
    return "yes" if value else "no "


def _full(one: Listed, look: Look) -> str:
    key = one.key
    words = [key.id, f"ksk={_yes_no(key.is_ksk)}", f"zsk={_yes_no(key.is_zsk)}"]
    words += [f"tag={one.tag:05}", f"algorithm={key.algorithm:<2}", f"size={key.size:<4}"]
    words += [f"{name}={_yes_no(value)}" for name, value in _properties(one).items()]
    words.append("keystore=" + "/".join(_keystore(one)))
    if look.with_zone:
        words.append(f"zone={one.zone}")
    words += [f"{name}={time_text(time_s, look.style, look.now_s)}" for name, time_s in _timers(one)]
    return " ".join(words)


def _properties(one: Listed) -> dict[str, bool]:
    key = one.key
    return {
        "adt": key.is_adt,
        "public-only": key.is_public_only,
        "for-later": key.is_for_later,
        "missing": one.is_missing,
        "trash": one.deleted is not None,
    }


def _keystore(one: Listed) -> tuple[str, str]:
    """Return the backend and the id of the keystore."""
    return (BUILT_IN if one.key.is_public_only else BACKEND), one.key.keystore or BUILT_IN


def _object(one: Listed, look: Look) -> dict[str, Any]:
    key = one.key
    backend, keystore = _keystore(one)
    fields: dict[str, Any] = {"zone": one.zone, "id": key.id, "ksk": key.is_ksk, "zsk": key.is_zsk, "tag": one.tag}
    fields |= {"algorithm": key.algorithm, "size": key.size, **_properties(one)}
    fields |= {"backend": backend, "keystore": keystore}
    for name, time_s in _timers(one):
        fields[name] = time_s if look.style is TimeStyle.UNIX else time_text(time_s, look.style, look.now_s)
    return fields
