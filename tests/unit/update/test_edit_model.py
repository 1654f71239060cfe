# SPDX-License-Identifier: Apache-2.0
"""A zone transaction against a simple model: any steps, the same contents, refusals and commit."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.conf.zone import DEFAULT_SETTINGS
from control.store.environment import Store
from control.store.keys import Record, owner_of_key, parse_owner_key, type_of_key, unpack_rdatas, unpack_ttl
from control.update.edit import ZoneEdit
from control.zonefile.refusal import RecordRefused, Refusal
from tests.support.stored import StoredZones

APEX = b"\7example\0"
SOA, A, TXT = 6, 1, 16
OWNERS = [APEX, b"\1a" + APEX, b"\1b\1a" + APEX, b"\1*" + APEX]
RDATAS = {A: [b"\xc0\0\2\1", b"\xc0\0\2\2"], TXT: [b"\1a", b"\1b", b"\1a\1b"]}
ZONE = """\
@ 60 SOA ns hm 10 3600 900 604800 300
@ 60 NS ns
a 60 A 192.0.2.1
a 60 TXT a
"""

Model = dict[tuple[bytes, int], tuple[int, frozenset[bytes]]]


class Step(NamedTuple):
    """One change; `rdata` and `rtype` may be left out of a removal."""

    adds: bool
    owner: bytes
    rtype: int | None
    ttl: int
    rdata: bytes | None


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """A step on few names, so that they meet."""
    adds, rtype = draw(st.booleans()), draw(st.sampled_from([A, TXT]))
    rdata = draw(st.sampled_from(RDATAS[rtype]))
    depth = 2 if adds else draw(st.integers(0, 2))
    owner, ttl = draw(st.sampled_from(OWNERS)), draw(st.sampled_from([60, 300]))
    return Step(adds, owner, rtype if depth else None, ttl, rdata if depth == 2 else None)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store with the zone, which no test changes."""
    path: Path = tmp_path_factory.mktemp("edit") / "store"
    with Store(path, 64 << 20, 1) as opened:
        StoredZones(opened).put(APEX, ZONE)
        yield opened


def contents(edit: ZoneEdit) -> Model:
    """What reading an edit gives."""
    return {
        (parse_owner_key(owner_of_key(key)), type_of_key(key)): (unpack_ttl(value), frozenset(unpack_rdatas(value)))
        for key, value in edit.read()
    }


def expected(model: Model, step: Step) -> Refusal | None:
    """Change the model as a step says, or return why not."""
    if step.adds:
        assert step.rtype is not None
        assert step.rdata is not None
        ttl, rdatas = model.get((step.owner, step.rtype), (step.ttl, frozenset()))
        if step.rdata in rdatas and ttl == step.ttl:
            return Refusal.RECORD_EXISTS
        model[step.owner, step.rtype] = (step.ttl, rdatas | {step.rdata})
        return None
    there = [key for key in model if key[0] == step.owner]
    if not any(key[0].endswith(step.owner) for key in model):
        return Refusal.NO_NODE
    if step.rtype is None:
        for key in there:
            if key[1] != SOA:
                del model[key]
        return None
    ttl, rdatas = model.get((step.owner, step.rtype), (0, frozenset()))
    if not rdatas:
        return Refusal.NOT_EXISTS
    if step.rdata is not None and step.rdata not in rdatas:
        return Refusal.NO_RECORD
    left = rdatas - {step.rdata} if step.rdata is not None else frozenset()
    model.pop((step.owner, step.rtype))
    if left:
        model[step.owner, step.rtype] = (ttl, left)
    return None


def carry_out(edit: ZoneEdit, step: Step) -> Refusal | None:
    """Do a step, or return why it was refused."""
    try:
        if step.adds:
            edit.set(Record(step.owner, step.rtype or 0, step.ttl, step.rdata or b""))
        else:
            edit.unset(step.owner, step.rtype, step.rdata)
    except RecordRefused as error:
        return error.refusal
    return None


@given(st.lists(steps(), max_size=25))
def test_any_steps(store: Store, todo: list[Step]) -> None:
    """After each step both have the same contents; diff and changes are what leads there from the base."""
    edit = ZoneEdit(store, APEX, DEFAULT_SETTINGS)
    base = contents(edit)
    model = dict(base)
    for step in todo:
        assert carry_out(edit, step) == expected(model, step), step
        assert contents(edit) == model
    assert edit.is_empty() == (model == base)
    removed, added = ({(parse_owner_key(owner_of_key(key)), type_of_key(key), unpack_ttl(value), rdata)
                       for key, value in pairs for rdata in unpack_rdatas(value)} for pairs in edit.diff())  # fmt: skip
    assert (flat(base) - removed) | added == flat(model)
    assert removed <= flat(base)
    assert not added & flat(base)
    for change in edit.changes():
        name = (parse_owner_key(owner_of_key(change.key)), type_of_key(change.key))
        assert (change.new is None) == (name not in model)


@given(st.lists(steps(), max_size=25))
def test_benevolent_steps(store: Store, todo: list[Step]) -> None:
    """What is there may be added, what is not may be removed; all else is the same."""
    edit = ZoneEdit(store, APEX, DEFAULT_SETTINGS, benevolent=True)
    model = contents(edit)
    for step in todo:
        refusal = expected(model, step)
        assert carry_out(edit, step) == (refusal if refusal is Refusal.NO_NODE else None)
        assert contents(edit) == model


def flat(model: Model) -> set[tuple[bytes, int, int, bytes]]:
    """The records one by one."""
    return {(*name, ttl, rdata) for name, (ttl, rdatas) in model.items() for rdata in rdatas}
