# SPDX-License-Identifier: Apache-2.0
"""Commands nsec3-salt, master-serial and local-serial of xdpdns-keymgr: what is remembered of a zone's signing."""

from collections.abc import Callable, Iterator, Sequence

from control.store.environment import Transaction
from control.store.kasp import ZoneKasp
from control.store.kasp_tables import get_kasp, put_kasp
from control.tools.keymgr_refusal import INVALID, Refusal
from control.tools.keymgr_session import Session, warn

SALT_OCTETS_MAX = 255
SERIAL_MAX = (1 << 32) - 1
NO_SALT = "-"


def nsec3_salt(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Print the salt, or set another."""
    if not words:
        salt = _kasp(session).salt
        yield f"Current salt: {salt.hex().upper() or NO_SALT}"
        return
    salt = _salt(words[0])
    if len(salt) != session.policy.nsec3_salt_length:
        warn(f"specified salt doesn't match configured salt length ({session.policy.nsec3_salt_length})")
    _change(session, lambda kasp: kasp._replace(salt=salt, salt_created=session.now_s))
    yield "OK"


def _salt(text: str) -> bytes:
    if text == NO_SALT:
        return b""
    if not text.isalnum() or not text.isascii():
        raise Refusal("malformed data")
    try:
        salt = bytes.fromhex(text)
    except ValueError as error:
        raise Refusal("malformed data") from error
    if len(salt) > SALT_OCTETS_MAX:
        raise Refusal("value is out of range")
    return salt


def master_serial(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Print the serial of the primary that the signed contents are made from, or set another."""
    if words:
        serial = _serial(words[0])
        _change(session, lambda kasp: kasp._replace(master_serial=serial))
    yield _serial_text(_kasp(session).master_serial) if not words else "OK"


def local_serial(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Print the serial that signing gave the zone last, or set another."""
    if words:
        serial = _serial(words[0])
        _change(session, lambda kasp: kasp._replace(signed_serial=serial))
    yield _serial_text(_kasp(session).signed_serial) if not words else "OK"


def _serial(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise Refusal(INVALID)
    if len(text) > 10 or int(text) > SERIAL_MAX:
        raise Refusal("value is out of range")
    return int(text)


def _serial_text(serial: int | None) -> str:
    return "-- no serial --" if serial is None else f"Current serial: {serial}"


def _kasp(session: Session) -> ZoneKasp:
    with session.read() as txn:
        return get_kasp(txn, session.apex)


def _change(session: Session, change: Callable[[ZoneKasp], ZoneKasp]) -> None:
    def job(txn: Transaction) -> None:
        put_kasp(txn, session.apex, change(get_kasp(txn, session.apex)))

    session.write(job)
