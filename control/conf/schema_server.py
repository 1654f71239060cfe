# SPDX-License-Identifier: Apache-2.0
"""The schema of what the server is as a whole: server, xdp, control, log, statistics, database."""

from control.conf.item import Item, R, absent, identifier, obsolete, section
from control.conf.special import AddressRange, Base64, ModuleName, PeerAddress, TimeOr
from control.conf.values import Bool, Choice, HexText, Int, Listen, Size, Text, Time, XdpListen

SEVERITY = Choice("critical error warning notice info debug")
SECONDS = Time(1)
DATABASE_SIZE = Size(5 << 20, 100 << 30)
BUFFER_SIZE = Size(1 << 20)

MODULE = section(
    "module",
    "Modules in shared libraries.",
    absent("file", Text(), "moduledir/NAME.so", "Path of the library."),
    id_item=Item("id", ModuleName(), "-", "Name of the module."),
    supported=False,
)

SERVER = section(
    "server",
    "The server as a whole.",
    Item("identity", HexText(), "host name", "Answer to CH TXT id.server and hostname.bind; empty: not told."),
    Item("version", HexText(), "program version", "Answer to CH TXT version.server and version.bind; empty: not told."),
    Item("nsid", HexText(), "host name", "Payload of the EDNS NSID option (RFC 5001); empty: not told."),
    Item("rundir", Text(), "/run/xdpdns", "Directory of sockets, the PID file and the counters.", R),
    Item("user", Text(), "the starting user", "User and group, `USER[:GROUP]`, to run as after binding.", R),
    Item("pidfile", Text(), "rundir/xdpdnsd.pid", "PID file; a relative path starts at rundir.", R),
    Item("udp-workers", Int(1, 256), "online CPUs", "Threads that answer on UDP sockets.", R),
    absent("tcp-workers", Int(1, 256), "online CPUs", "Threads that answer over TCP."),
    Item("background-workers", Int(1, 512), "online CPUs, at most 10", "Threads that load and change zones.", R),
    Item("async-start", Bool(), "off", "Answer SERVFAIL while zones load for the first time instead of waiting.", R),
    Item("tcp-idle-timeout", SECONDS, "10", "A TCP connection without a query for this long is closed."),
    Item("tcp-io-timeout", Int(0, unit="ms"), "500", "Limit for receiving or sending one message over TCP; 0: none."),
    Item("tcp-remote-io-timeout", Int(0, unit="ms"), "5000", "The same for connections to other servers."),
    Item("tcp-max-clients", Int(0), "half of the descriptor limit", "TCP connections at one time."),
    absent("tcp-reuseport", Bool(), "off", "A listening socket for each TCP worker."),
    obsolete("tcp-fastopen", Bool()),
    absent("quic-max-clients", Int(128), "10000", "QUIC clients at one time."),
    absent("quic-outbuf-max-size", BUFFER_SIZE, "100M", "QUIC output that is not acknowledged, by worker."),
    absent("quic-idle-close-timeout", SECONDS, "4", "An idle QUIC connection is closed."),
    Item("remote-pool-limit", Int(0), "0", "Outgoing TCP connections kept open.", R),
    Item("remote-pool-timeout", SECONDS, "5", "Idle time after which they are closed."),
    Item("remote-retry-delay", Int(0, unit="ms"), "0", "Time for which an address that was not reached is skipped."),
    absent("socket-affinity", Bool(), "off", "Sockets bound to workers."),
    Item("udp-max-payload", Size(1220, 4096), "1232", "Size of UDP replies with EDNS, both families."),
    Item("udp-max-payload-ipv4", Size(1220, 4096), "udp-max-payload", "The same over IPv4."),
    Item("udp-max-payload-ipv6", Size(1220, 4096), "udp-max-payload", "The same over IPv6."),
    Item("key-file", Text(), "generated", "Private key for TLS (PEM); a relative path starts at /etc/xdpdns."),
    Item("cert-file", Text(), "in memory", "Certificate for TLS (PEM); a relative path starts at /etc/xdpdns."),
    Item(
        "ca-file",
        Text(),
        "-",
        'Authorities (PEM) for names of remotes; "" or none: those of the system; relative paths start at /etc/xdpdns.',
        multi=True,
    ),
    absent("edns-client-subnet", Bool(), "off", "EDNS Client Subnet option (RFC 7871)."),
    Item("answer-rotation", Bool(), "off", "Rotation of the records of an answer.", only=("off",)),
    Item("automatic-acl", Bool(), "off", "Permissions derived from remotes."),
    absent("proxy-allowlist", AddressRange(), "-", "Sources that may send PROXYv2 over UDP.", multi=True),
    Item(
        "dbus-event",
        Choice("none running zone-updated external-verify keys-updated ksk-submission dnssec-invalid"),
        "none",
        "Events told on D-Bus.",
        R,
        multi=True,
        only=("none", "running", "zone-updated", "keys-updated", "ksk-submission", "dnssec-invalid"),
    ),
    Item("dbus-init-delay", Time(0), "1", "Clients of D-Bus have this long to find the server before it tells.", R),
    Item("listen", Listen(), "-", "Addresses to answer on, UDP and TCP.", R, multi=True),
    absent("listen-quic", PeerAddress(), "-", "Addresses for DNS over QUIC.", multi=True),
    Item("listen-tls", Listen(853), "-", "Addresses for DNS over TLS.", R, multi=True),
)

