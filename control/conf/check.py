# SPDX-License-Identifier: Apache-2.0
"""Semantic checks: what the schema alone cannot refuse."""

import gc
import os
from collections.abc import Iterator

from control.conf.model import Config, build_config
from control.conf.parse import Document, parse_file
from control.conf.values import Endpoint


def check_document(document: Document) -> None:
    """Refuse values that contradict each other; raise `ConfigurationError` with the block they are in."""
    server = document.singles.get("server")
    if server is not None:
        problem = _listen_conflict(server.values.get("listen", []))
        if problem:
            raise server.error(problem)


def _listen_conflict(endpoints: list[Endpoint]) -> str | None:
    """A wildcard address beside another address of its family and port cannot be bound over TCP."""
    for endpoint in endpoints:
        if endpoint.address not in ("0.0.0.0", "::"):
            continue
        for other in endpoints:
            same_family = (":" in other.address) == (":" in endpoint.address)
            if other != endpoint and other.port == endpoint.port and same_family:
                return f"listen address {other} is covered by {endpoint}"
    return None


def warnings(config: Config) -> Iterator[str]:
    """What is allowed but probably not meant."""
    for directory in sorted({os.path.dirname(zone.file) for zone in config.zones.values()}):
        if not os.path.isdir(directory):
            yield f"config, storage directory '{directory}' does not exist"
    if not config.server.listen and not config.xdp.listen:
        yield "config, no listen address, set server.listen or xdp.listen to be asked anything"


def load_config(path: str) -> Config:
    """Parse, check and build the configuration in a file; raise `ConfigurationError`, or OSError when unreadable."""
    collecting = gc.isenabled()
    gc.disable()  # nothing here makes cycles, and walking a hundred thousand new blocks doubles the time
    try:
        document = parse_file(path)
        check_document(document)
        return build_config(document, path)
    finally:
        if collecting:
            gc.enable()
