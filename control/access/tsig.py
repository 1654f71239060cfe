# SPDX-License-Identifier: Apache-2.0
"""Transaction signatures (RFC 8945): requests checked, replies signed, and the same from the other end. Sans-I/O.

A server checks with `check_request` and signs each message of its reply with the `ReplySigner` it gets from it. A
client signs its request with a `RequestSigner`, which then checks each message of the reply.
"""

import hmac
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from control.conf.peers import KeyConf
from control.wire.refusal import BADKEY, BADSIG, BADTIME, BADTRUNC, NOTAUTH, refuse, refuse_malformed, refuse_tsig
from control.wire.request import HEADER_BYTES, TSIG_HEAD, Request, Tsig, read_tsig
from pyxdp_dns.tsig import find_tsig

Now = Callable[[], float]
"""Seconds since 1970."""

FUDGE_S = 300
FUDGE = FUDGE_S.to_bytes(2, "big")
MAC_LEAST_BYTES = 10
"""Least octets of a truncated MAC, and half of the whole one (RFC 8945, section 5.2.2.1)."""
UNSIGNED_MOST = 99
"""Messages of a reply that may come without a signature one after the other (RFC 8945, section 5.3.1)."""
CLASS_ANY_TTL_0 = TSIG_HEAD[2:]

ERRORS = {BADSIG: "BADSIG", BADKEY: "BADKEY", BADTIME: "BADTIME", BADTRUNC: "BADTRUNC"}


class Algorithm(NamedTuple):
    """An HMAC: its name in wire form, the hash as hashlib calls it, octets of a whole MAC."""

    wire: bytes
    digest: str
    mac_bytes: int


ALGORITHMS = {
    "hmac-md5": Algorithm(b"\x08hmac-md5\x07sig-alg\x03reg\x03int\0", "md5", 16),
    "hmac-sha1": Algorithm(b"\x09hmac-sha1\0", "sha1", 20),
    "hmac-sha224": Algorithm(b"\x0bhmac-sha224\0", "sha224", 28),
    "hmac-sha256": Algorithm(b"\x0bhmac-sha256\0", "sha256", 32),
    "hmac-sha384": Algorithm(b"\x0bhmac-sha384\0", "sha384", 48),
    "hmac-sha512": Algorithm(b"\x0bhmac-sha512\0", "sha512", 64),
}
"""By their names in the configuration."""


class TsigRefused(Exception):
    """A request is refused: `reply` answers it; `reason` is BADKEY, BADSIG, BADTIME or FORMERR, `error` its number."""

    def __init__(self, reply: bytes, reason: str, error: int) -> None:
        super().__init__(reason)
        self.reply, self.reason, self.error = reply, reason, error


