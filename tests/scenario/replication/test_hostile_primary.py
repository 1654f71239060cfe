# SPDX-License-Identifier: Apache-2.0
"""xdpdnsd as the secondary of a hostile primary: what is served stays, and the next good transfer heals."""

import random
import struct
from collections.abc import Iterator

import pytest

from tests.support import hostile
from tests.support.daemon import wait_for
from tests.support.following import Stage
from tests.support.hostile import (
    APEX,
    AXFR,
    CNAME,
    KEEP,
    SOA,
    TXT,
    Behaviour,
    Sent,
    after_soa,
    cut,
    framed,
    good,
    message,
    record,
    soa,
    steps,
    whole,
    www,
)

TRUNCATED, UPDATE = 0x0200, 0x2800
NOT_USABLE = "no usable master"
LOG_LINES_MAX = 14
"""Of one refresh."""
FD_SLACK = 2
FUZZED = 60
OLD, NEW = 1, 2


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with hostile.Hostile(good(OLD)).running() as primary:
        stage = Stage(tmp_path_factory.mktemp("hostile"), primary)
        try:
            yield stage
        finally:
            stage.daemon.close()


def nothing(_query: bytes) -> Sent:
    """Close at once."""
    return ()


def silent(_query: bytes) -> Sent:
    """Say nothing for longer than is waited."""
    return (2.0,)


def noise(_query: bytes) -> Sent:
    """Send what is no DNS."""
    return (b"\0\x40" + random.Random(7).randbytes(0x40), KEEP)


def text(_query: bytes) -> Sent:
    """Send what another protocol says."""
    return (b"SSH-2.0-OpenSSH_9.2p1\r\n", 2.0)


def empty(_query: bytes) -> Sent:
    """Send a message of no octets."""
    return (b"\0\0", KEEP)


def drip(query: bytes) -> Sent:
    """Send an octet at a time, more slowly than is waited for a message."""
    for octet in framed(message(query, [soa(NEW)])):
        yield bytes((octet,))
        yield 0.03


def answer(*records: bytes, flags: int = 0, question: bytes | None = None) -> Behaviour:
    """Answer all with these records in one message."""
    return lambda query: (framed(message(query, records, flags=flags, question=question)), KEEP)


def other_id(query: bytes) -> Sent:
    """Answer with another id."""
    return good(NEW)(bytes((query[0] ^ 1,)) + query[1:])


def request(query: bytes) -> Sent:
    """Send the query back."""
    return (framed(query), KEEP)


SOA_FAULTS: dict[str, tuple[Behaviour, str]] = {
    "closed": (nothing, "connection reset"),
    "silent": (silent, "timed out"),
    "noise": (noise, "malformed data"),
    "text": (text, "timed out"),
    "empty": (empty, "malformed data"),
    "drip": (drip, "timed out"),
    "id": (other_id, "malformed data"),
    "echo": (request, "malformed data"),
    "question": (answer(soa(NEW), question=b"\5other\3com\0\0\6\0\1"), "malformed data"),
    "class": (answer(soa(NEW), question=APEX + b"\0\6\0\3"), "malformed data"),
    "type": (answer(soa(NEW), question=APEX + b"\0\1\0\1"), "malformed data"),
    "no question": (answer(soa(NEW), question=b""), "malformed data"),
    "opcode": (answer(soa(NEW), flags=UPDATE), "malformed data"),
    "refused": (answer(flags=5), "error 'REFUSED'"),
    "servfail": (answer(flags=2), "error 'SERVFAIL'"),
    "notauth": (answer(flags=9), "error 'NOTAUTH'"),
    "unknown rcode": (answer(flags=15), "error '15'"),
    "no answer": (answer(), "malformed data"),
    "alias": (answer(record(APEX, CNAME, b"\5other\3com\0")), "malformed data"),
    "soa of another": (answer(soa(NEW, owner=b"\5other\3com\0")), "malformed data"),
    "soa of another class": (answer(record(APEX, SOA, b"\0\0" + bytes(20), rclass=3)), "malformed data"),
    "soa cut": (answer(record(APEX, SOA, b"\0\0" + bytes(19))), "malformed data"),
    "pointer loop": (answer(b"\xc0\x1d" + struct.pack("!HHIH", SOA, 1, 60, 4) + b"\xc0\x1d\xc0\x1d"), "malformed data"),
}


def endless_changes(query: bytes) -> Sent:
    """Add records for ever."""
    yield framed(message(query, [soa(NEW), soa(OLD), www(OLD), soa(NEW)]))
    block = [record(b"\1x" + APEX, TXT, b"\xff" + bytes(255)) for _ in range(200)]
    while True:
        yield framed(message(query, block))


