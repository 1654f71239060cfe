# SPDX-License-Identifier: Apache-2.0
"""Requests that the response table does not answer, on their way to who handles them.

NOTIFY, UPDATE, transfers and whatever is signed: the signature is checked, the zone found, its access rules asked, and
then the handler of the request's kind is called. Signed queries are answered from the table, and so are plain ones with
SIG(0): a server is not required to check SIG(0) on ordinary queries (RFC 2931, section 3).
"""

import traceback
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple

from control.access.acl import Decision, Source, decide
from control.access.tsig import Now, ReplySigner, TsigRefused, check_request
from control.conf.peers import KeyConf
from control.events.zone import ZoneHandle
from control.log import DEBUG, ERROR, Log
from control.server.replication.planning import update_target
from control.server.replying import Replier
from control.wire.name import name_text
from control.wire.refusal import (
    BADKEY,
    FORMERR,
    NOERROR,
    NOTAUTH,
    NOTIMP,
    REFUSED,
    SERVFAIL,
    refuse_malformed,
    refuse_tsig,
    truncate,
)
from control.wire.request import (
    AXFR,
    HEADER_BYTES,
    IXFR,
    NOTIFY,
    QUERY,
    SOA,
    UPDATE,
    Malformed,
    Request,
    read_request,
    read_updates,
    without_sig0,
)

__all__ = ["ACTIONS", "Handler", "Inbound", "InboundRequest", "Replier"]

CLASS_IN = 1
DS = 43
ACTIONS = {"notify": "notify", "update": "update", "axfr": "transfer", "ixfr": "transfer"}
"""Kinds of requests that have handlers, and the actions of access rules they are."""


class InboundRequest(NamedTuple):
    """A request that may be served: `message` is without TSIG; `source` has the key that signed it."""

    message: bytes
    request: Request
    zone: ZoneHandle
    source: Source
    signer: ReplySigner | None


Handler = Callable[[InboundRequest, Replier], Coroutine[Any, Any, None] | None]
"""Replies to a request of its kind, at once or in a coroutine, which is cancelled when the client goes away."""

FindZone = Callable[[bytes], ZoneHandle | None]
"""Returns the zone with an apex in wire form and lower case."""

Answer = Callable[[bytes, Source], bytes | None]
"""Answers a plain query that may ask; None when the table has no answer."""