XDP = section(
    "xdp",
    "Answering by AF_XDP workers, beside the kernel's network stack.",
    Item("listen", XdpListen(), "-", "Interfaces (or addresses of them) to take queries from.", R, multi=True),
    Item("udp", Bool(), "on", "Answer UDP by AF_XDP; off: the interfaces are left alone.", R),
    Item("tcp", Bool(), "off", "TCP by AF_XDP.", R, only=("off",)),
    Item("quic", Bool(), "off", "QUIC by AF_XDP.", R, only=("off",)),
    absent("quic-port", Int(1, 65535), "853", "Port of DNS over QUIC."),
    absent("tcp-max-clients", Int(1024), "1000000", "TCP clients by AF_XDP."),
    absent("tcp-inbuf-max-size", BUFFER_SIZE, "100M", "Input of TCP messages that are not complete."),
    absent("tcp-outbuf-max-size", BUFFER_SIZE, "100M", "TCP output that is not acknowledged."),
    absent("tcp-idle-close-timeout", SECONDS, "10", "An idle TCP connection is closed."),
    absent("tcp-idle-reset-timeout", SECONDS, "20", "An idle TCP connection is reset."),
    absent("tcp-resend-timeout", SECONDS, "5", "TCP data is sent again."),
    Item("route-check", Bool(), "off", "Kernel routing for replies.", R, only=("off",)),
    Item("zero-copy", Bool(), "on", "Use the driver's zero-copy mode where it has one.", R),
    Item("ring-size", Int(4, 32768), "2048", "Entries of each AF_XDP ring; a power of two, at least 64, is used.", R),
    Item("busypoll-budget", Int(0, 65535), "0", "Packets per busy poll; 0: no busy polling.", R),
    Item("busypoll-timeout", Int(1, 2147483647, "us"), "20", "Length of one busy poll.", R),
    Item(
        "cpu-affinity",
        Int(0, 4095),
        "-",
        "CPUs the engine's threads are pinned to, in the order of workers, repeated from the start; none: not pinned.",
        R,
        multi=True,
        extension=True,
    ),
)

CONTROL = section(
    "control",
    "The control sockets.",
    Item("listen", Text(), "knot.sock", "UNIX sockets, at most 4; a relative path starts at rundir.", R, multi=True),
    Item("backlog", Int(0, 65535), "5", "Connections that may wait to be accepted.", R),
    Item("timeout", Time(0, 2147483), "5", "Limit for receiving or sending on a control socket; 0: none."),
)

