# SPDX-License-Identifier: Apache-2.0
"""Errors of the control plane, by the operator's remedy.

    ControlError
    +-- StoreError            the zone store refused; what was stored and served stays as it was
    |   +-- StoreFull         raise database.journal-db-max-size or free disk space
    |   +-- StoreLocked       another daemon has the store: stop it, or use another database.storage
    |   +-- StoreDamaged      move the store away; zones are loaded again from their files
    |   +-- StoreRefused      the system denied access: correct owner, permissions or limits
    +-- KeystoreError         a private key
    |   +-- KeyMissing        there is no file of it: put it back, or delete the key
    |   +-- KeyRefused        it cannot be read, written or used: correct the file, its permissions or the policy
    +-- ZoneError             the zone: correct it and reload
        +-- ZoneInvalid       its contents break a rule that answering depends on
        +-- CatalogRefused    it is no valid catalog zone
        +-- ZoneUnknown       the store has no contents of it
        +-- ZoneMissing       nothing is there that it could be loaded from
        +-- NoUsableMaster    none of its primaries gave it: correct `master`, or look at them
        +-- SigningRefused    it cannot be signed: look at its keys and their files
        +-- ZoneBogus         its signatures do not validate: correct them where it is signed
        +-- ZoneBusy          it was changed at the same time: try again
        +-- ZoneTooLarge      raise zone.zone-max-size or remove records
        +-- JournalFull       raise zone.journal-max-usage or flush the zone
        +-- JournalDamaged    remove it by zone-purge +journal
        +-- KaspDamaged       remove the record of the key and import its file again
        +-- SerialRefused     its serial has to be greater than the one before

Each carries what it concerns.
"""

from pathlib import Path


class ControlError(Exception):
    """Anything the control plane reports; the message ends with what to do next."""


class StoreError(ControlError):
    """The zone store at `path` refused; nothing was changed."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"zone store {path}: {message}")
        self.path = path


class StoreFull(StoreError):
    """The store reached its maximum size, or the disk is full."""


class StoreLocked(StoreError):
    """Another process has the store open."""


class StoreDamaged(StoreError):
    """The files are damaged, foreign or of another format."""


class StoreRefused(StoreError):
    """The system denied what the store needs."""


class KeystoreError(ControlError):
    """A private key cannot be had from a keystore or put there. The message never shows anything of it."""

    reason = "invalid private key"
    """In the words of the control protocol and the log."""


class KeyMissing(KeystoreError):
    """No keystore has the file of the key."""

    reason = "not exists"


class KeyRefused(KeystoreError):
    """A file cannot be read or written, is no private key, or not of the key; or no keystore takes a new key."""


class ZoneError(ControlError):
    """What concerns one zone, named in wire form by `zone`; the text of the message does not repeat it."""

    reason = "failed"
    """In the words of the control protocol and the log."""

    def __init__(self, zone: bytes, message: str) -> None:
        super().__init__(message)
        self.zone = zone


class ZoneInvalid(ZoneError):
    """The contents break a mandatory rule (RFC 1034, 2181, 4035, 6672)."""

    reason = "semantic check"


class CatalogRefused(ZoneError):
    """The contents are not those of a catalog zone (RFC 9432, sections 3 and 5.1)."""

    reason = "invalid zone file"


class ZoneUnknown(ZoneError):
    """The store has no contents of the zone."""

    reason = "zone is empty"


class ZoneMissing(ZoneError):
    """There is neither a zone file nor a journal that holds the zone."""

    reason = "not exists"


class NoUsableMaster(ZoneError):
    """No primary could be asked, or gave a usable zone; that is tried again in `retry_s` seconds."""

    reason = "no usable master"

    def __init__(self, zone: bytes, retry_s: int) -> None:
        super().__init__(zone, self.reason)
        self.retry_s = retry_s


class SigningRefused(ZoneError):
    """The zone cannot be signed: keys are missing, or what they would make is not valid."""

    reason = "signing failed"


class ZoneBogus(ZoneError):
    """Signatures of the zone do not validate (RFC 4035, section 5)."""

    reason = "DNSSEC validation failed"


class ZoneBusy(ZoneError):
    """Another change of the zone came in between."""

    reason = "requested resource is busy"


class ZoneTooLarge(ZoneError):
    """The contents would exceed `zone.zone-max-size`."""

    reason = "zone size exceeded"


class SerialRefused(ZoneError):
    """The serial is not greater than the one it follows (RFC 1982)."""

    reason = "value is out of range"


class JournalDamaged(ZoneError):
    """The journal of the zone cannot be read."""

    reason = "malformed data"

    def __init__(self, zone: bytes, cause: Exception) -> None:
        super().__init__(zone, f"the journal is damaged ({cause}); remove it by zone-purge +journal")


class KaspDamaged(ZoneError):
    """A record about one key of the zone, named by `key_id`, or (None) about its signing, cannot be read."""

    reason = "malformed data"

    def __init__(self, zone: bytes, key_id: str | None, cause: Exception) -> None:
        if key_id is None:
            what, remedy = "its signing", "remove it and the zone's keys by zone-purge +kaspdb"
        else:
            what, remedy = f"key {key_id}", f"remove it by xdpdns-keymgr ZONE delete {key_id}"
        super().__init__(zone, f"the record of {what} is damaged ({cause}); {remedy}, then import-pem the private key")
        self.key_id = key_id


class JournalFull(ZoneError):
    """The journal of the zone has reached its limits and nothing in it can be spared."""

    reason = "not enough space provided"
