# SPDX-License-Identifier: Apache-2.0
"""The records that a key comes to: DNSKEY, its tag, DS, CDNSKEY and CDS (RFC 4034, 5011, 7344, 8078).

Everything is rdata in wire form.
"""

from hashlib import sha1, sha256, sha384

from control.store.kasp import ADT_FLAG, REVOKE_FLAG, SEP_FLAG, ZONE_KEY_FLAG, Key

DNSKEY_PROTOCOL = 3
DIGESTS = {1: sha1, 2: sha256, 4: sha384}
"""By their numbers in DS records (RFC 4509, 6605); 1 is for comparison with what a parent still has."""

DELETE_CDNSKEY = bytes((0, 0, 3, 0, 0))
"""`0 3 0 AA==`: the parent is asked to remove all DS records (RFC 8078, section 4)."""
DELETE_CDS = bytes((0, 0, 0, 0, 0))
"""`0 0 0 00`: the same as a CDS record."""


def dnskey_flags(key: Key, *, revoked: bool = False) -> int:
    """Return the flags of the key's DNSKEY record; `revoked` as of RFC 5011, section 2.1."""
    flags = ZONE_KEY_FLAG
    flags |= SEP_FLAG if (key.is_ksk if key.is_sep is None else key.is_sep) else 0
    flags |= REVOKE_FLAG if revoked else 0
    return flags | (ADT_FLAG if key.is_adt else 0)


def dnskey_rdata(key: Key, *, revoked: bool = False) -> bytes:
    """Return the DNSKEY rdata of `key`; revoked, it has another tag."""
    head = dnskey_flags(key, revoked=revoked).to_bytes(2, "big")
    return head + bytes((DNSKEY_PROTOCOL, key.algorithm)) + key.public_key


def key_tag(rdata: bytes) -> int:
    """Return the tag of a DNSKEY rdata (RFC 4034, appendix B; algorithm 1 has another one and is not used)."""
    total = sum(rdata[::2]) * 256 + sum(rdata[1::2])
    return (total + (total >> 16)) & 0xFFFF


def tag_of(key: Key, *, revoked: bool = False) -> int:
    """Return the tag of `key`."""
    return key_tag(dnskey_rdata(key, revoked=revoked))


def ds_rdata(owner: bytes, dnskey: bytes, digest_type: int) -> bytes:
    """Return the DS (or CDS) rdata of a DNSKEY rdata at the wire name `owner` (RFC 4034, section 5.1).

    Raises ValueError for a digest type that is not in DIGESTS.
    """
    digest = DIGESTS.get(digest_type)
    if digest is None:
        raise ValueError(f"DS digest type {digest_type} is not known; use one of {', '.join(map(str, DIGESTS))}")
    head = key_tag(dnskey).to_bytes(2, "big") + bytes((dnskey[3], digest_type))
    return head + digest(owner.lower() + dnskey).digest()
