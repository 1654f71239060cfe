# SPDX-License-Identifier: Apache-2.0
"""What a catalog's contents say of its members."""

import pytest

from control.catalog.read import CatalogContents, read_catalog
from control.errors import CatalogRefused
from control.store.members import Member
from tests.support.ask import name_wire
from tests.support.catalogs import VERSION, catalog_pairs_of

APEX = "cat.example."
CATALOG = name_wire(APEX)
A, B = name_wire("a.test."), name_wire("b.test.")


def read(*lines: str, version: str = VERSION) -> CatalogContents:
    """Return what a catalog of these lines says."""
    return read_catalog(CATALOG, catalog_pairs_of(APEX, *lines, version=version))


def test_a_member_has_a_label_a_zone_and_a_group() -> None:
    """Names are in lower case; what is not told is empty."""
    found = read("U1.zones 0 PTR A.Test.", "u2.zones 0 PTR b.test.", 'group.u2.zones 0 TXT "Gold"')
    assert found.members == {A: Member(A, CATALOG, b"u1"), B: Member(B, CATALOG, b"u2", b"Gold")}
    assert not found.duplicates


def test_an_empty_catalog_is_one() -> None:
    """Without member nodes there are no members."""
    assert read() == CatalogContents()


@pytest.mark.parametrize(
    "version",
    [
        "",
        'version 0 TXT "1"\n',
        'version 0 TXT "2" "2"\n',
        'version 0 TXT "2"\nversion 0 TXT "1"\n',
        "version 0 A 1.2.3.4\n",
    ],
)
def test_without_version_2_it_is_no_catalog(version: str) -> None:
    """Missing, other, several and in another type."""
    with pytest.raises(CatalogRefused, match="version") as refusal:
        read("u1.zones 0 PTR a.test.", version=version)
    assert refusal.value.reason == "invalid zone file"


def test_what_is_deeper_or_elsewhere_is_ignored() -> None:
    """Only PTR records directly below `zones` are members."""
    found = read(
        "x.u1.zones 0 PTR a.test.",
        "zones 0 PTR a.test.",
        "u2 0 PTR a.test.",
        "u3.zones 0 TXT a.test.",
        'group.u4.zones 0 TXT "g"',
        "u5.xzones 0 PTR a.test.",
    )
    assert found == CatalogContents()


def test_a_node_with_several_zones_breaks_the_catalog() -> None:
    """Which of them is meant cannot be told (RFC 9432, section 5.1)."""
    with pytest.raises(CatalogRefused, match=r"2 PTR records at u1\.zones\.cat\.example\."):
        read("u1.zones 0 PTR a.test.", "u1.zones 0 PTR b.test.")


def test_a_zone_under_two_labels_is_one_member() -> None:
    """The first in canonical order counts, the others are told."""
    found = read("u2.zones 0 PTR a.test.", "u1.zones 0 PTR a.test.")
    assert found.members == {A: Member(A, CATALOG, b"u1")}
    assert found.duplicates == [A]


def test_one_of_several_groups_is_taken() -> None:
    """The first in canonical order; of several strings the first."""
    found = read("u1.zones 0 PTR a.test.", 'group.u1.zones 0 TXT "z" "y"', 'group.u1.zones 0 TXT "b"')
    assert found.members[A].group == b"b"


def test_a_successor_is_told_of_a_member() -> None:
    """The property coo names another catalog."""
    found = read("u1.zones 0 PTR a.test.", "coo.u1.zones 0 PTR Other.example.", "coo.u2.zones 0 PTR x.")
    assert found.successors == {A: name_wire("other.example.")}


def test_labels_of_any_octets_are_read() -> None:
    """Octets that are escaped in keys of the store, too."""
    found = read(r"a\000b\001c.zones 0 PTR a.test.")
    assert found.members[A].unique == b"a\0b\1c"
