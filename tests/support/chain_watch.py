# SPDX-License-Identifier: Apache-2.0
"""A strict resolver that asks all the time: whatever it may still have cached has to make a chain from DS to data.

It keeps each DS, DNSKEY and other RRset for its TTL from the moment it asked, and tries all of them with each other, as
`tests.support.resolvers` does with what is only thought of. Every algorithm of the DS RRset has to be there in a DNSKEY
RRset and sign it, every algorithm of that has to sign itself and the data (RFC 4035, section 2.2). While there is no DS
the zone is insecure and nothing can be wrong.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.rrset

PAUSE_S = 0.2
TIMEOUT_S = 5.0
PAYLOAD = 4096
DIGESTS = {2: "SHA256", 4: "SHA384"}
Where = tuple[str, int]


class Fetched(NamedTuple):
    """An RRset and its signatures."""

    rrset: dns.rrset.RRset
    signatures: dns.rrset.RRset | None

    @property
    def text(self) -> str:
        """All of it, by which it is known."""
        lines = [line for part in self if part is not None for line in part.to_text().splitlines()]
        return "\n".join(sorted(lines))

    @property
    def signers(self) -> str:
        """Key tags, for messages."""
        return "+".join(str(signature.key_tag) for signature in self.signatures or ())


FaultOf = Callable[[dns.name.Name, Fetched, Fetched], str | None]


class ChainWatch:
    """Asks a child zone's server and its parent's; `faults` are lines about what did not validate."""

    def __init__(self, zone: str, child: Where, parent: Where, questions: Sequence[tuple[str, str]]) -> None:
        """`questions` are names and types; what is missing is to be proved."""
        self._zone = dns.name.from_text(zone)
        self._child, self._parent, self._questions = child, parent, questions
        self._held: dict[str, dict[str, tuple[float, Fetched]]] = {"ds": {}, "keys": {}, "data": {}}
        self._judged: set[tuple[str, str]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.faults: list[str] = []
        self.rounds = self.lost = self.secure = 0
        """How often it asked, how often it got no answer, and how often there was a DS."""

    @contextmanager
    def running(self) -> Iterator["ChainWatch"]:
        """Ask during the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join(4 * TIMEOUT_S)

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_S):
            self.look()

    def look(self) -> None:
        """Ask everything once, and judge all that may be in caches now."""
        self.rounds += 1
        try:
            self._fetch("ds", self._parent, self._zone, "DS")
            self._fetch("keys", self._child, self._zone, "DNSKEY")
            for name, rdtype in self._questions:
                self._fetch("data", self._child, dns.name.from_text(name, self._zone), rdtype)
        except (OSError, EOFError, dns.exception.DNSException):
            self.lost += 1
            return
        self._judge()

    def _fetch(self, kind: str, where: Where, name: dns.name.Name, rdtype: str) -> None:
        asked = time.monotonic()
        query = dns.message.make_query(name, rdtype, want_dnssec=True, payload=PAYLOAD)
        reply = dns.query.udp(query, where[0], port=where[1], timeout=TIMEOUT_S, raise_on_truncation=True)
        if kind == "ds":
            found = [part for part in fetched_of(reply.answer) if part.rrset.rdtype == dns.rdatatype.DS]
        else:
            found = fetched_of(reply.answer or reply.authority)
            if not found:
                self.faults.append(f"nothing to validate for {name} {rdtype}")
        for part in found:
            self._held[kind][part.text] = (asked + part.rrset.ttl, part)

    def _judge(self) -> None:
        now = time.monotonic()
        for kind, held in self._held.items():
            self._held[kind] = {text: one for text, one in held.items() if one[0] > now}
        dss, keys, data = ([one for _, one in held.values()] for held in self._held.values())
        if not dss:
            return
        self.secure += 1
        for keyset in keys:
            for ds in dss:
                self._once(ds, keyset, key_fault)
            for part in data:
                self._once(part, keyset, data_fault)

    def _once(self, first: Fetched, keys: Fetched, fault_of: FaultOf) -> None:
        pair = (first.text, keys.text)
        if pair not in self._judged:
            self._judged.add(pair)
            fault = fault_of(self._zone, first, keys)
            if fault is not None:
                self.faults.append(f"{time.strftime('%H:%M:%S')}: {fault}")


def fetched_of(section: Sequence[dns.rrset.RRset]) -> list[Fetched]:
    """Return the RRsets of a section with their signatures."""
    signatures = {(rrset.name, rrset.covers): rrset for rrset in section if rrset.rdtype == dns.rdatatype.RRSIG}
    plain = (rrset for rrset in section if rrset.rdtype != dns.rdatatype.RRSIG)
    return [Fetched(rrset, signatures.get((rrset.name, rrset.rdtype))) for rrset in plain]


def key_fault(zone: dns.name.Name, ds: Fetched, keys: Fetched) -> str | None:
    """Return why a DS RRset leads to no DNSKEY RRset, or only to part of it; None: it does."""
    made = {
        (key, dns.dnssec.make_ds(zone, key, DIGESTS[data.digest_type]))
        for key in keys.rrset
        for data in ds.rrset
        if data.digest_type in DIGESTS
    }
    trusted = [key for key, digest in made if digest in ds.rrset]
    for algorithm in {data.algorithm for data in ds.rrset}:
        chosen = [key for key in trusted if key.algorithm == algorithm]
        if not any(is_signed(zone, keys, [key]) for key in chosen):
            tags = "+".join(str(data.key_tag) for data in ds.rrset)
            return f"DS {tags} leads to no key that signs DNSKEY {tags_of(keys)} (signed by {keys.signers})"
    return data_fault(zone, keys, keys)


def data_fault(zone: dns.name.Name, data: Fetched, keys: Fetched) -> str | None:
    """Return why an RRset does not validate with a DNSKEY RRset, by each of its algorithms; None: it does."""
    for algorithm in {key.algorithm for key in keys.rrset}:
        chosen = [key for key in keys.rrset if key.algorithm == algorithm]
        if not is_signed(zone, data, chosen):
            what = f"{data.rrset.name} {dns.rdatatype.to_text(data.rrset.rdtype)}"
            return f"{what} signed by {data.signers or 'none'} fails with DNSKEY {tags_of(keys)}, algorithm {algorithm}"
    return None


def is_signed(zone: dns.name.Name, data: Fetched, keys: Sequence[dns.rdata.Rdata]) -> bool:
    """Whether one of the signatures is of one of the keys, valid now."""
    if data.signatures is None or not keys:
        return False
    keyset = dns.rrset.from_rdata_list(zone, 0, keys)
    for signature in data.signatures:
        try:
            dns.dnssec.validate_rrsig(data.rrset, signature, {zone: keyset})
        except dns.exception.DNSException:
            continue
        return True
    return False


def tags_of(keys: Fetched) -> str:
    """Return the tags of a DNSKEY RRset."""
    return "+".join(str(dns.dnssec.key_id(key)) for key in keys.rrset)
