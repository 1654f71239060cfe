# SPDX-License-Identifier: Apache-2.0
"""The records of a key are those that dnspython makes of it, and those that RFCs print."""

from base64 import b64decode

import dns.dnssec
import dns.name
import dns.rdata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.keys.dnskey import DELETE_CDNSKEY, DELETE_CDS, dnskey_flags, dnskey_rdata, ds_rdata, key_tag, tag_of
from control.store.kasp import Key

APEX = b"\7Example\3COM\0"


def key_of(public: bytes, *, is_ksk: bool = True, is_zsk: bool = False, algorithm: int = 13) -> Key:
    return Key("0" * 40, algorithm, 256, public, is_ksk, is_zsk)


def parsed(rdata: bytes, kind: str) -> dns.rdata.Rdata:
    return dns.rdata.from_wire("IN", kind, rdata, 0, len(rdata))


@given(st.binary(min_size=1, max_size=300), st.booleans(), st.sampled_from([5, 8, 13, 15]))
def test_tag_and_ds_are_those_of_dnspython(public: bytes, is_ksk: bool, algorithm: int) -> None:
    """For keys of any length, also odd, and each digest type."""
    key = key_of(public, is_ksk=is_ksk, is_zsk=not is_ksk, algorithm=algorithm)
    rdata = dnskey_rdata(key)
    dnskey = parsed(rdata, "DNSKEY")
    assert dnskey.to_wire() == rdata
    assert key_tag(rdata) == dns.dnssec.key_id(dnskey) == tag_of(key)
    name = dns.name.from_text("example.com.")
    for number, digest in ((1, "SHA1"), (2, "SHA256"), (4, "SHA384")):
        expected = dns.dnssec.make_ds(name, dnskey, digest, policy=dns.dnssec.allow_all_policy)
        assert ds_rdata(APEX, rdata, number) == expected.to_wire()


def test_the_example_of_rfc_4034() -> None:
    """Section 5.4: tag 60485 and its SHA-1 digest."""
    public = b64decode(
        "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvx"
        "egXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw=="
    )
    rdata = dnskey_rdata(key_of(public, is_ksk=False, is_zsk=True, algorithm=5))
    assert key_tag(rdata) == 60485
    assert (
        ds_rdata(b"\5dskey\7example\3com\0", rdata, 1).hex().upper()
        == "EC4505012BB183AF5F22588179A53B0A98631FAD1A292118"
    )


@pytest.mark.parametrize(("is_ksk", "is_zsk", "flags"), [(True, False, 257), (False, True, 256), (True, True, 257)])
def test_flags(is_ksk: bool, is_zsk: bool, flags: int) -> None:
    """KSK and CSK have the SEP flag; a revoked key has its flag, and another tag."""
    key = key_of(b"abc", is_ksk=is_ksk, is_zsk=is_zsk)
    assert dnskey_flags(key) == flags
    assert dnskey_flags(key, revoked=True) == flags + 128
    assert tag_of(key, revoked=True) == tag_of(key) + 128


def test_forms_that_ask_for_deletion() -> None:
    """They read as RFC 8078 has them."""
    assert parsed(DELETE_CDNSKEY, "CDNSKEY").to_text() == "0 3 0 AA=="
    assert parsed(DELETE_CDS, "CDS").to_text() == "0 0 0 00"


def test_unknown_digest_types_are_refused() -> None:
    """With those that are known."""
    with pytest.raises(ValueError, match="digest type 3 is not known; use one of 1, 2, 4"):
        ds_rdata(APEX, dnskey_rdata(key_of(b"abc")), 3)
