# SPDX-License-Identifier: Apache-2.0
"""The octets of records about keys and signing.

Each record is a version, fields, and the CRC-32 of what is before it, so that damage is found and not acted upon.
Times are 8 octets each, and those that are 0 take none: a mask says which follow.
"""

import struct
import zlib
from collections.abc import Iterable

from control.store.kasp import Key, KeyTimers, ZoneKasp

VERSION = 1
CRC_BYTES = 4
HEAD = struct.Struct(">BBHBHHB")
"""Version, algorithm, bits, flags, mask of times, octets of the public key, octets of the keystore's id."""
KASP = struct.Struct(">BBQIIIIIHBB")
"""Version, flags, version of the contents, two serials, three TTLs, mask of times, octets of salt and digest."""
TRASHED = struct.Struct(">BQQ")
"""Version, when the key was deleted, when it is to be forgotten; its record follows."""
TIME = struct.Struct(">Q")
KSK, ZSK, ADT, PUBLIC_ONLY, FOR_LATER, SEP, NO_SEP = 1, 2, 4, 8, 16, 32, 64
HAS_SIGNED, HAS_MASTER = 1, 2
TIME_MAX = (1 << 64) - 1
TIMES = len(KeyTimers._fields)
KASP_TIMES = 5
KEYSTORE_BYTES_MAX = 255


def pack_key(key: Key) -> bytes:
    """Return the record of a key; its id is part of the record's key in the table.

    Raises ValueError for an identifier of a keystore of more than 255 octets, and for a time before 1970.
    """
    keystore = key.keystore.encode()
    if len(keystore) > KEYSTORE_BYTES_MAX:
        raise ValueError(f"keystore '{key.keystore}' has an identifier of more than {KEYSTORE_BYTES_MAX} octets")
    flags = KSK * key.is_ksk | ZSK * key.is_zsk | ADT * key.is_adt
    flags |= PUBLIC_ONLY * key.is_public_only | FOR_LATER * key.is_for_later
    flags |= SEP * (key.is_sep is True) | NO_SEP * (key.is_sep is False)
    mask, times = _pack_times(key.timers)
    lengths = len(key.public_key), len(keystore)
    head = HEAD.pack(VERSION, key.algorithm, key.size, flags, mask, *lengths)
    return _closed(head + times + key.public_key + keystore)


def unpack_key(key_id: str, record: bytes) -> Key:
    """Return the key of a record. Raises ValueError when it is damaged or of another version."""
    body = _opened(record)
    if len(body) < HEAD.size:
        raise ValueError("too short")
    _, algorithm, size, flags, mask, key_bytes, keystore_bytes = HEAD.unpack_from(body)
    times, at = _unpack_times(body, HEAD.size, mask, TIMES)
    if at + key_bytes + keystore_bytes != len(body):
        raise ValueError("lengths contradict each other")
    return Key(
        key_id,
        algorithm,
        size,
        body[at : at + key_bytes],
        is_ksk=bool(flags & KSK),
        is_zsk=bool(flags & ZSK),
        timers=KeyTimers(*times),
        is_adt=bool(flags & ADT),
        is_public_only=bool(flags & PUBLIC_ONLY),
        is_for_later=bool(flags & FOR_LATER),
        keystore=body[at + key_bytes :].decode(),
        is_sep=True if flags & SEP else False if flags & NO_SEP else None,
    )


def pack_trashed(key: Key, deleted_s: int, discard_s: int) -> bytes:
    """Return the record of a deleted key. Raises as `pack_key`."""
    return _closed(TRASHED.pack(VERSION, deleted_s, discard_s) + pack_key(key))


def unpack_trashed(key_id: str, record: bytes) -> tuple[Key, int, int]:
    """Return a deleted key, when it was deleted, and when it is to be forgotten. Raises ValueError as `unpack_key`."""
    body = _opened(record)
    key = unpack_key(key_id, body[TRASHED.size :])
    _, deleted_s, discard_s = TRASHED.unpack_from(body)
    return key, deleted_s, discard_s


def pack_kasp(kasp: ZoneKasp) -> bytes:
    """Return the record of what is remembered of a zone's signing."""
    flags = HAS_SIGNED * (kasp.signed_serial is not None) | HAS_MASTER * (kasp.master_serial is not None)
    mask, times = _pack_times((kasp.salt_created, kasp.ds_push_due, kasp.signed_at, kasp.expires, kasp.fades_at))
    serials = kasp.signed_serial or 0, kasp.master_serial or 0
    numbers = kasp.signed_version, *serials, kasp.max_ttl, kasp.dnskey_ttl, kasp.fading_ttl
    head = KASP.pack(VERSION, flags, *numbers, mask, len(kasp.salt), len(kasp.signed_by))
    return _closed(head + times + kasp.salt + kasp.signed_by)


def unpack_kasp(record: bytes) -> ZoneKasp:
    """Return what a record says. Raises ValueError when it is damaged or of another version."""
    body = _opened(record)
    if len(body) < KASP.size:
        raise ValueError("too short")
    _, flags, version, *serials, max_ttl, dnskey_ttl, fading_ttl, mask, salt_bytes, digest_bytes = KASP.unpack_from(
        body
    )
    (salt_created, ds_push_due, signed_at, expires, fades_at), at = _unpack_times(body, KASP.size, mask, KASP_TIMES)
    if at + salt_bytes + digest_bytes != len(body):
        raise ValueError("lengths contradict each other")
    return ZoneKasp(
        salt=body[at : at + salt_bytes],
        salt_created=salt_created,
        signed_at=signed_at,
        signed_by=body[at + salt_bytes :],
        signed_version=version,
        expires=expires,
        max_ttl=max_ttl,
        dnskey_ttl=dnskey_ttl,
        fading_ttl=fading_ttl,
        fades_at=fades_at,
        signed_serial=serials[0] if flags & HAS_SIGNED else None,
        master_serial=serials[1] if flags & HAS_MASTER else None,
        ds_push_due=ds_push_due,
    )


def _pack_times(times: Iterable[int]) -> tuple[int, bytes]:
    mask, parts = 0, []
    for index, time in enumerate(times):
        if time:
            if not 0 < time <= TIME_MAX:
                raise ValueError(f"time {time} is not one after 1970; name another")
            mask |= 1 << index
            parts.append(TIME.pack(time))
    return mask, b"".join(parts)


def _unpack_times(body: bytes, at: int, mask: int, count: int) -> tuple[list[int], int]:
    """Return `count` times and where they end. Raises ValueError."""
    end = at + TIME.size * mask.bit_count()
    if mask >> count or end > len(body):
        raise ValueError("times that are not there")
    times = []
    for index in range(count):
        time = 0
        if mask >> index & 1:
            (time,) = TIME.unpack_from(body, at)
            at += TIME.size
        times.append(time)
    return times, end


def _closed(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(CRC_BYTES, "big")


def _opened(record: bytes) -> bytes:
    """Return a record without its CRC. Raises ValueError."""
    body = record[:-CRC_BYTES]
    if not body or zlib.crc32(body) != int.from_bytes(record[-CRC_BYTES:], "big"):
        raise ValueError("its checksum is wrong")
    if body[0] != VERSION:
        raise ValueError(f"of version {body[0]}, this program has {VERSION}")
    return body
