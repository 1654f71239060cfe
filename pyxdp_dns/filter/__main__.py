# SPDX-License-Identifier: Apache-2.0
"""The process behind `load_in_child`: a JSON request in, a JSON answer out."""

import json
import sys

from pyxdp_dns import errors
from pyxdp_dns.filter.loader import load


def main() -> int:
    """Read the request from standard input, load, write the answer to standard output."""
    request = json.load(sys.stdin)
    try:
        loaded = load(**request)
    except errors.ForeignProgram as exc:
        answer = {"error": "ForeignProgram", "message": str(exc), "name": exc.name, "prog_id": exc.prog_id}
    except errors.EngineError as exc:
        answer = {"error": type(exc).__name__, "message": str(exc)}
    else:
        answer = {"path": str(loaded.path), "note": loaded.note}
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
