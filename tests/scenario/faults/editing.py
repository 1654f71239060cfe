# SPDX-License-Identifier: Apache-2.0
"""Clients that change zones and the configuration of a daemon until it dies, and what has to be true afterwards.

A zone that was changed n times has the TXT record n at `count` and, at each of `h0` to `h6`, the last number that is
congruent; zones that were changed together have the same TXT record at `pair`. So a state is known by n.
"""

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.exception

from control.ctl.client import ClientError
from control.ctl.unit import Unit
from control.store.contents import iterate_pairs
from control.store.environment import Store, Transaction
from control.store.journal import get_journal, iterate_heads, read_changeset
from control.store.zones import get_zone
from control.update.merge import net_changes, replay
from pyxdp_dns.scan import scan_zone_text
from tests.support.driven import Driven, Refused

HOSTS = 7
STORE_BYTES = 64 << 20
FIRST = 1
EXPECTED = ("too many transactions",)
"""What clients are told when they come in each other's way."""
ZONES = ("za.test", "zb.test", "zc.test", "zd.test")
EXTRA = "extra.test"
CONFIG = """\
template:
  - id: default
    storage: {base}
    journal-max-depth: 8
  - id: kept
    storage: {base}
    zonefile-sync: -1
    journal-content: all
    journal-max-depth: 8
zone:
  - domain: za.test
  - domain: zb.test
    zonefile-sync: -1
  - domain: zc.test
    zonefile-sync: 1
    zonefile-load: difference
  - domain: zd.test
    template: kept
"""


def changes_of(number: int) -> Iterator[tuple[str, Unit]]:
    """What makes version `number` of the one before."""
    for owner, old in (("count", number - 1), (f"h{number % HOSTS}", number - HOSTS)):
        if old > 0:
            yield "unset", Unit(owner=owner, type="TXT")
        yield "set", Unit(owner=owner, ttl="60", type="TXT", data=str(number))


def hosts_of(zone: str, number: int) -> dict[tuple[str, str], set[str]]:
    """The TXT records of a version, without the pair's."""
    last = {f"h{each % HOSTS}": each for each in range(1, number + 1)}
    if number:
        last["count"] = number
    return {(f"{owner}.{zone}.", "TXT"): {f'"{each}"'} for owner, each in last.items()}


class Numbers:
    """What was acknowledged, and what was tried and may have been done."""

    def __init__(self) -> None:
        self.done = dict.fromkeys((*ZONES, "conf"), 0)
        self.tried = dict(self.done)
        self.pairs_done = self.pairs_tried = 0
        self.commits = 0


