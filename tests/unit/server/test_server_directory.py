# SPDX-License-Identifier: Apache-2.0
"""The directory of configured zones."""

from control.conf.model import ZoneConf
from control.server.directory import Directory


def confs(*names: str, file: str = "/zones/x.zone") -> dict[str, ZoneConf]:
    """A configuration of zones with one file name."""
    return {name: ZoneConf(name, file, 3600) for name in names}


def names(directory: Directory) -> list[str]:
    """The zones in the order of the directory."""
    return [handle.name for handle in directory.all()]


def test_zones_are_in_canonical_order() -> None:
    """The order is that of DNSSEC, whatever the order of the configuration."""
    directory = Directory()
    directory.follow(confs("b.example.", "a.", "example.", "a.example.", "."))
    assert names(directory) == [".", "a.", "example.", "a.example.", "b.example."]


def test_a_zone_comes_and_goes() -> None:
    """Only what differs is reported, and the handles of the other zones stay the same objects."""
    directory = Directory()
    many = [f"z{number}.example." for number in range(100)]
    directory.follow(confs(*many))
    first = directory.find("z5.example.")
    difference = directory.follow(confs(*many, "new.example."))
    assert [handle.name for handle in difference.added] == ["new.example."]
    assert (difference.removed, difference.changed) == ([], [])
    assert names(directory)[0] == "new.example."
    difference = directory.follow(confs(*many))
    assert [handle.name for handle in difference.removed] == ["new.example."]
    assert directory.find("new.example.") is None
    assert directory.find("z5.example.") is first
    assert len(directory) == 100


def test_changed_zones_have_their_new_configuration() -> None:
    """A zone whose items changed is reported with the new ones."""
    directory = Directory()
    directory.follow(confs("a.", "b."))
    difference = directory.follow(confs("a.") | confs("b.", file="/zones/y.zone"))
    assert [(handle.name, handle.conf.file) for handle in difference.changed] == [("b.", "/zones/y.zone")]


def test_all_can_be_gone_through_while_zones_change() -> None:
    """Zones that were removed meanwhile are left out."""
    directory = Directory()
    directory.follow(confs("a.", "b.", "c."))
    seen = []
    for handle in directory.all():
        seen.append(handle.name)
        if handle.name == "a.":
            for gone in directory.follow(confs("a.", "c.")).removed:
                gone.removed = True
    assert seen == ["a.", "c."]
