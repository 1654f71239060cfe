# SPDX-License-Identifier: Apache-2.0
"""DNSViz, which asks a zone's servers and says what is wrong with the answers, finds nothing wrong."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.signed_daemon import SignedDaemon

pytestmark = pytest.mark.skipif(shutil.which("dnsviz") is None, reason="needs dnsviz (Debian: dnsviz)")

ZONE = """\
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
@ MX 10 www
ns A 127.0.0.1
www A 192.0.2.2
*.wild TXT any
"""
POLICIES = {
    "nsec-rsa": {"algorithm": "rsasha256"},
    "nsec3-ecdsa": {"nsec3": "on"},
    "csk-ed25519": {"algorithm": "ed25519", "single-type-signing": "on", "nsec3": "on", "nsec3-opt-out": "on"},
}
APEX = "example.com"


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_is_wrong(daemon: SignedDaemon, tmp_path: Path, policy: str) -> None:
    """Signatures, proofs of what is not there, message sizes, behaviour over UDP and TCP."""
    daemon.write_zone(APEX, 1, text=ZONE)
    daemon.configure(POLICIES[policy])
    daemon.start()
    server = f"ns.{APEX}=127.0.0.1:{daemon.port}"
    probed, judged = tmp_path / "probed", tmp_path / "judged"
    where = ["-A", "-x", f"{APEX}+:{server}"]
    run("probe", *where, "-o", str(probed), APEX, f"www.{APEX}", f"x.wild.{APEX}", f"missing.{APEX}")
    run("grok", "-l", "warning", "-r", str(probed), "-o", str(judged))
    assert judged.read_text() == ""
    run("grok", "-r", str(probed), "-o", str(judged))
    found = json.loads(judged.read_text())
    assert set(statuses(found)) == {"VALID"}
    assert found[f"www.{APEX}."]["status"] == "NOERROR"
    assert found[f"missing.{APEX}."]["status"] == "NXDOMAIN"
    assert daemon.stop() == 0


def statuses(found: Any) -> Iterator[str]:
    """Yield what is said of each signature."""
    for value in found.values() if isinstance(found, dict) else found:
        if isinstance(value, dict | list):
            yield from statuses(value)
    if isinstance(found, dict):
        yield from (signature["status"] for signature in found.get("rrsig", ()))


def run(*words: str) -> None:
    """Run DNSViz."""
    done = subprocess.run(["dnsviz", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
