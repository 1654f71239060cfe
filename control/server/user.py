# SPDX-License-Identifier: Apache-2.0
"""The user the daemon runs as (server.user): finding it, handing it the files, and becoming it for good."""

import os
import stat
from typing import NamedTuple

SYSTEM = "bin boot dev etc home lib media mnt opt proc root run sbin srv sys tmp usr var"
SYSTEM_BELOW = "usr/local var/cache var/lib var/log var/run var/spool var/tmp"
SHARED_DIRECTORIES = frozenset(f"/{name}" for name in f" {SYSTEM} {SYSTEM_BELOW}".split(" "))
"""Directories of the system, which are never handed over."""


class UserProblem(Exception):
    """The user cannot be used; the text names the item and says what to do."""


class User(NamedTuple):
    """Whom the daemon becomes; `groups` are the supplementary ones."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def find_user(text: str) -> User:
    """Return the user of USER[:GROUP], names or numbers; raise UserProblem."""
    import grp
    import pwd

    name, colon, group = text.partition(":")
    try:
        entry = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError:
        raise UserProblem(f"server.user: there is no user '{name}', make it (useradd -r) or set another") from None
    if not colon:
        gid = entry.pw_gid
    else:
        try:
            gid = (grp.getgrgid(int(group)) if group.isdigit() else grp.getgrnam(group)).gr_gid
        except KeyError:
            raise UserProblem(f"server.user: there is no group '{group}', make it or set another") from None
    return User(entry.pw_name, entry.pw_uid, gid, tuple(os.getgrouplist(entry.pw_name, gid)))


def configured_user(text: str | None) -> User | None:
    """Return whom to become, None when this process is already who it is to be; raise UserProblem."""
    if text is None:
        return None
    user = find_user(text)
    if os.geteuid() == 0:
        return None if user.uid == 0 else user
    if user.uid != os.geteuid():
        raise UserProblem(f"server.user: only root can become '{user.name}', start as root or as that user")
    return None


def may(user: User, status: os.stat_result, wanted: int) -> bool:
    """Whether the user has all of `wanted` (4 read, 2 write, 1 search) by the mode bits."""
    if user.uid == 0:
        return True
    if status.st_uid == user.uid:
        bits = status.st_mode >> 6
    elif status.st_gid == user.gid or status.st_gid in user.groups:
        bits = status.st_mode >> 3
    else:
        bits = status.st_mode
    return bits & wanted == wanted


def check_reach(user: User, path: str) -> None:
    """Refuse a path that the user cannot get at through the directories above it; raise UserProblem."""
    above = os.path.dirname(os.path.realpath(path))
    while True:
        if not may(user, os.stat(above), 1):
            raise UserProblem(
                f"server.user: '{user.name}' cannot enter {above}, on the way to {path}: "
                f"use another place, or chmod a+x {above}"
            )
        if above == "/":
            return
        above = os.path.dirname(above)


def hand_over_directory(user: User, path: str, item: str, names: frozenset[str] | None = None) -> None:
    """Make the user the owner of a directory it cannot write to, and of root's files in it; raise UserProblem.

    `names` are the files that are ours, None: all of them.
    """
    check_reach(user, path)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not may(user, os.fstat(fd), 7):
            if os.path.realpath(path) in SHARED_DIRECTORIES:
                raise UserProblem(f"{item} '{path}' is a directory of the system, set {item} to one of its own")
            os.fchown(fd, user.uid, user.gid)
        for name in os.listdir(fd):
            if names is None or name in names:
                hand_over_entry(user, fd, name)
    except PermissionError as error:
        raise UserProblem(f"{item} '{path}' cannot be given to '{user.name}' ({error.strerror}), chown it") from error
    finally:
        os.close(fd)


def hand_over_entry(user: User, directory: int, name: str) -> None:
    """Make the user the owner of a file or socket of root; what might be another's by a second name is left alone."""
    try:
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return
    try:
        status = os.fstat(fd)
        is_file = stat.S_ISREG(status.st_mode) or stat.S_ISSOCK(status.st_mode)
        if is_file and status.st_uid == 0 and status.st_nlink == 1:
            os.chown(f"/proc/self/fd/{fd}", user.uid, user.gid)
    finally:
        os.close(fd)


def hand_over_file(user: User, path: str) -> None:
    """Make the user the owner of a file of root."""
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        hand_over_entry(user, directory, os.path.basename(path))
    finally:
        os.close(directory)


def become(user: User) -> None:
    """Become the user for good: no other id, no capability, none to be gained; raise UserProblem."""
    from pyxdp_dns.errors import EngineError
    from pyxdp_dns.privileges import drop

    try:
        os.setgroups(user.groups)
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)
        drop()
    except (OSError, EngineError) as error:
        raise UserProblem(f"server.user: cannot become '{user.name}' ({error})") from error
