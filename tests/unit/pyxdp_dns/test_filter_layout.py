# SPDX-License-Identifier: Apache-2.0
"""The Python side of the filter's shared header, and the pure parts of compiling and pinning."""

import ipaddress
import re
import sys
from pathlib import Path

import pytest

from pyxdp_dns.errors import CompilerError, FilterError, InterfaceError
from pyxdp_dns.filter import compiler, headers, layout, loader, pins
from pyxdp_dns.nic import query

HEADER = (Path(__file__).resolve().parents[3] / "bpf" / "xdpdns_shared.h").read_text()


def constant(name: str) -> str:
    """Return the value of a macro of the header."""
    found = re.search(rf"^#define {name} (.+)$", HEADER, re.MULTILINE)
    assert found, name
    return found[1].strip('"').removesuffix("u")


def test_constants_agree_with_header() -> None:
    """Layout, limits and pin names are those of the header."""
    numbers = {
        "LAYOUT": layout.LAYOUT,
        "PORTS_MAX": layout.PORTS_MAX,
        "ADDRESSES_MAX": layout.ADDRESSES_MAX,
        "QUEUES_MIN": layout.QUEUES_MIN,
    }
    assert {name: int(constant(f"XD_FILTER_{name}")) for name in numbers} == numbers
    names = re.findall(r"^#define XD_FILTER_PIN_(\w+) \"(\w+)\"$", HEADER, re.MULTILINE)
    assert {name: getattr(layout, f"PIN_{name}") for name, _value in names} == dict(names)
    assert {value for name, value in names if name != "DIR"} == set(layout.PINS)


def test_reasons_agree_with_header() -> None:
    """The reasons are those of the header in its order, and each one's name starts with its verdict."""
    rows = re.findall(r"^\tX\((\w+), (\w+), ", HEADER, re.MULTILINE)
    assert tuple(name for name, _verdict in rows) == layout.REASONS
    assert all(name.startswith(verdict.lower() + "_") for name, verdict in rows)


def test_modes_agree_with_header() -> None:
    """The numbers of the modes are those of the header."""
    found = re.findall(r"XD_FILTER_(NATIVE|GENERIC) = (\d)", HEADER)
    assert {int(number): name.lower() for name, number in found} == layout.MODES


def test_configuration_record_agrees_with_header() -> None:
    """The record has the size the header asserts and its fields at their places."""
    found = re.search(r"sizeof\(struct xd_filter_config\) == (\d+)", HEADER)
    assert found
    assert int(found[1]) == layout.CONFIG_BYTES
    config = layout.Config(7, 2**40 + 1, "generic", 3, (53, 5353), 2, "eth0")
    record = config.pack()
    assert int.from_bytes(record[:4], sys.byteorder) == layout.LAYOUT
    assert int.from_bytes(record[8:16], sys.byteorder) == 2**40 + 1
    assert record[32:36] == bytes([0, 53, 0x14, 0xE9])
    assert record[64:69] == b"eth0\0"
    assert layout.Config.unpack(record) == config


@pytest.mark.parametrize("record", [b"", bytes(80), bytes([2]) + bytes(79), bytes(81)])
def test_configuration_of_other_version_is_refused(record: bytes) -> None:
    """A record of another layout or size is not interpreted."""
    with pytest.raises(ValueError, match="instead of"):
        layout.Config.unpack(record)


@pytest.mark.parametrize("text", ["192.0.2.1", "2001:db8::1", "::1"])
def test_addresses_survive_packing(text: str) -> None:
    """Addresses come back from the map as they were put in."""
    octets = layout.pack_address(ipaddress.ip_address(text))
    assert len(octets) == 16
    assert str(layout.unpack_address(octets)) == text


@pytest.mark.parametrize("name", ["eth0", "eth0.7", "a%b", "%2e", "x%25.y"])
def test_interface_names_survive_encoding(name: str) -> None:
    """Every interface name gets a directory name without dots, from which it can be read back."""
    assert "." not in pins.encode(name)
    assert pins.decode(pins.encode(name)) == name


def test_relocation_moves_map_descriptors_only() -> None:
    """Only descriptors in map loads are replaced, never an equal immediate of another instruction."""
    load_map = bytes([0x18, 0x11, 0, 0, 9, 0, 0, 0]) + bytes(8)
    load_number = bytes([0x18, 0x01, 0, 0, 9, 0, 0, 0]) + bytes(8)
    move = bytes([0xB7, 0x00, 0, 0, 9, 0, 0, 0])
    moved = compiler.relocate(load_map + load_number + move, {9: 300})
    assert moved == bytes([0x18, 0x11, 0, 0, 44, 1, 0, 0]) + bytes(8) + load_number + move


