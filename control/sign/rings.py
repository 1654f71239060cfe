# SPDX-License-Identifier: Apache-2.0
"""Private keys of zones that were signed lately, loaded and ready to sign with. Any thread may ask."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from control.conf.policy import PolicyConf
from control.keys.dnskey import dnskey_rdata
from control.keys.load import private_der
from control.keys.state import KeyUse
from control.store.kasp import Key

if TYPE_CHECKING:
    from pyxdp_dns.signing import KeyRing

KEPT = 1024
"""Zones whose keys stay loaded: a few KB each."""


class UsedKey(NamedTuple):
    """A key and what it is used for."""

    key: Key
    use: KeyUse


class Rings:
    """Key rings by zone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rings: OrderedDict[bytes, tuple[tuple[object, ...], KeyRing]] = OrderedDict()

    def ring(self, apex: bytes, used: Sequence[UsedKey], policy: PolicyConf) -> "KeyRing":
        """Return the keys that sign, loaded. Raises KeyMissing, KeyRefused or SigningError."""
        signing = [one for one in used if one.use.signs_keys or one.use.signs_zone]
        wanted = (policy.keystores, policy.reproducible_signing, *signing)
        with self._lock:
            known = self._rings.get(apex)
            if known is not None and known[0] == wanted:
                self._rings.move_to_end(apex)
                return known[1]
        ring = _load(apex, signing, policy)
        with self._lock:
            self._rings[apex] = (wanted, ring)
            self._rings.move_to_end(apex)
            while len(self._rings) > KEPT:
                self._rings.popitem(last=False)
        return ring

    def forget(self, apex: bytes) -> None:
        """Load the keys of a zone anew when they are used again."""
        with self._lock:
            self._rings.pop(apex, None)


def _load(apex: bytes, signing: Sequence[UsedKey], policy: PolicyConf) -> "KeyRing":
    from pyxdp_dns.signing import KeyRing, SigningKey

    keys = [
        SigningKey(dnskey_rdata(key, revoked=use.is_revoked), private_der(key, policy), use.signs_keys, use.signs_zone)
        for key, use in signing
    ]
    return KeyRing(apex, keys, deterministic=policy.reproducible_signing)
