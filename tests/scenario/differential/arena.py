# SPDX-License-Identifier: Apache-2.0
"""A set of zones served by this server and by peers, the questions, what each said, and the comparison."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pyxdp_dns.table import Responder, Transport
from tests.scenario.differential import differences, questions, world
from tests.support import ask, exchange, inprocess, peers, zones

SHOWN = 5
"""Differences shown in full when a test fails."""

ALL = bool(os.environ.get("XDPDNS_TEST_ALL_QUESTIONS"))
"""Ask the servers all questions instead of samples."""

SAMPLE = 12000
"""Questions of each set of zones that are compared with the peers."""

PAYLOAD = 4096
"""UDP payload that the peers offer."""

Start = Callable[[Mapping[str, Path]], AbstractContextManager[peers.Peer]]

PEERS: dict[str, Start] = {
    "knot": partial(peers.knot, server=f"    udp-max-payload: {PAYLOAD}\n"),
    "nsd": partial(peers.nsd, options=f"ipv4-edns-size: {PAYLOAD}"),
}


@dataclass(frozen=True, slots=True)
class Arena:
    """Zones, responder and running peers; `ours` and `replies` are what was said over TCP to `questions`.

    `everything` are all questions, of which `questions` is a sample.
    """

    set: zones.ZoneSet
    world: world.World
    responder: Responder
    peers: dict[str, peers.Peer]
    everything: list[questions.Question]
    questions: list[questions.Question]
    ours: list[ask.Reply]
    replies: dict[str, list[bytes | None]]


def sample(everything: list[questions.Question], size: int) -> list[questions.Question]:
    """Return as many questions, always the same, in their order."""
    if ALL or len(everything) <= size:
        return everything
    return [everything[place] for place in sorted(random.Random(1).sample(range(len(everything)), size))]


@contextmanager
def serve(mode: str, root: bool, directory: Path) -> Iterator[Arena]:
    """Sign one set of zones in one way, serve it and ask everything."""
    zone_set = zones.prepare(zones.names(root=root), mode, directory)
    everything = list(questions.of_zones(zone_set.files))
    asked = sample(everything, SAMPLE)
    messages = [question.message for question in asked]
    with ExitStack() as stack:
        responder = stack.enter_context(inprocess.responder(zone_set.files, directory))
        running = {name: stack.enter_context(start(zone_set.files)) for name, start in PEERS.items()}
        replies = {name: exchange.Tcp(peer.address, peer.port)(messages) for name, peer in running.items()}
        ours = [ask.parse(reply or b"") for reply in inprocess.ask_by(responder, Transport.TCP)(messages)]
        yield Arena(zone_set, world.build(zone_set.files), responder, running, everything, asked, ours, replies)


def assert_explained(
    arena: Arena, peer: str, asked: Sequence[questions.Question], ours: Sequence[ask.Reply], theirs: Sequence[ask.Reply]
) -> None:
    """Fail with the differences that no rule explains; print how often each rule did."""
    unexplained: list[str] = []
    used: Counter[str] = Counter()
    for question, mine, other in zip(asked, ours, theirs, strict=True):
        rules = differences.explain(peer, differences.Pair(question, arena.world, mine, other))
        if rules is None:
            parts = differences.differs(mine, other)
            unexplained.append(f"{question.text()}: {parts}\nours {mine.text()}\n{peer} {other.text()}\n")
        else:
            used.update(rules)
    print(f"{len(asked)} questions, differences from {peer}: {dict(used)}")
    assert not unexplained, f"{len(unexplained)} unexplained\n" + "\n".join(unexplained[:SHOWN])
