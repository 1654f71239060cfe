# SPDX-License-Identifier: Apache-2.0
"""A real xdpdnsd that signs zones, with its configuration by pieces, and servers of the parent zone `com.`."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dns.dnssec
import dns.message
import dns.name
import dns.query
import dns.rdata
import dns.rdatatype
import dns.rrset

from control.store.inspect import open_snapshot
from control.store.kasp import Key
from control.store.kasp_tables import list_keys
from tests.support import peers
from tests.support.daemon import wait_for
from tests.support.operator import Operated
from tests.support.peers import Peer

PARENT = """\
$TTL 7
@ SOA ns hostmaster 1 3600 600 86400 1
@ NS ns
ns A 192.0.2.1
example NS ns.example
ns.example A 192.0.2.2
"""
LOCAL_RULES = "acl:\n  - id: local\n    address: 127.0.0.0/8\n    action: [transfer, update, notify]\n"
TIMEOUT_S = 10.0


def section(name: str, identifier: str, **items: str) -> str:
    """Return an entry of a section; `_` in the names of items is `-`."""
    lines = [f"{name}:", f"  - {'domain' if name == 'zone' else 'id'}: {identifier}"]
    return "\n".join([*lines, *(f"    {item.replace('_', '-')}: {value}" for item, value in items.items())]) + "\n"


class SignedDaemon(Operated):
    """Signs `example.com` by the policy `p`, which everybody on the host may transfer and update."""

    def configure(self, policy: dict[str, str], sections: str = "", **zone: str) -> None:
        """Write the configuration: items of the policy, more sections, more items of the zone."""
        sections += LOCAL_RULES + section("policy", "p", **{key.replace("-", "_"): v for key, v in policy.items()})
        items = {"storage": str(self.base), "dnssec_signing": "on", "dnssec_policy": "p", "acl": "local"} | zone
        self.write_config(extra=sections + section("zone", "example.com", **items))

    def do_or_reason(self, *words: str) -> str:
        """Run a command that may fail; return what it printed."""
        return self.control(*words, said_otherwise=True)[1]

    def fetch(self, name: str, rdtype: str) -> dns.message.Message:
        """Ask over TCP with the DO bit."""
        query = dns.message.make_query(name, rdtype, want_dnssec=True)
        return dns.query.tcp(query, self.address, port=self.port, timeout=TIMEOUT_S)

    def dnskeys(self, zone: str = "example.com") -> dns.rrset.RRset:
        """Return the DNSKEY RRset that is answered."""
        return self.fetch(zone, "DNSKEY").answer[0]

    def stored_keys(self, zone: bytes = b"\7example\3com\0") -> list[Key]:
        """Return the keys of a zone, removed ones left out, as the store has them."""
        with open_snapshot(self.storage / "store") as txn:
            return list_keys(txn, zone)

    def tags(self, flags: int, zone: str = "example.com") -> list[int]:
        """Return the tags of the DNSKEY records with these flags."""
        return sorted(dns.dnssec.key_id(key) for key in self.dnskeys(zone) if key.flags == flags)

    def anchor(self, zone: str = "example.com") -> str:
        """Return the trust anchors of a zone as delv has them: its secure entry points."""
        lines = [
            f'{zone}. static-key {key.flags} {key.protocol} {key.algorithm} "{key.to_text().split(None, 3)[3]}";'
            for key in self.dnskeys(zone)
            if key.flags & 1
        ]
        return "trust-anchors {\n" + "\n".join(lines) + "\n};\n"

    def nsupdate(self, script: str, program: str = "nsupdate", zone: str = "example.com.") -> None:
        """Send an update; it succeeds."""
        send_update((self.address, self.port), zone, script, program)


def send_update(where: tuple[str, int], zone: str, script: str, program: str = "nsupdate") -> None:
    """Send an update to a server with nsupdate or knsupdate; it succeeds."""
    text = f"server {where[0]} {where[1]}\nzone {zone}\n{script}\nsend\n"
    done = subprocess.run(
        [program, "-v"], input=text, capture_output=True, text=True, timeout=4 * TIMEOUT_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done


def transfer(where: tuple[str, int], zone: str = "example.com") -> list[str]:
    """Return all records a server gives in an AXFR, one line each, in order."""
    records: set[str] = set()
    for message in dns.query.xfr(where[0], zone, port=where[1], relativize=False, lifetime=TIMEOUT_S):
        records.update(line for rrset in message.answer for line in rrset.to_text().splitlines())
    return sorted(records)


@contextmanager
def knot_parent(directory: Path, text: str = PARENT) -> Iterator[Peer]:
    """Run a knotd with the parent zone that takes updates of everybody on the host."""
    zone = directory / "com.zone"
    zone.write_text(text)
    with peers.knot({"com.": zone}, sections=LOCAL_RULES, template="    acl: local\n", journal="changes") as peer:
        yield peer


@contextmanager
def named_parent(directory: Path, text: str = PARENT) -> Iterator[Peer]:
    """Run a named with it."""
    zone = directory / "com.zone"
    zone.write_text(text)
    with peers.named({"com.": zone}, zone_options="allow-update { any; };") as peer:
        yield peer


def ds_texts(zone: str, keys: Sequence[dns.rdata.Rdata]) -> list[str]:
    """Return the DS data of keys as text."""
    return [dns.dnssec.make_ds(dns.name.from_text(zone), key, "SHA256").to_text() for key in keys]


def wait_serial(where: tuple[str, int], serial: int, zone: str = "example.com") -> None:
    """Wait until a server answers with a serial."""

    def has_serial() -> bool:
        query = dns.message.make_query(zone, "SOA")
        try:
            answer = dns.query.udp(query, where[0], port=where[1], timeout=1).answer
        except dns.exception.Timeout:
            return False
        return bool(answer) and answer[0][0].serial == serial

    wait_for(has_serial, f"serial {serial} at {where[0]}#{where[1]}")


def push_ds(daemon: SignedDaemon, parent: Peer, *tags: int, ttl_s: int = 1) -> None:
    """Have the parent's operator replace the DS records by those of the KSKs with these tags, or of all."""
    keys = [key for key in daemon.dnskeys() if key.flags & 1]
    keys = [key for key in keys if not tags or dns.dnssec.key_id(key) in tags]
    lines = ["update delete example.com. DS"]
    lines += [f"update add example.com. {ttl_s} DS {text}" for text in ds_texts("example.com", keys)]
    send_update((parent.address, parent.port), "com.", "\n".join(lines))


def signers(daemon: SignedDaemon, name: str = "www.example.com", rdtype: str = "A") -> set[int]:
    """Return the tags of the keys that sign an RRset."""
    answer = daemon.fetch(name, rdtype).answer
    return {data.key_tag for rrset in answer if rrset.rdtype == dns.rdatatype.RRSIG for data in rrset}


def cds_tags(daemon: SignedDaemon) -> set[int]:
    """Return the tags of the CDS records."""
    answer = daemon.fetch("example.com", "CDS").answer
    return {data.key_tag for rrset in answer if rrset.rdtype == dns.rdatatype.CDS for data in rrset}


def check_zone(daemon: SignedDaemon, directory: Path) -> None:
    """Fail where ldns-verify-zone finds something wrong in the zone that the daemon serves."""
    file = directory / "verified"
    file.write_text("\n".join(transfer((daemon.address, daemon.port))) + "\n")
    words = ["ldns-verify-zone", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
