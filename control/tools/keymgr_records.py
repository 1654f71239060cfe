# SPDX-License-Identifier: Apache-2.0
"""Commands ds and dnskey of xdpdns-keymgr: the records of keys as text, for the parent zone and trust anchors."""

import base64
from collections.abc import Iterator, Sequence

from control.keys.dnskey import dnskey_rdata, ds_rdata
from control.store.kasp import Key
from control.store.kasp_tables import list_keys
from control.tools.keymgr_session import Session

DIGEST_TYPES = (2, 4)
"""SHA-256 and SHA-384; SHA-1 must not be used for delegation any more (RFC 8624, section 3.3)."""


def ds(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Print DS records of one key, or of all KSKs and CSKs."""
    for key in _chosen(session, words):
        for digest_type in DIGEST_TYPES:
            rdata = ds_rdata(session.apex, dnskey_rdata(key), digest_type)
            tag = int.from_bytes(rdata[:2], "big")
            yield f"{session.zone} DS {tag} {rdata[2]} {rdata[3]} {rdata[4:].hex()}"


def dnskey(session: Session, words: Sequence[str]) -> Iterator[str]:
    """Print the DNSKEY record of one key, or those of all KSKs and CSKs."""
    for key in _chosen(session, words):
        rdata = dnskey_rdata(key)
        flags = int.from_bytes(rdata[:2], "big")
        yield f"{session.zone} DNSKEY {flags} {rdata[2]} {rdata[3]} {base64.b64encode(rdata[4:]).decode('ascii')}"


def _chosen(session: Session, words: Sequence[str]) -> list[Key]:
    with session.read() as txn:
        if words:
            return [session.find(txn, words[0])]
        return [key for key in list_keys(txn, session.apex) if key.is_ksk]
