# SPDX-License-Identifier: Apache-2.0
"""Semantic checks of a whole zone: what is found, in which words, and how grave it is."""

import hashlib

import pytest

from control.conf.zone import ZoneSettings
from control.log import ERROR, NOTICE, WARNING
from control.zonefile.checks import Problem, check_scanned, find_apex_problems, find_problems
from pyxdp_dns.errors import ZoneCheckError
from pyxdp_dns.scan import scan_zone_text

APEX = b"\7example\0"
SOA = "@ 3600 SOA ns hm 1 2 3 4 5\n"
START = SOA + "@ NS ns\nns A 192.0.2.1\n"
GLUE = "missing glue record"
KEY = bytes((1, 1, 3, 13, 1, 2, 3, 4))
CDS = b"\0\1\15\2" + hashlib.sha256(APEX + KEY).digest()


def found(text: str, mode: str) -> list[tuple[int, str, str]]:
    """Return all findings of a zone."""
    with scan_zone_text(text.encode(), APEX, 1) as zone:
        return [tuple(problem) for problem in find_problems(zone, APEX, ZoneSettings(semantic_checks=mode))]


GLUE_CASES = {
    "of the apex": (SOA + "@ NS ns\n", ["example."]),
    "outside": (START + "a NS ns.example.com.\n", []),
    "absent": (START + "a NS ns.a\nb NS ns.x\n", ["a.example.", "b.example."]),
    "there": (START + "a NS ns.a\nns.a AAAA 2001:db8::1\n", []),
    "no address": (START + "a NS alias\nalias CNAME ns\n", ["a.example."]),
    "itself": (START + "a NS a\n", ["a.example."]),
    "below another delegation": (START + "d NS ns\na NS x.d\n", []),
    "another delegation": (START + "d NS ns\na NS d\n", ["a.example."]),
    "empty non-terminal": (START + "z.ent A 192.0.2.1\na NS ent\nb NS y.ent\n", ["a.example.", "b.example."]),
    "wildcard": (START + "*.w A 192.0.2.1\na NS x.y.w\nb NS w\nc NS *.w\n", ["b.example."]),
    "wildcard without address": (START + "*.w TXT x\na NS x.w\n", ["a.example."]),
    "wildcard hidden by an encloser": (START + "*.w A 192.0.2.1\nc.w TXT x\na NS x.c.w\n", ["a.example."]),
    "below a DNAME": (START + "d DNAME foo\na NS x.d\n", ["a.example."]),
}


@pytest.mark.parametrize("case", GLUE_CASES)
def test_glue(case: str) -> None:
    """Name servers within the zone need an address there, their own or of a wildcard that covers them."""
    text, owners = GLUE_CASES[case]
    assert found(text, "on") == [(WARNING, owner, GLUE) for owner in owners]
    assert found(text, "off") == found(text, "soft") == []


def test_ds() -> None:
    """A DS needs a digest of a known algorithm and of its length."""
    text = START + f"a NS ns\na DS 1 13 2 {'00' * 32}\na DS 2 13 2 00\na DS 3 13 7 00\na DS 4 13 4 {'00' * 48}\n"
    assert found(text, "on") == [
        (WARNING, "a.example.", "invalid digest length in DS (keytag 2)"),
        (WARNING, "a.example.", "invalid algorithm in DS (keytag 3)"),
    ]


def test_no_ns_is_no_error() -> None:
    """A zone without NS is served; it is always mentioned."""
    text = "missing NS at the zone apex"
    assert found(SOA, "off") == found(SOA, "on") == [(WARNING, "example.", text)]
    assert found(SOA, "soft") == [(NOTICE, "example.", text)]


def test_soft() -> None:
    """With `soft` mandatory findings refuse nothing, but those about the SOA do."""
    text = START + "a CNAME b\na A 192.0.2.1\n"
    rule = "another record exists beside CNAME"
    with scan_zone_text(text.encode(), APEX, 1) as zone:
        assert check_scanned(zone, APEX, ZoneSettings(semantic_checks="soft")) == (Problem(NOTICE, "a.example.", rule),)
        with pytest.raises(ZoneCheckError, match=rule):
            check_scanned(zone, APEX, ZoneSettings())
        assert find_problems(zone, APEX, ZoneSettings()) == (Problem(ERROR, "a.example.", rule),)
    with (
        scan_zone_text((START + "a SOA ns hm 1 2 3 4 5\n").encode(), APEX, 1) as zone,
        pytest.raises(ZoneCheckError, match="SOA record exists outside"),
    ):
        check_scanned(zone, APEX, ZoneSettings(semantic_checks="soft"))


def test_a_grave_finding_behind_many_others() -> None:
    """What refuses the zone does so however many lesser findings come before it."""
    text = START + "".join(f"a{n} CNAME b\na{n} A 192.0.2.1\n" for n in range(300)) + "z SOA ns hm 1 2 3 4 5\n"
    with scan_zone_text(text.encode(), APEX, 1) as zone, pytest.raises(ZoneCheckError):
        check_scanned(zone, APEX, ZoneSettings(semantic_checks="soft"))


def apex(dnskey: list[bytes], cdnskey: list[bytes], cds: list[bytes]) -> list[str]:
    """Return the findings about an apex with these records."""
    sets = ((48, dnskey), (60, cdnskey), (59, cds))
    pairs = []
    for rtype, rdatas in sets:
        body = b"".join(len(rdata).to_bytes(2, "big") + rdata for rdata in rdatas)
        if rdatas:
            pairs.append((rtype.to_bytes(2, "big"), bytes(4) + len(rdatas).to_bytes(2, "big") + body))
    return list(find_apex_problems(APEX, pairs))


def test_child_keys() -> None:
    """CDNSKEY and CDS stand for keys of the zone, one for the other, or ask for deletion alone."""
    other, wrong = KEY[:-1] + b"\0", CDS[:-1] + bytes((CDS[-1] ^ 1,))
    delete_key, delete_cds = b"\0\0\3\0\0", b"\0\0\0\0\0"
    delete = "invalid CDNSKEY/CDS for DNSSEC delete algorithm"
    assert apex([KEY], [KEY], [CDS]) == []
    assert apex([KEY], [delete_key], [delete_cds]) == []
    assert apex([KEY], [KEY], []) == ["missing CDS"]
    assert apex([KEY], [], [CDS]) == ["missing CDNSKEY"]
    assert apex([], [KEY], [CDS]) == ["missing DNSKEY"]
    assert apex([other], [KEY], [CDS]) == ["CDNSKEY not match DNSKEY"]
    assert apex([KEY], [KEY], [wrong]) == ["CDS not match CDNSKEY"]
    assert apex([KEY], [KEY, delete_key], [CDS]) == [delete]
    assert apex([KEY], [KEY], [CDS, delete_cds]) == [delete]
    assert apex([KEY], [KEY], [delete_cds]) == [delete]


def test_nsec3param() -> None:
    """NSEC3PARAM has the one hash algorithm and no flag but opt-out."""
    text = START + "@ NSEC3PARAM 2 0 0 -\n@ NSEC3PARAM 1 2 0 -\n@ NSEC3PARAM 1 1 0 -\n"
    assert [item[2] for item in found(text, "on")] == [
        "invalid flags in NSEC3PARAM",
        "invalid algorithm in NSEC3PARAM",
    ]
