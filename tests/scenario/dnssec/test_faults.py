# SPDX-License-Identifier: Apache-2.0
"""What may go wrong where zones are signed: what was served stays valid, the reason is told, and it goes on after."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import dns.name
import pytest

from tests.scenario.faults.test_full_disk import fill, small_disk
from tests.support.chain_watch import fetched_of, is_signed
from tests.support.daemon import wait_for
from tests.support.driven import ask
from tests.support.signed_daemon import SignedDaemon, check_zone

pytestmark = pytest.mark.peer("knotc", "nsupdate", "ldns-verify-zone")

QUIET = {"zonefile_sync": "-1", "zonefile_load": "difference-no-serial", "journal_content": "all"}
APEX = "example.com"
DAY = 86400
MANY = 8000
UPDATE = "update add new.example.com. 60 A 192.0.2.9"


def is_valid(daemon: SignedDaemon, name: str = "www.example.com") -> bool:
    """Whether an answer validates now with the DNSKEY RRset that is answered."""
    zone = dns.name.from_text(APEX)
    (keys,) = fetched_of(daemon.fetch(APEX, "DNSKEY").answer)
    (answer,) = fetched_of(daemon.fetch(name, "A").answer)
    return is_signed(zone, keys, list(keys.rrset)) and is_signed(zone, answer, list(keys.rrset))


def update(daemon: SignedDaemon) -> str:
    """Send an update; return what nsupdate says of it, nothing when it is done."""
    text = f"server {daemon.address} {daemon.port}\nzone example.com.\n{UPDATE}\nsend\n"
    done = subprocess.run(["nsupdate", "-v"], input=text, capture_output=True, text=True, timeout=30, check=False)
    return done.stderr.strip()


def test_signatures_that_expired_while_the_server_was_off(
    daemon: SignedDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are made anew as soon as it is back, with the same keys."""
    clock = tmp_path / "clock"
    clock.write_text(str(-20 * DAY))
    monkeypatch.setenv("XDPDNS_TEST_CLOCK", str(clock))
    wrap = daemon.wrap
    daemon.wrap = lambda *words: [
        "tests.support.shifted" if word == "control.tools.xdpdnsd" else word for word in wrap(*words)
    ]
    daemon.configure({"rrsig-lifetime": "14d", "zsk-lifetime": "0"}, **QUIET)
    daemon.start()
    keys = [key.id for key in daemon.stored_keys()]
    assert not is_valid(daemon)
    daemon.stop()
    clock.write_text("0")
    daemon.start()
    wait_for(lambda: is_valid(daemon), "valid signatures")
    check_zone(daemon, tmp_path)
    assert [key.id for key in daemon.stored_keys()] == keys
    daemon.nsupdate(UPDATE)
    assert is_valid(daemon, "new.example.com")
    assert daemon.stop() == 0


def hidden(daemon: SignedDaemon) -> Callable[[], None]:
    """Take the keystore away; return how to bring it back."""
    place = next(daemon.storage.rglob("*.pem")).parent
    aside = place.with_name("aside")
    place.rename(aside)
    return lambda: aside.rename(place) and None


def swapped(daemon: SignedDaemon) -> Callable[[], None]:
    """Exchange the private keys; return how to undo it."""
    one, two = sorted(daemon.storage.rglob("*.pem"))
    texts = one.read_bytes(), two.read_bytes()
    one.write_bytes(texts[1])
    two.write_bytes(texts[0])

    def undo() -> None:
        one.write_bytes(texts[0])
        two.write_bytes(texts[1])

    return undo


@pytest.mark.parametrize("spoil", [hidden, swapped])
def test_private_keys_that_cannot_be_had(
    daemon: SignedDaemon, tmp_path: Path, spoil: Callable[[SignedDaemon], Callable[[], None]]
) -> None:
    """The zone is answered as it was, also after a restart; changes are refused and nothing is half done."""
    daemon.configure({}, **QUIET)
    daemon.start()
    keys = [key.id for key in daemon.stored_keys()]
    undo = spoil(daemon)
    daemon.stop()
    daemon.start()
    serial = daemon.serial()
    assert is_valid(daemon)
    daemon.mark()
    assert "SERVFAIL" in update(daemon)
    assert "private key" in daemon.logged()
    for command in ("zone-sign", "zone-keys-load"):
        daemon.fails(f"-b {command} example.com")
    assert daemon.serial() == serial
    assert not daemon.fetch("new.example.com", "A").answer
    check_zone(daemon, tmp_path)
    undo()
    daemon.ok("-b zone-keys-load example.com")
    assert update(daemon) == ""
    assert is_valid(daemon, "new.example.com")
    check_zone(daemon, tmp_path)
    assert [key.id for key in daemon.stored_keys()] == keys
    assert daemon.stop() == 0


@pytest.mark.root
def test_a_full_disk(daemon: SignedDaemon, tmp_path: Path) -> None:
    """Nothing is signed, and no key that was made for it stays; with space again it goes on."""
    daemon.configure({"zsk-lifetime": "0"}, **QUIET)
    with small_disk(daemon.storage, 16):
        daemon.start()
        serial = daemon.serial()
        files = set(daemon.storage.rglob("*.pem"))
        ballast = fill(daemon.storage)
        daemon.mark()
        wait_for(lambda: daemon.control("-b", "zone-sign", APEX, said_otherwise=True)[0] == 1, "no more space")
        daemon.fails("-b zone-key-rollover example.com zsk")
        assert "space" in daemon.logged()
        assert set(daemon.storage.rglob("*.pem")) == files
        assert int(daemon.serial()) >= int(serial)
        check_zone(daemon, tmp_path)
        ballast.unlink()
        daemon.ok("-b zone-key-rollover example.com zsk")
        assert len(daemon.tags(256)) == 2
        check_zone(daemon, tmp_path)
        assert daemon.stop() == 0


def test_killed_while_it_signs(daemon: SignedDaemon) -> None:
    """A large zone that is half signed is not there; the next daemon serves what was before, and can sign it."""
    lines = [f"n{number} A 192.0.2.{number % 250}" for number in range(MANY)]
    text = "$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n"
    daemon.write_zone(APEX, 1, text=text + "\n".join(lines) + "\n")
    daemon.configure({"nsec3": "on"}, **QUIET)
    daemon.start()
    for questions in (0, 20, 60, 120, 200):
        serial = daemon.serial()
        daemon.ok("zone-sign example.com")
        daemon.expect("dropping previous signatures")
        for _ in range(questions):
            assert daemon.answers()
        daemon.kill()
        daemon.start()
        assert int(daemon.serial()) - int(serial) in (0, 1)
        assert is_valid(daemon, "n17.example.com")
    daemon.ok("-b zone-sign example.com")
    assert is_valid(daemon, f"n{MANY - 1}.example.com")
    ask(daemon.rundir / "knot.sock", "zone-validate", zone=APEX, flags="B")
    assert daemon.stop() == 0
