# SPDX-License-Identifier: Apache-2.0
"""Semantic checks: what contradicts itself is refused in Knot's words, and everything wrong can be had at once."""

from pathlib import Path

import pytest

from control.conf.check import all_problems, find_problems
from control.conf.errors import ConfigurationError
from control.conf.parse import parse_text

ZONE = "zone:\n  - domain: a\n"
POLICY = "policy:\n  - id: p\n"
REMOTE = "remote:\n  - id: r\n    address: 192.0.2.1\n"
INTERVAL = "'{0}-min-interval' is higher than '{0}-max-interval'"

REFUSED = [
    ("key:\n  - id: k\n", "no key secret defined"),
    ("remote:\n  - id: r\n", "no remote address defined"),
    ("remotes:\n  - id: g\n", "no remote defined"),
    (
        f"{REMOTE}acl:\n  - id: a\n    remote: r\n    protocol: tcp\n",
        "specified ACL/remote together with address, key, protocol, cert-key, or cert-hostname",
    ),
    (
        f"{POLICY}    rrsig-lifetime: 10d\n    rrsig-refresh: 10d\n",
        "RRSIG refresh + pre-refresh higher than RRSIG lifetime",
    ),
    (
        f"{POLICY}    zsk-lifetime: 7201\n",
        "ZSK lifetime too low according to propagation delay, DNSKEY TTL, and maximum zone TTL",
    ),
    (
        f"{POLICY}    rrsig-lifetime: 10d\n    rrsig-refresh: 8d\n    dnssec-jitter: 25%\n",
        "RRSIG refresh + pre-refresh higher than RRSIG lifetime",
    ),
    (
        f"{POLICY}    rrsig-lifetime: 200\n    rrsig-refresh: 180\n    dnssec-jitter: 19\n",
        "RRSIG refresh + pre-refresh higher than RRSIG lifetime",
    ),
    (f"{POLICY}    ksk-size: 1024\n", "KSK key size not compatible with the algorithm"),
    (f"{POLICY}    algorithm: rsasha256\n    zsk-size: 512\n", "ZSK key size not compatible with the algorithm"),
    (
        f"{REMOTE}{POLICY}    cds-cdnskey-publish: none\n    ds-push: r\n",
        "DS push requires enabled CDS/CDNSKEY publication",
    ),
    (
        f"{ZONE}    dnssec-signing: on\n    dnssec-validation: on\n",
        "'dnssec-validation' is not compatible with 'dnssec-signing'",
    ),
    (
        f"{ZONE}    zonefile-load: difference-no-serial\n",
        "'zonefile-load: difference-no-serial' requires 'journal-content: all'",
    ),
    (
        f"{ZONE}    serial-modulo: 1/4\n    zonefile-load: none\n",
        "'serial-modulo' is only possible with `dnssec-signing`",
    ),
    (
        f"{ZONE}    serial-modulo: 1/4\n    dnssec-signing: on\n",
        "'serial-modulo' requires 'zonefile-load' either 'none' or 'difference-no-serial'",
    ),
    (
        f"{REMOTE}    cert-hostname: a\nremotes:\n  - id: g\n    remote: r\nacl:\n  - id: a\n    remote: g\n",
        "cert-key and cert-hostname of remote 'r' in an ACL: not supported by this server, name addresses and keys",
    ),
    ("server:\n  listen: ::1@853\n  listen-tls: ::1\n", "listen-tls address ::1@853 is in listen as well"),
    ("server:\n  listen-tls: [192.0.2.1, 0.0.0.0]\n", "listen address 192.0.2.1@853 is covered by 0.0.0.0@853"),
    (f"{ZONE}    refresh-max-interval: 5\n    refresh-min-interval: 6\n", INTERVAL.format("refresh")),
    (f"{ZONE}    retry-max-interval: 5\n    retry-min-interval: 6\n", INTERVAL.format("retry")),
    (f"{ZONE}    expire-max-interval: 5\n    expire-min-interval: 6\n", INTERVAL.format("expire")),
    (f"{ZONE}    catalog-zone: c\n", "'catalog-zone' not compatible with catalog role"),
    (f"{ZONE}    catalog-role: interpret\n", "'catalog-template' required with catalog role"),
    (f"{ZONE}    catalog-role: member\n", "'catalog-zone' required with catalog role"),
    (
        f"template:\n  - id: t\n{ZONE}    catalog-template: t\n",
        "'catalog-template' not compatible with catalog role",
    ),
    (
        f"template:\n  - id: t\n    catalog-role: generate\n"
        f"{ZONE}    catalog-role: interpret\n    catalog-template: t\n",
        "catalog role interpret in a catalog template",
    ),
    (
        f"{REMOTE}{POLICY}    cds-cdnskey-publish: none\n{ZONE}    dnssec-policy: p\n    ds-push: r\n",
        "DS push requires enabled CDS/CDNSKEY publication",
    ),
    (f'{ZONE}    ddns-master: ""\n', "empty 'ddns-master' requires 'dnssec-signing' enabled"),
    ("template:\n  - id: t\n    global-module: mod-stats\n", "global module in non-default template"),
    ("control:\n  listen: [a, b, c, d, e]\n", "too many control sockets configured"),
    ("mod-cookies:\n  - id: c\n    secret: [0x" + "00" * 16 + ", 0x" + "01" * 16 + ", 0x" + "02" * 16 + "]\n", "many"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_refused(text: str, reason: str) -> None:
    """Each contradiction is refused once, at the line after its block."""
    document = parse_text(text, "k.conf", problems=[])
    (problem,) = list(find_problems(document))
    assert reason in problem.reason
    assert problem.line == text.count("\n") + 1


ACCEPTED = [
    f"{ZONE}    zonefile-load: difference-no-serial\n    journal-content: all\n",
    f"{POLICY}    zsk-lifetime: 0\n",
    f"{POLICY}    zsk-lifetime: 7202\n",
    f'{REMOTE}template:\n  - id: t\n    master: r\n{ZONE}    template: t\n    master: ""\n    notify: []\n',
    f"{ZONE}    dnssec-policy: default\n",
    f"{POLICY}    rrsig-lifetime: 200\n    rrsig-refresh: 180\n    dnssec-jitter: 10%\n",
    f"{POLICY}    rrsig-lifetime: 10\n",
    f"{POLICY}    keystore: default\n",
    f'{ZONE}    dnssec-signing: on\n    ddns-master: ""\n    serial-modulo: 1/4\n    zonefile-load: none\n',
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_accepted(text: str) -> None:
    """What is just inside the rules passes, but for items that are not supported."""
    problems: list[ConfigurationError] = []
    problems += find_problems(parse_text(text, "k.conf", problems=problems))
    assert {problem.reason for problem in problems} <= {"not supported by this server"}


def test_template_counts_for_its_zones() -> None:
    """A zone is refused for what it has from its template, and a template that no zone uses is not."""
    template = "template:\n  - id: t\n    zonefile-load: difference-no-serial\n"
    assert not list(find_problems(parse_text(template, "k.conf")))
    zones = f"{template}zone:\n  - domain: a\n    template: t\n  - domain: b\n    template: t\n"
    assert [problem.section for problem in find_problems(parse_text(zones, "k.conf"))] == ["zone[a.]", "zone[b.]"]


REFERENCES = [
    ("acl:\n  - id: a\n    key: k\n", "key", "invalid reference"),
    ('zone:\n  - domain: a\n    acl: ""\n', "acl", "invalid reference"),
    ("template:\n  - id: default\n    global-module: mod-nothing\n", "global-module", "unknown module"),
    ("template:\n  - id: default\n    global-module: mod-stats/x\n", "global-module", "invalid module reference"),
    ("zone:\n  - domain: a\n    dnssec-policy: p\npolicy:\n  - id: p\n", "dnssec-policy", "invalid reference"),
    ("mod-rrl:\n  - id: r\nzone:\n  - domain: a\n    module: mod-rrl/r\n", "module", "not supported by this server"),
]


@pytest.mark.parametrize(("text", "item", "reason"), REFERENCES)
def test_references(text: str, item: str, reason: str) -> None:
    """What a value names has to be there before it, and a module where it works."""
    problems: list[ConfigurationError] = []
    parse_text(text, "k.conf", problems=problems)
    assert (item, reason) in [(problem.item, problem.reason) for problem in problems]


def test_groups_of_remotes() -> None:
    """A group stands where remotes do, except where one remote is meant."""
    groups = f"{REMOTE}remotes:\n  - id: g\n    remote: [r]\n"
    problems: list[ConfigurationError] = []
    parse_text(f"{groups}{ZONE}    master: g\n    ddns-master: g\n", "k.conf", problems=problems)
    assert [problem.item for problem in problems if problem.reason == "invalid reference"] == ["ddns-master"]


def test_obsolete_items_are_told() -> None:
    """An obsolete item has no effect but a notice."""
    document = parse_text("server:\n  tcp-fastopen: on\n", "k.conf")
    assert document.notices == ["config, line 2, option 'server.tcp-fastopen' is obsolete and has no effect"]
    assert not document.single("server")


def test_everything_at_once(tmp_path: Path) -> None:
    """Every error and every item that is not supported is listed, in reading order, also of included files."""
    (tmp_path / "more.conf").write_text("policy:\n  - id: x\n    manual: maybe\n    offline-ksk: on\nbad line\n")
    main = tmp_path / "main.conf"
    main.write_text(
        "nothing:\n  - id: skipped\nserver:\n  listen: 300.0.0.1@x\n  tcp-workers: 4\ninclude: more.conf\n"
        "zone:\n  - domain: a\n    dnssec-policy: x\n  - domain: a\n    file: '%x'\n  - domain: b..c\n    foo: 1\n"
        '  - domain: d\n    file: "%x"\n    zonefile-load: difference-no-serial\n'
    )
    found = [(Path(problem.file).name, problem.line, problem.reason) for problem in all_problems(str(main))[1]]
    assert found == [
        ("main.conf", 1, "invalid item"),
        ("main.conf", 4, "invalid parameter"),
        ("main.conf", 5, "not supported by this server"),
        ("main.conf", 10, "duplicate identifier"),
        ("main.conf", 12, "invalid parameter"),
        ("main.conf", 13, "invalid item"),
        ("main.conf", 17, "'zonefile-load: difference-no-serial' requires 'journal-content: all'"),
        ("main.conf", 17, "invalid parameter, formatter %x"),
        ("more.conf", 3, "invalid parameter"),
        ("more.conf", 4, "not supported by this server"),
        ("more.conf", 5, "parser failed"),
    ]