class TsigFailed(Exception):
    """A reply is not to be trusted.

    `reason` is BADKEY, BADSIG, BADTIME, BADTRUNC or FORMERR, or `missing` where a signature had to be. With `told` it
    is the error the server reported of the request.
    """

    def __init__(self, reason: str, told: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.told = reason, told


class ReplySigner:
    """Signs the messages of one reply, in order."""

    def __init__(self, key: KeyConf, request: Request, now: Now = time.time) -> None:
        assert request.tsig is not None
        self.key, self._now = key, now
        self._algorithm = ALGORITHMS[key.algorithm]
        self._id, self._original_id = request.id, request.tsig.original_id
        self._mac = request.tsig.mac
        self._first = True

    @property
    def size(self) -> int:
        """Octets that signing adds to a message."""
        return record_bytes(self.key)

    def sign(self, reply: bytes) -> bytes:
        """Return the next message of the reply, signed, with the id of the request as it came."""
        signed = self._original_id + reply[2:]
        times = _times(self._now())
        tail = _variables(self.key, times) if self._first else times
        self._first = False
        self._mac = _digest(self.key, _counted(self._mac) + signed + tail)
        return _append(self._id + reply[2:], self.key, times, self._mac, self._original_id)


class Checked(NamedTuple):
    """A request whose signature is good: `plain` is the message without it, under its original id."""

    key: KeyConf
    plain: bytes
    signer: ReplySigner


def check_request(message: bytes, request: Request, keys: Mapping[bytes, KeyConf], now: Now = time.time) -> Checked:
    """Check the TSIG record of a request (RFC 8945, section 5.2); `keys` are by their names in wire form.

    Raises:
        TsigRefused: with the reply the request gets.
    """
    tsig = request.tsig
    assert tsig is not None
    key = keys.get(tsig.key_name.lower())
    if key is None or ALGORITHMS[key.algorithm].wire != tsig.algorithm.lower():
        raise TsigRefused(refuse_tsig(request, BADKEY), "BADKEY", BADKEY)
    plain = without_tsig(message, tsig)
    if not _is_permitted(len(tsig.mac), ALGORITHMS[key.algorithm].mac_bytes):
        raise TsigRefused(refuse_malformed(message), "FORMERR", 1)
    whole = _digest(key, plain + _variables(key, tsig.time_signed + tsig.fudge, tsig.error, tsig.other))
    if not hmac.compare_digest(whole[: len(tsig.mac)], tsig.mac):
        raise TsigRefused(refuse_tsig(request, BADSIG), "BADSIG", BADSIG)
    now_s = int(now())
    if not _is_timely(tsig, now_s):
        raise TsigRefused(_refuse_time(request, tsig, key, now_s), "BADTIME", BADTIME)
    return Checked(key, plain, ReplySigner(key, request, now))


class RequestSigner:
    """Signs one request and checks the messages of its reply, in order."""

    def __init__(self, key: KeyConf, now: Now = time.time) -> None:
        self.key, self._now = key, now
        self._mac = b""
        self._first = True
        self._unsigned = 0
        self._hash: hmac.HMAC | None = None

    def sign(self, query: bytes) -> bytes:
        """Return the request, signed; what was checked before is forgotten."""
        times = _times(self._now())
        self._mac = _digest(self.key, query + _variables(self.key, times))
        self._first, self._unsigned, self._hash = True, 0, None
        return _append(query, self.key, times, self._mac, query[:2])

    def verify(self, message: bytes) -> bytes:
        """Return the next message of the reply without its TSIG record; raise `TsigFailed`."""
        try:
            at = find_tsig(message)
            tsig = None if at is None else read_tsig(message, at)
        except ValueError as error:
            raise TsigFailed("FORMERR") from error
        if tsig is None:
            self._skip(message)
            return message
        plain = without_tsig(message, tsig)
        self._check(tsig, plain)
        return message[:2] + plain[2:]

    def finish(self) -> None:
        """Raise `TsigFailed` unless the last message that was verified had a signature."""
        if self._first or self._unsigned:
            raise TsigFailed("missing")

    def _skip(self, message: bytes) -> None:
        """Take a message without a signature, which the next signature covers (RFC 8945, section 5.3.1)."""
        self._unsigned += 1
        if self._first or self._unsigned > UNSIGNED_MOST:
            raise TsigFailed("missing")
        self._begun().update(message)

    def _begun(self) -> hmac.HMAC:
        if self._hash is None:
            self._hash = hmac.new(self.key.secret, _counted(self._mac), ALGORITHMS[self.key.algorithm].digest)
        return self._hash

    def _check(self, tsig: Tsig, plain: bytes) -> None:
        algorithm = ALGORITHMS[self.key.algorithm]
        if tsig.key_name.lower() != self.key.name or tsig.algorithm.lower() != algorithm.wire:
            raise TsigFailed("BADKEY")
        if tsig.error in (BADKEY, BADSIG) and not tsig.mac:
            raise TsigFailed(ERRORS[tsig.error], told=True)
        if not _is_permitted(len(tsig.mac), algorithm.mac_bytes):
            raise TsigFailed("FORMERR")
        times = tsig.time_signed + tsig.fudge
        begun = self._begun()
        begun.update(plain)
        begun.update(_variables(self.key, times, tsig.error, tsig.other) if self._first else times)
        if not hmac.compare_digest(begun.digest()[: len(tsig.mac)], tsig.mac):
            raise TsigFailed("BADSIG")
        if tsig.error:
            raise TsigFailed(ERRORS.get(tsig.error, "BADSIG"), told=True)
        if not _is_timely(tsig, int(self._now())):
            raise TsigFailed("BADTIME")
        self._mac, self._hash, self._first, self._unsigned = tsig.mac, None, False, 0


def record_bytes(key: KeyConf) -> int:
    """Return the octets of a TSIG record with a whole MAC of a key."""
    algorithm = ALGORITHMS[key.algorithm]
    return len(key.name) + len(TSIG_HEAD) + 2 + len(algorithm.wire) + 16 + algorithm.mac_bytes


def without_tsig(message: bytes, tsig: Tsig) -> bytes:
    """Return a message as it was before it was signed (RFC 8945, section 4.3.2)."""
    count = int.from_bytes(message[10:12], "big") - 1
    return tsig.original_id + message[2:10] + count.to_bytes(2, "big") + message[HEADER_BYTES : tsig.at]


def _digest(key: KeyConf, data: bytes) -> bytes:
    return hmac.digest(key.secret, data, ALGORITHMS[key.algorithm].digest)


def _counted(mac: bytes) -> bytes:
    """The MAC that comes before, with its size (RFC 8945, section 4.3.1)."""
    return len(mac).to_bytes(2, "big") + mac


def _times(now: float) -> bytes:
    return int(now).to_bytes(6, "big") + FUDGE


def _variables(key: KeyConf, times: bytes, error: int = 0, other: bytes = b"") -> bytes:
    """The fields that are signed along with the message (RFC 8945, section 4.3.3)."""
    rest = error.to_bytes(2, "big") + len(other).to_bytes(2, "big") + other
    return key.name + CLASS_ANY_TTL_0 + ALGORITHMS[key.algorithm].wire + times + rest


def _append(
    message: bytes, key: KeyConf, times: bytes, mac: bytes, original_id: bytes, error: int = 0, other: bytes = b""
) -> bytes:
    """Return a message with a TSIG record at its end."""
    rest = original_id + error.to_bytes(2, "big") + len(other).to_bytes(2, "big") + other
    rdata = ALGORITHMS[key.algorithm].wire + times + len(mac).to_bytes(2, "big") + mac + rest
    count = int.from_bytes(message[10:12], "big") + 1
    record = key.name + TSIG_HEAD + len(rdata).to_bytes(2, "big") + rdata
    return message[:10] + count.to_bytes(2, "big") + message[HEADER_BYTES:] + record


def _is_permitted(size: int, whole: int) -> bool:
    """Whether a MAC may have this size (RFC 8945, section 5.2.2.1)."""
    return max(MAC_LEAST_BYTES, whole / 2) <= size <= whole


def _is_timely(tsig: Tsig, now_s: int) -> bool:
    return abs(now_s - int.from_bytes(tsig.time_signed, "big")) <= int.from_bytes(tsig.fudge, "big")


def _refuse_time(request: Request, tsig: Tsig, key: KeyConf, now_s: int) -> bytes:
    """Reply BADTIME, signed, with the time of both ends (RFC 8945, section 5.2.3)."""
    reply = tsig.original_id + refuse(request, NOTAUTH)[2:]
    times, other = tsig.time_signed + tsig.fudge, now_s.to_bytes(6, "big")
    mac = _digest(key, _counted(tsig.mac) + reply + _variables(key, times, BADTIME, other))
    return _append(request.id + reply[2:], key, times, mac, tsig.original_id, BADTIME, other)
