# SPDX-License-Identifier: Apache-2.0
"""The data set of small zones, each with one question and the answers of four servers."""

import functools
import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.rdata
import dns.rdataclass
import dns.rdatatype

from tests.support import ask

DATA = Path(os.environ.get("XDPDNS_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))

FILE = DATA / "answers.jsonl.gz"

AGREEING = {"nsd", "knot", "powerdns"}
"""Where these servers agree, that is the reference."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; sections are sets of records as `ask` decodes them."""

    rcode: str
    is_authoritative: bool
    answer: frozenset[ask.Record]
    authority: frozenset[ask.Record]
    additional: frozenset[ask.Record]

    def without_apex_servers(self, apex: bytes) -> "Answer":
        """Return the answer as the study compared it: of a positive one without the NS set of the apex in AUTHORITY.

        ADDITIONAL loses what only that set asks for: addresses of its servers that nothing in ANSWER names.
        """
        if self.rcode != "NOERROR" or not self.answer:
            return self
        apex_servers = {record for record in self.authority if record.type == ask.NS and record.owner == apex}
        named = {record.data for record in self.answer if record.type == ask.NS}
        targets = {record.data for record in apex_servers} - named
        additional = frozenset(record for record in self.additional if record.owner not in targets)
        return Answer(self.rcode, self.is_authoritative, self.answer, self.authority - apex_servers, additional)


@dataclass(frozen=True, slots=True)
class Case:
    """A zone and its question; `answers` by server."""

    id: int
    zone: str
    apex: str
    qname: str
    qtype: str
    answers: dict[str, Answer]

    def reference(self) -> Answer | None:
        """Return what the reference servers agree on, as the study compared it; None where they do not agree."""
        apex = ask.name_wire(self.apex)
        found = {self.answers[server].without_apex_servers(apex) for server in AGREEING}
        return found.pop() if len(found) == 1 else None


def cases() -> Iterator[Case]:
    """Yield every case of the data set."""
    with gzip.open(FILE, "rt") as lines:
        for line in lines:
            yield _case(json.loads(line))


def _case(row: dict[str, Any]) -> Case:
    answers = {server: _answer(group) for group in row["answers"] for server in group["servers"]}
    apex = next(line.split()[0] for line in row["zone"].splitlines() if " SOA" in line.replace("\t", " "))
    return Case(row["id"], row["zone"], apex.lower(), row["qname"], row["qtype"], answers)


def _answer(group: dict[str, Any]) -> Answer:
    sections = (frozenset(map(_record, group[name])) for name in ("answer", "authority", "additional"))
    return Answer(group["rcode"], "AA" in group["flags"], *sections)


@functools.cache
def _record(text: str) -> ask.Record:
    owner, ttl, _, rdtype, data = text.split(None, 4)
    number = dns.rdatatype.from_text(rdtype)
    rdata = dns.rdata.from_text(dns.rdataclass.IN, number, data)
    return ask.Record(ask.name_wire(owner).lower(), int(number), ask.IN, int(ttl), rdata.to_digestable())
