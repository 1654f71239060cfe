# SPDX-License-Identifier: Apache-2.0
"""The schema of zones and their templates."""

from control.conf.item import Item, absent, identifier, section
from control.conf.special import GroupName, ModuleReference, RecordType, SerialModuloType, TimeOr
from control.conf.values import Bool, Choice, Int, Name, Reference, Size, Text, Time

MODULES = (
    "mod-alias mod-authsignal mod-cookies mod-dnserr mod-dnsproxy mod-dnstap mod-geoip mod-noudp mod-onlinesign "
    "mod-probe mod-queryacl mod-rrl mod-stats mod-synthrecord mod-whoami"
)
"""The modules of Knot DNS."""

PEERS = Reference("remote", "remotes", empty=True)

ZONE_ITEMS = (
    Item("storage", Text(), "database.storage", "Directory of the zone file."),
    Item("file", Text(), "%s.zone", "Zone file; %s %c[N] %c[N-M] %l[N] %% expand to (parts of) the zone name."),
    absent("zone-db-input", Int(-1, 8), "-1", "Redis instance to read from."),
    absent("zone-db-output", Int(-1, 8), "-1", "Redis instance to write to."),
    Item("master", PEERS, "-", "Primary servers.", multi=True),
    Item("ddns-master", Reference("remote", empty=True), "first master", "Where dynamic updates are sent."),
    Item("notify", PEERS, "-", "Secondary servers to notify.", multi=True),
    Item("notify-delay", Time(0), "0", "Delay of NOTIFY."),
    Item("update-delay", Time(0), "0", "Delay of changes that come from others."),
    Item("acl", Reference("acl"), "-", "Permissions, in order.", multi=True),
    Item("master-pin-tolerance", Time(0), "0", "Time for which one primary is kept."),
    Item("provide-ixfr", Bool(), "on", "Answer IXFR with changes."),
    absent("deleg-aware", Choice("auto on off"), "auto", "DELEG records."),
    Item(
        "semantic-checks",
        Choice("off on soft"),
        "off",
        "Checks of the zone file beyond the mandatory ones; soft: mandatory ones only warn.",
    ),
    Item("default-ttl", Time(1, 2147483647), "3600", "TTL of records without one before the first $TTL."),
    Item(
        "zonefile-sync", Time(-1), "0", "The zone file is written this long after a change; -1: only when asked to be."
    ),
    Item(
        "zonefile-load",
        Choice("none difference difference-no-serial whole"),
        "whole",
        "How the zone file becomes the zone.",
    ),
    Item(
        "zonefile-skip",
        RecordType("dnssec"),
        "-",
        "Types (`dnssec`: those of signing) that are neither read from the zone file nor written to it.",
        multi=True,
    ),
    Item("journal-content", Choice("none changes all"), "changes", "What the journal keeps; all: also the zone."),
    Item("journal-max-usage", Size(40 << 10), "100M", "Most that the changes of the zone may take in the journal."),
    Item("journal-max-depth", Int(2, 2147483647), "20", "Most changes of the zone in the journal."),
    Item("ixfr-benevolent", Bool(), "off", "Superfluous changes in an IXFR are tolerated."),
    Item("ixfr-by-one", Bool(), "off", "Changes of an IXFR are applied one by one."),
    Item("ixfr-from-axfr", Bool(), "off", "An AXFR is compared with the zone."),
    Item("zone-max-size", Size(0), "none", "Most octets the records of the zone may have after a change."),
    absent("adjust-threads", Int(1, 65535), "1", "Threads that adjust one zone."),
    absent("external-validation", Reference("external"), "-", "Approval of changes."),
    Item("dnssec-signing", Bool(), "off", "Automatic signing."),
    Item("dnssec-validation", Bool(), "off", "Only contents whose signatures are valid are served."),
    Item("dnssec-policy", Reference("policy", implied="default"), "built-in", "How the zone is signed."),
    Item("dnssec-metadata-db", Choice("kasp timer"), "kasp", "Where data about signing is kept.", only=("kasp",)),
    Item("ds-push", PEERS, "of the policy", "Where DS records are sent.", multi=True),
    Item("zonemd-verify", Bool(), "off", "The zone is only taken with a valid ZONEMD (RFC 8976)."),
    Item(
        "zonemd-generate",
        Choice("none zonemd-sha384 zonemd-sha512 remove"),
        "none",
        "ZONEMD is kept up to date, or removed.",
    ),
    Item("serial-policy", Choice("increment unixtime dateserial"), "increment", "How new serials are made."),
    Item("serial-modulo", SerialModuloType(), "0/1", "Congruence and shift of new serials; needs dnssec-signing."),
    absent("reverse-generate", Name(), "-", "Zones whose addresses get PTR records here.", multi=True),
    absent("include-from", Name(), "-", "Zones whose records are taken over.", multi=True),
    Item("refresh-jitter", TimeOr(percent=True), "0", "Spread of refresh times over zones."),
    Item("refresh-min-interval", Time(2), "2", "Least refresh time."),
    Item("refresh-max-interval", Time(2), "-", "Largest refresh time."),
    Item("retry-min-interval", Time(1), "1", "Least retry time."),
    Item("retry-max-interval", Time(1), "-", "Largest retry time."),
    Item("expire-min-interval", Time(3), "3", "Least expire time."),
    Item("expire-max-interval", Time(3), "-", "Largest expire time."),
    Item("catalog-role", Choice("none interpret generate member"), "none", "Catalog zones (RFC 9432)."),
    Item("catalog-template", Reference("template"), "-", "Templates of the members.", multi=True),
    Item("catalog-zone", Name(), "-", "Catalog the zone is a member of."),
    Item("catalog-group", GroupName(), "-", "Group of the member."),
    Item("module", ModuleReference(MODULES, "mod-stats"), "-", "Modules for the zone, in order.", multi=True),
)

TEMPLATE = section(
    "template",
    "Settings shared by zones. Template `default` applies to zones that name none.",
    Item(
        "global-module",
        ModuleReference(MODULES, "mod-cookies mod-rrl mod-stats"),
        "-",
        "Modules for all queries, in order; only in template `default`.",
        multi=True,
    ),
    *ZONE_ITEMS,
    id_item=identifier("Name of the template."),
)

ZONE = section(
    "zone",
    "The zones.",
    Item("template", Reference("template"), "default, if defined", "Template for what the zone does not set."),
    *ZONE_ITEMS,
    id_item=Item("domain", Name(), "-", "Name of the zone."),
)

ZONE_SECTIONS = (TEMPLATE, ZONE)
