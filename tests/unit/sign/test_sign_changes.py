# SPDX-License-Identifier: Apache-2.0
"""Changes of signed zones: whatever is changed, the zone is signed as it would be if all of it were signed anew."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.conf.policy import PolicyConf
from control.errors import ZoneError
from control.store.keys import Record
from tests.support.signed import signed_zones

APEX = b"\7example\0"
ZONE = """\
$ORIGIN example.
$TTL 60
@ SOA ns hm 10 3600 900 604800 30
@ NS ns
ns A 192.0.2.1
deep.below.empty A 192.0.2.2
cut NS ns.cut
ns.cut A 192.0.2.3
secure NS ns
secure DS 1 13 2 00000000000000000000000000000000000000000000000000000000000000ff
"""
A, NS, SOA, TXT, DNAME, DS = 1, 2, 6, 16, 39, 43
POLICIES = {
    "nsec": PolicyConf(),
    "nsec3": PolicyConf(nsec3=True, nsec3_salt_length=2, nsec3_iterations=1),
    "opt-out": PolicyConf(nsec3=True, nsec3_opt_out=True),
    "csk": PolicyConf(single_type_signing=True),
}
RDATAS = {
    A: b"\xc0\0\2\7",
    TXT: b"\1x",
    NS: b"\2ns\7example\0",
    DNAME: b"\6target\0",
    DS: b"\0\1\x0d\2" + bytes(32),
}
LABELS = (b"\1a", b"\1b", b"\1*", b"\3cut", b"\6secure", b"\5below", b"\5empty", b"\2ns")


@st.composite
def records(draw: st.DrawFn) -> Record:
    """A record at one of few names, so that they stand above and beneath each other."""
    labels = draw(st.lists(st.sampled_from(LABELS), max_size=3))
    rtype = draw(st.sampled_from(list(RDATAS)))
    return Record(b"".join(labels) + APEX, rtype, draw(st.sampled_from([60, 300])), RDATAS[rtype])


@pytest.mark.parametrize("kind", POLICIES)
@settings(max_examples=25)
@given(steps=st.lists(st.tuples(st.booleans(), st.lists(records(), min_size=1, max_size=4)), max_size=8))
def test_any_changes(kind: str, steps: list[tuple[bool, list[Record]]]) -> None:
    """After any changes nothing is left to be signed, and no signature or proof is wrong."""
    with tempfile.TemporaryDirectory() as directory, signed_zones(Path(directory), POLICIES[kind]) as zones:
        zones.load(APEX, ZONE)
        assert zones.lacking(APEX) == []
        for adds, changed in steps:
            try:
                zones.change(APEX, *((), changed) if adds else (changed, ()))
            except ZoneError:
                continue
            assert zones.lacking(APEX) == []
