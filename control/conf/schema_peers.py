# SPDX-License-Identifier: Apache-2.0
"""The schema of other servers, permissions and keys: key to external."""

from control.conf.item import Item, absent, identifier, section
from control.conf.special import AddressRange, Base64, Modulo, PeerAddress, RecordType, TimeOr
from control.conf.values import Bool, Choice, Int, Name, Reference, Size, Text, Time

PEER = Reference("remote", "remotes")
SECONDS = Time(1)

KEY = section(
    "key",
    "TSIG keys.",
    Item(
        "algorithm",
        Choice("hmac-md5 hmac-sha1 hmac-sha224 hmac-sha256 hmac-sha384 hmac-sha512"),
        "hmac-sha256",
        "Algorithm of the key.",
    ),
    Item("secret", Base64(), "-", "The shared secret."),
    id_item=Item("id", Name(), "-", "Name of the key."),
)

REMOTE = section(
    "remote",
    "Other servers.",
    Item("address", PeerAddress(path=True), "-", "Addresses, tried in order.", multi=True),
    Item("via", PeerAddress(interface=True), "-", "Source addresses.", multi=True),
    Item("quic", Bool(), "off", "Ask over QUIC.", only=("off",)),
    Item("tls", Bool(), "off", "Ask over TLS."),
    Item("key", Reference("key"), "-", "TSIG key."),
    Item("cert-key", Base64(32), "-", "SHA-256 of public keys the server may have; implies TLS.", multi=True),
    Item("cert-hostname", Text(), "-", "Names its certificate may have; implies TLS.", multi=True),
    Item("block-notify-after-transfer", Bool(), "off", "No NOTIFY after a transfer from it."),
    Item("no-edns", Bool(), "off", "No EDNS."),
    Item("automatic-acl", Bool(), "on", "Permissions are derived from it when the server does so."),
    id_item=identifier("Name of the remote."),
)

REMOTES = section(
    "remotes",
    "Groups of remotes.",
    Item("remote", Reference("remote"), "-", "The remotes, in order.", multi=True),
    id_item=identifier("Name of the group."),
)

ACL = section(
    "acl",
    "Permissions.",
    Item("address", AddressRange(path=True), "any", "Source addresses.", multi=True),
    Item("key", Reference("key"), "-", "TSIG keys.", multi=True),
    absent("cert-key", Base64(), "-", "Public keys of clients.", multi=True),
    absent("cert-hostname", Text(), "-", "Names of clients' certificates.", multi=True),
    Item("remote", PEER, "-", "Remotes whose addresses and keys match.", multi=True),
    Item("action", Choice("query notify transfer update"), "query", "What is allowed.", multi=True),
    Item("protocol", Choice("udp tcp tls quic"), "any", "Transports.", multi=True, only=("udp", "tcp", "tls")),
    Item("deny", Bool(), "off", "What matches is denied."),
    Item("update-type", RecordType(), "any", "Types that may be updated.", multi=True),
    Item("update-owner", Choice("key zone name"), "-", "What owners of updated records are compared with."),
    Item("update-owner-match", Choice("sub-or-equal equal sub pattern"), "sub-or-equal", "How they are compared."),
    Item("update-owner-name", Text(), "-", "Names for `update-owner: name`.", multi=True),
    id_item=identifier("Name of the rule."),
)

SUBMISSION = section(
    "submission",
    "How the parent zone is asked for its DS.",
    Item("parent", PEER, "-", "Servers of the parent zone.", multi=True),
    Item("check-interval", SECONDS, "1h", "Period of the check."),
    Item("timeout", Time(0), "0", "The DS counts as published after this time; 0: never."),
    Item("parent-delay", Time(0), "0", "Further wait after a positive check."),
    id_item=identifier("Name of the submission."),
)

DNSKEY_SYNC = section(
    "dnskey-sync",
    "Exchange of DNSKEY records between signers.",
    absent("remote", PEER, "-", "The other signers.", multi=True),
    absent("check-interval", SECONDS, "60", "Period of the check."),
    id_item=identifier("Name of the exchange."),
    supported=False,
    comment=False,
)

