# SPDX-License-Identifier: Apache-2.0
"""Keys that the zones of a policy share, those included that no zone is signed with yet.

Zones get their first keys at the same time, each in its worker, and do not see what the others are about to store. So
the newest key that was made for a policy is offered here, from the moment its private half is in the keystore.
"""

from collections.abc import Callable, Collection
from threading import Lock

from control.conf.policy import PolicyConf
from control.keys.load import find_keystore
from control.store.kasp import Key


class SharedKeys:
    """One for all zones of a daemon; any thread may call."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._offered: dict[str, Key] = {}
        """The newest key made here, by policy."""

    def obtain(
        self, policy: PolicyConf, stored: Key | None, own: Collection[str], *, is_zsk: bool, make: Callable[[], Key]
    ) -> Key:
        """Return a key that others have and the zone, which has `own` ids, has not, or what `make` gives.

        `stored` is the newest that zones of the policy are signed with. Blocks on I/O; raises what `make` raises. What
        is made here stays in the keystore whatever becomes of the zone: the next one takes it.
        """
        with self._lock:
            for key in (self._offered.get(policy.id), stored):
                if key is not None and key.id not in own and _fits(key, policy, is_zsk):
                    return key
            key = self._offered[policy.id] = make()
            return key


def _fits(key: Key, policy: PolicyConf, is_zsk: bool) -> bool:
    is_alike = (key.algorithm, key.is_zsk) == (policy.algorithm, is_zsk)
    return is_alike and find_keystore(key, policy.keystores) is not None
