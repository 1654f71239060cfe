# SPDX-License-Identifier: Apache-2.0
"""Automatic rollovers in real time beside a real parent: the sequence of the manual, which a strict resolver never sees
broken.

XDPDNS_TEST_MANUAL_ROLLOVER=1 takes the manual's own lifetimes, which last ten minutes.
"""

import os
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.chain_watch import ChainWatch
from tests.support.daemon import wait_for
from tests.support.driven import ask
from tests.support.peers import Peer
from tests.support.roll_log import Line, Reader, Step, blocks_of, lines_of
from tests.support.signed_daemon import SignedDaemon, knot_parent, named_parent, push_ds, section

pytestmark = pytest.mark.peer("knotd", "named", "nsupdate", "knotc")

NEXT_LINE = "DNSSEC, next signing at"
DS_TTL = 2
CONFIRMED = (("notice", "DNSSEC, KSK submission, confirmed"),)
QUESTIONS = (("www", "A"), ("@", "SOA"), ("nothing", "A"), ("www", "MX"))
ZONE = """\
$TTL {ttl}
@ SOA ns hostmaster 1 3600 600 86400 {ttl}
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
"""


class Times(NamedTuple):
    """Items of the policy, in seconds."""

    ksk: int
    zsk: int
    delay: int
    dnskey_ttl: int
    max_ttl: int
    parent_delay: int
    """Times are whole seconds, so what is confirmed was there up to a second less."""

    def policy(self) -> dict[str, str]:
        """Return the items."""
        return {
            "ksk-lifetime": f"{self.ksk}s", "zsk-lifetime": f"{self.zsk}s", "propagation-delay": f"{self.delay}s",
            "dnskey-ttl": f"{self.dnskey_ttl}s", "zone-max-ttl": f"{self.max_ttl}s",
        }  # fmt: skip

    @property
    def seen_s(self) -> int:
        """When all resolvers have a DNSKEY RRset."""
        return self.delay + self.dnskey_ttl


MANUAL = Times(ksk=300, zsk=120, delay=2, dnskey_ttl=10, max_ttl=15, parent_delay=0)
SCALED = Times(ksk=29, zsk=18, delay=2, dnskey_ttl=2, max_ttl=3, parent_delay=1)
ACTION = "DNSSEC, next key action,"
ACTIVE, PUBLIC = "public, active", "public"
Said = tuple[tuple[str, str], ...]


class Story:
    """What a log is to tell of a zone whose first keys are `ksk0` and `zsk0`. Times are Unix seconds."""

    def __init__(self, times: Times, daemon: SignedDaemon) -> None:
        self.times, self.daemon = times, daemon
        ksk, zsk = daemon.tags(257), daemon.tags(256)
        self.reader = Reader({"ksk0": ksk[0], "zsk0": zsk[0]})
        self.ksk = self.zsk = 0
        """The numbers of the keys in use."""
        self.read = 0
        """So many blocks have been read."""

    def next(self, step: Step) -> float:
        """Wait for the next block and compare it; return when the next signing is."""

        def blocks() -> list[list[Line]]:
            return blocks_of(lines_of(self.daemon.log.read_text()))

        patience = 20.0 + self.times.ksk
        wait_for(lambda: len(blocks()) > self.read and NEXT_LINE in blocks()[self.read][-1].text, str(step), patience)
        self.read += 1
        return self.reader.check(blocks()[self.read - 1], step)

    def roll_zsk(self, begin: float, ksk_at: float) -> float:
        """Read a ZSK rollover (RFC 6781, section 4.1.1.1); return when the next one is due."""
        old, new, ksk = f"zsk{self.zsk}", f"zsk{self.zsk + 1}", f"KSK ksk{self.ksk}: {ACTIVE}"
        said = (("info", "DNSSEC, ZSK rollover started"), ("info", f"{ACTION} ZSK tag <{new}>, replace at TIME"))
        keys = (ksk, f"{old}: {ACTIVE}", f"{new}: {PUBLIC}")
        replace = self.next(Step(begin, said, keys, begin + self.times.seen_s))
        said = (("info", f"{ACTION} ZSK tag <{old}>, remove at TIME"),)
        keys = (ksk, f"{old}: {PUBLIC}", f"{new}: {ACTIVE}")
        remove = self.next(Step(replace, said, keys, replace + self.times.delay + self.times.max_ttl))
        again = replace + self.times.zsk
        said = (("info", f"{ACTION} {'ZSK' if again < ksk_at else 'KSK'}, generate at TIME"),)
        due = self.next(Step(remove, said, (ksk, f"{new}: {ACTIVE}"), min(again, ksk_at)))
        self.zsk += 1
        return due if again < ksk_at else again

    def begin_ksk(self, begin: float) -> float:
        """Read the beginning of a KSK rollover; return when the key is to be submitted."""
        old, new, zsk = f"ksk{self.ksk}", f"ksk{self.ksk + 1}", f"zsk{self.zsk}: {ACTIVE}"
        said = (("info", "DNSSEC, KSK rollover started"), ("info", f"{ACTION} KSK tag <{new}>, submit at TIME"))
        keys = (f"KSK {old}: {ACTIVE}", zsk, f"KSK {new}: {ACTIVE}+")
        return self.next(Step(begin, said, keys, begin + self.times.seen_s))

    def submit_ksk(self, submit: float) -> None:
        """Read the submission of a new KSK."""
        old, new, zsk = f"ksk{self.ksk}", f"ksk{self.ksk + 1}", f"zsk{self.zsk}: {ACTIVE}"
        said = (("notice", "DNSSEC, KSK submission, waiting for confirmation"),)
        self.next(Step(submit, said, (f"KSK {old}: {ACTIVE}", zsk, f"KSK {new}: public, ready, active+")))

    def end_ksk(self, confirmed: float, ttl_s: int, *, said: Said = (), then: Said = ()) -> float:
        """Read the end of a KSK rollover (RFC 6781, section 4.1.2), from its confirmation on."""
        old, new, zsk = f"ksk{self.ksk}", f"ksk{self.ksk + 1}", f"zsk{self.zsk}: {ACTIVE}"
        keys = (f"KSK {old}: {ACTIVE}+", zsk, f"KSK {new}: {ACTIVE}")
        remove = self.next(Step(confirmed, said, keys, confirmed + ttl_s))
        self.ksk += 1
        return self.next(Step(remove, then, (zsk, f"KSK {new}: {ACTIVE}")))

    def confirmations(self, count: int) -> float:
        """Wait until the parent has been asked and has shown so many DS records; return when it showed the last."""
        mark = "DNSSEC, KSK submission, confirmed"
        wait_for(lambda: self.daemon.log.read_text().count(mark) == count, mark)
        lines = lines_of(self.daemon.log.read_text())
        answers = [line for line in lines if line.text.startswith("DS check, outgoing, remote 127.0.0.1@")]
        words = [line.text.rpartition(": ")[2] for line in answers]
        assert set(words) <= {"negative", "positive"}
        assert words.count("positive") == count
        told = [line for line in lines if line[1:] == ("notice", mark)]
        assert len(told) == count
        return told[-1].when


