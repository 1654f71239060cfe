# SPDX-License-Identifier: Apache-2.0
"""The bpf(2) system call: objects, pins, maps, programs, links. Every failure is an OSError with the kernel's errno.

Descriptors are wrapped in `Fd`, which closes them; maps are described by `MapInfo` as the kernel reports them.
"""

import contextlib
import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass

SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "loongarch64": 280, "ppc64le": 361, "s390x": 351}

MAP_CREATE, MAP_LOOKUP, MAP_UPDATE, MAP_NEXT_KEY, PROG_LOAD = 0, 1, 2, 4, 5
OBJ_PIN, OBJ_GET, PROG_TEST_RUN = 6, 7, 10
PROG_FD_BY_ID, INFO_BY_FD = 13, 15
LINK_CREATE, LINK_UPDATE, LINK_FD_BY_ID, LINK_NEXT_ID = 28, 29, 30, 31

PROG_TYPE_XDP = 6
ATTACH_XDP = 37
LINK_TYPE_XDP = 6
XDP_FLAGS = {"native": 1 << 2, "generic": 1 << 1}

NAME_BYTES = 16
ATTR_BYTES = 144
INFO_BYTES = 256
LOG_BYTES = 1 << 20

_libc = ctypes.CDLL(None, use_errno=True)


def call(command: int, attr: bytearray) -> int:
    """Make the system call; `attr` is filled in by the kernel where the command answers through it."""
    number = SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"bpf(2) is not known for {platform.machine()}")
    size = len(attr)
    result = _libc.syscall(number, command, (ctypes.c_char * size).from_buffer(attr), size)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(result)


def _attr(layout: str, *values: int | bytes) -> bytearray:
    attr = bytearray(ATTR_BYTES)
    struct.pack_into("=" + layout, attr, 0, *values)
    return attr


class Fd:
    """An owned descriptor, closed at the end of its `with` block."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __enter__(self) -> "Fd":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the descriptor; again is harmless."""
        if self.number >= 0:
            os.close(self.number)
            self.number = -1


def obj_get(path: str) -> Fd:
    """Open a pinned object."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    return Fd(call(OBJ_GET, _attr("QII", ctypes.addressof(name), 0, 0)))


def obj_pin(fd: Fd, path: str) -> None:
    """Pin an object in a bpffs."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    call(OBJ_PIN, _attr("QII", ctypes.addressof(name), fd.number, 0))


def _info(fd: Fd) -> bytes:
    info = ctypes.create_string_buffer(INFO_BYTES)
    call(INFO_BY_FD, _attr("IIQ", fd.number, INFO_BYTES, ctypes.addressof(info)))
    return info.raw


@dataclass(frozen=True, slots=True)
class MapInfo:
    """What the kernel says of a map; sizes in octets."""

    type: int
    key_bytes: int
    value_bytes: int
    entries: int

    @classmethod
    def of(cls, fd: Fd) -> "MapInfo":
        """Ask the kernel."""
        kind, _id, key, value, entries = struct.unpack_from("=5I", _info(fd))
        return cls(kind, key, value, entries)


def check_privilege() -> None:
    """Raise PermissionError when this process may not create maps."""
    array = 2
    Fd(call(MAP_CREATE, _attr("IIII", array, 4, 4, 1))).close()


def map_lookup(fd: Fd, key: bytes, value_bytes: int) -> bytes:
    """Return the value under `key`; for a per-CPU map `value_bytes` covers the values of all possible CPUs."""
    key_buffer = ctypes.create_string_buffer(key, len(key))
    value = ctypes.create_string_buffer(value_bytes)
    call(MAP_LOOKUP, _attr("IIQQQ", fd.number, 0, ctypes.addressof(key_buffer), ctypes.addressof(value), 0))
    return value.raw


def map_update(fd: Fd, key: bytes, value: bytes) -> None:
    """Set the value under `key`."""
    key_buffer = ctypes.create_string_buffer(key, len(key))
    value_buffer = ctypes.create_string_buffer(value, len(value))
    call(MAP_UPDATE, _attr("IIQQQ", fd.number, 0, ctypes.addressof(key_buffer), ctypes.addressof(value_buffer), 0))


def map_keys(fd: Fd, key_bytes: int) -> Iterator[bytes]:
    """Yield the keys of a map that nobody changes meanwhile."""
    following = ctypes.create_string_buffer(key_bytes)
    key_address = 0
    while True:
        try:
            call(MAP_NEXT_KEY, _attr("IIQQ", fd.number, 0, key_address, ctypes.addressof(following)))
        except FileNotFoundError:
            return
        yield following.raw
        current = ctypes.create_string_buffer(following.raw, key_bytes)
        key_address = ctypes.addressof(current)


