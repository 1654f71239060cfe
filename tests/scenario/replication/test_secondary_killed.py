# SPDX-License-Identifier: Apache-2.0
"""xdpdnsd killed while a zone is transferred: it comes back with a committed version, whole, and follows."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.ctl.client import ClientError
from tests.support import hostile
from tests.support.daemon import WAIT_S, wait_for
from tests.support.driven import Driven
from tests.support.hostile import APEX, IXFR, KEEP, SOA, TXT, Sent, framed, message, record, soa, steps

LIVES = int(os.environ.get("XDPDNS_TEST_KILLS", "6"))
SEED = int(os.environ.get("XDPDNS_TEST_SEED", "5"))
SMALL, LARGE = 300, 70_000
"""Records of a zone; the large one is written to the store in several transactions."""
MESSAGE_RECORDS = 1000
BLOCK_VERSIONS = 3
"""So many versions differ in `www` alone and are IXFRs; then everything changes."""
SPILLS = Path("/var/tmp")


class Changing:
    """A primary whose zone gets a new version whenever it is told to."""

    def __init__(self, size: int) -> None:
        self.size, self.version = size, 1
        self._blocks: dict[int, list[bytes]] = {}

    def records(self, version: int) -> list[bytes]:
        """Return what all versions of a block have, in parts of a message each."""
        block = version // BLOCK_VERSIONS
        if block not in self._blocks:
            text = b"%d" % block
            data = bytes((len(text),)) + text
            each = [record(b"\x06t%05d" % number + APEX, TXT, data) for number in range(self.size)]
            self._blocks = {block: [b"".join(each[at : at + MESSAGE_RECORDS]) for at in range(0, self.size, 1000)]}
        return self._blocks[block]

    def __call__(self, query: bytes) -> Sent:
        """Answer as a good primary."""
        version, qtype = self.version, hostile.qtype_of(query)
        if qtype == SOA:
            return (framed(message(query, [soa(version)])), KEEP)
        base = hostile.serial_of(query) if qtype == IXFR else -1
        if base == version:
            return (framed(message(query, [soa(version)])), KEEP)
        if base // BLOCK_VERSIONS == version // BLOCK_VERSIONS:
            return (framed(message(query, steps(*range(base, version + 1)))), KEEP)
        return self._whole(query, version)

    def _whole(self, query: bytes, version: int) -> Iterator[bytes | float]:
        yield framed(message(query, [soa(version), *hostile.body(version)]))
        for part in self.records(version):
            several = bytearray(message(query, [part]))
            several[6:8] = min(self.size, MESSAGE_RECORDS).to_bytes(2, "big")
            yield framed(bytes(several))
        yield framed(message(query, [soa(version)]))
        yield KEEP


def refuse(query: bytes) -> Sent:
    """Refuse everything."""
    return (framed(message(query, [], flags=5)), KEEP)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Driven]:
    under_test = Driven(tmp_path)
    try:
        yield under_test
    finally:
        under_test.close()


def configure(daemon: Driven, primary: hostile.Hostile, sync: int = -1) -> None:
    """Let the daemon follow the primary when it is told to."""
    daemon.write_config(
        extra=f"remote:\n  - id: primary\n    address: {primary.address}@{primary.port}\n"
        f"zone:\n  - domain: example.com\n    file: {daemon.base}/secondary.zone\n    master: primary\n"
        f"    zonefile-sync: {sync}\n    retry-min-interval: 3600\n"
    )


def serial(daemon: Driven) -> int:
    """Return the serial that zone-status tells."""
    return int(daemon.do("zone-status", zone="example.com", filters="s")[0].data or "0")


def check(daemon: Driven, versions: set[int], size: int) -> int:
    """See that one of these versions is answered, and stored as a whole; return it."""
    version = serial(daemon)
    assert version in versions
    assert daemon.address_of() == f"192.0.2.{version}"
    block = f'"{version // BLOCK_VERSIONS}"'
    for number in {0, size - 1, *random.Random(version).sample(range(size), 10)}:
        assert str(daemon.ask(f"t{number:05d}.example.com", "TXT").answer[0][0]) == block
    if size == SMALL:
        found = {data for (_, rtype), values in daemon.rows("example.com").items() if rtype == "TXT" for data in values}
        assert found == {block}
    return version


@pytest.mark.parametrize(("size", "lives", "longest_s"), [(SMALL, LIVES, 0.06), (LARGE, LIVES // 3, 1.5)])
def test_killed_at_random_moments(daemon: Driven, size: int, lives: int, longest_s: float) -> None:
    """Every life begins with the version before or the new one, although the primary refuses, and takes the new one."""
    moments, changing = random.Random(SEED), Changing(size)
    spills = set(SPILLS.iterdir())
    with hostile.Hostile(changing).running() as primary:
        configure(daemon, primary)
        daemon.up()
        for _ in range(lives):
            before = serial(daemon)
            changing.version += 1
            changing.records(changing.version)
            daemon.do("zone-refresh", zone="example.com")
            time.sleep(moments.uniform(0, longest_s))
            daemon.kill()
            primary.behaviour = refuse
            daemon.up()
            check(daemon, {before, changing.version}, size)
            primary.behaviour = changing
            daemon.do("zone-refresh", zone="example.com", flags="B")
            check(daemon, {changing.version}, size)
    wait_for(daemon.is_swept, "contents of versions that are gone are removed")
    assert daemon.stop() == 0
    assert not [path for path in set(SPILLS.iterdir()) - spills if path.name.startswith("tmp")]


@pytest.mark.parametrize("moment", ["before-commit", "after-commit"])
@pytest.mark.parametrize("step", [1, BLOCK_VERSIONS])
def test_killed_around_the_commit(daemon: Driven, monkeypatch: pytest.MonkeyPatch, moment: str, step: int) -> None:
    """Before the store commits the zone is the old one, afterwards it is the new one, for changes and whole zones.

    Contents that a whole zone replaced are removed by the next start alone.
    """
    monkeypatch.setenv("XDPDNS_TEST_DIES_AT", moment)
    monkeypatch.setenv("XDPDNS_TEST_ARMED", str(daemon.base))
    wrap = daemon.wrap
    daemon.wrap = lambda *words: [
        "tests.support.dying" if word == "control.tools.xdpdnsd" else word for word in wrap(*words)
    ]
    changing = Changing(SMALL)
    with hostile.Hostile(changing).running() as primary:
        configure(daemon, primary)
        daemon.up()
        changing.version += step
        armed = daemon.base / "armed"
        armed.touch()
        with pytest.raises(ClientError):
            daemon.do("zone-refresh", zone="example.com", flags="B")
        assert daemon.process is not None
        assert daemon.process.wait(WAIT_S) == -9
        armed.unlink()
        assert daemon.is_swept() == (moment == "before-commit" or step < BLOCK_VERSIONS)
        primary.behaviour = refuse
        daemon.up()
        wait_for(daemon.is_swept, "contents that were replaced are removed")
        check(daemon, {1} if moment == "before-commit" else {1 + step}, SMALL)
        primary.behaviour = changing
        daemon.do("zone-refresh", zone="example.com", flags="B")
        check(daemon, {1 + step}, SMALL)


def test_started_without_primary_and_file(daemon: Driven) -> None:
    """What was transferred is answered after a restart, until it expires, although no file has it."""
    changing = Changing(SMALL)
    with hostile.Hostile(changing).running() as primary:
        configure(daemon, primary)
        daemon.up()
        daemon.stop()
        primary.behaviour = refuse
        daemon.mark()
        daemon.up()
        check(daemon, {1}, SMALL)
        assert "zone loaded from journal, serial 1" in daemon.logged()
        asked = len(primary.queries)
        daemon.do("zone-purge", zone="example.com", flags="FB")
        wait_for(lambda: len(primary.queries) > asked, "another transfer")
        assert daemon.ask().rcode() == 2


def test_a_file_that_is_older_is_not_gone_back_to(daemon: Driven) -> None:
    """A version that was taken as a whole after the file was written is the zone after a start, not the file."""
    changing = Changing(SMALL)
    with hostile.Hostile(changing).running() as primary:
        configure(daemon, primary)
        daemon.up()
        daemon.do("zone-flush", zone="example.com", flags="FB")
        changing.version += BLOCK_VERSIONS
        daemon.do("zone-refresh", zone="example.com", flags="B")
        daemon.kill()
        primary.behaviour = refuse
        daemon.up()
        check(daemon, {1 + BLOCK_VERSIONS}, SMALL)
        configure(daemon, primary, sync=0)
        daemon.stop()
        daemon.up()
        check(daemon, {1 + BLOCK_VERSIONS}, SMALL)
