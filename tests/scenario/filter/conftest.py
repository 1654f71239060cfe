# SPDX-License-Identifier: Apache-2.0
"""A folder of the bpffs for the tests of the filter alone, so that they meet no other filters."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyxdp_dns import filter as xdp
from pyxdp_dns.filter import layout, pins
from tests.support import netns


@pytest.fixture(scope="session")
def bpffs() -> Iterator[Path]:
    """An empty folder in the bpffs; filters left in it are unloaded at the end."""
    folder = pins.DEFAULT_ROOT / netns.unique("xdt")
    folder.mkdir()
    yield folder
    xdp.unload_all(folder)
    if (folder / layout.PIN_DIR).is_dir():
        (folder / layout.PIN_DIR).rmdir()
    folder.rmdir()
