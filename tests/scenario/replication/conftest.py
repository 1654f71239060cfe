# SPDX-License-Identifier: Apache-2.0
"""A primary and a secondary that an operator drives, for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.operated_pair import OperatedPair


@pytest.fixture
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[OperatedPair]:
    """Both configured with one zone, and not started yet; a parameter is the program that drives the secondary."""
    under_test = OperatedPair(tmp_path, getattr(request, "param", "xdpdnsctl"))
    under_test.configure()
    try:
        yield under_test
    finally:
        under_test.close()
