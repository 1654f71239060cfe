# SPDX-License-Identifier: Apache-2.0
"""Sections and items of Knot DNS that this server does not have: refused by name instead of as unknown."""

_SECTIONS = (
    "module control statistics keystore key remote remotes acl submission dnskey-sync policy external mod- "
    "alias mod-authsignal mod-cookies mod-dnserr mod-dnsproxy mod-dnstap mod-geoip mod-noudp mod-onlinesign "
    "mod-probe mod-queryacl mod-rrl mod-stats mod-synthrecord mod-whoami"
)

_ZONE = (
    "zone-db-input zone-db-output master ddns-master notify notify-delay update-delay acl master-pin- "
    "tolerance provide-ixfr deleg-aware zonefile-sync zonefile-skip journal-content journal-max-usage "
    "journal-max-depth ixfr-benevolent ixfr-by-one ixfr-from-axfr zone-max-size adjust-threads external- "
    "validation dnssec-policy dnssec-metadata-db ds-push zonemd-verify zonemd-generate serial-policy serial- "
    "modulo reverse-generate include-from refresh-jitter refresh-min-interval refresh-max-interval retry-min- "
    "interval retry-max-interval expire-min-interval expire-max-interval catalog-role catalog-template "
    "catalog-zone catalog-group module"
)

_SERVER = (
    "user tcp-workers background-workers tcp-remote-io-timeout tcp-reuseport quic-max-clients quic-outbuf- "
    "max-size quic-idle-close-timeout remote-pool-limit remote-pool-timeout remote-retry-delay socket- "
    "affinity key-file cert-file ca-file edns-client-subnet proxy-allowlist dbus-event dbus-init-delay "
    "listen-quic listen-tls tcp-fastopen"
)

_XDP = (
    "quic-port tcp-max-clients tcp-inbuf-max-size tcp-outbuf-max-size tcp-idle-close-timeout tcp-idle-reset- "
    "timeout tcp-resend-timeout"
)

_DATABASE = (
    "journal-db journal-db-mode kasp-db kasp-db-max-size timer-db timer-db-max-size timer-db-sync catalog-db "
    "catalog-db-max-size zone-db-listen zone-db-tls zone-db-cert-key zone-db-cert-hostname"
)

_ITEMS = {
    "server": _SERVER,
    "xdp": _XDP,
    "log": "quic",
    "database": _DATABASE,
    "template": f"global-module {_ZONE}",
    "zone": _ZONE,
}

SECTIONS = frozenset(_SECTIONS.split())

ITEMS = {section: frozenset(names.split()) for section, names in _ITEMS.items()}
"""By section."""