@pytest.mark.parametrize(
    ("ports", "addresses", "mode", "reason"),
    [
        ((0,), (), "auto", "port 0"),
        ((65536,), (), "auto", "port 65536"),
        ((), (), "auto", "0 ports"),
        (tuple(range(1, 18)), (), "auto", "17 ports"),
        ((53,), ("example",), "auto", "'example'"),
        ((53,), ("192.0.2.1/24",), "auto", "192.0.2.1/24"),
        ((53,), tuple(f"10.0.{i >> 8}.{i & 255}" for i in range(1025)), "auto", "1025 addresses"),
        ((53,), (), "offload", "'offload'"),
    ],
)
def test_bad_requests_name_interface_and_value(
    ports: tuple[int, ...], addresses: tuple[str, ...], mode: str, reason: str
) -> None:
    """What cannot be loaded is refused before anything is touched, with interface and value."""
    with pytest.raises(FilterError, match="eth0: .*" + re.escape(reason)):
        loader.make_request("eth0", ports, addresses, mode)


def test_repeated_ports_and_addresses_count_once() -> None:
    """The same port or address named twice takes one place."""
    request = loader.make_request("eth0", [53, 53], ["::1", "0:0::1"], "auto")
    assert (request.ports, len(request.addresses)) == ((53,), 1)


@pytest.mark.parametrize("name", ["", "a" * 16, "a/b", "a b"])
def test_impossible_interface_names(name: str) -> None:
    """What cannot be an interface name is refused without asking the kernel."""
    with pytest.raises(InterfaceError, match="not an interface name"):
        query(name)


def make_headers(folder: Path, *marks: Path) -> None:
    """Make a header folder with the given files."""
    for mark in marks:
        (folder / mark).parent.mkdir(parents=True, exist_ok=True)
        (folder / mark).write_text("")


def test_newest_complete_headers_are_found(tmp_path: Path) -> None:
    """Of several installed kernels' headers the newest complete ones are taken."""
    for version in ("6.1.0-9", "6.1.0-56", "5.10.0-99"):
        make_headers(tmp_path / f"usr/src/linux-headers-{version}", headers.MARK, headers.BUILT_MARK)
    make_headers(tmp_path / "usr/src/linux-headers-6.2.0-1", headers.MARK)
    newest = tmp_path / "usr/src/linux-headers-6.1.0-56"
    assert headers.find_headers(tmp_path) == (newest, newest)


def test_split_headers_are_found_and_merged(tmp_path: Path) -> None:
    """Headers over two folders, as Debian has them, are found through the Makefile and shown as one tree."""
    built, common = tmp_path / "usr/src/linux-headers-6.1.0-amd64", tmp_path / "usr/src/linux-headers-6.1.0-common"
    place = Path("arch") / headers.ARCHITECTURES.get(headers.platform.machine(), headers.platform.machine()) / "include"
    make_headers(built, headers.BUILT_MARK, place / "generated/a.h")
    make_headers(common, headers.MARK, place / "asm/b.h")
    (built / "Makefile").write_text(f"include {common}/Makefile\n")
    assert headers.find_headers(tmp_path) == (built, common)
    tree = headers.merge(tmp_path / "tree", built, common)
    for file in (headers.MARK, headers.BUILT_MARK, place / "generated/a.h", place / "asm/b.h"):
        assert (tree / file).exists()


def test_missing_headers_name_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without kernel headers the error names the package to install."""
    monkeypatch.delenv(headers.SOURCE_VARIABLE, raising=False)
    monkeypatch.setattr(headers, "has_own_headers", lambda release: False)
    monkeypatch.setattr(headers, "find_headers", lambda: None)
    with pytest.raises(CompilerError, match="apt install linux-headers-amd64"), headers.pointed_to():
        pass


def test_own_headers_are_recognised(tmp_path: Path) -> None:
    """Headers of the running kernel are left for BCC to find, in each place it looks."""
    assert not headers.has_own_headers("6.18", tmp_path)
    make_headers(tmp_path / "lib/modules/6.18/build", headers.MARK)
    assert headers.has_own_headers("6.18", tmp_path)


def test_no_bpffs_gives_mount_command(tmp_path: Path) -> None:
    """A folder outside a bpffs is refused with the command that mounts one."""
    with pytest.raises(FilterError, match=f"mount -t bpf bpf {tmp_path}$"):
        pins.check_root(tmp_path)
