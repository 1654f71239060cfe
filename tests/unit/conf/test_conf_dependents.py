# SPDX-License-Identifier: Apache-2.0
"""A changed key, remote, group, rule or template reaches the zones that have something of it, and no others."""

import pytest

from control.conf.database import ConfDatabase
from control.conf.dynamic import ActiveConfiguration
from control.conf.errors import EditError
from control.conf.export import export_lines
from control.conf.peers import PeerEndpoint
from control.conf.source import load_database
from tests.unit.conf.test_conf_dynamic import active, document_of, operand, read, shown

TEXT = """\
key:
  - id: k
    secret: c2VjcmV0
remote:
  - id: r
    address: [192.0.2.1, 192.0.2.9@53]
    key: k
  - id: other
    address: 192.0.2.2
remotes:
  - id: g
    remote: [other, r]
acl:
  - id: by-key
    key: k
    action: transfer
  - id: by-group
    remote: g
  - id: open
    address: 192.0.2.0/24
template:
  - id: t
    acl: by-group
  - id: m
    master: other
zone:
  - domain: by-master
    master: r
  - domain: by-group
    notify: g
  - domain: by-rule
    acl: by-key
  - domain: by-template
    template: t
  - domain: otherwise
    template: t
    acl: open
  - domain: to-other
    ddns-master: other
  - domain: catalog
    catalog-role: interpret
    catalog-template: m
  - domain: plain
"""
OF_KEY = {"by-master.", "by-group.", "by-rule.", "by-template."}
OF_REMOTE = OF_KEY - {"by-rule."}

CHANGES = [
    ("set key[k].secret=b3RoZXI=", OF_KEY),
    ("set key[k].algorithm=hmac-sha512", OF_KEY),
    ("set remote[r].no-edns=on", {"by-master.", "by-group."}),
    ("set remote[r].address=::1", OF_REMOTE),
    ("unset remote[r].key", OF_REMOTE),
    ("set remote[other].tls=on", {"by-group.", "to-other."}),
    ("set remote[other].address=::1", {"by-group.", "by-template.", "to-other."}),
    ("unset remotes[g].remote=r", {"by-group.", "by-template."}),
    ("set acl[by-group].deny=on", {"by-template."}),
    ("set acl[open].comment=text", set()),
    ("set template[t].notify-delay=5", {"by-template.", "otherwise."}),
    ("set zone[by-master].master=g", {"by-master."}),
    (
        "set server.automatic-acl=on",
        {*OF_KEY, "otherwise.", "to-other.", "catalog.", "plain."},
    ),
    ("set server.version=x", set()),
]


def change(configuration: ActiveConfiguration, text: str) -> None:
    verb, _, key = text.partition(" ")
    getattr(configuration.current(), verb)(operand(key))


@pytest.mark.parametrize(("text", "expected"), CHANGES)
def test_zones_that_a_change_reaches(text: str, expected: set[str]) -> None:
    """The zones that differ are named, have their new values, and are those a reading of the same text makes."""
    configuration = active(TEXT)
    before = dict(configuration.config.zones)
    configuration.begin()
    change(configuration, text)
    found = configuration.commit()
    assert set(found.changed) == expected
    assert all(found.new.zones[name] is before[name] for name in before.keys() - expected)
    read_again = active("".join(export_lines(configuration.document)))
    assert configuration.config._replace(file="") == read_again.config._replace(file="")


def test_one_change_after_the_other() -> None:
    """What a commit made of other servers is not used after the next one changed it."""
    configuration = active(TEXT)
    for port in (1, 2):
        configuration.begin()
        change(configuration, "unset remote[other].address")
        change(configuration, f"set remote[other].address=::1@{port}")
        configuration.commit()
        configuration.begin()
        change(configuration, f"set zone.domain=new{port}")
        change(configuration, f"set zone[new{port}].master=other")
        assert configuration.commit().added == (f"new{port}.",)
        (remote,) = configuration.config.zones[f"new{port}."].replication.masters
        assert remote.addresses == (PeerEndpoint("::1", port),)
        assert configuration.config.remotes["other"] == remote


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("unset key[k]", "(invalid reference) remote[r].key = k."),
        ("unset remote[other]", "(invalid reference) remotes[g].remote = other"),
        ("unset acl[open]", "(invalid reference) zone[otherwise.].acl = open"),
        ("unset key[k].secret", "(no key secret defined) key[k.]"),
        ("set acl[by-key].remote=r", "(specified ACL/remote together with address, key, protocol, cert-key, or "),
        ("set remote[r].cert-hostname=x", "(cert-key and cert-hostname of remote 'r' in an ACL: not supported by "),
        ("set template[m].catalog-role=generate", "(catalog role interpret in a catalog template) zone[catalog.]"),
        ("unset template[m]", "(invalid reference) zone[catalog.].catalog-template = m"),
    ],
)
def test_refused_because_of_others(text: str, error: str) -> None:
    """A block is refused when it is needed, lacks something, or makes one that refers to it wrong."""
    configuration = active(TEXT)
    configuration.begin()
    change(configuration, text)
    with pytest.raises(EditError) as caught:
        configuration.commit()
    assert str(caught.value).startswith(error)
    assert configuration.transaction is not None


def test_values_are_shown_as_configured() -> None:
    """Addresses keep the port that was written, secrets are shown, key names have their final dot."""
    configuration = active(TEXT)
    configuration.begin()
    change(configuration, "set remote[r].via=0.0.0.0%eth0@99")
    change(configuration, "set acl[open].address=2001:DB8::1-2001:DB8::2")
    assert read(configuration, "remote[r]") == [
        "remote.id r",
        "remote[r].address 192.0.2.1 192.0.2.9@53",
        "remote[r].via 0.0.0.0%eth0@99",
        "remote[r].key k.",
    ]
    assert read(configuration, "key") == ["key.id k.", "key[k.].secret c2VjcmV0"]
    assert shown(configuration.current().diff("acl")) == [
        "-acl[open].address 192.0.2.0/24",
        "+acl[open].address 192.0.2.0/24 2001:db8::1-2001:db8::2",
    ]


def test_database_keeps_it(tmp_path: object) -> None:
    """What was committed to a database is read from it as the same configuration."""
    document = document_of(TEXT)
    with ConfDatabase(f"{tmp_path}/db", 1 << 22, create=True) as database:
        database.replace(document)
        configuration = ActiveConfiguration(*load_database(database), database)
        configuration.begin()
        change(configuration, "set remote[r].via=::1@7")
        change(configuration, "set zone[plain].refresh-jitter=10%")
        change(configuration, "set zone[by-template].acl=open")
        configuration.commit()
        assert load_database(database)[1] == configuration.config
        assert configuration.config.zones["plain."].replication.refresh_jitter_percent == 10


def test_members_follow_their_template() -> None:
    """A member of a catalog is made of the configuration in use."""
    configuration = active(TEXT)
    first = configuration.member("x.", "m", "catalog.")
    assert configuration.member("x.", "m", "catalog.") == first
    assert (first.catalog.interpreted_from, len(first.replication.masters)) == ("catalog.", 1)
    configuration.begin()
    change(configuration, "set template[m].master=r")
    configuration.commit()
    assert len(configuration.member("x.", "m", "catalog.").replication.masters) == 2
