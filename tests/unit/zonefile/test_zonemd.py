# SPDX-License-Identifier: Apache-2.0
"""ZONEMD (RFC 8976): the examples of the RFC, other implementations, and what does not verify."""

import dns.zone
import pytest

from control.store.contents import apply_changes, iterate_pairs
from control.store.environment import Store, Transaction
from control.store.zones import get_zone
from control.zonefile.rows import print_chunks
from control.zonefile.zonemd import Verdict, ZonemdInvalid, digest_pairs, generate_change, verify, zonemd_rdata
from tests.support.stored import StoredZones

APEX = b"\7example\0"
BODY = """\
@ 86400 SOA ns1 admin {serial} 1800 900 604800 86400
@ 86400 NS ns1
@ 86400 NS ns2
ns1 3600 A 203.0.113.63
ns2 3600 AAAA 2001:db8::63
"""
SIMPLE = "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c"
"""RFC 8976, appendix A.1."""
COMPLEX = """\
@ 86400 SOA ns1 admin 2018031900 1800 900 604800 86400
@ 86400 NS ns1
@ 86400 NS ns2
@ 86400 ZONEMD 2018031900 1 1 (
    a3b69bad980a3504e1cffcb0fd6397f93848071c93151f552ae2f6b1711d4bd2d8b39808226d7b9db71e34b72077f8fe )
ns1 3600 A 203.0.113.63
NS2 3600 AAAA 2001:db8::63
occluded.sub 7200 TXT "I'm occluded but must be digested"
sub 7200 NS ns1
duplicate 300 TXT "I must be digested just once"
duplicate 300 TXT "I must be digested just once"
foo.test. 555 TXT "out-of-zone data must be excluded"
UPPERCASE 3600 TXT "canonicalize uppercase owner names"
* 777 PTR dont-forget-about-wildcards
mail 3600 MX 20 MAIL1
mail 3600 MX 10 Mail2.Example.
sortme 3600 AAAA 2001:db8::5:61
sortme 3600 AAAA 2001:db8::3:62
sortme 3600 AAAA 2001:db8::4:63
sortme 3600 AAAA 2001:db8::1:65
sortme 3600 AAAA 2001:db8::2:64
non-apex 900 ZONEMD 2018031900 1 1 (
    616c6c6f776564206275742069676e6f7265642e20616c6c6f776564206275742069676e6f7265642e20616c6c6f7765 )
"""
"""RFC 8976, appendix A.2."""


def verdict(store: Store) -> Verdict | None:
    """Return why the zone does not verify; None when it does."""
    with store.read() as txn:
        zone = get_zone(txn, APEX)
        assert zone is not None
        try:
            verify(txn, zone)
        except ZonemdInvalid as exc:
            return exc.verdict
    return None


def put(zones: StoredZones, *digests: str) -> None:
    """Store the simple zone of the RFC with ZONEMD records."""
    zones.put(APEX, BODY.format(serial=2018031900) + "".join(f"@ 86400 ZONEMD {digest}\n" for digest in digests))


def test_the_simple_example(store: Store, zones: StoredZones) -> None:
    """The simple zone of the RFC verifies; a changed record, digest or serial does not."""
    put(zones, f"2018031900 1 1 {SIMPLE}")
    assert verdict(store) is None
    put(zones, f"2018031900 1 1 {SIMPLE[:-1]}0")
    assert verdict(store) is Verdict.MISMATCH
    put(zones, f"2018031901 1 1 {SIMPLE}")
    assert verdict(store) is Verdict.UNSUPPORTED


def test_the_complex_example(store: Store, zones: StoredZones) -> None:
    """Occluded, duplicate, foreign, wildcard and upper case records are digested as the RFC has it."""
    zones.put(APEX, COMPLEX)
    assert verdict(store) is None


def test_several_digests(store: Store, zones: StoredZones) -> None:
    """Schemes and algorithms that are not known are ignored beside one that verifies (RFC 8976, appendix A.3)."""
    private = f"2018031900 1 240 {'e2d523f654b9422a96c5a8f44607bbee' * 3}"
    scheme = f"2018031900 241 1 {'e1846540e33a9e4189792d18d5d131f605fc283eaaaaaaaaaaaaaaaaaaaaaaaa'}"
    put(zones, private, scheme)
    assert verdict(store) is Verdict.UNSUPPORTED
    put(zones, private, scheme, f"2018031900 1 1 {SIMPLE}")
    assert verdict(store) is None
    put(zones, f"2018031900 1 2 {'00' * 64}", f"2018031900 1 1 {SIMPLE}")
    assert verdict(store) is None


def test_none_and_two_of_a_kind(store: Store, zones: StoredZones) -> None:
    """Without a ZONEMD nothing is verified; two of the same scheme and algorithm count for nothing."""
    put(zones)
    assert verdict(store) is Verdict.MISSING
    put(zones, f"2018031900 1 1 {SIMPLE}", f"2018031900 1 1 {'00' * 48}")
    assert verdict(store) is Verdict.AMBIGUOUS


@pytest.mark.parametrize("mode", ["zonemd-sha384", "zonemd-sha512"])
def test_a_generated_digest_verifies(store: Store, zones: StoredZones, mode: str) -> None:
    """What is generated verifies here and with dnspython; generating it again changes nothing."""
    zones.put(APEX, COMPLEX)

    def job(txn: Transaction) -> bool:
        zone = get_zone(txn, APEX)
        assert zone is not None
        change = generate_change(txn, zone, mode)
        if change is not None:
            apply_changes(txn, [change])
        return change is not None

    store.write(job)
    assert not store.write(job)
    assert verdict(store) is None
    with store.read() as txn:
        zone = get_zone(txn, APEX)
        assert zone is not None
        text = b"".join(printed.text for printed in print_chunks(iterate_pairs(txn, zone))).decode()
    dns.zone.from_text(text, "example.", relativize=False).verify_digest()


def test_removing(store: Store, zones: StoredZones) -> None:
    """With `remove` the records of the apex go, with `none` they are left alone."""
    zones.put(APEX, COMPLEX)
    with store.read() as txn:
        zone = get_zone(txn, APEX)
        assert zone is not None
        assert generate_change(txn, zone, "none") is None
        change = generate_change(txn, zone, "remove")
    assert change is not None
    assert change.old is not None
    assert change.new is None


def test_signatures_of_the_record_are_not_digested(store: Store, zones: StoredZones) -> None:
    """The digest is the same whatever ZONEMD is at the apex and whoever signed it; other signatures count."""

    def digest(text: str) -> bytes:
        zones.put(APEX, text)
        with store.read() as txn:
            zone = get_zone(txn, APEX)
            assert zone is not None
            return digest_pairs(iterate_pairs(txn, zone), APEX, 1)

    body = BODY.format(serial=1)
    signature = "13 1 86400 20370101000000 20200101000000 1 example. AAAA"
    plain = digest(body)
    assert digest(f"{body}@ 86400 ZONEMD 1 1 1 {'00' * 48}\n@ 86400 RRSIG ZONEMD {signature}\n") == plain
    assert digest(f"{body}@ 86400 RRSIG SOA {signature}\n") != plain


def test_placeholder() -> None:
    """A placeholder has a digest of zeros, as long as the real one."""
    assert zonemd_rdata(1, 2, b"") == b"\0\0\0\1\1\2" + bytes(64)