def possible_cpus() -> int:
    """Return how many values a per-CPU map keeps under each key."""
    with open("/sys/devices/system/cpu/possible") as listing:
        return int(listing.read().strip().rpartition(",")[2].rpartition("-")[2]) + 1


class VerifierError(OSError):
    """The kernel refused the program; `log` is the verifier's."""

    def __init__(self, code: int, log: str) -> None:
        super().__init__(code, os.strerror(code))
        self.log = log


def prog_load(instructions: bytes, program_license: bytes, name: str) -> Fd:
    """Load an XDP program that may be attached by a link; VerifierError carries the log of a refusal."""
    code = ctypes.create_string_buffer(instructions, len(instructions))
    text = ctypes.create_string_buffer(program_license)
    log = ctypes.create_string_buffer(LOG_BYTES)

    def attempt(level: int) -> Fd:
        log_part = (level, LOG_BYTES, ctypes.addressof(log)) if level else (0, 0, 0)
        attr = _attr(
            "IIQQIIQII16sII",
            PROG_TYPE_XDP,
            len(instructions) // 8,
            ctypes.addressof(code),
            ctypes.addressof(text),
            *log_part,
            0,
            0,
            name.encode()[: NAME_BYTES - 1],
            0,
            ATTACH_XDP,
        )
        return Fd(call(PROG_LOAD, attr))

    try:
        return attempt(0)
    except OSError as refused:
        if refused.errno not in (errno.EACCES, errno.EINVAL, errno.E2BIG):
            raise
    try:
        return attempt(1)
    except OSError as refused:
        raise VerifierError(refused.errno or errno.EINVAL, log.value.decode(errors="replace")) from refused


@dataclass(frozen=True, slots=True)
class ProgInfo:
    """Identity of a loaded program."""

    id: int
    name: str

    @classmethod
    def of(cls, fd: Fd) -> "ProgInfo":
        """Ask the kernel."""
        info = _info(fd)
        # id follows type; name follows tag, lengths, instruction addresses, load time, owner and map list.
        return cls(struct.unpack_from("=I", info, 4)[0], info[64:80].rstrip(b"\0").decode(errors="replace"))


def prog_info(prog_id: int) -> ProgInfo:
    """Return the identity of the program with this id; FileNotFoundError when there is none."""
    with Fd(call(PROG_FD_BY_ID, _attr("III", prog_id, 0, 0))) as fd:
        return ProgInfo.of(fd)


def prog_test_run(fd: Fd, frame: bytes) -> int:
    """Run an XDP program once over `frame` and return its verdict."""
    data = ctypes.create_string_buffer(frame, len(frame))
    attr = _attr("IIIIQQII", fd.number, 0, len(frame), 0, ctypes.addressof(data), 0, 1, 0)
    call(PROG_TEST_RUN, attr)
    return int(struct.unpack_from("=I", attr, 4)[0])


@dataclass(frozen=True, slots=True)
class LinkInfo:
    """An XDP link: its own id, the program's, and the interface (0 once that is gone)."""

    id: int
    prog_id: int
    ifindex: int

    @classmethod
    def of(cls, fd: Fd) -> "LinkInfo | None":
        """Ask the kernel; None for a link that is not an XDP link."""
        kind, link_id, prog_id, _pad, ifindex = struct.unpack_from("=5I", _info(fd))
        return cls(link_id, prog_id, ifindex) if kind == LINK_TYPE_XDP else None


def link_create(prog: Fd, ifindex: int, mode: str) -> Fd:
    """Attach a program to an interface; the program stays as long as the link is open or pinned."""
    return Fd(call(LINK_CREATE, _attr("IIII", prog.number, ifindex, ATTACH_XDP, XDP_FLAGS[mode])))


def link_update(link: Fd, prog: Fd) -> None:
    """Replace a link's program; no packet sees neither."""
    call(LINK_UPDATE, _attr("IIII", link.number, prog.number, 0, 0))


def xdp_links() -> Iterator[LinkInfo]:
    """Yield every XDP link of the system."""
    link_id = 0
    while True:
        attr = _attr("II", link_id, 0)
        try:
            call(LINK_NEXT_ID, attr)
        except FileNotFoundError:
            return
        link_id = struct.unpack_from("=I", attr, 4)[0]
        with contextlib.suppress(FileNotFoundError), Fd(call(LINK_FD_BY_ID, _attr("I", link_id))) as fd:
            info = LinkInfo.of(fd)
            if info is not None:
                yield info