class Inbound:
    """Belongs to the loop's thread. `handlers` are by the kinds in `ACTIONS`; `keys` by their names in wire form."""

    def __init__(self, find: FindZone, answer: Answer, log: Log, now: Now) -> None:
        self._find, self._answer, self._log, self._now = find, answer, log, now
        self.handlers: dict[str, Handler] = {}
        self.keys: Mapping[bytes, KeyConf] = {}

    def handle(self, message: bytes, source: Source, reply: Replier) -> None:
        """Reply to a message, or have it handled; what is no request gets no reply."""
        if len(message) < HEADER_BYTES or message[2] & 0x80:
            return
        try:
            request = read_request(message)
        except Malformed:
            reply.send_signed(refuse_malformed(message))
            return
        reply.request = request
        if request.tsig is not None:
            try:
                key, message, signer = check_request(message, request, self.keys, self._now)
            except TsigRefused as refused:
                if self._is_for_primary(request, message, source):
                    self._serve("update", message, source, reply, request)
                    return
                self._log_refusal(request, refused.reason)
                reply.send_signed(refused.reply, refused.error)
                return
            reply.signer, source = signer, source._replace(key=key)
        try:
            self._dispatch(message, source, reply, request)
        except Exception:  # noqa: BLE001  the border of what one request may break
            self._failed(source, reply)

    def _dispatch(self, message: bytes, source: Source, reply: Replier, request: Request) -> None:
        kind = kind_of(request)
        if kind is not None:
            self._serve(kind, message, source, reply, request)
        elif request.opcode == QUERY:
            self._query(message, source, reply, request)
        else:
            reply.refuse(NOTIMP)

    def _is_for_primary(self, request: Request, message: bytes, source: Source) -> bool:
        """Tell whether an update is forwarded with its signature, as its key is not known here but may be there.

        A rule without key has to allow it.
        """
        assert request.tsig is not None
        if kind_of(request) != "update" or request.tsig.key_name.lower() in self.keys:
            return False
        zone = self._find(request.qname) if request.question else None
        return (
            zone is not None
            and update_target(zone.conf) is not None
            and self._permits(zone, ACTIONS["update"], source, message)
        )

    def _serve(self, kind: str, message: bytes, source: Source, reply: Replier, request: Request) -> None:
        """Have a request handled that its zone's rules allow."""
        handler = self.handlers.get(kind)
        is_transfer = ACTIONS[kind] == "transfer"
        if handler is None or (is_transfer and not reply.may_transfer):
            reply.refuse(REFUSED if is_transfer else NOTIMP)
            return
        if not request.question:
            reply.refuse(FORMERR)
            return
        if request.qclass != CLASS_IN or (kind == "axfr" and reply.is_udp):
            reply.refuse(NOTIMP)
            return
        zone = self._find(request.qname)
        if zone is None:
            reply.refuse(NOTAUTH)
        elif not self._permits(zone, ACTIONS[kind], source, message):
            self._deny(reply, request)
        elif not is_transfer and request.qtype != SOA:
            reply.refuse(FORMERR)
        elif is_transfer and zone.serial is None:
            reply.refuse(SERVFAIL)
        else:
            work = handler(InboundRequest(message, request, zone, source, reply.signer), reply)
            if work is not None:
                reply.begin(self._watched(work, source, reply))

    def _query(self, message: bytes, source: Source, reply: Replier, request: Request) -> None:
        if request.sig0_at is not None:
            message = without_sig0(message, request)
        elif source.key is None:
            reply.refuse(REFUSED)
            return
        zone = self._enclosing(request) if request.qclass == CLASS_IN else None
        if zone is not None and not self._permits(zone, "query", source):
            self._deny(reply, request)
            return
        answer = self._answer(message, source)
        if answer is None:
            reply.refuse(REFUSED)
        elif len(answer) > reply.max_bytes:
            reply.send_now(truncate(request, NOERROR))
        else:
            reply.send_now(answer)

    def _permits(self, zone: ZoneHandle, action: str, source: Source, message: bytes = b"") -> bool:
        """Ask the zone's rules; `message` is that of an update."""
        updates = read_updates(message) if action == "update" and asks_for_records(zone) else ()
        decision = decide(zone.conf, action, source, updates)
        if self._log.takes(DEBUG, "zone"):
            self._log.limited(f"ACL {zone.name}", DEBUG, decision_text(decision, action, source), "zone", zone.name)
        return decision.allowed

    def _deny(self, reply: Replier, request: Request) -> None:
        """Refuse what no rule allows; to a zone without a rule for it a key is as good as unknown."""
        if reply.signer is None:
            reply.refuse(NOTAUTH)
        else:
            reply.send_signed(refuse_tsig(request, BADKEY), BADKEY)

    def _enclosing(self, request: Request) -> ZoneHandle | None:
        """The zone that the name asked for is in; of a DS at an apex that is the parent, if it is here."""
        name, child = request.qname, None
        while True:
            zone = self._find(name)
            if zone is not None:
                if request.qtype != DS or name != request.qname:
                    return zone
                child = zone
            if len(name) == 1:
                return child
            name = name[1 + name[0] :]

    async def _watched(self, work: Coroutine[Any, Any, None], source: Source, reply: Replier) -> None:
        try:
            await work
        except Exception:  # noqa: BLE001  the border of what one request may break
            self._failed(source, reply)

    def _failed(self, source: Source, reply: Replier) -> None:
        """Say what could not be done; called where the exception is caught."""
        text = f"request from {source} cannot be served, a fault of the program ({traceback.format_exc()})"
        self._log.limited("fault", ERROR, text)
        if reply.sent:
            reply.abort()
        else:
            reply.refuse(SERVFAIL)

    def _log_refusal(self, request: Request, reason: str) -> None:
        if not self._log.takes(DEBUG, "zone"):
            return
        assert request.tsig is not None
        zone = self._enclosing(request) if request.question else None
        text = f"TSIG, key '{name_text(request.tsig.key_name)}', verification failed '{reason}'"
        if zone is None:
            self._log.limited("TSIG", DEBUG, text)
        else:
            self._log.limited(f"TSIG {zone.name}", DEBUG, text, "zone", zone.name)


def kind_of(request: Request) -> str | None:
    """Return the kind of a request that has a handler; None for others."""
    if request.opcode == NOTIFY:
        return "notify"
    if request.opcode == UPDATE:
        return "update"
    if request.opcode == QUERY and request.qtype in (AXFR, IXFR):
        return "axfr" if request.qtype == AXFR else "ixfr"
    return None


def asks_for_records(zone: ZoneHandle) -> bool:
    """Tell whether a rule of the zone depends on which records an update changes."""
    return any(rule.update_types or rule.update_owner for rule in zone.conf.replication.acl)


def decision_text(decision: Decision, action: str, source: Source) -> str:
    """Return a decision as the log has it."""
    outcome = "allowed" if decision.allowed else "denied"
    return f"ACL, {outcome}, action {action}, remote {source}{', automatic' if decision.automatic else ''}"
