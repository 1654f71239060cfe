# SPDX-License-Identifier: Apache-2.0
"""What is logged of zones: loads, flushes, failures, in the words of Knot's log."""

import os
from collections.abc import Callable

from control.conf.zone import ZoneConf
from control.ctl.errors import Reason, reason_of
from control.errors import (
    CatalogRefused,
    ControlError,
    KaspDamaged,
    KeystoreError,
    SerialRefused,
    StoreError,
    ZoneMissing,
)
from control.events.zone import ZoneHandle
from control.log import ERROR, INFO, WARNING, Log
from control.sign.signing import Signed
from control.update.report import DECREASED, load_lines
from control.update.results import LoadResult
from control.zonefile.refusal import ZoneFileUnwritable
from control.zonefile.write import Written
from pyxdp_dns.errors import ZoneCheckError, ZoneFileError

ERRORS_LOGGED = 20
"""Errors of one zone that are logged one by one."""
SPEAKING = ZoneFileUnwritable | StoreError | KeystoreError | KaspDamaged
"""Errors whose text says more than the words of the control protocol: which file or key, and what to do."""

TellSigned = Callable[[ZoneHandle, Signed, int], None]
"""Logs what was done for signing a zone, which has a serial now. Blocks."""


def say_nothing(_zone: ZoneHandle, _signed: Signed, _serial: int) -> None:
    """Where no zone is signed there is nothing to say."""


def failure_text(error: Exception) -> str:
    """Return why something failed, in the words of the control protocol where they say it; other errors speak for
    themselves."""
    reason = reason_of(error)
    is_vague = reason is None or reason == Reason.FAILED or isinstance(error, SPEAKING)
    return reason if reason is not None and not is_vague else str(error)


def log_load(log: Log, zone: ZoneHandle, result: LoadResult, tell_signed: TellSigned = say_nothing) -> None:
    """Log what a load did; `tell_signed` logs what was done for signing, which comes before the last line."""
    lines = list(load_lines(result))
    for number, (severity, text) in enumerate(lines, 1):
        if number == len(lines) and result.signed is not None:
            tell_signed(zone, result.signed, result.new_serial)
        log.zone(severity, zone.name, text)


def log_load_failure(log: Log, conf: ZoneConf, error: Exception) -> None:
    """Log why a zone file could not be loaded, line by line; that the event failed is logged elsewhere."""
    if isinstance(error, ZoneFileError):
        for file, line, text in error.errors[:ERRORS_LOGGED]:
            log.zone(ERROR, conf.name, f"zone loader, error in zone, file '{file}', line {line} ({text})")
        log.zone(ERROR, conf.name, f"zone loader, failed to load, file '{conf.file}', {error.count} errors")
    elif isinstance(error, ZoneCheckError):
        for owner, text in error.findings[:ERRORS_LOGGED]:
            log.zone(ERROR, conf.name, f"check, node {owner}, {text}")
    elif isinstance(error, CatalogRefused):
        log_catalog_refused(log, conf.name, error)
    elif isinstance(error, OSError) or not os.path.exists(conf.file):
        reason = error.strerror if isinstance(error, OSError) and os.path.exists(conf.file) else Reason.NOT_EXISTS
        has_masters = bool(conf.replication.masters)
        log.zone(INFO if has_masters else ERROR, conf.name, f"failed to parse zone file '{conf.file}' ({reason})")
        if isinstance(error, ZoneMissing):
            log.zone(INFO, conf.name, "zone will be bootstrapped" if has_masters else "zone not found")
    elif isinstance(error, SerialRefused):
        log.zone(WARNING, conf.name, DECREASED)
    elif isinstance(error, ControlError):
        log.zone(ERROR, conf.name, str(error))


def log_catalog_refused(log: Log, name: str, error: CatalogRefused) -> None:
    """Log that the contents of a zone make no catalog, and why."""
    log.zone(ERROR, name, f"failed to process catalog zone ({error.reason})")
    log.zone(ERROR, name, str(error))


def log_written(log: Log, name: str, old_serial: int | None, written: Written) -> None:
    """Log that a zone file was written; `old_serial` is what was in it."""
    serials = str(written.serial) if old_serial is None else f"{old_serial} -> {written.serial}"
    log.zone(INFO, name, f"zone file updated, serial {serials}")
    if written.was_edited:
        log.zone(WARNING, name, "zone file was changed by somebody else, the change is overwritten")
