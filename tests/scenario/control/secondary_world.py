# SPDX-License-Identifier: Apache-2.0
"""knotd and xdpdnsd as secondaries of one primary, for the differential test of the commands of replication."""

import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.query

from tests.scenario.control.duel_world import PLAIN
from tests.scenario.replication import primaries
from tests.support.daemon import wait_for
from tests.support.duel import Pair, Said
from tests.support.peers import Peer, stop
from tests.support.ports import free_port

CONFIG = """\
server:
    rundir: {{base}}/run
    listen: {{address}}
    udp-workers: 1
    background-workers: 1
    identity: one
control:
    listen: {{base}}/run/control.sock
log:
  - target: stderr
    any: info
database:
    storage: {{base}}/db
    journal-db-max-size: 64M
remote:
  - id: primary
    address: 127.0.0.1@{primary}
  - id: nobody
    address: 127.0.0.1@{nobody}
template:
  - id: default
    storage: {{base}}/zones
    master: primary
  - id: quiet
    storage: {{base}}/zones
    zonefile-sync: -1
    zonefile-load: none
    journal-content: all
    master: primary
  - id: own
    storage: {{base}}/zones
zone:
  - domain: example.com
  - domain: example.net
  - domain: quiet.test
    template: quiet
  - domain: refused.test
  - domain: dead.test
    master: nobody
  - domain: own.test
    template: own
    notify: nobody
"""
"""The primary has none of refused.test, and nobody listens at the other port."""

FILES = {"zones/own.test.zone": PLAIN}
ZONES = ("example.com", "example.net", "quiet.test")
TEXT = """\
$TTL 300
@ 3600 SOA ns hostmaster {serial} 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.{serial}
"""


NOTIFY_NOBODY = re.compile(r"^(\[(?!own).*) \| notify: [^|\n]*$", re.MULTILINE)
"""Knot plans a notify event where nobody is to be told."""


class Secondaries(Pair):
    """Both servers, and a primary for them.

    Further steps: `primary ZONE SERIAL` gives the primary that version, `primary gone` ends it.
    """

    primary: Peer
    zones: Path

    def play(self, line: str) -> tuple[Said, Said]:
        """Do what a line says."""
        word, *words = line.split()
        if word != "primary":
            knot, ours = super().play(line)
            return knot._replace(out=NOTIFY_NOBODY.sub(r"\1", knot.out)), ours
        if words == ["gone"]:
            stop(self.primary)
            return Said(0, "", ""), Said(0, "", "")
        name, serial = words
        self.write(name, int(serial))
        self.primary.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.serial_of(name) == int(serial), f"serial {serial} of {name} on the primary")
        return Said(0, "", ""), Said(0, "", "")

    def write(self, name: str, serial: int) -> None:
        """Write a zone file of the primary."""
        (self.zones / f"{name}.zone").write_text(TEXT.format(serial=serial))

    def serial_of(self, name: str) -> int:
        """Return the serial that the primary answers with."""
        reply = dns.query.udp(dns.message.make_query(name, "SOA"), self.primary.address, 5, self.primary.port)
        return int(reply.answer[0][0].serial)


@contextmanager
def secondaries(place: Path, programs: tuple[Sequence[str], Sequence[str]]) -> Iterator[Secondaries]:
    """Run the primary during the block and yield the pair, which is not started."""
    zones = place / "primary"
    zones.mkdir()
    for name in ZONES:
        (zones / f"{name}.zone").write_text(TEXT.format(serial=1))
    with primaries.knot({f"{name}.": zones / f"{name}.zone" for name in ZONES}) as primary:
        config = CONFIG.format(primary=primary.port, nobody=free_port())
        pair = Secondaries(place, config, FILES, programs)
        pair.primary, pair.zones = primary, zones
        yield pair
