# SPDX-License-Identifier: Apache-2.0
"""Where filters are pinned: <bpffs>/xdpdns/<directory of the interface>/{link,prog,xskmap,counters,config,addresses}.

A bpffs is shared by all network namespaces, in which interfaces may have equal names. The directory is named like the
interface; where a filter of another namespace has that name, it is NAME@COOKIE, with the kernel's cookie of the
namespace (`status.directory` decides).
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyxdp_dns.errors import BpffsError, FilterDenied, FilterError
from pyxdp_dns.filter import bpf, layout

ROOT_VARIABLE = "XDPDNS_BPFFS"
DEFAULT_ROOT = Path("/sys/fs/bpf")
NEW_SUFFIX = "~new"


def find_root(root: Path | str | None = None) -> Path:
    """Return the bpffs to use: `root`, else the environment's XDPDNS_BPFFS, else /sys/fs/bpf."""
    return Path(root or os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT)


def check_root(root: Path) -> None:
    """Raise BpffsError unless `root` is in a mounted bpffs."""
    place = os.path.realpath(root)
    mounts = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _device, point, kind, _rest = line.split(" ", 3)
        if place == point or place.startswith(point.rstrip("/") + "/"):
            mounts.append((len(point), kind))
    # Of two mounts on one place the later hides the earlier: max takes the first of equals, so search backwards.
    if not mounts or max(reversed(mounts), key=lambda mount: mount[0])[1] != "bpf":
        raise BpffsError(f"{root}: no bpffs is mounted there: mount -t bpf bpf {root}")


def encode(interface: str) -> str:
    """Return an interface's name as a bpffs takes it: that allows no dots."""
    return interface.replace("%", "%25").replace(".", "%2e")


def decode(name: str) -> str:
    """Return the name `encode` was given."""
    return name.replace("%2e", ".").replace("%25", "%")


def directories(root: Path) -> list[Path]:
    """Return the directories of all filters."""
    with mapped(root):
        base = root / layout.PIN_DIR
        return sorted(base.iterdir()) if base.is_dir() else []


@contextmanager
def mapped(place: Path) -> Iterator[None]:
    """Turn what the file system or bpf(2) refuses during the block into errors for the operator."""
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.EPERM, errno.EACCES):
            raise FilterDenied(f"{place}: no permission: run as root (CAP_BPF, CAP_NET_ADMIN)") from exc
        if exc.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENOSPC, errno.EROFS):
            raise BpffsError(f"{exc.filename or place}: {exc.strerror}: is the bpffs {place} usable?") from exc
        raise FilterError(f"{place}: {exc.strerror}: see dmesg") from exc


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Let one process at a time load and unload; makes the directory of all filters when it is not there."""
    base = root / layout.PIN_DIR
    with mapped(base):
        base.mkdir(mode=0o700, exist_ok=True)
        with bpf.Fd(os.open(base, os.O_RDONLY | os.O_DIRECTORY)) as lock:
            fcntl.flock(lock.number, fcntl.LOCK_EX)
            yield


def write(place: Path, objects: dict[str, bpf.Fd]) -> None:
    """Pin `objects` by name in `place`, each replacing an older one of its name at once."""
    place.mkdir(mode=0o700, exist_ok=True)
    try:
        for name, fd in objects.items():
            fresh = place / (name + NEW_SUFFIX)
            fresh.unlink(missing_ok=True)
            bpf.obj_pin(fd, str(fresh))
            os.rename(fresh, place / name)
    except OSError:
        if not (place / layout.PIN_LINK).exists():
            remove(place)
        raise


def remove(place: Path) -> None:
    """Remove a filter's pins, the link first: with it the kernel takes the filter off the interface."""
    for name in layout.PINS:
        for suffix in ("", NEW_SUFFIX):
            (place / (name + suffix)).unlink(missing_ok=True)
    place.rmdir()
