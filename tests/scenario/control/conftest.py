# SPDX-License-Identifier: Apache-2.0
"""A control server in a thread of its own, or a whole daemon, for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.control_server import ControlThread
from tests.support.operator import PROGRAMS, Operated


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ControlThread]:
    """A server with the default limits."""
    with ControlThread(tmp_path) as running:
        yield running


@pytest.fixture(params=PROGRAMS)
def operated(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Operated]:
    """A configured daemon with one zone that is not started yet, for each of the control programs."""
    under_test = Operated(tmp_path, request.param)
    try:
        yield under_test
    finally:
        under_test.close()
