# SPDX-License-Identifier: Apache-2.0
"""A daemon for each test, ended with its engine whatever happens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import DaemonUnderTest


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonUnderTest]:
    """A configured daemon that is not started yet."""
    under_test = DaemonUnderTest(tmp_path)
    try:
        yield under_test
    finally:
        under_test.close()
