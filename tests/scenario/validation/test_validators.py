# SPDX-License-Identifier: Apache-2.0
"""Validators accept what is answered from signed zones, and the zones themselves."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import inprocess, zones

pytestmark = pytest.mark.peer("delv", "dnssec-verify", "ldns-verify-zone")

ZONES = ("plain.test.", "wild.test.", "alias.test.", "cut.test.")

QUESTIONS = (
    ("www.plain.test.", "A", "fully validated"),
    ("mixed.case.plain.test.", "TXT", "fully validated"),
    ("www.plain.test.", "MX", "ncache nxrrset"),
    ("c.ent.plain.test.", "A", "ncache nxrrset"),
    ("nothing.plain.test.", "A", "ncache nxdomain"),
    ("below.c.ent.plain.test.", "A", "ncache nxdomain"),
    ("anything.wild.test.", "TXT", "fully validated"),
    ("a.b.c.exists.wild.test.", "A", "fully validated"),
    ("anything.wild.test.", "SRV", "ncache nxrrset"),
    ("none.inner.wild.test.", "A", "ncache nxrrset"),
    ("x.deep.ent.wild.test.", "A", "fully validated"),
    ("nothing.label.*.inner.wild.test.", "A", "ncache nxdomain"),
    ("one.alias.test.", "A", "fully validated"),
    ("c1.alias.test.", "A", "fully validated"),
    ("www.d-tree.alias.test.", "A", "fully validated"),
    ("secure.cut.test.", "DS", "fully validated"),
    ("insecure.cut.test.", "DS", "ncache nxrrset"),
    ("i2.cut.test.", "DS", "ncache nxrrset"),
    ("i4.ent.cut.test.", "DS", "ncache nxrrset"),
)
"""Name, type and what delv says of the answer."""

INSECURE_WITH_OPT_OUT = {
    ("anything.wild.test.", "TXT"),
    ("a.b.c.exists.wild.test.", "A"),
    ("x.deep.ent.wild.test.", "A"),
}
"""A wildcard's answer is insecure where the proof that the name itself is missing opts out (RFC 5155, section 9.2)."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Signed zones answered on a port, with the anchors of each."""

    mode: str
    port: int
    files: dict[str, Path]
    anchors: Path


@pytest.fixture(scope="module", params=zones.MODES[1:])
def signed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signed]:
    """Sign the zones in one way and answer from them."""
    if (reason := zones.missing()) is not None:
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp(request.param)
    zone_set = zones.prepare(ZONES, request.param, directory)
    anchors = directory / "anchors"
    lines = []
    for zone in ZONES:
        owner, *_, flags, protocol, algorithm, key = zones.key_signing_key(zone, directory).split(None, 6)
        lines.append(f'{owner} static-key {flags} {protocol} {algorithm} "{key}";')
    anchors.write_text("trust-anchors {\n" + "\n".join(lines) + "\n};\n")
    with inprocess.responder(zone_set.files, directory) as responder, inprocess.serve(responder) as port:
        yield Signed(request.param, port, dict(zone_set.files), anchors)


@pytest.mark.parametrize(("name", "rdtype", "verdict"), QUESTIONS)
def test_delv_validates(signed: Signed, name: str, rdtype: str, verdict: str) -> None:
    """Positive and negative answers, wildcards, aliases and proofs of missing DS validate from the zone's own key."""
    zone = next(zone for zone in ZONES if name.endswith(zone))
    root = f"+root={zone}"
    argv = ["delv", "@127.0.0.1", "-p", str(signed.port), "-a", str(signed.anchors), root, "+multi", name, rdtype]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    output = done.stdout + done.stderr
    if signed.mode == "optout" and (name, rdtype) in INSECURE_WITH_OPT_OUT:
        verdict = "unsigned answer"
    assert verdict in output, output


@pytest.mark.parametrize("program", ["dnssec-verify", "ldns-verify-zone"])
def test_zone_files_verify(signed: Signed, program: str) -> None:
    """The signed zones that the answers come from are complete and correctly signed."""
    path = shutil.which(program)
    assert path is not None
    for zone, file in signed.files.items():
        argv = [path, "-q", "-o", zone, str(file)] if program == "dnssec-verify" else [path, str(file)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"{zone}: {done.stdout}{done.stderr}"
