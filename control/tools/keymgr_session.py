# SPDX-License-Identifier: Apache-2.0
"""What the commands of xdpdns-keymgr work with: one zone, the store, the policy, the time."""

import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TypeVar

from control.conf.policy import PolicyConf
from control.keys.dnskey import tag_of
from control.keys.release import release_private
from control.store.environment import Transaction
from control.store.kasp import Key
from control.store.kasp_tables import get_key, list_keys
from control.store.keys import name_text
from control.store.shared import SharedStore
from control.tools.keymgr_arguments import find_key, whole_id
from control.tools.keymgr_listing import Look
from control.tools.keymgr_place import Place
from control.tools.keymgr_times import TimeStyle

T = TypeVar("T")


class Session:
    """One run of the program."""

    def __init__(self, place: Place, store: SharedStore, apex: bytes | None, look: Look) -> None:
        """`apex` is None for all zones; `look` has the time."""
        self.place, self.store, self._apex, self.look = place, store, apex, look

    @property
    def apex(self) -> bytes:
        """The zone; only commands that take all zones run without one."""
        assert self._apex is not None
        return self._apex

    @property
    def one_zone(self) -> bytes | None:
        """The zone, or None for all."""
        return self._apex

    @property
    def zone(self) -> str:
        """The name of the zone in presentation form."""
        return name_text(self.apex)

    @property
    def now_s(self) -> int:
        """When the program was started."""
        return self.look.now_s

    @cached_property
    def policy(self) -> PolicyConf:
        """The policy of the zone."""
        with self.read() as txn:
            return self.place.policy(txn, self.apex)

    def read(self) -> AbstractContextManager[Transaction]:
        """Give a snapshot of the store."""
        return self.store.read()

    def write(self, job: Callable[[Transaction], T]) -> T:
        """Run `job` in one write transaction: what it raises leaves everything as it was."""
        return self.store.write(job)

    def styled(self, words: Sequence[str]) -> Look:
        """Return how keys are shown with the style of times that the first word names; numbers where it names none."""
        named = words[0].lower() if words else ""
        return self.look._replace(style=next((style for style in TimeStyle if style.value == named), TimeStyle.UNIX))

    def find(self, txn: Transaction, text: str, apex: bytes | None = None) -> Key:
        """Return the key of a specification in this zone, or another; raise Refusal or KaspDamaged."""
        apex = self.apex if apex is None else apex
        exact = whole_id(text)
        key = None if exact is None else get_key(txn, apex, exact)
        return find_key(list_keys(txn, apex) if exact is None else [key] if key else [], text, tag_of)

    def release(self, key_ids: Collection[str]) -> None:
        """Remove the private halves of keys that no zone and no trash has any more; raise KeystoreError."""
        if not key_ids:
            return
        problems = self.write(lambda txn: release_private(txn, key_ids, self.place.keystores.values()))
        for problem in problems:
            raise problem


def warn(text: str) -> None:
    """Tell what is worth a look, beside what the command prints."""
    sys.stdout.flush()
    print(f"warning: {text}", file=sys.stderr)
