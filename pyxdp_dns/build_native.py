# SPDX-License-Identifier: Apache-2.0
"""Compiles csrc/ into the extension module `pyxdp_dns._native` (cffi, API mode).

What Python sees of C is declared once, in the headers: the text between the `cdef: begin` and `cdef: end` marks of each
header in `HEADERS` is the cdef, so the two cannot drift apart.
"""

import hashlib
import os
import re
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
CSRC = ROOT / "csrc"

HEADERS = (
    "error.h",
    "counters.h",
    "name.h",
    "pairs.h",
    "pairs_merge.h",
    "rdata.h",
    "message.h",
    "incoming.h",
    "print.h",
    "btree.h",
    "pack.h",
    "scan.h",
    "scan_plain.h",
    "zonecheck.h",
    "table.h",
    "stats.h",
    "zone_stats.h",
    "access.h",
    "answer.h",
    "tsig.h",
    "shm.h",
    "privileges.h",
    "engine.h",
)
"""Headers with a cdef region, in order of dependence."""

LIBRARIES = ("pthread", "xdp", "bpf")

CFLAGS = ("-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", "-fvisibility=hidden", "-iquote", "csrc", "-iquote", "bpf")
"""`-iquote` and not `-I`: csrc/limits.h must not hide the system's <limits.h>."""

LTO_FLAGS = (
    "-flto=auto",
    "-finline-functions",
    "--param=max-inline-insns-auto=200",
    "--param=inline-unit-growth=400",
    "--param=large-function-growth=1000",
)
"""Answering crosses many small modules: inlining over their borders saves a tenth of its instructions (bench/)."""

CDEF_REGION = re.compile(r"/\* cdef: begin \*/(.*?)/\* cdef: end \*/", re.DOTALL)


def read_cdef() -> str:
    """Return the concatenated cdef regions of `HEADERS`."""
    regions = []
    for header in HEADERS:
        found = CDEF_REGION.findall((CSRC / header).read_text())
        if not found:
            raise ValueError(f"{CSRC / header}: no cdef region")
        regions.extend(found)
    return "\n".join(regions)


def build_id() -> str:
    """Return what identifies this build of the engine: a digest of its sources."""
    digest = hashlib.sha256()
    for source in sorted([*CSRC.glob("*.[ch]"), *(ROOT / "bpf").glob("*.h")]):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:16]


def make_builder() -> FFI:
    """Return the configured cffi builder; XD_CFLAGS and XD_LDFLAGS in the environment add flags (sanitizers)."""
    builder = FFI()
    builder.cdef(read_cdef())
    builder.set_source(
        "pyxdp_dns._native",
        "\n".join(f'#include "{header}"' for header in HEADERS),
        sources=[os.path.relpath(source, ROOT) for source in sorted(CSRC.glob("*.c"))],
        depends=[os.path.relpath(header, ROOT) for header in sorted([*CSRC.glob("*.h"), *(ROOT / "bpf").glob("*.h")])],
        libraries=list(LIBRARIES),
        define_macros=[("XD_BUILD_ID", f'"{build_id()}"')],
        extra_compile_args=[*CFLAGS, *LTO_FLAGS, *os.environ.get("XD_CFLAGS", "").split()],
        extra_link_args=[*LTO_FLAGS, *os.environ.get("XD_LDFLAGS", "").split()],
    )
    return builder


ffibuilder = make_builder()
