# SPDX-License-Identifier: Apache-2.0
"""A driven daemon for each test, ended with its engine whatever happens."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.driven import Driven


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Driven]:
    """A configured daemon that is not started yet."""
    under_test = Driven(tmp_path)
    try:
        yield under_test
    finally:
        under_test.close()


@pytest.fixture
def open_daemon() -> Iterator[Driven]:
    """A configured daemon in a directory that every user can enter, which pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="xdpdns-") as name:
        path = Path(name)
        path.chmod(0o755)
        under_test = Driven(path)
        try:
            yield under_test
        finally:
            under_test.close()
