# SPDX-License-Identifier: Apache-2.0
"""What changes when a catalog does."""

from collections.abc import Container, Mapping

from control.catalog.membership import MembershipChange, choose_template, compare
from control.catalog.read import CatalogContents
from control.store.members import Member

CAT, OTHER = b"\3cat\0", b"\5other\0"
A, B, C = b"\1a\0", b"\1b\0", b"\1c\0"


def changes(
    *wanted: Member,
    known: tuple[Member, ...] = (),
    configured: Container[bytes] = (),
    successors: Mapping[bytes, bytes] | None = None,
) -> MembershipChange:
    """Compare catalog CAT that has these members with those that are known."""
    contents = CatalogContents({member.zone: member for member in wanted})
    by_zone = {member.zone: member for member in known}
    return compare(CAT, contents, by_zone, configured, lambda member: (successors or {}).get(member.zone))


def test_members_come_and_go() -> None:
    """Those that stay as they are are not touched."""
    a, b, c = Member(A, CAT, b"1"), Member(B, CAT, b"2"), Member(C, CAT, b"3")
    change = changes(a, c, known=(a, b))
    assert change == MembershipChange((b,), (c,), (), ())
    assert change.size == 2


def test_another_label_resets_a_member() -> None:
    """It is removed as it was and added as it is, which counts as one change."""
    before, after = Member(A, CAT, b"1"), Member(A, CAT, b"2")
    change = changes(after, known=(before,))
    assert change == MembershipChange((before,), (after,), (), ())
    assert change.size == 1


def test_another_group_keeps_a_member() -> None:
    """Only what it is served by changes."""
    after = Member(A, CAT, b"1", b"gold")
    assert changes(after, known=(Member(A, CAT, b"1"),)) == MembershipChange((), (), (after,), ())


def test_configured_zones_are_no_members() -> None:
    """What the configuration has is not the catalog's."""
    assert changes(Member(A, CAT, b"1"), configured={A}).ignored == (A,)


def test_members_of_other_catalogs_stay_there() -> None:
    """Neither taken over nor removed."""
    other = Member(A, OTHER, b"1")
    assert changes(Member(A, CAT, b"1"), known=(other,)) == MembershipChange((), (), (), (A,))
    assert not changes(known=(other,)).size


def test_a_member_is_handed_over() -> None:
    """With the consent of its catalog; under the same label it keeps its state."""
    before, after = Member(A, OTHER, b"1"), Member(A, CAT, b"1")
    assert changes(after, known=(before,), successors={A: CAT}) == MembershipChange((), (), (after,), ())
    renamed = Member(A, CAT, b"2")
    assert changes(renamed, known=(before,), successors={A: CAT}) == MembershipChange((before,), (renamed,), (), ())


def test_a_group_chooses_the_template() -> None:
    """A group that is no template of the catalog means the first."""
    assert choose_template(b"gold", ("plain", "gold")) == "gold"
    assert choose_template(b"", ("plain", "gold")) == "plain"
    assert choose_template(b"\xff", ("plain",)) == "plain"
