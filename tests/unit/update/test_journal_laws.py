# SPDX-License-Identifier: Apache-2.0
"""Laws of changesets on made-up zones: what they do to a zone, alone, in their stored form, and merged."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from control.store.changeset import Changeset, make_changeset, pack_entries, unpack_entries
from control.store.keys import pack_rrset, rrset_key, type_of_key, unpack_rdatas, unpack_ttl
from control.update.difference import find_changes
from control.update.merge import merge_changesets, net_changes, replay

Zone = dict[bytes, bytes]

ZONE_ID = 7
LIMIT = 1000

owners = st.lists(st.sampled_from([b"\1a", b"\1b", b"\2a\0", b"\1*"]), max_size=2).map(
    lambda labels: b"".join(labels) + b"\7example\0"
)
keys = st.builds(rrset_key, st.just(ZONE_ID), owners, st.sampled_from([1, 6, 16]))
values = st.builds(pack_rrset, st.integers(0, 2), st.sets(st.binary(min_size=1, max_size=1), min_size=1, max_size=3))


def one_soa(zone: Zone) -> Zone:
    """Leave one record in each SOA RRset: a zone has no other, and an SOA that is added replaces the one there."""
    return {
        key: pack_rrset(unpack_ttl(value), unpack_rdatas(value)[:1]) if type_of_key(key) == 6 else value
        for key, value in zone.items()
    }


zones = st.dictionaries(keys, values, max_size=12).map(one_soa)


def difference(old: Zone, new: Zone, serial: int = 1) -> Changeset:
    """The changeset from one version to another."""
    changes = find_changes(sorted(old.items()), sorted(new.items()), LIMIT)
    assert changes is not None
    return make_changeset(changes, (serial, serial + 1), 0)


def apply(zone: Zone, *changesets: Changeset) -> Zone:
    """What a zone becomes by changesets one after the other, each replayed alone."""
    for changeset in changesets:
        zone = dict(replay(sorted(zone.items()), net_changes([changeset]), ZONE_ID))
    return zone


@given(zones, zones)
def test_a_difference_applied_gives_the_new_version(old: Zone, new: Zone) -> None:
    """And what it removes was there, what it adds was not."""
    changeset = difference(old, new)
    assert apply(old, changeset) == new
    if old == new:
        assert not changeset.removals
        assert not changeset.additions


@given(zones, zones)
def test_a_difference_applied_twice_is_applied_once(old: Zone, new: Zone) -> None:
    """A change that was replayed already does no harm."""
    changeset = difference(old, new)
    assert apply(old, changeset, changeset) == new


@given(st.lists(zones, min_size=3, max_size=6))
def test_merged_is_one_after_the_other(versions: list[Zone]) -> None:
    """However the chain is cut and merged, it leads from the first version to the last."""
    chain = [difference(old, new, serial) for serial, (old, new) in enumerate(pairwise(versions), 1)]
    merged = merge_changesets(chain)
    assert (merged.serial_from, merged.serial_to, merged.merged) == (1, len(versions), True)
    assert apply(versions[0], merged) == versions[-1]
    for cut in range(1, len(chain)):
        parts = merge_changesets(chain[:cut]), merge_changesets(chain[cut:])
        assert apply(versions[0], *parts) == versions[-1]
        assert apply(versions[0], merge_changesets(parts)) == versions[-1]
    assert dict(replay(sorted(versions[0].items()), net_changes(chain), ZONE_ID)) == versions[-1]


@given(zones, zones, st.integers(1, 40))
def test_stored_in_chunks_and_read_again(old: Zone, new: Zone, size: int) -> None:
    """Wherever the chunks of a changeset end, the same is read."""
    changeset = difference(old, new)
    for part in (changeset.removals, changeset.additions):
        octets = pack_entries(part)
        chunks = [octets[at : at + size] for at in range(0, len(octets), size)]
        assert tuple(unpack_entries(chunks)) == part