def endless_zone(query: bytes) -> Sent:
    """Give records for ever."""
    yield framed(message(query, [soa(NEW), *hostile.body(NEW)]))
    for number in range(1 << 30):
        owner = b"\x08" + b"%08x" % number + APEX
        yield framed(message(query, [record(owner, TXT, b"\xff" + bytes(255)) for _ in range(200)]))


def endless_nothing(query: bytes) -> Sent:
    """Give messages without records for ever."""
    yield framed(message(query, [soa(NEW)]))
    while True:
        yield framed(message(query, []))


TRANSFER_FAULTS: dict[str, tuple[Behaviour, str]] = {
    "closed": (nothing, "connection reset"),
    "silent": (silent, "timed out"),
    "noise": (noise, "malformed data"),
    "drip": (drip, "timed out"),
    "id": (other_id, "malformed data"),
    "refused": (answer(flags=5), "REFUSED"),
    "truncated": (answer(*whole(NEW), flags=TRUNCATED), "malformed data"),
    "other question": (answer(*whole(NEW), question=b"\5other\3com\0\0\xfc\0\1"), "malformed data"),
    "other class": (answer(*whole(NEW), question=APEX + b"\0\xfc\0\3"), "malformed data"),
    "no soa": (answer(*hostile.body(NEW)), "malformed data"),
    "no last soa": (lambda query: (framed(message(query, whole(NEW)[:-1])),), "connection reset"),
    "last soa of another version": (answer(*whole(NEW)[:-1], soa(NEW + 1)), "malformed data"),
    "behind the end": (answer(*whole(NEW), www(9)), "malformed data"),
    "chain begins elsewhere": (answer(soa(9), soa(7), www(OLD), soa(9), www(9), soa(9)), "malformed data"),
    "chain ends elsewhere": (answer(soa(9), soa(OLD), www(OLD), soa(5), www(5), soa(9)), "malformed data"),
    "chain goes back": (answer(soa(NEW), soa(OLD), www(OLD), soa(0), www(0), soa(NEW)), "malformed data"),
    "chain goes beyond": (answer(soa(NEW), soa(OLD), www(OLD), soa(7), www(7), soa(NEW)), "malformed data"),
    "alias beside soa": (answer(soa(NEW), record(APEX, CNAME, b"\5other\3com\0"), *whole(NEW)[1:]), "failed"),
    "opt inside": (answer(soa(NEW), record(b"\0", 41, b""), *whole(NEW)[1:]), "malformed data"),
    "other class inside": (answer(soa(NEW), record(APEX, TXT, b"\1x", rclass=3), *whole(NEW)[1:]), "malformed data"),
    "address of five octets": (answer(soa(NEW), record(b"\1x" + APEX, 1, bytes(5)), *whole(NEW)[1:]), "malformed data"),
    "endless changes": (endless_changes, "zone size exceeded"),
    "endless zone": (endless_zone, "zone size exceeded"),
    "endless nothing": (endless_nothing, "malformed data"),
}


@pytest.mark.parametrize("name", SOA_FAULTS)
def test_a_wrong_answer_to_the_soa_query(stage: Stage, name: str) -> None:
    """It is told, nothing is transferred, and the next good answer counts."""
    behaviour, reason = SOA_FAULTS[name]
    see_a_fault(stage, behaviour, reason)
    assert "incoming" not in stage.daemon.logged()
    heal(stage)


@pytest.mark.parametrize("name", TRANSFER_FAULTS)
def test_a_wrong_transfer(stage: Stage, name: str) -> None:
    """It is told and changes nothing, and the next good transfer counts."""
    behaviour, reason = TRANSFER_FAULTS[name]
    see_a_fault(stage, after_soa(NEW, behaviour), reason)
    heal(stage)


def see_a_fault(stage: Stage, behaviour: Behaviour, reason: str) -> None:
    """Refresh from a faulty primary: the old version stays."""
    stage.serve(OLD)
    assert stage.refresh(behaviour) == NOT_USABLE
    logged = stage.daemon.logged()
    assert reason in logged
    assert len(logged.splitlines()) <= LOG_LINES_MAX
    stage.check(OLD)


def heal(stage: Stage) -> None:
    """Refresh from a good primary; nothing is left open."""
    assert stage.refresh(good(NEW)) is None
    stage.check(NEW)
    wait_for(lambda: stage.usage()[0] <= stage.used[0] + FD_SLACK, f"{stage.used} before, now {stage.usage()}")


