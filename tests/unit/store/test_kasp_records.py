# SPDX-License-Identifier: Apache-2.0
"""The octets of records about keys: whatever they are, they are read as what was written or refused."""

import zlib
from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st

from control.store.kasp import Key, KeyTimers, ZoneKasp
from control.store.kasp_records import (
    pack_kasp,
    pack_key,
    pack_trashed,
    unpack_kasp,
    unpack_key,
    unpack_trashed,
)

TIME = st.integers(0, 2**64 - 1)
ID = 40 * "a"
KEYS = st.builds(
    Key,
    id=st.just(ID),
    algorithm=st.integers(0, 255),
    size=st.integers(0, 65535),
    public_key=st.binary(max_size=600),
    is_ksk=st.booleans(),
    is_zsk=st.booleans(),
    timers=st.builds(KeyTimers, *[TIME] * len(KeyTimers._fields)),
    is_adt=st.booleans(),
    is_public_only=st.booleans(),
    is_for_later=st.booleans(),
    keystore=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)
SERIAL = st.none() | st.integers(0, 2**32 - 1)
KASPS = st.builds(
    ZoneKasp,
    salt=st.binary(max_size=255),
    salt_created=TIME,
    signed_at=TIME,
    signed_by=st.binary(max_size=255),
    signed_version=TIME,
    expires=TIME,
    max_ttl=st.integers(0, 2**32 - 1),
    dnskey_ttl=st.integers(0, 2**32 - 1),
    fading_ttl=st.integers(0, 2**32 - 1),
    fades_at=TIME,
    signed_serial=SERIAL,
    master_serial=SERIAL,
    ds_push_due=TIME,
)


@given(KEYS, TIME, TIME)
def test_keys_come_back(key: Key, deleted_s: int, discard_s: int) -> None:
    """Any key, alone and in the trash."""
    assert unpack_key(ID, pack_key(key)) == key
    assert unpack_trashed(ID, pack_trashed(key, deleted_s, discard_s)) == (key, deleted_s, discard_s)


@given(KASPS)
def test_what_is_remembered_comes_back(kasp: ZoneKasp) -> None:
    """Anything that signing remembers."""
    assert unpack_kasp(pack_kasp(kasp)) == kasp


@given(st.binary(max_size=120))
@example(bytes(20))
@example(b"\x0d\x01\x00\x00\xff\xff\xff\xff\xff" + 100 * b"\xff")
def test_any_octets_with_a_right_checksum(body: bytes) -> None:
    """Lengths and masks that make no sense are refused; nothing else is raised."""
    body = b"\1" + body
    record = body + zlib.crc32(body).to_bytes(4, "big")
    for unpack in (unpack_key, unpack_trashed):
        with suppress(ValueError):
            unpack(ID, record)
    with suppress(ValueError):
        unpack_kasp(record)
