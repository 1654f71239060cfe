# SPDX-License-Identifier: Apache-2.0
"""Signed queries from kdig and dig, over UDP and TCP, and a thousand clients that say nothing."""

import resource
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import DaemonUnderTest, wait_for

SECRET = "c2VjcmV0IG9mIHRoZSBzZXJ2ZXI="
OTHER_SECRET = "YW5vdGhlciBzZWNyZXQ="
ALGORITHMS = ("hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
CLIENTS = 1000
MOST_KB_EACH = 16
CONFIG = """\
server:
  rundir: {base}/run
  listen: 127.0.0.1@{port}
  udp-workers: 1
  tcp-max-clients: 2000
  tcp-idle-timeout: 60
database:
  storage: {base}/db
  journal-db-max-size: 64M
log:
  - target: {base}/log
    any: debug
key:
{keys}
  - id: unused.
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: signed
    key: [{names}]
    action: transfer
zone:
  - domain: example.com
    storage: {base}
    acl: signed
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonUnderTest]:
    base = tmp_path_factory.mktemp("signed")
    one = DaemonUnderTest(base)
    keys = "".join(f"  - id: {name}.\n    algorithm: {name}\n    secret: {SECRET}\n" for name in ALGORITHMS)
    one.config.write_text(
        CONFIG.format(base=base, port=one.port, keys=keys, secret=SECRET, names=", ".join(ALGORITHMS))
    )
    try:
        one.start()
        yield one
    finally:
        one.close()


def ask(program: str, daemon: DaemonUnderTest, key: str, *options: str) -> str:
    """Ask for an address with a key; return what the program prints."""
    if shutil.which(program) is None:
        pytest.skip(f"needs the program {program}")
    argv = [
        program,
        "@127.0.0.1",
        "-p",
        str(daemon.port),
        "-y",
        key,
        "www.example.com.",
        "A",
        "+time=3",
        "+norecurse",
        *options,
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
    return done.stdout + done.stderr


@pytest.mark.peer
@pytest.mark.parametrize("program", ["kdig", "dig"])
@pytest.mark.parametrize("option", ["+notcp", "+tcp"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_signed_query_is_answered(daemon: DaemonUnderTest, program: str, option: str, algorithm: str) -> None:
    """The answer to a signed query is signed so that the client accepts it, with every algorithm."""
    output = ask(program, daemon, f"{algorithm}:{algorithm}:{SECRET}", option)
    assert "NOERROR" in output
    assert "192.0.2.2" in output
    assert "TSIG" in output
    for trouble in ("ERROR", "WARNING", "BADSIG", "BADKEY", "Couldn't verify"):
        assert trouble not in output.replace("NOERROR", ""), output


@pytest.mark.peer
@pytest.mark.parametrize("program", ["kdig", "dig"])
@pytest.mark.parametrize("option", ["+notcp", "+tcp"])
@pytest.mark.parametrize(
    ("key", "error"),
    [
        (f"hmac-sha256:nobody:{SECRET}", "BADKEY"),
        (f"hmac-sha1:hmac-sha256:{SECRET}", "BADKEY"),
        (f"hmac-sha256:unused:{SECRET}", "BADKEY"),
        (f"hmac-sha256:hmac-sha256:{OTHER_SECRET}", "BADSIG"),
    ],
)
def test_what_is_wrong_with_a_signature(
    daemon: DaemonUnderTest, program: str, option: str, key: str, error: str
) -> None:
    """The client is told whether its key or its signature is bad."""
    output = ask(program, daemon, key, option)
    assert error in output
    assert "192.0.2.2" not in output


def resident_kb(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS")))


def test_a_thousand_idle_clients(daemon: DaemonUnderTest) -> None:
    """A thousand connections without a query take little memory and hold nothing up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * CLIENTS:
        pytest.skip("needs a thousand open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * CLIENTS), hard))
    assert daemon.process is not None
    before = resident_kb(daemon.process.pid)
    clients = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(CLIENTS)]
    try:
        assert daemon.address_of(tcp=True) == "192.0.2.2"
        assert resident_kb(daemon.process.pid) - before < CLIENTS * MOST_KB_EACH
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_for(lambda: daemon.address_of(tcp=True) == "192.0.2.2", "an answer over TCP")