class Editors:
    """Two clients at work; they end when the daemon does."""

    def __init__(self, daemon: Driven, numbers: Numbers, seed: int) -> None:
        self.daemon, self.numbers = daemon, numbers
        self.faults: list[str] = []
        self.stopping = False
        self._threads = [
            threading.Thread(target=self._work, args=(random.Random(seed), (self.single, self.pair, self.flush))),
            threading.Thread(target=self._work, args=(random.Random(seed + 1), (self.other, self.conf, self.reload))),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait for the end of both."""
        self.stopping = True
        for thread in self._threads:
            thread.join(30)
        assert self.faults == []

    def _work(self, source: random.Random, jobs: tuple[Callable[[random.Random], None], ...]) -> None:
        while not self.stopping:
            try:
                source.choices(jobs, (6, 3, 1))[0](source)
            except ClientError:
                if not self.stopping:
                    continue
                return
            except Refused as error:
                if str(error) not in EXPECTED:
                    self.faults.append(str(error))
                    return

    def single(self, source: random.Random) -> None:
        """Change one zone."""
        self._commit([source.choice(ZONES[:2])])

    def other(self, source: random.Random) -> None:
        """Change another one."""
        self._commit([source.choice(ZONES[2:])])

    def pair(self, _source: random.Random) -> None:
        """Change two zones in one commit."""
        number = self.numbers.pairs_tried + 1
        both = list(ZONES[:2])
        extra = [("unset", Unit(owner="pair", type="TXT"))] if self.numbers.pairs_done else []
        extra.append(("set", Unit(owner="pair", ttl="60", type="TXT", data=str(number))))
        self._commit(both, extra, number)

    def flush(self, source: random.Random) -> None:
        """Write a zone file, at once or later."""
        self.daemon.do("zone-flush", zone=source.choice(ZONES), flags=source.choice(("", "F", "B")))

    def reload(self, _source: random.Random) -> None:
        """Read the configuration again."""
        self.daemon.do("reload")

    def conf(self, _source: random.Random) -> None:
        """Change two items and the presence of a zone in one transaction."""
        number, do = self.numbers.done["conf"] + 1, self.daemon.do
        do("conf-begin")
        try:
            for item in ("identity", "version"):
                do("conf-set", section="server", item=item, data=str(number))
            do("conf-set" if number % 2 else "conf-unset", section="zone", item="domain", id=EXTRA)
            self.numbers.tried["conf"] = number
            do("conf-commit")
        except Refused:
            do("conf-abort")
            raise
        self.numbers.done["conf"] = number

    def _commit(self, zones: list[str], extra: list[tuple[str, Unit]] | None = None, pair: int | None = None) -> None:
        numbers = self.numbers
        begun = []
        try:
            for zone in zones:
                self.daemon.do("zone-begin", zone=zone)
                begun.append(zone)
                for verb, unit in [*changes_of(numbers.done[zone] + 1), *(extra or [])]:
                    self.daemon.do(f"zone-{verb}", unit._replace(zone=zone))
            for zone in zones:
                numbers.tried[zone] = numbers.done[zone] + 1
            numbers.pairs_tried = pair or numbers.pairs_tried
            self.daemon.do("zone-commit", *(Unit(zone=zone) for zone in zones))
        except Refused:
            for zone in begun:
                self.daemon.do("zone-abort", zone=zone)
            raise
        for zone in zones:
            numbers.done[zone] += 1
        numbers.pairs_done = pair or numbers.pairs_done
        numbers.commits += 1


def check_store(directory: Path) -> None:
    """The journals of the store are chains that lead from the zone files to the zones."""
    with Store(directory / "db" / "store", STORE_BYTES, 1) as store, store.read() as txn:
        for zone in ZONES:
            check_journal(txn, zone, directory / f"{zone}.zone")


def check_journal(txn: Transaction, name: str, file: Path) -> None:
    """The journal of a zone is whole, and with the zone file it gives the zone."""
    apex = b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"
    zone, state = get_zone(txn, apex), get_journal(txn, apex)
    assert zone is not None
    if state is None or not state.depth:
        return
    heads = list(iterate_heads(txn, state))
    assert (state.depth, state.last) == (len(heads), zone.serial), name
    assert state.octets == sum(head.octets for head in heads), name
    assert heads[-1].serial_to == state.last, name
    with scan_zone_text(file.read_bytes(), apex, zone.zone_id) as scanned:
        pairs = list(scanned)
        serial = next(int.from_bytes(value[-20:-16], "big") for key, value in pairs if key[-3:] == b"\0\0\6")
        later = list(iterate_heads(txn, state, serial))
        assert later or serial == zone.serial or state.holds_zone, f"{name}: file {serial}, journal {state}"
        if later or serial == zone.serial:
            net = net_changes(read_changeset(txn, state, head) for head in later)
            assert list(replay(pairs, net, zone.zone_id)) == list(iterate_pairs(txn, zone)), name


def check_served(daemon: Driven, numbers: Numbers) -> None:
    """Each zone is a committed version with everything acknowledged, and that is what is answered."""
    pairs = []
    for zone in ZONES:
        rows = daemon.rows(zone)
        pair = rows.pop((f"pair.{zone}.", "TXT"), None)
        if zone in ZONES[:2]:
            pairs.append(0 if pair is None else int(next(iter(pair)).strip('"')))
        texts = {key: values for key, values in rows.items() if key[1] == "TXT"}
        number = int(next(iter(texts.get((f"count.{zone}.", "TXT"), {'"0"'}))).strip('"'))
        assert numbers.done[zone] <= number <= numbers.tried[zone], f"{zone}: {number}\n{daemon.all_output()[-3000:]}"
        assert texts == hosts_of(zone, number), zone
        numbers.done[zone] = numbers.tried[zone] = number
        check_answers(daemon, f"count.{zone}", number)
    assert pairs[0] == pairs[1]
    assert numbers.pairs_done <= pairs[0] <= numbers.pairs_tried
    numbers.pairs_done = numbers.pairs_tried = pairs[0]


def check_answers(daemon: Driven, name: str, number: int) -> None:
    """The engine answers the number over UDP, the daemon over TCP."""
    for tcp in (False, True):
        answer = daemon.ask(name, "TXT", tcp=tcp).answer
        assert [str(rdata) for rrset in answer for rdata in rrset] == ([f'"{number}"'] if number else []), name


def check_configuration(daemon: Driven, numbers: Numbers) -> None:
    """The configuration is what a commit made it."""
    found = [daemon.do("conf-read", section="server", item=item) for item in ("identity", "version")]
    identity, version = (int(rows[0].data or 0) if rows else 0 for rows in found)
    assert identity == version
    assert numbers.done["conf"] <= identity <= numbers.tried["conf"]
    numbers.done["conf"] = numbers.tried["conf"] = identity
    zones = {unit.id or unit.data for unit in daemon.do("conf-read", section="zone", item="domain")}
    assert (f"{EXTRA}." in zones) == bool(identity % 2), zones


def is_answered(daemon: Driven) -> bool:
    """Whether a question is answered, whatever keeps it from that."""
    try:
        return bool(daemon.ask("za.test", "SOA", timeout=0.3).answer)
    except (dns.exception.DNSException, OSError):
        return False
