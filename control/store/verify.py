# SPDX-License-Identifier: Apache-2.0
"""Looks through a store whose file is shorter than LMDB says.

That happens without damage: pages at the end of the file that were allocated and freed in one transaction are never
written. A truncated file looks the same, and reading it would end the process by a bus error; so another one does.
Run as `python -m control.store.verify DIRECTORY`: exit status 0 when every entry can be read.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any


def is_complete(env: Any, data: Path) -> bool:
    """Tell whether the file has every page that was ever allocated."""
    pages: int = env.info()["last_pgno"] + 1
    page_bytes: int = env.stat()["psize"]
    return data.stat().st_size >= pages * page_bytes


def verify_apart(path: Path) -> bool:
    """Tell whether every entry of the store in directory `path` can be read, by trying it in a process of its own.

    That takes as long as the disk takes to read the store once.
    """
    command = [sys.executable, "-m", "control.store.verify", str(path)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def read_everything(path: Path) -> bool:
    """Read every entry; false when their number is not what the tables say."""
    import lmdb

    with lmdb.open(str(path), readonly=True, max_dbs=16) as env, env.begin() as txn:
        for name, _ in txn.cursor():
            table = env.open_db(name, txn=txn, create=False)
            read = sum(1 for _ in txn.cursor(db=table))
            if read != txn.stat(db=table)["entries"]:
                return False
    return True


if __name__ == "__main__":
    sys.exit(0 if read_everything(Path(sys.argv[1])) else 1)
