# SPDX-License-Identifier: Apache-2.0
"""Compiles csrc/ into the extension modules `pyxdp_dns._native` and `pyxdp_dns._signing` (cffi, API mode).

Signing (csrc/signing/) is an extension of its own, linked with OpenSSL: the engine process, which answers packets,
neither maps libcrypto nor holds key code.

What Python sees of C is declared once, in the headers: the text between the `cdef: begin` and `cdef: end` marks of each
header in `HEADERS` and `SIGNING_HEADERS` is the cdef, so the two cannot drift apart.
"""

import hashlib
import os
import re
from collections.abc import Iterable
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
    "request.h",
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

SIGNING_HEADERS = (
    "pairs.h",
    "signing/ring.h",
    "signing/nsec3.h",
    "signing/sign.h",
    "signing/validate.h",
)
"""Headers with a cdef region of the second extension."""

SIGNING_SHARED = ("error.c", "name.c", "pairs.c", "sha1.c")
"""What signing needs of the engine's sources."""

SIGNING_LIBRARIES = ("pthread", "crypto")

SIGNING_CALLBACK = (
    'extern "Python" int xd_sign_elsewhere(void *handle, size_t key, const uint8_t *digest, size_t digest_len, '
    "uint8_t *signature, size_t signature_len);"
)
"""Declares the function in Python that makes those signatures the C side is told not to make (`xd_sign_digest`)."""

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


def read_cdef(headers: Iterable[str] = HEADERS) -> str:
    """Return the concatenated cdef regions of headers below csrc/."""
    regions = []
    for header in headers:
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
    """Return the configured cffi builder of the engine."""
    builder = FFI()
    builder.cdef(read_cdef())
    _set_source(builder, "_native", HEADERS, CSRC.glob("*.c"), LIBRARIES, XD_BUILD_ID=f'"{build_id()}"')
    return builder


def make_signing_builder() -> FFI:
    """Return the configured cffi builder of the signer."""
    builder = FFI()
    builder.cdef(read_cdef(SIGNING_HEADERS) + SIGNING_CALLBACK)
    sources = [*CSRC.glob("signing/*.c"), *(CSRC / name for name in SIGNING_SHARED)]
    _set_source(builder, "_signing", SIGNING_HEADERS, sources, SIGNING_LIBRARIES)
    return builder


def _set_source(
    builder: FFI, name: str, headers: Iterable[str], sources: Iterable[Path], libraries: Iterable[str], **macros: str
) -> None:
    """Say what an extension is made of; XD_CFLAGS and XD_LDFLAGS in the environment add flags (sanitizers)."""
    depends = [*CSRC.glob("*.h"), *CSRC.glob("signing/*.h"), *(ROOT / "bpf").glob("*.h")]
    builder.set_source(
        f"pyxdp_dns.{name}",
        "\n".join(f'#include "{header}"' for header in headers),
        sources=[os.path.relpath(source, ROOT) for source in sorted(sources)],
        depends=[os.path.relpath(header, ROOT) for header in sorted(depends)],
        libraries=list(libraries),
        define_macros=list(macros.items()),
        extra_compile_args=[*CFLAGS, *LTO_FLAGS, *os.environ.get("XD_CFLAGS", "").split()],
        extra_link_args=[*LTO_FLAGS, *os.environ.get("XD_LDFLAGS", "").split()],
    )


ffibuilder = make_builder()
signing_builder = make_signing_builder()