LOG = section(
    "log",
    "Where log lines go. Without this section: warning and worse to stderr and syslog, notice and info to stdout.",
    Item("server", SEVERITY, "-", "Least severity of lines about the server."),
    Item("control", SEVERITY, "-", "Least severity of lines about control operations."),
    Item("zone", SEVERITY, "-", "Least severity of lines about zones."),
    absent("quic", SEVERITY, "-", "Least severity of lines about QUIC."),
    Item("any", SEVERITY, "-", "Least severity of every category."),
    id_item=Item("target", Text(), "-", "stdout, stderr, syslog or the path of a file."),
)

STATISTICS = section(
    "statistics",
    "The periodic dump of counters, and the Prometheus endpoint.",
    Item("timer", SECONDS, "-", "Period of the dump; without it there is none."),
    Item("file", Text(), "stats.yaml", "File of the dump; a relative path starts at rundir."),
    Item("append", Bool(), "off", "Append to the file instead of replacing it."),
    Item(
        "prometheus-listen",
        Listen(0),
        "-",
        "Addresses at which the counters can be read over HTTP.",
        R,
        multi=True,
        extension=True,
    ),
)

DATABASE = section(
    "database",
    "The zone store and the response table.",
    Item("storage", Text(), "/var/lib/xdpdns", "Directory of the response table; other databases are below it.", R),
    Item("journal-db", Text(), "store", "Directory of the zone store; a relative path starts at storage.", R),
    Item(
        "journal-db-mode",
        Choice("robust asynchronous"),
        "robust",
        "asynchronous: changes are acknowledged before they are on the disk; a crash of the system may lose the last.",
        R,
    ),
    Item(
        "journal-db-max-size",
        Size(1 << 20, 100 << 40),
        "20G",
        "Most that the zone store, which holds contents and journal, may grow to; changes are refused then.",
        R,
    ),
    Item(
        "kasp-db",
        Text(),
        "keys",
        "Directory that relative paths of keystores start at; the built-in keystore is `keys` in it. A relative path "
        "starts at storage.",
    ),
    absent("kasp-db-max-size", DATABASE_SIZE, "10G", "Most that the key database may grow to."),
    absent("timer-db", Text(), "timers", "Directory of the timer database."),
    absent("timer-db-max-size", Size(1 << 20, 100 << 30), "5G", "Most that the timer database may grow to."),
    absent("timer-db-sync", TimeOr("never", "shutdown", "immediate", low=1), "shutdown", "When timers are written."),
    absent("catalog-db", Text(), "catalog", "Directory of the catalog database."),
    absent("catalog-db-max-size", DATABASE_SIZE, "20G", "Most that the catalog database may grow to."),
    absent("zone-db-listen", Text(), "-", "Addresses of a Redis database, ADDR, host or path, [@INT].", multi=True),
    absent("zone-db-tls", Bool(), "off", "TLS to the Redis database."),
    absent("zone-db-cert-key", Base64(), "-", "Public keys the Redis database may have.", multi=True),
    absent("zone-db-cert-hostname", Text(), "-", "Names its certificate may have.", multi=True),
)

KEYSTORE = section(
    "keystore",
    "Where private keys are kept.",
    Item("backend", Choice("pem pkcs11"), "pem", "Files or an HSM.", only=("pem",)),
    Item("config", Text(), "keys", "Directory of the files; a relative path starts at database.kasp-db."),
    Item("ksk-only", Bool(), "off", "No zone-signing keys are made here."),
    Item("key-label", Bool(), "off", "Keys get a PKCS #11 label.", only=("off",)),
    id_item=identifier("Name of the keystore."),
)

SERVER_SECTIONS = (MODULE, SERVER, XDP, CONTROL, LOG, STATISTICS, DATABASE, KEYSTORE)
