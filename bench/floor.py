# SPDX-License-Identifier: Apache-2.0
"""The floor of bench.xdp: an engine without a table, whose AF_XDP workers only send each query back.

`python -m bench.floor RUNDIR INTERFACE PORT` says `ready` once it reflects, and ends with SIGTERM.
"""

import signal
import sys

from pyxdp_dns import filter as xdp
from pyxdp_dns.engine_client import EngineSpec, XdpInterface, spawn


def main() -> int:
    """Load the filter, run the engine until SIGTERM, and take both away again."""
    rundir, interface, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    loaded = xdp.load(interface, [port])
    try:
        engine = spawn(EngineSpec(rundir, None, interfaces=(XdpInterface(interface, str(loaded.xskmap)),)))
        print("ready", flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        engine.stop()
    finally:
        xdp.unload(loaded.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
