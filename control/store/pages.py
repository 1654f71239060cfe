# SPDX-License-Identifier: Apache-2.0
"""The quick way through a snapshot: its pages, read without LMDB. Where that cannot be, there is LMDB's cursor."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyxdp_dns.btree import StoreMap, StoreRange


class Pages:
    """The file of one store, mapped when it is first wanted. Any thread may use it."""

    def __init__(self, env: Any, file: Path, most_bytes: int) -> None:
        self._env, self._file, self._most_bytes = env, file, most_bytes
        self._lock = threading.Lock()
        self._tried = False
        self._map: StoreMap | None = None

    def range(self, snapshot: Any, table: bytes, first: bytes, end: bytes) -> "StoreRange | None":
        """Return what a table has from key `first` on and before `end`; None: the cursor has to be used.

        `snapshot` is LMDB's read transaction, which has to last as long as the range.
        """
        from pyxdp_dns.btree import TABLE_BYTES
        from pyxdp_dns.errors import EngineError

        known, mapped = snapshot.get(table), self._mapped()
        if mapped is None or known is None or len(known) != TABLE_BYTES:
            return None
        try:
            return mapped.range(known, first, end)
        except (EngineError, OSError):
            return None

    def close(self) -> None:
        """Unmap the file. No snapshot may be in use."""
        with self._lock:
            self._tried = True
            if self._map is not None:
                self._map.close()
                self._map = None

    def _mapped(self) -> "StoreMap | None":
        from pyxdp_dns.btree import StoreMap
        from pyxdp_dns.errors import EngineError

        with self._lock:
            if not self._tried:
                self._tried = True
                try:
                    self._map = StoreMap(self._file, self._most_bytes, self._env.stat()["psize"])
                except (EngineError, OSError):
                    self._map = None
            return self._map
