# SPDX-License-Identifier: Apache-2.0
"""A signed zone, fake servers of its parent zone, and the runners of the events that talk with them."""

from pathlib import Path

from control.conf.peers import RemoteConf
from control.conf.policy import DnssecConf, PolicyConf, SubmissionConf
from control.events.kinds import Kind
from control.events.lane import Runner
from control.events.zone import ZoneHandle
from control.server.dnssec.ds_check import Awaited, DsChecks
from control.server.dnssec.ds_push import DsPushes
from control.store.contents import apply_changes
from control.store.keys import RRsetChange, pack_rrset, rrset_key
from tests.support.parents import FakeParents
from tests.support.replication_stage import APEX, Stage

CDS = 59


class ParentsStage(Stage):
    """Events run when the test lets them; what is confirmed, remembered and signed anew is noted."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.parents = FakeParents()
        self.waits: Awaited | None = None
        self.broken: Exception | None = None
        """What looking up the keys ends with."""
        self.confirmed: list[int] = []
        self.due_s = 0
        self.signed = 0
        self.checks = DsChecks(self, self.log, self.scheduler, self.parents, lambda: int(self.now()))
        self.pushes = DsPushes(self, self, self.log, self.scheduler, self.parents, lambda: int(self.now()))
        runners = self.scheduler.runners
        runners[Kind.DS_CHECK] = self.checks.runner()
        runners[Kind.DS_PUSH] = self.pushes.runner()
        runners[Kind.RESIGN] = Runner(lambda _zone, _event: self._sign(), lambda _zone, _event, _result: None)

    def signs(self, submission: SubmissionConf | None = None, *push: RemoteConf, ttl_s: int | None = None) -> None:
        """Let the zone be signed, with parents that are asked and told."""
        policy = PolicyConf(submission=submission, dnskey_ttl_s=ttl_s)
        self.zone.conf = self.zone.conf._replace(dnssec=DnssecConf(True, False, policy, push))

    def put_cds(self, *cdss: bytes) -> None:
        """Give the zone these CDS records."""
        if self.door.find_zone(APEX) is None:
            self.fill(1)
        stored = self.door.find_zone(APEX)
        assert stored is not None
        change = RRsetChange(rrset_key(stored.zone_id, APEX, CDS), None, pack_rrset(0, cdss) if cdss else None)
        self.store.write(lambda txn: apply_changes(txn, [change]))

    def awaited(self, _zone: ZoneHandle) -> Awaited | None:
        if self.broken is not None:
            raise self.broken
        return self.waits

    def confirm(self, _zone: ZoneHandle, delay_s: int) -> None:
        self.confirmed.append(delay_s)
        self.waits = None

    def set_due(self, _zone: ZoneHandle, due_s: int) -> None:
        self.due_s = due_s

    def _sign(self) -> None:
        self.signed += 1
