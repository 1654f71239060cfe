# SPDX-License-Identifier: Apache-2.0
"""How tests are shared out among processes: files as a whole, and some directories as a whole.

A file keeps its fixtures and its order in one process. Files are begun in the order of their names, in which those with
long tests come before the unit tests, so that the processes end at about the same time.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "tests/csrc/": "compiles",
    "tests/fuzz/": "compiles",
    "tests/scenario/differential/": "differential",
    "tests/scenario/filter/": "filter",
}
"""What shares a build directory, or fixtures of the session that are expensive, is done by one process."""


class FilesTogether(LoadScopeScheduling):
    """Gives a process a file, or one of `TOGETHER`, at a time."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        """Return what a test is done together with."""
        file = nodeid.partition("::")[0]
        return next((name for place, name in TOGETHER.items() if file.startswith(place)), file)
