# SPDX-License-Identifier: Apache-2.0
"""xdpdns-keymgr beside a running daemon, beside others of its kind, and as another user."""

import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import wait_for
from tests.support.keymgr_stage import KeymgrStage
from tests.support.operator import Operated

PROGRAM = (sys.executable, "-m", "control.tools.keymgr")
MANY = 4
USER = "nobody"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Operated]:
    """A configured daemon with one zone, which is not started yet."""
    under_test = Operated(tmp_path, "xdpdnsctl")
    try:
        yield under_test
    finally:
        under_test.close()


def spawn(config: Path, *words: str) -> subprocess.Popen[str]:
    """Start the program and wait for nothing."""
    argv = [*PROGRAM, "-c", str(config), *words]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    """Return what a program that was started has printed; it must not have failed."""
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return out


def run(config: Path, *words: str) -> str:
    """Run the program; it must not fail."""
    return finish(spawn(config, *words))


def listed(config: Path, zone: str) -> set[str]:
    """Return the ids of the keys of a zone."""
    return {line.split()[0] for line in run(config, zone, "list").splitlines()}


def test_beside_the_daemon(daemon: Operated) -> None:
    """Keys are made while the daemon changes a zone; nothing is lost on either side, also over a restart."""
    daemon.start()
    makers = [spawn(daemon.config, "example.com", "generate") for _ in range(MANY)]
    for number in range(MANY):
        daemon.ok("zone-begin example.com")
        daemon.ok(f"zone-set example.com h{number} 60 A 192.0.2.7")
        daemon.ok("zone-commit example.com")
    made = {finish(maker).strip() for maker in makers}
    assert len(made) == MANY
    assert listed(daemon.config, "example.com") == made
    assert daemon.serial() == str(1 + MANY)
    daemon.stop()
    daemon.start()
    assert daemon.serial() == str(1 + MANY)
    assert listed(daemon.config, "example.com") == made
    assert run(daemon.config, "-l") == "example.com.\n"


def dnskeys(daemon: Operated) -> set[str]:
    """Return the DNSKEY records of the zone, as the tool prints them."""
    (answer,) = daemon.ask("example.com", "DNSKEY").answer
    return {
        f"example.com. DNSKEY {rdata.flags} 3 {rdata.algorithm} {b64encode(rdata.key).decode()}" for rdata in answer
    }


def sign(daemon: Operated, *policy: str) -> None:
    """Let the daemon sign its zone by this policy."""
    items = "".join(f"    {item}\n" for item in policy)
    text = daemon.config.read_text().replace("zone:\n", f"policy:\n  - id: p\n{items}zone:\n")
    daemon.config.write_text(f"{text}    dnssec-signing: on\n    dnssec-policy: p\n")


def shown(daemon: Operated) -> set[str]:
    """Return the DNSKEY records of all keys in the store."""
    ids = listed(daemon.config, "example.com")
    return {run(daemon.config, "example.com", "dnskey", key_id).strip() for key_id in ids}


def test_the_daemon_signs_with_keys_made_by_hand(daemon: Operated) -> None:
    """Those that are there at its start, and those that are made while it runs, once it is told."""
    sign(daemon, "manual: on")
    run(daemon.config, "example.com", "generate", "ksk=yes")
    zsk = run(daemon.config, "example.com", "generate").strip()
    daemon.start()
    assert dnskeys(daemon) == shown(daemon)
    run(daemon.config, "example.com", "generate", "publish=-1", "active=+1d")
    daemon.ok("-b zone-keys-load example.com")
    wait_for(lambda: dnskeys(daemon) == shown(daemon), "a third key in the zone")
    run(daemon.config, "example.com", "set", zsk, "retire=-1h", "remove=-1mi", "publish=-1d", "active=-2h")
    run(daemon.config, "example.com", "generate")
    run(daemon.config, "example.com", "del-all-old")
    daemon.ok("-b zone-keys-load example.com")
    wait_for(lambda: dnskeys(daemon) == shown(daemon), "the old key out of the zone")
    assert zsk not in listed(daemon.config, "example.com")


def test_keys_of_the_daemon_are_listed(daemon: Operated) -> None:
    """Those that it made itself: none is missing, and the check finds nothing."""
    sign(daemon)
    daemon.start()
    assert dnskeys(daemon) == shown(daemon)
    assert len(listed(daemon.config, "example.com")) == 2
    assert "missing" not in run(daemon.config, "example.com", "list")
    argv = [sys.executable, "-m", "control.tools.xdpdnsctl", "-c", str(daemon.config), "zone-key-check"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_many_at_once(tmp_path: Path) -> None:
    """The first of them makes the store; each does its work as a whole."""
    stage = KeymgrStage(tmp_path)
    makers = [spawn(stage.config, "example.", "generate") for _ in range(MANY)]
    made = {finish(maker).strip() for maker in makers}
    assert listed(stage.config, "example.") == made == stage.files()
    setters = [spawn(stage.config, "example.", "set", key_id, "retire=+1d", "remove=+2d") for key_id in made]
    assert {finish(setter) for setter in setters} == {"OK\n"}
    assert run(stage.config, "example.", "list").count(" remove=") == MANY
    workers = [spawn(stage.config, "example.", "delete", key_id) for key_id in made]
    workers += [spawn(stage.config, "other.", "generate") for _ in range(2)]
    for worker in workers:
        finish(worker)
    assert listed(stage.config, "example.") == set()
    assert len(run(stage.config, "-", "trash-list").splitlines()) == MANY
    assert len(listed(stage.config, "other.")) == 2


@pytest.mark.root
def test_as_the_user_of_the_daemon(daemon: Operated) -> None:
    """Root makes keys for it before it was ever started: everything is the user's, who then adds to it."""
    daemon.base.chmod(0o755)
    for above in daemon.base.parents:
        if above.name.startswith(("pytest-", "popen-")):
            above.chmod(0o755)
    daemon.server_items = [f"user: {USER}"]
    daemon.write_config("example.com")
    first = run(daemon.config, "example.com", "generate", "ksk=yes").strip()
    owners = {path.owner() for path in daemon.storage.rglob("*")}
    assert owners == {USER}
    daemon.start()
    second = run(daemon.config, "example.com", "generate").strip()
    assert listed(daemon.config, "example.com") == {first, second}
    assert (daemon.storage / "keys/keys" / f"{second}.pem").owner() == USER


@pytest.mark.root
def test_a_user_who_may_not(tmp_path: Path) -> None:
    """It is told of whom the store is."""
    tmp_path.chmod(0o755)
    stage = KeymgrStage(tmp_path)
    stage.make()
    (tmp_path / "store").chmod(0o755)
    argv = ["setpriv", "--reuid", USER, "--clear-groups", *PROGRAM, "-D", str(tmp_path / "store"), "example.", "list"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: zone store {tmp_path}/store: ")
    assert "Traceback" not in done.stderr
