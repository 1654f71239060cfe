# SPDX-License-Identifier: Apache-2.0
"""A daemon that signs, for each test, ended with its engine whatever happens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.signed_daemon import SignedDaemon


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[SignedDaemon]:
    """A daemon that is not configured yet."""
    under_test = SignedDaemon(tmp_path)
    yield under_test
    under_test.close()
