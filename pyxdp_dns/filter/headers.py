# SPDX-License-Identifier: Apache-2.0
"""Finding kernel headers for BCC, which asks for those of the running kernel only.

The filter uses nothing but stable kernel interfaces, so headers of any recent kernel do. Debian spreads them over two
folders; BCC is then pointed (BCC_KERNEL_SOURCE) to a temporary folder of links that shows them as one.
"""

import os
import platform
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyxdp_dns.errors import CompilerError

SOURCE_VARIABLE = "BCC_KERNEL_SOURCE"
MARK = Path("include/linux/kconfig.h")
"""The file by which BCC, too, recognises kernel headers."""
BUILT_MARK = Path("include/generated/autoconf.h")
HEADER_PATTERNS = ("lib/modules/*/build", "usr/src/linux-headers-*", "usr/src/kernels/*")

ARCHITECTURES = {"x86_64": "x86", "aarch64": "arm64", "riscv64": "riscv", "ppc64le": "powerpc", "s390x": "s390"}


def has_own_headers(release: str, root: Path = Path("/")) -> bool:
    """Return whether BCC finds headers of the kernel `release` without help."""
    modules = root / "lib/modules" / release
    found = any((modules / place / MARK).exists() for place in ("source", "build"))
    return found or (root / "sys/kernel/kheaders.tar.xz").exists()


def find_headers(root: Path = Path("/")) -> tuple[Path, Path] | None:
    """Return the folder of generated headers and that of the others (often the same) of the newest kernel installed."""
    folders = sorted({path for pattern in HEADER_PATTERNS for path in root.glob(pattern)}, key=_version, reverse=True)
    for folder in folders:
        if not (folder / BUILT_MARK).exists():
            continue
        for source in (folder, *_split_sources(folder)):
            if (source / MARK).exists():
                return folder, source
    return None


def _version(path: Path) -> tuple[int, ...]:
    name = path.parent.name if path.name == "build" else path.name
    return tuple(int(number) for number in re.findall(r"\d+", name))


def _split_sources(folder: Path) -> Iterator[Path]:
    """Yield where the headers beside the generated ones may be: what the folder's Makefile includes, and `source`."""
    makefile = folder / "Makefile"
    if makefile.exists():
        for included in re.findall(r"^include (\S+)/Makefile", makefile.read_text(), re.MULTILINE):
            yield Path(included)
    yield folder.parent / "source"


@contextmanager
def pointed_to() -> Iterator[None]:
    """Let BCC find kernel headers for the length of the block; CompilerError when none are installed.

    What the operator set in BCC_KERNEL_SOURCE is left as it is.
    """
    if SOURCE_VARIABLE in os.environ or has_own_headers(platform.release()):
        yield
        return
    headers = find_headers()
    if headers is None:
        raise CompilerError(
            "no kernel headers found: install them (Debian: apt install linux-headers-amd64, or linux-headers-"
            f"{platform.release()}), or set {SOURCE_VARIABLE} to a folder that has include/linux/kconfig.h"
        )
    with tempfile.TemporaryDirectory(prefix="xdpdns-headers-") as folder:
        os.environ[SOURCE_VARIABLE] = str(merge(Path(folder), *headers))
        try:
            yield
        finally:
            del os.environ[SOURCE_VARIABLE]


def merge(target: Path, built: Path, source: Path) -> Path:
    """Fill `target` with links that show the headers of both folders as one tree; return it."""
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    for place in (Path("include"), Path("arch") / architecture / "include"):
        (target / place).mkdir(parents=True)
        for folder in dict.fromkeys((built, source)):
            for entry in sorted((folder / place).iterdir()):
                link = target / place / entry.name
                if not link.exists():
                    link.symlink_to(entry.resolve())
    return target
