# SPDX-License-Identifier: Apache-2.0
"""Daemons that give root up: in directories that another user can enter, ended with their engines whatever happens."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import DaemonUnderTest
from tests.support.netns import Wire, link
from tests.support.xdp_daemon import XdpDaemon

USER = "nobody"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that everybody can enter, which pytest's are not."""
    path = Path(tempfile.mkdtemp(prefix="xdpdns-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def with_user(daemon: DaemonUnderTest) -> None:
    """Let the daemon become the user."""
    daemon.server_items.append(f"user: {USER}")
    daemon.write_config("example.com")


@pytest.fixture
def daemon(place: Path) -> Iterator[DaemonUnderTest]:
    """A configured daemon that is not started yet."""
    under_test = DaemonUnderTest(place)
    try:
        yield under_test
    finally:
        under_test.close()


@pytest.fixture
def xdp_daemon(place: Path) -> Iterator[XdpDaemon]:
    """A configured daemon on one end of a veth pair; the test's thread is on the other."""
    with link() as wire:
        under_test = make_xdp_daemon(place, wire)
        with wire.client.entered():
            try:
                yield under_test
            finally:
                under_test.close()


def make_xdp_daemon(place: Path, wire: Wire) -> XdpDaemon:
    """Return a daemon for the server's end of a wire."""
    under_test = XdpDaemon(place, wire)
    with_user(under_test)
    return under_test
