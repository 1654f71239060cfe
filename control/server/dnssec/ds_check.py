# SPDX-License-Identifier: Apache-2.0
"""The event DS-check: do the servers of the parent zone show the DS record that a key waits for?

Every remote of the `submission` is asked, each at its addresses in order until one answers. When all show it, the key
is confirmed and the zone signed anew; until then they are asked again every `check-interval`.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from control.conf.peers import RemoteConf
from control.conf.policy import SubmissionConf
from control.events.event import Event
from control.events.kinds import Kind
from control.events.lane import Runner
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle
from control.log import INFO, NOTICE, WARNING, Log
from control.server.replication.refresh import always, one_by_one
from control.server.replication.texts import key_text, rcode_text, remote_text
from control.store.kasp import Key
from control.transfer.client import RemoteFailed
from control.transfer.ds_check import NO_DS, DsExpected, Verdict, expect_key
from control.transfer.parents import DsReply, Opener, ask_ds

NXDOMAIN = 3
CHECKS = {True: "KSK submission check", False: "DS removal check"}
"""What is checked, by whether a key waits; the removal is for `cds-cdnskey-publish: delete-dnssec`."""
FAULT_RETRY_S = 60
"""After what is no fault of the parent's servers."""


class Awaited(NamedTuple):
    """What a zone waits for at its parent."""

    key: Key | None
    """The key whose DS record is to appear; None: all DS records are to go."""
    old: tuple[Key, ...] = ()
    """The key-signing keys that it replaces."""


class Submissions(Protocol):
    """Access to the keys of zones; both block."""

    def awaited(self, zone: ZoneHandle) -> Awaited | None:
        """Return what the zone waits for; None: for nothing any more."""
        ...

    def confirm(self, zone: ZoneHandle, delay_s: int) -> None:
        """The parent's servers show it. Caches may have what was before for `delay_s` seconds from now."""
        ...


class ParentAnswer(NamedTuple):
    """What one remote of the submission said at last."""

    remote: str
    """Its id."""
    verdict: Verdict
    reason: str = ""
    """Why it failed."""
    ttl_s: int = 0
    """Of the DS records."""


class Checked(NamedTuple):
    """One round of questions, at a time (Unix seconds)."""

    time_s: int
    answers: tuple[ParentAnswer, ...]

    @property
    def is_positive(self) -> bool:
        """Whether all said so."""
        return bool(self.answers) and all(answer.verdict is Verdict.POSITIVE for answer in self.answers)


class DsChecks:
    """Runs DS-check events."""

    def __init__(
        self, submissions: Submissions, log: Log, scheduler: Scheduler, client: Opener, now_s: Callable[[], int]
    ) -> None:
        self._submissions, self._log, self._scheduler = submissions, log, scheduler
        self._client, self._now_s = client, now_s
        self.last: dict[str, Checked] = {}
        """What was said last to the zones that still wait, by name. Belongs to the loop."""

    def runner(self) -> Runner:
        """Return the runner."""
        return Runner(self.work, self.succeeded, always, self.failed)

    def work(self, zone: ZoneHandle, _event: Event) -> Checked | None:
        """Ask all; confirm when all show what is awaited. Blocks. None: there is nothing to ask for."""
        submission, awaited = submission_of(zone), self._submissions.awaited(zone)
        if submission is None or awaited is None:
            return None
        expected = NO_DS if awaited.key is None else expect_key(awaited.key, awaited.old)
        answers = tuple(self._ask(zone, remote, expected) for remote in submission.parents)
        checked = Checked(self._now_s(), answers)
        if checked.is_positive:
            ttl_s = max(answer.ttl_s for answer in answers)
            self._submissions.confirm(zone, ttl_s + submission.parent_delay_s)
        return checked

    def succeeded(self, zone: ZoneHandle, _event: Event, checked: Checked | None) -> None:
        """Sign the zone anew, or ask again."""
        self.last.pop(zone.name, None)
        if checked is None:
            return
        if checked.is_positive:
            self._scheduler.plan(zone, Kind.RESIGN)
            return
        self.last[zone.name] = checked
        plan_ds_check(self._scheduler, zone, later=True)

    def failed(self, zone: ZoneHandle, _event: Event, _error: Exception) -> None:
        """Ask again when the keys could not even be looked up."""
        self._scheduler.plan(zone, Kind.DS_CHECK, FAULT_RETRY_S)

    def _ask(self, zone: ZoneHandle, remote: RemoteConf, expected: DsExpected) -> ParentAnswer:
        """Ask a remote at its addresses until one gives an answer to the question."""
        answer = ParentAnswer(remote.id, Verdict.FAILED, "no address to ask")
        for single in one_by_one(remote):
            try:
                reply = ask_ds(self._client, single, zone.wire, expected)
            except RemoteFailed as error:
                where = error.endpoint + key_text(single) if error.endpoint else remote_text(single)
                answer = self._note_failure(zone, remote, where, WARNING, error.reason)
                continue
            answer = self._note(zone, single, reply, expected)
            if answer.verdict is not Verdict.FAILED:
                break
        return answer

    def _note(self, zone: ZoneHandle, remote: RemoteConf, reply: DsReply, expected: DsExpected) -> ParentAnswer:
        where = reply.endpoint + key_text(remote)
        if reply.seen is None:
            severity = NOTICE if reply.rcode == NXDOMAIN else WARNING
            return self._note_failure(zone, remote, where, severity, rcode_text(reply.rcode))
        verdict = reply.seen.verdict
        what = CHECKS[bool(expected.present)]
        self._log.zone(INFO, zone.name, f"DS check, outgoing, remote {where}, {what}: {verdict.value}")
        return ParentAnswer(remote.id, verdict, "", reply.seen.ttl_s)

    def _note_failure(
        self, zone: ZoneHandle, remote: RemoteConf, where: str, severity: int, reason: str
    ) -> ParentAnswer:
        self._log.zone(severity, zone.name, f"DS check, outgoing, remote {where}, failed ({reason})")
        return ParentAnswer(remote.id, Verdict.FAILED, reason)


def submission_of(zone: ZoneHandle) -> SubmissionConf | None:
    """Return how the zone's parent is asked; None when nobody is."""
    dnssec = zone.conf.dnssec
    submission = dnssec.policy.submission
    return submission if dnssec.signing and submission is not None and submission.parents else None


def plan_ds_check(scheduler: Scheduler, zone: ZoneHandle, *, later: bool = False) -> None:
    """Plan a check for a zone that waits: at once, or `later`, after the interval. To be called whenever a key has
    become ready, and at the start for each zone with such a key."""
    submission = submission_of(zone)
    if submission is not None:
        scheduler.plan(zone, Kind.DS_CHECK, submission.check_interval_s if later else 0.0)
