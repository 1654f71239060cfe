# SPDX-License-Identifier: Apache-2.0
"""Private keys leave the process by no core dump."""

import subprocess
import sys
from pathlib import Path

import pytest

from control.conf.policy import KeystoreConf
from control.keys.keystore import KeyStore
from control.keys.private import generate

PR_GET_DUMPABLE = 3
PROGRAM = """
import ctypes, sys
from control.conf.policy import KeystoreConf
from control.keys.keystore import KeyStore
from control.keys.private import generate
dumpable = lambda: ctypes.CDLL(None).prctl({get}, 0, 0, 0, 0)
before, store = dumpable(), KeyStore(KeystoreConf("", sys.argv[1]))
if sys.argv[2] == "store":
    store.store(generate(13, 256))
else:
    store.load(sys.argv[3])
print(before, dumpable())
"""


@pytest.mark.parametrize("does", ["store", "load"])
def test_no_core(tmp_path: Path, does: str) -> None:
    """A process that made or read a private key is not dumped; one that did not may be."""
    key_id = KeyStore(KeystoreConf("", str(tmp_path))).store(generate(13, 256))
    program = PROGRAM.format(get=PR_GET_DUMPABLE)
    found = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), does, key_id], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["1", "0"]
