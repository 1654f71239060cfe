# SPDX-License-Identifier: Apache-2.0
"""The arenas: each set of zones in each way of signing, made once for all tests of this directory."""

from collections.abc import Iterator

import pytest

from tests.scenario.differential.arena import Arena, serve
from tests.support import peers, zones

PARAMETERS = [(mode, root) for root in (False, True) for mode in zones.MODES]


@pytest.fixture(scope="session", params=PARAMETERS, ids=str)
def arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Serve one set of zones in one way of signing."""
    mode, root = request.param
    reason = zones.missing() or peers.missing("knot", "nsd")
    if reason is not None:
        pytest.skip(reason)
    with serve(mode, root, tmp_path_factory.mktemp(mode)) as served:
        yield served
