# SPDX-License-Identifier: Apache-2.0
"""The schema of modules' settings."""

from control.conf.item import Item, Section, absent, identifier, obsolete, section
from control.conf.special import AddressRange, CookieSecret, RecordType
from control.conf.values import Bool, Choice, HexText, Int, Name, Reference, Text, Time

ID = identifier("Name of the settings, in `module: NAME/ID`.")
RANGES = AddressRange()

STATS_ON = "request-protocol server-operation request-bytes response-bytes response-code"
STATS_OFF = (
    "edns-presence flag-presence request-edns-option response-edns-option reply-nodata query-type query-size reply-size"
)


def _module(name: str, help_text: str, *items: Item, supported: bool = True) -> Section:
    return section(f"mod-{name}", help_text, *items, id_item=ID, supported=supported)


def _absent(name: str, help_text: str, *items: Item) -> Section:
    return _module(name, help_text, *items, supported=False)


COOKIES = _module(
    "cookies",
    "DNS cookies (RFC 7873, RFC 9018).",
    Item("secret-lifetime", Time(1, 36 * 86400), "26h", "Life of a generated secret."),
    Item("badcookie-slip", Int(1), "1", "Every how manieth query with a bad cookie is answered."),
    Item("secret", CookieSecret(), "generated", "Secret, and optionally the one before.", multi=True),
)

RRL = _module(
    "rrl",
    "Response rate limiting.",
    Item("rate-limit", Int(0, 4294967295), "50", "UDP replies per second to a source; 0: no limit."),
    Item("instant-limit", Int(1, 4294967295), "125", "UDP replies to a source that was silent before."),
    Item("slip", Int(0, 100), "1", "Every how manieth limited reply is sent truncated; 0: none."),
    absent("time-rate-limit", Int(0, unit="us"), "5000", "Processor time per second for a source."),
    absent("time-instant-limit", Int(0, unit="us"), "5000", "Processor time for a source that was silent before."),
    Item("table-size", Int(1, 1 << 31), "524288", "Sources followed; a power of two, at least this, is used."),
    Item("whitelist", RANGES, "-", "Sources without limit.", multi=True),
    Item("log-period", Int(0, 2147483647, "ms"), "30000", "Least time between log lines about limits; 0: no lines."),
    Item("dry-run", Bool(), "off", "Count and log only."),
)

STATS = _module(
    "stats",
    "Counters of queries and replies.",
    *(
        Item(name, Bool(), default, f"Counters of {name.replace('-', ' ')}.")
        for default, names in (("on", STATS_ON), ("off", STATS_OFF))
        for name in names.split()
    ),
)

MODULE_SECTIONS = (
    _absent("alias", "Addresses from ALIAS records."),
    _absent("authsignal", "Signalling records of RFC 9615."),
    COOKIES,
    _absent(
        "dnserr",
        "Error reporting of RFC 9567.",
        absent("report-channel", Name(), "-", "The agent's domain."),
        absent("agent", Bool(), "-", "Log reports."),
        absent("cache-size", Int(0), "1000", "Reports remembered."),
        absent("cache-lifetime", Time(0), "10", "How long they are."),
    ),
    _absent(
        "dnsproxy",
        "Queries passed on to another server.",
        absent("remote", Reference("remote"), "-", "The other server."),
        absent("timeout", Int(0, unit="ms"), "500", "Wait for its reply."),
        absent("address", RANGES, "any", "Clients whose queries are passed on.", multi=True),
        absent("fallback", Bool(), "on", "Only what would be refused."),
        absent("catch-nxdomain", Bool(), "off", "Also what does not exist."),
        obsolete("tcp-fastopen", Bool()),
    ),
    _absent(
        "dnstap",
        "Messages told by dnstap.",
        absent("sink", Text(), "-", "File or socket."),
        absent("identity", HexText(), "host name", "Name of this server."),
        absent("version", HexText(), "program version", "Its version."),
        absent("log-queries", Bool(), "on", "Tell queries."),
        absent("log-responses", Bool(), "on", "Tell responses."),
        absent("responses-with-queries", Bool(), "off", "Tell queries with their responses."),
    ),
    _absent(
        "geoip",
        "Answers by the client's place.",
        absent("config-file", Text(), "-", "The rules."),
        absent("ttl", Time(0), "60", "TTL of the answers."),
        absent("mode", Choice("subnet geodb weighted"), "subnet", "How an answer is chosen."),
        absent("dnssec", Bool(), "of the zone", "Sign the answers."),
        absent("policy", Reference("policy", implied="default"), "built-in", "How they are signed."),
        absent("geodb-file", Text(), "-", "Database of places."),
        absent("geodb-key", Text(), "-", "Paths in it.", multi=True),
    ),
    _absent(
        "noudp",
        "Truncated replies over UDP.",
        absent("udp-allow-rate", Int(1), "-", "Every how manieth reply is sent whole."),
        absent("udp-truncate-rate", Int(1), "1", "Every how manieth reply is truncated."),
    ),
    _absent(
        "onlinesign",
        "Signing while answering.",
        absent("policy", Reference("policy", implied="default"), "built-in", "How to sign."),
        absent("nsec-bitmap", RecordType(), "[A, AAAA]", "Types told to exist.", multi=True),
    ),
    _absent(
        "probe",
        "Traffic on UNIX sockets.",
        absent("path", Text(), "rundir", "Directory of the sockets."),
        absent("channels", Int(1, 65535), "1", "Number of sockets."),
        absent("max-rate", Int(0), "100000", "Most messages per second."),
    ),
    _absent(
        "queryacl",
        "Who may ask.",
        absent("address", RANGES, "any", "Clients.", multi=True),
        absent("interface", RANGES, "any", "Addresses asked.", multi=True),
    ),
    RRL,
    STATS,
    _absent(
        "synthrecord",
        "Names for addresses, made up.",
        absent("type", Choice("forward reverse"), "-", "Direction."),
        absent("prefix", Text(), "-", "Start of the name."),
        absent("origin", Name(), "-", "End of the name."),
        absent("ttl", Time(0, 2147483647), "3600", "TTL of the records."),
        absent("network", RANGES, "-", "Addresses that get names.", multi=True),
        absent("reverse-short", Bool(), "on", "Short form of IPv6 addresses."),
    ),
    _absent("whoami", "The client's address."),
)
