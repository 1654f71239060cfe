# SPDX-License-Identifier: Apache-2.0
"""server.user: the daemon and its engine as another user, and the helper that keeps root for them."""

import os
import pwd
import signal
from pathlib import Path

import pytest

from tests.scenario.service.conftest import USER, with_user
from tests.support.daemon import DaemonUnderTest, is_alive, kill_process, wait_for
from tests.support.xdp_daemon import XdpDaemon

pytestmark = pytest.mark.root


@pytest.fixture
def user_daemon(daemon: DaemonUnderTest) -> DaemonUnderTest:
    """A daemon that becomes the user."""
    with_user(daemon)
    return daemon


def status_of(pid: int) -> dict[str, str]:
    """What the kernel says of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def children_of(pid: int) -> list[int]:
    """PIDs of the children of a process."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def daemon_pid(daemon: DaemonUnderTest) -> int:
    """PID of the daemon itself."""
    return int((daemon.rundir / "xdpdnsd.pid").read_text())


def helper_of(daemon: DaemonUnderTest) -> int:
    """PID of the helper."""
    engine = daemon.engine_pid()
    (helper,) = (pid for pid in children_of(daemon_pid(daemon)) if pid != engine)
    return helper


def is_dropped(pid: int) -> bool:
    """Whether every thread of a process is the user's, without a capability, and can gain none."""
    uid = str(pwd.getpwnam(USER).pw_uid)
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = status_of(int(task.name))
        if status["Uid"].split() != [uid] * 4 or status["NoNewPrivs"] != "1":
            return False
        if any(int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")):
            return False
    return True


def test_everything_but_the_helper_is_the_users(user_daemon: DaemonUnderTest) -> None:
    """Daemon and engine run as the user without capabilities, answer UDP and TCP, and stop leaving nothing."""
    user_daemon.start()
    assert user_daemon.address_of() == "192.0.2.2"
    assert user_daemon.address_of(tcp=True) == "192.0.2.2"
    daemon, helper, engine = daemon_pid(user_daemon), helper_of(user_daemon), user_daemon.engine_pid()
    assert is_dropped(daemon)
    assert is_dropped(engine)
    assert status_of(helper)["Uid"].split()[0] == "0"
    assert sorted(os.listdir(f"/proc/{helper}/fd"))[:3] == ["0", "1", "2"]
    assert len(os.listdir(f"/proc/{helper}/fd")) == 4
    assert user_daemon.stop() == 0
    wait_for(lambda: not is_alive(engine) and not is_alive(helper), "the end of engine and helper")
    assert [path.name for path in user_daemon.rundir.iterdir() if path.name != "engine.lock"] == []


def test_reload_and_restart_as_the_user(user_daemon: DaemonUnderTest) -> None:
    """The user's daemon reloads, reopens its log, and starts again on its own files and on those of a root daemon."""
    user_daemon.start()
    user_daemon.write_zone("example.com", 2, "192.0.2.9")
    user_daemon.reload()
    assert user_daemon.address_of() == "192.0.2.9"
    assert user_daemon.stop() == 0
    items, user_daemon.server_items = user_daemon.server_items, []
    user_daemon.write_config("example.com")
    user_daemon.start()
    user_daemon.stop()
    user_daemon.server_items = items
    user_daemon.write_config("example.com")
    user_daemon.start()
    assert is_dropped(daemon_pid(user_daemon))
    user_daemon.write_zone("example.com", 3, "192.0.2.10")
    user_daemon.reload()
    assert user_daemon.address_of() == "192.0.2.10"


def test_killed_daemon_ends_the_helper_and_leaves_the_engine(user_daemon: DaemonUnderTest) -> None:
    """kill -9 of the daemon ends the helper, the engine answers on, and the next daemon adopts it."""
    user_daemon.start()
    helper, engine = helper_of(user_daemon), user_daemon.engine_pid()
    user_daemon.kill()
    wait_for(lambda: not is_alive(helper), "the helper's end")
    assert user_daemon.address_of() == "192.0.2.2"
    user_daemon.start()
    assert user_daemon.engine_pid() == engine
    assert user_daemon.stop() == 0
    wait_for(lambda: not is_alive(engine), "the engine's end")


def test_killed_helper(user_daemon: DaemonUnderTest) -> None:
    """kill -9 of the helper is logged, everything is answered on; an engine killed after it is what a restart heals."""
    user_daemon.start()
    kill_process(helper_of(user_daemon))
    user_daemon.expect("the helper process that starts engines and loads filters has ended, restart the daemon")
    assert user_daemon.address_of() == "192.0.2.2"
    kill_process(user_daemon.engine_pid())
    user_daemon.expect("engine cannot be started (the helper process")
    assert user_daemon.address_of(tcp=True) == "192.0.2.2"
    assert user_daemon.stop() == 0
    user_daemon.start()
    assert user_daemon.address_of() == "192.0.2.2"


def test_unknown_user(daemon: DaemonUnderTest) -> None:
    """A user that is not there is named, and nothing is started."""
    daemon.server_items = ["user: no-such-user"]
    daemon.write_config("example.com")
    assert daemon.spawn().wait(60) == 1
    assert "there is no user 'no-such-user'" in daemon.logged()


def test_unreachable_directory(user_daemon: DaemonUnderTest) -> None:
    """A directory that the user cannot get at is named with what to do."""
    user_daemon.base.chmod(0o700)
    assert user_daemon.spawn().wait(60) == 1
    assert f"cannot enter {user_daemon.base}, on the way to" in user_daemon.logged()


@pytest.mark.xdp
def test_xdp_as_the_user(xdp_daemon: XdpDaemon) -> None:
    """The helper loads the filter, starts a killed engine again with AF_XDP, and unloads the filter at stop."""
    xdp_daemon.start()
    wait_for(xdp_daemon.answers_by_xdp, f"an answer by AF_XDP\n{xdp_daemon.all_output()}")
    assert xdp_daemon.address_of() == "192.0.2.2"
    assert xdp_daemon.address_of(tcp=True) == "192.0.2.2"
    engine = xdp_daemon.engine_pid()
    wait_for(lambda: is_dropped(engine), "the engine without privileges")
    assert is_dropped(daemon_pid(xdp_daemon))
    kill_process(engine)
    wait_for(xdp_daemon.answers, "an answer")
    wait_for(xdp_daemon.answers_by_xdp, "an answer by AF_XDP")
    assert xdp_daemon.engine_pid() != engine
    wait_for(lambda: is_dropped(xdp_daemon.engine_pid()), "the new engine without privileges")
    assert xdp_daemon.is_loaded()
    assert xdp_daemon.stop() == 0
    assert not xdp_daemon.is_loaded()


@pytest.mark.xdp
def test_stop_while_the_filter_is_loaded(xdp_daemon: XdpDaemon) -> None:
    """A stop right after the start ends the engine, which still has root's rights, and leaves no filter."""
    xdp_daemon.start()
    engine = xdp_daemon.engine_pid()
    assert xdp_daemon.stop() == 0
    assert not is_alive(engine)
    assert not xdp_daemon.is_loaded()


def test_hang_up_does_not_end_the_helper(user_daemon: DaemonUnderTest) -> None:
    """Signals that a terminal or service manager sends to all processes leave the helper to the daemon."""
    user_daemon.start()
    helper = helper_of(user_daemon)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(helper, number)
    kill_process(user_daemon.engine_pid())
    wait_for(user_daemon.answers, "an answer")
    assert is_alive(helper)