@pytest.mark.parametrize("kind", ["AXFR", "IXFR"])
def test_cut_anywhere(stage: Stage, kind: str) -> None:
    """Wherever a transfer is cut, inside a message or between two, the zone is the old one; uncut it is the new one."""

    def give(query: bytes) -> Iterator[bytes | float]:
        records = whole(NEW) if kind == "AXFR" or hostile.qtype_of(query) == AXFR else steps(OLD, NEW)
        for part in records:
            yield framed(message(query, [part]))
        yield KEEP

    stage.serve(OLD)
    query = bytes(12) + APEX + struct.pack("!HH", AXFR if kind == "AXFR" else hostile.IXFR, 1)
    parts = [part for part in give(query) if isinstance(part, bytes)]
    total = sum(map(len, parts))
    borders = {sum(map(len, parts[:count])) + offset for count in range(len(parts)) for offset in (-1, 0, 1, 2)}
    for octets in sorted(borders | set(range(0, total, 7))):
        if 0 <= octets < total:
            assert stage.refresh(after_soa(NEW, cut(give, octets))) == NOT_USABLE, octets
            stage.check(OLD)
    assert stage.refresh(after_soa(NEW, give)) is None
    stage.check(NEW)


@pytest.mark.parametrize("kind", ["AXFR", "IXFR"])
def test_octets_changed_on_the_way(stage: Stage, kind: str) -> None:
    """What comes is refused or taken as a whole: the daemon goes on, and answers what it tells."""
    chance = random.Random(11)
    for _ in range(FUZZED):
        stage.serve(OLD)

        def spoil(query: bytes) -> Iterator[bytes | float]:
            is_whole = kind == "AXFR" or hostile.qtype_of(query) == AXFR
            reply = bytearray(framed(message(query, whole(NEW) if is_whole else steps(OLD, NEW))))
            for _ in range(chance.randint(1, 4)):
                reply[chance.randrange(2, len(reply))] ^= 1 << chance.randrange(8)
            yield bytes(reply)

        failure = stage.refresh(after_soa(NEW, spoil))
        answered = stage.daemon.ask("example.com", "SOA").answer[0][0]
        assert str(answered.serial) == stage.serial()
        if failure:
            stage.check(OLD)
    heal(stage)


def test_changes_that_do_not_fit(stage: Stage) -> None:
    """An IXFR that removes what is not there is followed by an AXFR from the same primary."""
    stage.serve(OLD)

    def give(query: bytes) -> Sent:
        if hostile.qtype_of(query) == AXFR:
            return good(NEW)(query)
        return (framed(message(query, [soa(NEW), soa(OLD), www(77), soa(NEW), www(NEW), soa(NEW)])), KEEP)

    assert stage.refresh(after_soa(NEW, give)) is None
    assert "fallback to AXFR" in stage.daemon.logged()
    stage.check(NEW)


def test_records_of_other_zones(stage: Stage) -> None:
    """They are left out, and what belongs to the zone is taken."""
    stage.serve(OLD)
    foreign = record(b"\3www\5other\3com\0", 1, bytes((192, 0, 2, 66)))
    assert stage.refresh(after_soa(NEW, answer(soa(NEW), foreign, *whole(NEW)[1:]))) is None
    stage.check(NEW)
    assert stage.daemon.ask("www.other.com").rcode() == 5


def test_an_older_version(stage: Stage) -> None:
    """It is told that the primary is outdated, and the zone stays what it is."""
    stage.serve(NEW)
    assert stage.refresh(good(OLD)) is None
    assert "remote is outdated" in stage.daemon.logged()
    stage.check(NEW)


@pytest.mark.parametrize(
    ("expire", "shown"), [(b"\0\0\0\0", 3), (b"\xff" * 4, 2**32 - 1), (b"\0\0\1", 86400), (b"", 86400)]
)
def test_absurd_expiry(stage: Stage, expire: bytes, shown: int) -> None:
    """An EXPIRE option is held within the limits that are configured; one of a wrong length does not count."""
    stage.serve(OLD)

    def give(query: bytes) -> Sent:
        is_soa = hostile.qtype_of(query) == SOA
        return (framed(message(query, [soa(NEW)] if is_soa else whole(NEW), expire=expire)), KEEP)

    assert stage.refresh(give) is None
    stage.check(NEW)
    assert f"serial 1 -> 2, expires in {shown} seconds" in stage.daemon.logged()
    stage.serve(OLD)


def test_nothing_is_left_behind(stage: Stage) -> None:
    """After many failures there are no more threads and file descriptors than before, and no files of transfers."""
    stage.serve(OLD)
    before = stage.usage()
    for behaviour in (nothing, noise, answer(flags=5), after_soa(NEW, nothing), after_soa(NEW, noise)) * 20:
        assert stage.refresh(behaviour) == NOT_USABLE
    heal(stage)
    after = stage.usage()
    assert after[0] <= before[0] + FD_SLACK
    assert after[1] <= before[1]
