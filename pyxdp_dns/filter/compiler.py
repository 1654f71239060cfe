# SPDX-License-Identifier: Apache-2.0
"""Compiling the filter with BCC: C source in, instructions and fresh maps out. Takes LLVM, half a second and 130 MB."""

import ctypes
import os
import re
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyxdp_dns.errors import CompilerError
from pyxdp_dns.filter import bpf, headers, layout

SOURCE_NAME = "xdp_filter.bpf.c"
FUNCTION = b"xdpdns_filter"
PROGRAM_NAME = FUNCTION.decode()

LD_IMM64 = 0x18
PSEUDO_MAP_FD = 1


@dataclass(frozen=True, slots=True)
class Compiled:
    """The filter before it is loaded; the maps are open until the end of `compiled`."""

    instructions: bytes
    license: bytes
    maps: Mapping[str, bpf.Fd]

    def load(self, kept: Mapping[str, bpf.Fd]) -> bpf.Fd:
        """Load the program, with the maps of `kept` in place of its own of the same name."""
        moved = {self.maps[name].number: fd.number for name, fd in kept.items()}
        return bpf.prog_load(relocate(self.instructions, moved), self.license, PROGRAM_NAME)


def relocate(instructions: bytes, moved: Mapping[int, int]) -> bytes:
    """Return the instructions with each map descriptor replaced by the one `moved` has for it."""
    code = bytearray(instructions)
    for offset in range(0, len(code), 8):
        if code[offset] == LD_IMM64 and code[offset + 1] >> 4 == PSEUDO_MAP_FD:
            number = int.from_bytes(code[offset + 4 : offset + 8], sys.byteorder)
            code[offset + 4 : offset + 8] = moved.get(number, number).to_bytes(4, sys.byteorder)
    return bytes(code)


def find_source() -> Path:
    """Return the filter's source: in the checkout, or where the package was installed."""
    places = (Path(__file__).resolve().parents[2] / "bpf", Path(sysconfig.get_path("data")) / "share/pyxdp_dns/bpf")
    for place in places:
        if (place / SOURCE_NAME).exists():
            return place / SOURCE_NAME
    raise CompilerError(f"{SOURCE_NAME} not found in {' or '.join(map(str, places))}: install the package again")


def import_bcc() -> Any:
    """Return the module bcc; CompilerError says how to get it."""
    try:
        import bcc
        import bcc.libbcc
    except ImportError as exc:
        raise CompilerError(
            f"the Python module bcc is missing ({exc}): apt install python3-bpfcc, and make the virtual environment "
            "with /usr/bin/python3 -m venv --system-site-packages"
        ) from exc
    if not hasattr(bcc, "BPF"):
        raise CompilerError("the module bcc is another project's: pip uninstall bcc, apt install python3-bpfcc")
    return bcc


@contextmanager
def compiled(queues: int) -> Iterator[Compiled]:
    """Compile the filter for `queues` RX queues; maps that were not pinned or loaded are gone after the block."""
    bcc = import_bcc()
    source = find_source()
    entries = max(queues, layout.QUEUES_MIN)
    flags = [f"-I{source.parent}", f"-DXD_FILTER_QUEUES={entries}"]
    with headers.pointed_to():
        module = _compile(bcc, source, flags)
    try:
        lib = bcc.libbcc.lib
        code = ctypes.string_at(lib.bpf_function_start(module.module, FUNCTION), _size(lib, module))
        # These descriptors belong to BCC, which closes them; the instructions name them by number.
        maps = {name: bpf.Fd(lib.bpf_table_fd(module.module, name.encode())) for name in layout.MAPS}
        yield Compiled(code, lib.bpf_module_license(module.module), maps)
    finally:
        module.cleanup()


def _size(lib: Any, module: Any) -> int:
    return int(lib.bpf_function_size(module.module, FUNCTION))


def _compile(bcc: Any, source: Path, flags: list[str]) -> Any:
    with _captured_stderr() as output:
        try:
            return bcc.BPF(src_file=os.fsencode(source), cflags=flags)
        except Exception as exc:  # noqa: BLE001 (bcc raises nothing narrower)
            failure = exc
    text = output[0]
    errors = re.findall(r"^.*error:.*$", text, re.MULTILINE)
    raise CompilerError(
        f"{errors[0].strip() if errors else f'{source}: {failure}'}: do the kernel headers fit? "
        f"set {headers.SOURCE_VARIABLE} to others"
    ) from failure


@contextmanager
def _captured_stderr() -> Iterator[list[str]]:
    """Collect what C++ code writes to descriptor 2 during the block; the list holds it as one text afterwards."""
    text = [""]
    sys.stderr.flush()
    with tempfile.TemporaryFile() as capture, bpf.Fd(os.dup(2)) as saved:
        os.dup2(capture.fileno(), 2)
        try:
            yield text
        finally:
            os.dup2(saved.number, 2)
            capture.seek(0)
            text[0] = capture.read().decode(errors="replace")
