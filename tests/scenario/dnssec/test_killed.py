# SPDX-License-Identifier: Apache-2.0
"""A daemon that signs is killed at every step of a rollover and while it signs: the next one goes on where it was."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from control.ctl.client import ClientError
from tests.support.chain_watch import ChainWatch
from tests.support.daemon import WAIT_S, wait_for
from tests.support.driven import ask
from tests.support.peers import Peer
from tests.support.signed_daemon import SignedDaemon, cds_tags, knot_parent, push_ds, signers

pytestmark = pytest.mark.peer("knotd", "knotc", "nsupdate")

ZONE = "$TTL 1\n@ SOA ns hostmaster 1 3600 600 86400 1\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n"
POLICY = {"propagation-delay": "2s", "dnskey-ttl": "1s", "zone-max-ttl": "1s", "ksk-lifetime": "0", "zsk-lifetime": "0"}
QUESTIONS = (("www", "A"), ("@", "SOA"), ("nothing", "A"))
MOMENTS = ("before-commit", "after-commit")
TTL_S = 2
"""Of the DS records, 1, and a second that whole seconds lack."""
AWAY_S = 5.0


class Dying:
    """A daemon that signs and that dies when it is to write to its store the next time."""

    def __init__(self, daemon: SignedDaemon, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
        self.daemon, self.moment = daemon, moment
        self.armed = daemon.base / "armed"
        monkeypatch.setenv("XDPDNS_TEST_DIES_AT", moment)
        monkeypatch.setenv("XDPDNS_TEST_ARMED", str(daemon.base))
        daemon.write_zone("example.com", 1, text=ZONE)
        daemon.configure(POLICY, zonefile_sync="-1", zonefile_load="difference-no-serial", journal_content="all")
        wrap = daemon.wrap
        daemon.wrap = lambda *words: [
            "tests.support.dying" if word == "control.tools.xdpdnsd" else word for word in wrap(*words)
        ]
        daemon.start()

    @property
    def told(self) -> tuple[int, int]:
        """How many KSKs and ZSKs are published."""
        return len(self.daemon.tags(257)), len(self.daemon.tags(256))

    def dies(self, command: str | None = None, away_s: float = 0) -> None:
        """Let it die as it carries out a command, or in what it does next by itself; start it again, some time later.

        The engine answers on as it did.
        """
        self.armed.touch()
        if command is not None:
            self.daemon.control(*command.split(), said_otherwise=True)
        assert self.daemon.process is not None
        assert self.daemon.process.wait(WAIT_S) == -9
        self.armed.unlink()
        back = time.monotonic() + away_s
        wait_for(lambda: time.monotonic() >= back, "the time to come back")
        self.daemon.start()
        self.daemon.expect("DNSSEC, next signing at")

    def begins(self, kind: str) -> None:
        """Die at the beginning of a rollover; what has not been stored was not begun, and is asked for again."""
        self.dies(f"zone-key-rollover example.com {kind}")
        if self.moment == "before-commit":
            assert self.told == (1, 1)
            self.daemon.ok(f"zone-key-rollover example.com {kind}")
        wait_for(lambda: sum(self.told) == 3, f"a new {kind}")

    def submits(self) -> None:
        """Confirm the key that is ready, with the TTL of the DS records."""
        socket = self.daemon.rundir / "knot.sock"
        ask(socket, "zone-ksk-submitted", zone="example.com", flags="B", filters="t", data=str(TTL_S))


@contextmanager
def watched(daemon: SignedDaemon, parent: Peer) -> Iterator[None]:
    """Let a strict resolver ask in the block, and fail when it finds something wrong or gets no answer."""
    where = (daemon.address, daemon.port)
    push_ds(daemon, parent)
    daemon.ok("-b zone-ksk-submitted example.com")
    with ChainWatch("example.com", where, (parent.address, parent.port), QUESTIONS).running() as watch:
        yield
    assert not watch.faults, "\n".join(watch.faults)
    assert watch.secure > 3
    assert watch.lost == 0


@pytest.fixture(params=MOMENTS)
def dying(request: pytest.FixtureRequest, daemon: SignedDaemon, monkeypatch: pytest.MonkeyPatch) -> Dying:
    """Such a daemon, for each moment."""
    return Dying(daemon, monkeypatch, request.param)


def test_each_step_of_a_zsk_rollover(dying: Dying, tmp_path: Path) -> None:
    """Published, replaced, removed: each key is there until it is of no use, and its private half is."""
    daemon = dying.daemon
    with knot_parent(tmp_path) as parent, watched(daemon, parent):
        (old,) = daemon.tags(256)
        dying.begins("zsk")
        (new,) = set(daemon.tags(256)) - {old}
        dying.dies()
        wait_for(lambda: signers(daemon) == {new}, "signatures of the new ZSK")
        assert dying.told == (1, 2)
        dying.dies()
        wait_for(lambda: dying.told == (1, 1), "the old ZSK is removed")
        assert daemon.tags(256) == [new]
        check_keystore(daemon)


def test_a_daemon_that_is_away_for_longer_than_a_step(dying: Dying, tmp_path: Path) -> None:
    """What the engine answered meanwhile may still be cached: of the steps that are due, one is seen and one waits."""
    daemon = dying.daemon
    with knot_parent(tmp_path) as parent, watched(daemon, parent):
        (old,) = daemon.tags(256)
        dying.begins("zsk")
        dying.dies(away_s=AWAY_S)
        wait_for(lambda: old not in signers(daemon), "signatures of the new ZSK")
        assert dying.told == (1, 2)
        wait_for(lambda: dying.told == (1, 1), "the old ZSK is removed")
        check_keystore(daemon)


def test_each_step_of_a_ksk_rollover(dying: Dying, tmp_path: Path) -> None:
    """Published, submitted, confirmed, removed; a confirmation that was not stored is asked for again."""
    daemon = dying.daemon
    with knot_parent(tmp_path) as parent, watched(daemon, parent):
        (old,) = daemon.tags(257)
        dying.begins("ksk")
        (new,) = set(daemon.tags(257)) - {old}
        dying.dies()
        wait_for(lambda: cds_tags(daemon) == {new}, "CDS of the new KSK")
        push_ds(daemon, parent, new)
        dying.armed.touch()
        with pytest.raises(ClientError):
            dying.submits()
        dying.dies()
        if dying.moment == "before-commit":
            dying.submits()
        dying.dies()
        wait_for(lambda: daemon.tags(257) == [new], "the old KSK is removed")
        assert "no key ready" in daemon.fails("zone-ksk-submitted example.com")
        check_keystore(daemon)


def test_each_step_of_an_algorithm_rollover(dying: Dying, tmp_path: Path) -> None:
    """Signatures come first and go last (RFC 6781, section 4.1.4), wherever the daemon was killed in between."""
    daemon = dying.daemon
    with knot_parent(tmp_path) as parent, watched(daemon, parent):
        old = {key.id for key in daemon.stored_keys()}
        daemon.config.write_text(daemon.config.read_text().replace("- id: p\n", "- id: p\n    algorithm: ed25519\n"))
        dying.dies("reload")
        wait_for(lambda: len(signers(daemon)) == 2, "signatures of both algorithms")
        assert dying.told == (1, 1)
        dying.dies()
        wait_for(lambda: dying.told == (2, 2), "DNSKEY records of both")
        dying.dies()
        wait_for(lambda: len(cds_tags(daemon)) == 1, "the CDS record of the new KSK")
        (new,) = cds_tags(daemon)
        push_ds(daemon, parent, new)
        dying.armed.touch()
        with pytest.raises(ClientError):
            dying.submits()
        dying.dies()
        if dying.moment == "before-commit":
            dying.submits()
        dying.dies()
        wait_for(lambda: daemon.tags(257) == [new], "no DNSKEY records of the old keys")
        if len(signers(daemon)) == 2:  # A slow machine may be a step further.
            dying.dies()
        wait_for(lambda: len(signers(daemon)) == 1, "no signatures of the old keys")
        wait_for(lambda: not old & {key.id for key in daemon.stored_keys()}, "the old keys are gone")
        check_keystore(daemon)


def check_keystore(daemon: SignedDaemon) -> None:
    """Fail where a key of the zone has no private half."""
    ids = {key.id for key in daemon.stored_keys()}
    assert len(ids) == 2
    assert ids <= {path.stem for path in daemon.storage.rglob("*.pem")}
