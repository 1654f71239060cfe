# SPDX-License-Identifier: Apache-2.0
"""Messages out of the ordinary to a running xdpdnsd, knot and nsd: who answers, and with which RCODE."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.scenario.differential.arena import PEERS
from tests.scenario.differential.test_odd_messages import ANSWERED, NOT_ANSWERED, QUERY
from tests.support import ask, exchange, peers, zones
from tests.support.daemon import DaemonUnderTest

pytestmark = pytest.mark.peer("knotd", "nsd")

FORMERR, NXDOMAIN, NOTIMP, REFUSED, NOTAUTH = 1, 3, 4, 5, 9

MESSAGES = {
    **{case: message for case, (message, _) in (ANSWERED | NOT_ANSWERED).items()},
    "octets behind the last record": QUERY + b"garbage",
}

DIFFERENCES: dict[str, tuple[int | None, int | None, int | None]] = {
    "two questions": (FORMERR, None, FORMERR),
    "a question that ends early": (FORMERR, None, FORMERR),
    "a name that runs past the end": (FORMERR, None, FORMERR),
    "a label type that is not there": (FORMERR, None, FORMERR),
    "a compressed question": (FORMERR, None, FORMERR),
    "a name of 256 octets": (FORMERR, None, FORMERR),
    "class ANY": (REFUSED, 0, 0),
    "OPT not at the root": (FORMERR, 0, FORMERR),
    "OPT before another record": (0, 0, FORMERR),
    "type OPT": (FORMERR, 0, 0),
    "type MAILA": (NOTIMP, 0, 0),
    "an UPDATE": (NOTAUTH, NOTAUTH, NOTIMP),
    "a NOTIFY": (NOTAUTH, NOTAUTH, NXDOMAIN),
    "octets behind the last record": (0, FORMERR, 0),
}
"""RCODE of this server, knot and nsd over UDP, None for no reply; docs/differences.md gives the reasons."""

SERVERS = ("xdpdnsd", *PEERS)


@pytest.fixture(scope="module")
def rcodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[int | None, ...]]]:
    """What each server said to each message over UDP."""
    if (reason := peers.missing("knot", "nsd")) is not None:
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("odd")
    files = zones.prepare(["plain.test."], "unsigned", directory).files
    daemon = DaemonUnderTest(directory)
    daemon.write_config("example.com", files=files)
    with ExitStack() as stack:
        stack.callback(daemon.close)
        running = [stack.enter_context(start(files)) for start in PEERS.values()]
        daemon.start()
        places = [(daemon.address, daemon.port), *((peer.address, peer.port) for peer in running)]
        said = [_ask(*place) for place in places]
        yield dict(zip(MESSAGES, zip(*said, strict=True), strict=True))


def _ask(address: str, port: int) -> list[int | None]:
    replies = exchange.Udp(address, port)(list(MESSAGES.values()))
    return [None if reply is None else ask.parse(reply).rcode for reply in replies]


@pytest.mark.parametrize("case", MESSAGES)
def test_odd_message_is_answered_as_by_peers(rcodes: dict[str, tuple[int | None, ...]], case: str) -> None:
    """The three servers agree on whether and with which RCODE they answer, but for the differences listed."""
    said = dict(zip(SERVERS, rcodes[case], strict=True))
    if case in DIFFERENCES:
        assert said == dict(zip(SERVERS, DIFFERENCES[case], strict=True))
    else:
        assert len(set(said.values())) == 1, said
    if case in ANSWERED:
        assert said["xdpdnsd"] == ANSWERED[case][1]