POLICY = section(
    "policy",
    "How zones are signed.",
    Item("keystore", Reference("keystore", implied="default"), "built-in", "Keystores.", multi=True),
    Item("manual", Bool(), "off", "Keys are neither made nor rolled over."),
    Item("single-type-signing", Bool(), "off", "One key signs everything."),
    Item(
        "algorithm",
        Choice(
            "rsasha1 rsasha1-nsec3-sha1 rsasha256 rsasha512 ecdsap256sha256 ecdsap384sha384 ed25519 ed448",
        ),
        "ecdsap256sha256",
        "Algorithm of the keys.",
    ),
    Item("ksk-size", Size(0, 65535), "of the algorithm", "Bits of key-signing keys."),
    Item("zsk-size", Size(0, 65535), "of the algorithm", "Bits of zone-signing keys."),
    Item("ksk-shared", Bool(), "off", "Zones of the policy share their key-signing key."),
    Item("dnskey-ttl", Time(0), "TTL of the SOA", "TTL of DNSKEY records."),
    Item("zone-max-ttl", Time(0), "of the zone", "Largest TTL, for timing."),
    Item("keytag-modulo", Modulo(), "0/1", "Congruence of key tags."),
    Item("dnssec-jitter", TimeOr(percent=True), "0", "Spread of times over zones."),
    Item("ksk-lifetime", Time(0), "0", "Life of key-signing keys; 0: no end."),
    Item("zsk-lifetime", Time(0), "30d", "Life of zone-signing keys; 0: no end."),
    Item("deleg-adt", Bool(), "off", "Keys have the ADT flag."),
    Item("delete-delay", Time(0), "0", "Removed keys are kept this long."),
    Item("trash-delay", Time(0), "2 * rrsig-lifetime", "Deleted keys stay in the trash this long."),
    Item("propagation-delay", Time(0), "1h", "Added to each step of a rollover."),
    Item("rrsig-lifetime", SECONDS, "14d", "Validity of signatures."),
    Item("rrsig-refresh", SECONDS, "computed", "Signatures are renewed this long before they expire."),
    Item("rrsig-pre-refresh", Time(0), "0.005 * rrsig-lifetime", "Signatures renewed together with those due."),
    Item("reproducible-signing", Bool(), "off", "Deterministic ECDSA (RFC 6979)."),
    Item("nsec3", Bool(), "off", "NSEC3 instead of NSEC."),
    Item("nsec3-iterations", Int(0, 65535), "0", "Additional hash rounds."),
    Item("nsec3-opt-out", Bool(), "off", "Insecure delegations are skipped."),
    Item("nsec3-salt-length", Int(0, 255), "0", "Octets of the salt."),
    Item("nsec3-salt-lifetime", Time(-1), "30d", "Life of the salt; 0: no end, -1: that of the zone-signing key."),
    Item("signing-threads", Int(1, 65535), "1", "Threads that sign one zone."),
    Item("ksk-submission", Reference("submission"), "-", "How the parent is asked."),
    Item("ds-push", Reference("remote", "remotes", empty=True), "-", "Where DS records are sent.", multi=True),
    absent("dnskey-sync", Reference("dnskey-sync"), "-", "Exchange with other signers."),
    Item(
        "cds-cdnskey-publish",
        Choice("none delete-dnssec rollover always double-ds"),
        "rollover",
        "When CDS and CDNSKEY are published.",
    ),
    Item("cds-digest-type", Choice("sha256 sha384"), "sha256", "Digest of CDS records."),
    Item("dnskey-management", Choice("full incremental"), "full", "Whether foreign DNSKEY records are kept."),
    Item("offline-ksk", Bool(), "off", "DNSKEY signatures are imported.", only=("off",)),
    Item(
        "unsafe-operation",
        Choice("none no-check-keyset no-update-dnskey no-update-nsec no-update-expired"),
        "none",
        "Parts that are not safe to switch off.",
        multi=True,
        only=("none", "no-check-keyset", "no-update-dnskey", "no-update-expired"),
    ),
    id_item=identifier("Name of the policy."),
)

EXTERNAL = section(
    "external",
    "Approval of changes by another program.",
    absent("timeout", Time(0), "300", "No verdict after this time is a refusal."),
    absent("dump-new-zone", Text(), "none", "File for the new contents."),
    absent("dump-removals", Text(), "none", "File for removed records."),
    absent("dump-additions", Text(), "none", "File for added records."),
    id_item=identifier("Name of the validation."),
    supported=False,
    comment=False,
)

PEER_SECTIONS = (KEY, REMOTE, REMOTES, ACL, SUBMISSION, DNSKEY_SYNC, POLICY, EXTERNAL)
