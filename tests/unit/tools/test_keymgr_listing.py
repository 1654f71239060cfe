# SPDX-License-Identifier: Apache-2.0
"""How xdpdns-keymgr lists keys."""

import json
from dataclasses import replace

from control.store.kasp import Key, KeyTimers
from control.tools.keymgr_listing import Form, Listed, Look, key_lines, zone_lines
from control.tools.keymgr_times import TimeStyle

NOW = 1_795_914_653
KSK = Key("b" * 40, 13, 256, b"\1", True, False, KeyTimers(NOW - 9, 0, NOW - 9, NOW - 9, NOW - 5, remove=NOW + 60))
RSA = Key("a" * 40, 8, 2048, b"\1", False, True, KeyTimers(publish=NOW), is_public_only=True)
CSK = replace(KSK, id="c" * 40, algorithm=16, is_zsk=True, is_adt=True, is_for_later=True, keystore="hw")
LISTED = [Listed("z.", KSK, 398), Listed("z.", RSA, 65000), Listed("z.", CSK, 5, is_missing=True)]


def test_key_lines() -> None:
    """Sorted by id; only timers that are set, in their order; the size of RSA keys; what is out of the ordinary."""
    assert key_lines(LISTED, Look(now_s=NOW)) == [
        f"{'a' * 40} 65000 ZSK RSASHA256/2048 public-only publish={NOW}",
        f"{'b' * 40}   398 KSK ECDSAP256SHA256 created={NOW - 9} publish={NOW - 9} ready={NOW - 9} active={NOW - 5}"
        f" remove={NOW + 60}",
        f"{'c' * 40}     5 CSK ED448 for-later missing created={NOW - 9} publish={NOW - 9} ready={NOW - 9}"
        f" active={NOW - 5} remove={NOW + 60}",
    ]


def test_styles_of_times() -> None:
    """Relative to now, and as dates."""
    human, iso = (
        key_lines(LISTED[1:2], Look(style=style, now_s=NOW + 61))[0] for style in (TimeStyle.HUMAN, TimeStyle.ISO)
    )
    assert human.endswith(" publish=-1m1s")
    assert iso.endswith(" publish=2026-11-29T01:10:53Z")


def test_colours() -> None:
    """The role has its colour, the timer that was reached last is underlined, what is to come is bold."""
    line = key_lines(LISTED[:1], Look(now_s=NOW, colour=True))[0]
    assert "\x1b[1m  398\x1b[0m \x1b[1m\x1b[31mKSK\x1b[0m ECDSAP256SHA256 created\x1b[0m=" in line
    assert f"\x1b[4mactive\x1b[0m={NOW - 5}\x1b[0m remove\x1b[0m=\x1b[1m{NOW + 60}\x1b[0m" in line
    assert line.count("\x1b[4m") == 1


def test_full_lines() -> None:
    """Everything, padded to columns, with timers that are not set as 0."""
    lines = key_lines(LISTED, Look(Form.FULL, now_s=NOW))
    assert lines[1] == (
        f"{'b' * 40} ksk=yes zsk=no  tag=00398 algorithm=13 size=256  adt=no  public-only=no  for-later=no  missing=no "
        f" trash=no  keystore=PEM/- created={NOW - 9} pre-active=0 publish={NOW - 9} ready={NOW - 9} active={NOW - 5}"
        f" retire-active=0 retire=0 post-active=0 revoke=0 remove={NOW + 60}"
    )
    assert " algorithm=8  size=2048 adt=no  public-only=yes for-later=no " in lines[0]
    assert " keystore=-/- created=0 " in lines[0]
    assert " adt=yes public-only=no  for-later=yes missing=yes trash=no  keystore=PEM/hw " in lines[2]


def test_json() -> None:
    """Names, order and types of the fields; times as texts in the styles that are texts."""
    found = json.loads(key_lines(LISTED, Look(Form.JSON, now_s=NOW))[0])
    names = "zone id ksk zsk tag algorithm size adt public-only for-later missing trash backend keystore created"
    more = "pre-active publish ready active retire-active retire post-active revoke remove"
    assert list(found[0]) == f"{names} {more}".split()
    assert (found[1]["zone"], found[1]["ksk"], found[1]["tag"], found[1]["remove"]) == ("z.", True, 398, NOW + 60)
    assert (found[1]["backend"], found[1]["keystore"], found[1]["trash"]) == ("PEM", "-", False)
    assert json.loads(key_lines(LISTED, Look(Form.JSON, TimeStyle.ISO, NOW))[0])[1]["retire"] == "1970-01-01T00:00:00Z"
    assert key_lines([], Look(Form.JSON)) == ["[]"]


def test_trash() -> None:
    """A deleted key shows when it came and goes, and of which zone it was when there may be several."""
    deleted = [Listed("z.", KSK, 7, deleted=NOW, discard=NOW + 5)]
    line = f"{'b' * 40}     7 KSK ECDSAP256SHA256"
    assert key_lines(deleted, Look(now_s=NOW)) == [f"{line} deleted={NOW} discard={NOW + 5}"]
    assert key_lines(deleted, Look(now_s=NOW, with_zone=True)) == [f"{line} zone=z. deleted={NOW} discard={NOW + 5}"]
    assert " trash=yes keystore=PEM/- zone=z. deleted=" in key_lines(deleted, Look(Form.FULL, with_zone=True))[0]
    assert json.loads(key_lines(deleted, Look(Form.JSON))[0])[0]["discard"] == NOW + 5


def test_the_public_key_is_not_shown() -> None:
    """Listings say what keys are there, the command dnskey shows what they are."""
    shown = "\n".join(line for form in Form for line in key_lines(LISTED, Look(form)))
    assert "public_key" not in shown


def test_zones() -> None:
    """A name on each line, or an array of names."""
    assert zone_lines(["a.", "b."], Form.BRIEF) == ["a.", "b."]
    assert json.loads(zone_lines(["a.", "b."], Form.JSON)[0]) == ["a.", "b."]
