# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks one after the other: `python -m bench [--quick] [NAME...]`."""

import argparse
import subprocess
import sys

NAMES = (
    "instructions",
    "xdp",
    "udp",
    "tcp",
    "load",
    "many",
    "control",
    "update",
    "transfer",
    "transfer_in",
    "updates",
    "catalog",
    "signing",
)


def main() -> int:
    """Run what was asked for; return 1 when one of them failed."""
    parser = argparse.ArgumentParser(description="Run the benchmarks.")
    parser.add_argument("--quick", action="store_true", help="small zones and short runs: does it work, not how fast")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones (default all): {', '.join(NAMES)}")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(NAMES)):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    failed = []
    for name in arguments.names or NAMES:
        print(f"\n## {name}", flush=True)
        if subprocess.run(
            [sys.executable, "-m", f"bench.{name}", *(["--quick"] if arguments.quick else [])]
        ).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