def test_the_rollovers_of_the_manual(daemon: SignedDaemon, tmp_path: Path) -> None:
    """ZSK by pre-publication, KSK by double signature, the DS record pushed and found; never is anything bogus."""
    times = MANUAL if os.environ.get("XDPDNS_TEST_MANUAL_ROLLOVER") == "1" else SCALED
    daemon.write_zone("example.com", 1, text=ZONE.format(ttl=times.max_ttl))
    with knot_parent(tmp_path) as parent:
        sections = section("remote", "parent", address=f"127.0.0.1@{parent.port}")
        sections += section(
            "submission", "look", parent="parent", check_interval="1s", parent_delay=f"{times.parent_delay}s"
        )
        daemon.configure(times.policy() | {"ksk-submission": "look", "ds-push": "parent"}, sections)
        daemon.start()
        with watching(daemon, parent) as watch:
            tell(Story(times, daemon), times)
        assert daemon.stop() == 0
    check(watch)


def tell(story: Story, times: Times) -> None:
    """Read the whole story, from the first KSK's confirmation to the second rollover of the KSK."""
    (made,) = {key.timers.created for key in story.daemon.stored_keys()}
    keys = (f"KSK ksk0: {ACTIVE}", f"zsk0: {ACTIVE}")
    said = (("info", f"{ACTION} ZSK, generate at TIME"),)
    zsk_at = story.next(Step(story.confirmations(1), said, keys, made + times.zsk))
    ksk_at: float = made + times.ksk
    while zsk_at < ksk_at:
        zsk_at = story.roll_zsk(zsk_at, ksk_at)
    story.submit_ksk(story.begin_ksk(ksk_at))
    due = story.end_ksk(story.confirmations(2), times.dnskey_ttl + times.parent_delay, then=said)
    assert due == int(zsk_at)
    ksk_at += times.ksk
    while zsk_at < ksk_at:
        zsk_at = story.roll_zsk(zsk_at, ksk_at)
    story.begin_ksk(ksk_at)


def watching(daemon: SignedDaemon, parent: Peer) -> AbstractContextManager[ChainWatch]:
    """Let a strict resolver ask in the block."""
    where = (daemon.address, daemon.port)
    return ChainWatch("example.com", where, (parent.address, parent.port), QUESTIONS).running()


def check(watch: ChainWatch) -> None:
    """Fail where the resolver found something wrong, or nothing at all."""
    assert not watch.faults, "\n".join(watch.faults)
    assert watch.secure > 10
    assert watch.lost == 0


def test_an_operator_carries_the_ds_to_the_parent(daemon: SignedDaemon, tmp_path: Path) -> None:
    """A named has the parent zone; what is confirmed by hand is taken as `+ttl` says, or at once."""
    times = SCALED
    daemon.write_zone("example.com", 1, text=ZONE.format(ttl=times.max_ttl))
    with named_parent(tmp_path) as parent:
        daemon.configure(times.policy() | {"ksk-lifetime": "0", "zsk-lifetime": "0"})
        daemon.start()
        story = Story(times, daemon)
        push_ds(daemon, parent, ttl_s=DS_TTL)
        daemon.ok("-b zone-ksk-submitted example.com")
        story.next(Step(time.time(), CONFIRMED, (f"KSK ksk0: {ACTIVE}", f"zsk0: {ACTIVE}")))
        made = max(key.timers.created for key in daemon.stored_keys())
        with watching(daemon, parent) as watch:
            wait_for(lambda: time.time() >= made + 1, "a second in which no other key was made")
            daemon.ok("zone-key-rollover example.com ksk")
            story.submit_ksk(story.begin_ksk(time.time()))
            push_ds(daemon, parent, story.reader.tags["ksk1"], ttl_s=DS_TTL)
            ttl_s = DS_TTL + times.parent_delay
            ask(daemon.rundir / "knot.sock", "zone-ksk-submitted", zone="example.com", filters="t", data=str(ttl_s))
            story.end_ksk(time.time(), ttl_s, said=CONFIRMED)
        assert "no key ready for submission" in daemon.fails("zone-ksk-submitted example.com")
        assert daemon.stop() == 0
    check(watch)
