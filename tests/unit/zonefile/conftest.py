# SPDX-License-Identifier: Apache-2.0
"""A store with zones in it that came from text."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from control.store.environment import Store
from tests.support.stored import StoredZones

MIB = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", 64 * MIB, 1) as store:
        yield store


@pytest.fixture
def zones(store: Store) -> StoredZones:
    return StoredZones(store)
