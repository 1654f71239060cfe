# SPDX-License-Identifier: Apache-2.0
"""What is logged of signing, in the words of Knot's log."""

import time
from collections.abc import Iterable, Iterator, Sequence

from control.conf.algorithms import BY_NUMBER
from control.keys.dnskey import tag_of
from control.keys.plan import Action
from control.keys.state import KeyUse, in_log_order, role_of, use_of, use_words
from control.log import INFO, Log
from control.sign.signing import Signed
from control.store.kasp import Key
from control.update.results import ChangeResult


def time_text(when: float) -> str:
    """Return a time of day (Unix seconds) as log lines have it: local, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(when))


def key_lines(keys: Sequence[Key], now: int) -> Iterator[str]:
    """Yield a line for each key that is of use at a time."""
    for key in in_log_order(keys):
        use = use_of(key, now, keys)
        if any(use):
            yield key_line(key, use)


def key_line(key: Key, use: KeyUse) -> str:
    """Return what is said of a key."""
    role = role_of(key)
    label = BY_NUMBER[key.algorithm].label if key.algorithm in BY_NUMBER else str(key.algorithm)
    parts = [f"tag {tag_of(key, revoked=use.is_revoked):5d}", f"algorithm {label}", *(() if role == "ZSK" else (role,))]
    return f"DNSSEC, key, {', '.join((*parts, *use_words(use)))}"


def action_line(action: Action | None) -> str | None:
    """Return what is said of the next step of a rollover; None: nothing."""
    if action is None or not action.words:
        return None
    return f"DNSSEC, next key action, {action.words} {time_text(action.time)}"


def result_line(signed: Signed, serial: int, *, is_changed: bool) -> str:
    """Return what is said when a zone was signed."""
    if not is_changed:
        return "DNSSEC, zone is up-to-date"
    how = "successfully signed" if signed.is_whole else "incrementally signed"
    return f"DNSSEC, {how}, serial {serial}, new RRSIGs {signed.new_signatures}"


def log_signed(log: Log, name: str, results: Iterable[ChangeResult]) -> None:
    """Log what changes of a zone led to in signing it."""
    for result in results:
        if result.signed is not None:
            log.zone(INFO, name, result_line(result.signed, result.new_serial, is_changed=True))
