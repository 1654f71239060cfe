# SPDX-License-Identifier: Apache-2.0
"""What `zone-dnssec` tells of a zone that is signed here: from its keys, policy and what is planned for it.

Pure. What depends on the parent zone is told as if it had the DS record at the next look, and marked as expected.
"""

from collections.abc import Iterator
from typing import NamedTuple

from control.conf.algorithms import BY_NUMBER
from control.conf.policy import PolicyConf
from control.ctl.zone_dnssec import DnssecReport, ReportAnchor, ReportKey, ReportParent, ReportStep
from control.keys.dnskey import dnskey_rdata, ds_rdata, tag_of
from control.keys.plan import next_action
from control.keys.roll import ready_key
from control.keys.state import KeyState, in_log_order, key_state, role_of, use_of, use_words
from control.keys.timeline import Entry, future_of, past_of
from control.keys.timing import steady_now
from control.server.dnssec.ds_check import Checked
from control.sign.signers import State
from control.store.kasp import Key

BY_HAND_S = 86400
"""How long an operator is assumed to take for what the parent's servers are not asked about."""
UNSEEN_TTL_S = 3600
"""What is assumed of the parent's DS records as long as their TTL was not seen."""
ANCHOR_STATES = frozenset({KeyState.READY, KeyState.ACTIVE})


class Subject(NamedTuple):
    """The zone."""

    name: str
    wire: bytes
    serial: int | None


class Plans(NamedTuple):
    """What is planned for it, as Unix times, 0: nothing; and what the parent's servers said last."""

    sign_at: int = 0
    check_at: int = 0
    push_at: int = 0
    checked: Checked | None = None


NO_PLANS = Plans()


def make_report(subject: Subject, state: State | None, now_s: int, plans: Plans = NO_PLANS) -> DnssecReport:
    """Return the report; without `state`, of a zone that is not signed here."""
    report = DnssecReport(subject.name, now_s, serial=subject.serial or 0)
    if state is None:
        return report
    policy, keys = state.conf.policy, state.keys
    at = steady_now(now_s, state.timing)
    action = next_action(keys, policy, state.timing, at)
    report = report._replace(
        policy=policy.id,
        mode="manual" if policy.manual else "automatic",
        algorithm=algorithm_text(policy.algorithm),
        scheme="CSK" if policy.single_type_signing else "KSK and ZSK",
        denial=denial_text(policy, state.kasp.salt),
        refresh=plans.sign_at,
        expires=state.kasp.expires,
        action=action.words if action is not None else "",
        action_time=action.time if action is not None and action.words else 0,
        push_due=plans.push_at,
        keys=tuple(_report_key(key, keys, at) for key in in_log_order(keys)),
        anchors=tuple(_anchors(subject.wire, keys, policy, at)),
        steps=tuple(map(_step, (*past_of(keys, at), *_future(state, at, plans.checked)))),
    )
    return _with_submission(report, state, at, plans)


def algorithm_text(number: int) -> str:
    """Return the name of an algorithm, or its number."""
    known = BY_NUMBER.get(number)
    return str(number) if known is None else known.label


def denial_text(policy: PolicyConf, salt: bytes) -> str:
    """Return how the zone proves that a name does not exist."""
    if not policy.nsec3:
        return "NSEC"
    opt_out = ", opt-out" if policy.nsec3_opt_out else ""
    return f"NSEC3 (iterations {policy.nsec3_iterations}, salt {salt.hex() or '-'}{opt_out})"


def _report_key(key: Key, keys: tuple[Key, ...], at: int) -> ReportKey:
    use = use_of(key, at, keys)
    passed = [time for time in key.timers[1:] if 0 < time <= at]
    return ReportKey(
        id=key.id,
        tag=tag_of(key, revoked=use.is_revoked),
        role=role_of(key),
        algorithm=algorithm_text(key.algorithm),
        bits=key.size,
        state="for later" if key.is_for_later else key_state(key, at).value,
        since=max(passed, default=key.timers.created),
        use=", ".join(use_words(use)),
    )


def _anchors(wire: bytes, keys: tuple[Key, ...], policy: PolicyConf, at: int) -> Iterator[ReportAnchor]:
    """Yield what the registrar gets: first of the key that waits for it."""
    own = [key for key in in_log_order(keys) if key.is_ksk and key_state(key, at) in ANCHOR_STATES]
    for key in sorted(own, key=lambda key: key_state(key, at) is not KeyState.READY):
        dnskey = dnskey_rdata(key)
        ds = ds_rdata(wire, dnskey, policy.cds_digest_type)
        yield ReportAnchor(key.id, tag_of(key), key_state(key, at).value, ds_text(ds), dnskey_text(dnskey))


def ds_text(data: bytes) -> str:
    """Return DS data in presentation form (RFC 4034, section 5.3)."""
    return f"{int.from_bytes(data[:2], 'big')} {data[2]} {data[3]} {data[4:].hex().upper()}"


def dnskey_text(data: bytes) -> str:
    """Return DNSKEY data in presentation form (RFC 4034, section 2.2)."""
    from base64 import b64encode

    return f"{int.from_bytes(data[:2], 'big')} {data[2]} {data[3]} {b64encode(data[4:]).decode()}"


def _future(state: State, at: int, checked: Checked | None) -> list[Entry]:
    """Return the steps to come, as if the parent had the DS record at the next look."""
    policy, key = state.conf.policy, ready_key(state.keys, at)
    submission = policy.submission
    waited_s = 0 if key is None else max(at - key.timers.ready, 0)
    wait_s, forget_s = BY_HAND_S, 0
    if submission is not None and submission.parents:
        seen_s = max((answer.ttl_s for answer in checked.answers), default=0) if checked is not None else 0
        wait_s, forget_s = submission.check_interval_s, (seen_s or UNSEEN_TTL_S) + submission.parent_delay_s
    return future_of(state.keys, policy, state.timing, at, confirmed_after_s=waited_s + wait_s, ds_ttl_s=forget_s)


def _step(entry: Entry) -> ReportStep:
    return ReportStep(entry.time, entry.key_id, entry.tag or 0, entry.role, entry.state.value, int(entry.is_expected))


def _with_submission(report: DnssecReport, state: State, at: int, plans: Plans) -> DnssecReport:
    """Return the report with what there is to say of a key that waits for its DS record."""
    key, submission = ready_key(state.keys, at), state.conf.policy.submission
    if key is None:
        return report
    timeout_s = submission.timeout_s if submission is not None else 0
    answers = plans.checked.answers if plans.checked is not None else ()
    return report._replace(
        waiting=tag_of(key),
        waiting_since=key.timers.ready,
        waiting_until=key.timers.ready + timeout_s if timeout_s else 0,
        asked=plans.checked.time_s if plans.checked is not None else 0,
        ask_next=plans.check_at,
        parents=tuple(ReportParent(answer.remote, answer.verdict.value, answer.reason) for answer in answers),
    )
