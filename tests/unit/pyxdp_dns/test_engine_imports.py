# SPDX-License-Identifier: Apache-2.0
"""What the engine process imports before it answers."""

import os
import subprocess
import sys

from pyxdp_dns.engine_client import import_path

SLOW = ("contextlib", "enum", "json", "re", "runpy", "select", "signal", "site", "socket", "typing")


def test_engine_imports_little_before_it_answers() -> None:
    """The engine's module comes without the modules that take longer to import than itself."""
    program = "import sys, pyxdp_dns.engine; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(import_path())}
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert not set(SLOW) & set(done.stdout.split())


def test_engine_maps_no_cryptographic_library() -> None:
    """The process that answers packets holds no code for keys: neither the signer's extension nor libcrypto."""
    program = "import pyxdp_dns.engine; print(open('/proc/self/maps').read())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(import_path())}
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert "_native" in done.stdout
    assert not [name for name in ("_signing", "libcrypto") if name in done.stdout]
