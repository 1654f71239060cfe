# SPDX-License-Identifier: Apache-2.0
"""What rules let updates change (update-type, update-owner, -match, -name): nsupdate sends to us and to knotd."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import peers
from tests.support.updated_daemon import SECRET, TIMEOUT_S, UpdatedDaemon

pytestmark = pytest.mark.peer("knotd", "nsupdate")


class Rule(NamedTuple):
    """The key of a rule, which has its name, and its items beside the key."""

    key: str
    items: str


RULES = (
    Rule("type", "update-type: [A, TXT]"),
    Rule("type-any", "update-type: ANY"),
    Rule("host.example.com", "update-owner: key\n    update-owner-match: equal"),
    Rule("tree.example.com", "update-owner: key"),
    Rule("under.example.com", "update-owner: key\n    update-owner-match: sub"),
    Rule("host.example.net", "update-owner: key"),
    Rule("apex", "update-owner: zone\n    update-owner-match: equal"),
    Rule("beneath", "update-owner: zone\n    update-owner-match: sub"),
    Rule("all", "update-owner: zone"),
    Rule("named", "update-owner: name\n    update-owner-name: [one, two.example.com., example.net.]"),
    Rule("named-sub", "update-owner: name\n    update-owner-name: [one, a.two]\n    update-owner-match: sub"),
    Rule("named-equal", "update-owner: name\n    update-owner-name: [one, Two]\n    update-owner-match: equal"),
    Rule("pattern", 'update-owner: name\n    update-owner-name: ["*", "a.*.b"]\n    update-owner-match: pattern'),
    Rule("both", "update-owner: name\n    update-owner-name: one\n    update-type: TXT"),
    Rule("no", "deny: on\n    update-owner: name\n    update-owner-name: one"),
    Rule("plain", ""),
)
OF_KNOT = tuple(rule for rule in RULES if rule.key != "pattern")
"""Those that knotd 3.2.6 has."""
AFTER = "  - id: no-otherwise\n    key: no\n    action: update\n"
"""What the rule that denies does not match."""

OWNERS = (
    "@", "one", "x.one", "two", "x.two", "a.two", "x.a.two", "host", "x.host", "tree", "x.y.tree", "under", "x.under",
    "a.x.b", "a.x.y.b", "xone",
)  # fmt: skip
ADD = tuple(f"add {owner} 60 TXT t" for owner in OWNERS)
TYPES = (
    "add new 60 A 192.0.2.1",
    "add new 60 AAAA 2001:db8::1",
    "add new 60 A 192.0.2.1\nadd new 60 TXT t",
    "add new 60 A 192.0.2.1\nadd new 60 AAAA 2001:db8::1",
    "delete new A",
    "delete new AAAA",
    "delete new",
    "prereq yxrrset @ SOA\nadd new 60 TXT t",
    "add one 60 A 192.0.2.1",
    "add one 60 TXT t\nadd two 60 TXT t",
    "delete one\ndelete one TXT",
)
SCRIPTS = (*ADD, *TYPES)

ALLOWED: dict[str, set[str]] = {
    "type-any": {TYPES[6]},
    "type": {*ADD, TYPES[0], TYPES[2], TYPES[4], TYPES[7], TYPES[9]} | {TYPES[8]},
    "host.example.com": {ADD[7]},
    "tree.example.com": {ADD[9], ADD[10]},
    "under.example.com": {ADD[12]},
    "host.example.net": set(),
    "apex": {ADD[0]},
    "beneath": {*ADD[1:], *TYPES},
    "all": set(SCRIPTS),
    "plain": set(SCRIPTS),
    "named": {*ADD[1:7], *TYPES[8:]},
    "named-sub": {ADD[2], ADD[6]},
    "named-equal": {ADD[1], ADD[3], *TYPES[8:]},
    "pattern": {*ADD[1:4:2], *ADD[7:13:2], ADD[11], ADD[13], ADD[15], *TYPES},
    "both": {ADD[1], ADD[2]},
    "no": set(SCRIPTS) - {ADD[1], ADD[2], TYPES[8], TYPES[10]},
}


def sections(given: Sequence[Rule]) -> str:
    """Return keys and rules as a server is given them."""
    keys = "".join(f"  - id: {rule.key}\n    algorithm: hmac-sha256\n    secret: {SECRET}\n" for rule in given)
    rules = "".join(
        f"  - id: r-{rule.key}\n    key: {rule.key}\n    action: update\n{f'    {rule.items}' if rule.items else ''}\n"
        for rule in given
    )
    return f"key:\n{keys}acl:\n{rules}{AFTER}"


def names(given: Sequence[Rule]) -> str:
    """Return the rules in the order in which a zone asks them."""
    return f"[{', '.join(f'r-{rule.key}' for rule in given)}, no-otherwise]"


class Guarded(UpdatedDaemon):
    """A daemon with the rules."""

    rules = f"{sections(RULES)}template:\n  - id: default\n    acl: {names(RULES)}\n"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """Address and port of both servers."""
    base: Path = tmp_path_factory.mktemp("allowed")
    daemon = Guarded(base)
    shutil.copyfile(base / "example.com.zone", base / "knot.zone")
    files = {"example.com.": base / "knot.zone"}
    template = f"    acl: {names(OF_KNOT)}\n"
    with peers.knot(files, sections=sections(OF_KNOT), template=template, journal="changes") as knot:
        try:
            daemon.start()
            yield (daemon.address, daemon.port), (knot.address, knot.port)
        finally:
            daemon.close()


def allowed(place: tuple[str, int], key: str) -> set[str]:
    """Send all updates; return the scripts of those that are carried out. All others are refused in one way."""
    text = f"server {place[0]} {place[1]}\nzone example.com.\n"
    for script in SCRIPTS:
        text += "".join(f"{absolute(line)}\n" for line in script.split("\n")) + "send\nanswer\n"
    done = subprocess.run(
        ["nsupdate", "-y", f"hmac-sha256:{key}:{SECRET}"],
        input=text, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    said = re.findall(r"status: (\w+)", done.stdout)
    assert len(said) == len(SCRIPTS), done.stdout + done.stderr
    assert set(said) <= {"NOERROR", "NOTAUTH"}, said
    assert done.stderr.count("update failed: NOTAUTH(BADKEY)") == said.count("NOTAUTH"), done.stderr
    return {script for script, status in zip(SCRIPTS, said, strict=True) if status == "NOERROR"}


def absolute(line: str) -> str:
    """Return a command with its owner made absolute."""
    words = line.split()
    at = 2 if words[0] == "prereq" else 1
    words[at] = "example.com." if words[at] == "@" else f"{words[at]}.example.com."
    return " ".join(words)


@pytest.mark.parametrize("rule", RULES, ids=[rule.key for rule in RULES])
def test_what_a_rule_allows(places: tuple[tuple[str, int], tuple[str, int]], rule: Rule) -> None:
    """Each update is carried out or refused as knotd does it."""
    ours = allowed(places[0], rule.key)
    assert ours == ALLOWED[rule.key]
    if rule in OF_KNOT:
        assert ours == allowed(places[1], rule.key)
