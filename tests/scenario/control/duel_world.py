# SPDX-License-Identifier: Apache-2.0
"""What both servers of the differential test begin with, and how their differences are judged.

A difference is a ruling: it has a name, which says why this server is right or may be so, and stands in the battery
below the command it is about, with what this server says instead.
"""

import re

from tests.support.duel import Said

CONFIG = """\
server:
    rundir: {base}/run
    listen: {address}
    udp-workers: 1
    background-workers: 1
    identity: one
control:
    listen: {base}/run/control.sock
log:
  - target: stderr
    any: info
database:
    storage: {base}/db
    journal-db-max-size: 64M
template:
  - id: default
    storage: {base}/zones
  - id: quiet
    storage: {base}/zones
    zonefile-sync: -1
zone:
  - domain: example.com
  - domain: example.net
  - domain: empty.test
  - domain: quiet.test
    template: quiet
  - domain: signed.test
"""

PLAIN = """\
$TTL 300
@ 3600 SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
www A 192.0.2.3
www AAAA 2001:db8::2
alias 60 CNAME www
sub NS ns.sub
ns.sub A 192.0.2.4
*.wild TXT "any"
deep.below.nothing TXT "one" "two words"
mail MX 10 www
mail MX 20 ns
"""

SIGNED = """\
$TTL 300
@ 3600 SOA ns hostmaster 5 3600 600 86400 60
@ 3600 RRSIG SOA 13 2 3600 20300101000000 20200101000000 4711 signed.test. Zm9vYmFyMQ==
@ NS ns
@ RRSIG NS 13 2 300 20300101000000 20200101000000 4711 signed.test. Zm9vYmFyMg==
@ NSEC3PARAM 1 0 0 -
@ DNSKEY 257 3 13 ZZGT+2pPQ4m6yoAsCa4nVYXrPlUN3bFmvFUJxhYxsMzrCFNDJ4qpYpDlhaCqvSCkKOQfTAaoCO4M5P1c8ECP4g==
ns A 192.0.2.1
ns RRSIG A 13 3 300 20300101000000 20200101000000 4711 signed.test. Zm9vYmFyMw==
0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 60 NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA RRSIG DNSKEY NSEC3PARAM
0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 60 RRSIG NSEC3 13 3 60 20300101000000 20200101000000 4711 signed.test. Zm9vYmFyNA==
2t7b4g4vsa5smi47k61mv5bv1a22bojr 60 NSEC3 1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A RRSIG
"""

FILES = {
    "zones/example.com.zone": PLAIN,
    "zones/example.net.zone": PLAIN.replace("hostmaster 1 ", "hostmaster 7 "),
    "zones/quiet.test.zone": PLAIN,
    "zones/signed.test.zone": SIGNED,
}

RULINGS = {
    "empty list": "[] is an empty value, as the reference has it",
    "months": "M is months, since a newer version",
    "clear": "the directive came with a newer version",
    "one word": "a block without dash lacks its identifier",
    "no directory": "a directory is not read as a file of configuration",
    "says more": "the same finding in one line less, with the file, the place or the scanner's own reason",
    "accident": "the answer depends on how Knot 3.2 happens to keep its data; the reason that fits is given",
    "bad escape": "a name with a broken escape is refused; Knot 3.2 makes another name of it",
    "default TTL": "since Knot 3.3.8 a TTL may be left out; what is no number is then taken for a type",
    "diff complete": "a failed unset makes Knot 3.2 forget the removal in the diff, a new TTL the records added before",
    "empty owner": "an empty owner is the apex in every command, as the protocol has it",
    "transfers stay frozen": "a newer version: outgoing transfers stay frozen over a restart",
    "expired secondary": "a reload has an expired secondary zone refreshed, so it is done and no error",
    "expired zone": "a purged zone keeps nothing that hinders a reload, and a reload brings it back",
    "other history": "changesets that did not lead to the zone served are not replayed on a file that went back",
    "own schema": "the sections, items and words are those of the newer reference, without what is obsolete since",
    "empty zone": "a zone that was not loaded has nothing to sign, and the reason says so",
    "manual policy": "rollovers of keys that are managed by hand are refused, as the newer reference has it",
    "own chain": "NSEC records that others put into a zone signed here are left out; Knot 3.2 fails at such a chain",
    "exclusion": "since Knot 3.4.0 zone transactions and that of the configuration exclude each other",
    "lower case": "names in record data are lower case, as the reference has it",
    "missing directory": "a parameter that is missing is called so, as in zone-backup",
    "named reason": "the newer reasons say what is wrong with the file instead of `failed`",
    "no IP address": "what may be a UNIX socket is refused as not supported, by name",
    "newer words": "a newer version has another reason for the same",
    "not supported": "transfers and backup are not supported by this server and are refused by name",
    "other form": "the same record data in another presentation form, without trailing blanks",
    "serial goes back": "a serial that goes back breaks the journal: newer versions refuse it as well",
    "serial stays": "a change with the serial of the old version gets the next one, so that secondaries see it",
    "TTL change": "the same data with another TTL changes the TTL; Knot 3.2 does that and says that the record exists",
    "TTL range": "a TTL has 31 bits (RFC 2181, section 8)",
    "counter names": "an unknown counter is an invalid parameter, and case does not matter, in newer versions",
}
"""Names of rulings and their reasons."""

NEWER = (
    (re.compile(r"\(parser failed, .*\)(?= |$)", re.MULTILINE), "(parser failed)"),
    (re.compile(r" \| (?:purge|DNSSEC-validate|DNSKEY-sync): (?:\x1b\[1m)?-(?:\x1b\[0m)?"), ""),
    (re.compile(r"^server\.(?:zone-update-error|tcp-io-timeout|tcp-idle-timeout)(?: =|:) \d+\n", re.MULTILINE), ""),
    (re.compile(r"^warning: config, no listen address.*\n", re.MULTILINE), ""),
    (re.compile(r"^warning: config, storage directory '/var/lib/xdpdns' does not exist\n", re.MULTILINE), ""),
    (re.compile(r"^(?:\[.*\] )?zone\.(?:size|max-ttl)(?: =|:) \d+\n", re.MULTILINE), ""),
)
"""What newer versions say more than Knot 3.2: the parser's reason (3.4.7), rows of zone-status, counters (3.3 on); the
warning that a server without address cannot be asked; that this server's default storage, unlike Knot's, is not there
before its installation."""


def in_dialect(said: Said) -> Said:
    """Return what this server said without what Knot 3.2 cannot say."""
    out, err = said.out, said.err
    for pattern, text in NEWER:
        out, err = pattern.sub(text, out), pattern.sub(text, err)
    return said._replace(out=out, err=err)
