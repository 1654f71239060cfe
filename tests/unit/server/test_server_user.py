# SPDX-License-Identifier: Apache-2.0
"""server.user: finding the user, what it may reach, and what it is given."""

import os
from pathlib import Path

import pytest

from control.server.claim import write_pid
from control.server.user import (
    User,
    UserProblem,
    check_reach,
    configured_user,
    find_user,
    hand_over_directory,
    hand_over_file,
    may,
)

OTHER = User("other", 4242, 4343, (4343, 4444))


def status(mode: int, uid: int, gid: int) -> os.stat_result:
    return os.stat_result((mode, 0, 0, 1, uid, gid, 0, 0, 0, 0))


def test_user_and_group() -> None:
    """USER takes the user's own group, USER:GROUP another; both may be numbers."""
    root = find_user("root")
    assert (root.uid, root.gid) == (0, 0)
    assert find_user("0:0") == root
    assert find_user("root:nogroup").gid != 0


@pytest.mark.parametrize("text", ["no-such-user", "root:no-such-group", ""])
def test_unknown_names(text: str) -> None:
    """Who is not there is an error that says what to do."""
    with pytest.raises(UserProblem, match=r"server.user: there is no .*make it"):
        find_user(text)


def test_already_that_user() -> None:
    """Nothing is to be done without the item, or by who is that user already."""
    assert configured_user(None) is None
    assert configured_user(str(os.geteuid())) is None


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "allowed"),
    [
        (0o700, 4242, 0, True),
        (0o077, 4242, 4343, False),
        (0o070, 0, 4343, True),
        (0o070, 0, 4444, True),
        (0o007, 0, 0, True),
        (0o770, 0, 0, False),
        (0o707, 0, 4444, False),
    ],
)
def test_mode_bits(mode: int, uid: int, gid: int, allowed: bool) -> None:
    """Owner, group (also supplementary) and others are told apart as the kernel does."""
    assert may(OTHER, status(mode, uid, gid), 7) is allowed


def test_system_directories_are_not_given_away() -> None:
    """A directory of the system is refused by item."""
    with pytest.raises(UserProblem, match=r"server.rundir '/run' is a directory of the system"):
        hand_over_directory(OTHER, "/run", "server.rundir")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change owners")
@pytest.mark.root
def test_only_own_files_are_given(tmp_path: Path) -> None:
    """Files of root get the user as owner; links, files with a second name and those of others do not."""
    above = tmp_path
    while above != Path("/tmp") and above != Path("/"):
        above.chmod(0o755)
        above = above.parent
    place, outside = tmp_path / "run", tmp_path / "outside"
    place.mkdir()
    outside.touch()
    (place / "own").touch()
    (place / "link").symlink_to(outside)
    os.link(outside, place / "second")
    (place / "third").touch()
    os.chown(place / "third", 77, 77)
    hand_over_directory(OTHER, str(place), "server.rundir")
    assert place.stat().st_uid == OTHER.uid
    assert (place / "own").stat().st_uid == OTHER.uid
    assert outside.stat().st_uid == 0
    assert (place / "third").stat().st_uid == 77
    hand_over_file(OTHER, str(place / "link"))
    assert outside.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="root may enter what others may not")
@pytest.mark.root
def test_reach(tmp_path: Path) -> None:
    """A directory on the way that the user cannot enter is named."""
    closed = tmp_path / "closed"
    (closed / "below").mkdir(parents=True)
    closed.chmod(0o700)
    with pytest.raises(UserProblem, match="cannot enter"):
        check_reach(OTHER, str(closed / "below"))


def test_pid_file_is_not_written_through_a_link(tmp_path: Path) -> None:
    """A link in the PID file's place is replaced; what it leads to stays."""
    target, pidfile = tmp_path / "target", tmp_path / "pid"
    target.write_text("precious")
    pidfile.symlink_to(target)
    write_pid(str(pidfile))
    assert target.read_text() == "precious"
    assert pidfile.read_text() == f"{os.getpid()}\n"
