# SPDX-License-Identifier: Apache-2.0
"""Other implementations accept the zones that are signed here, and those signed elsewhere are found valid here."""

import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxdp_dns.scan import scan_zone_file
from pyxdp_dns.signing import Validity, validate_zone
from pyxdp_dns.text import print_pairs
from tests.support import zones
from tests.support.signing import ALGORITHMS, CHAINS, ZONE_ID, key_pair, scan, sign, wire

pytestmark = pytest.mark.peer("dnssec-verify", "ldns-verify-zone")

TIMEOUT_S = 120
NAMES = [file.stem + "." for file in sorted(zones.ZONES.glob("*.zone")) if file.stem != "root"] + ["."]


LDNS_WRONG = {("odd.test.", "nsec")}
"""ldns-verify-zone misreads a name with an octet zero, and refuses this zone from dnssec-signzone as well."""


def validity() -> Validity:
    """Return times around now, by which the programs go."""
    now = int(time.time())
    return Validity(now - 5400, now + 14 * 86400, now, now + 86400)


def write(pairs: Iterable[tuple[bytes, bytes]], file: Path) -> Path:
    """Write pairs as a zone file."""
    file.write_bytes(print_pairs(list(pairs)).text)
    return file


def run(argv: Sequence[str]) -> None:
    """Run a validator, which has to accept."""
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"


def accepted(file: Path, zone: str, *, ldns: bool = True) -> None:
    """Assert that BIND's and NLnet Labs' validators accept a zone file."""
    run(["dnssec-verify", "-q", "-o", zone, str(file)])
    if ldns:
        run(["ldns-verify-zone", "-V", "1", str(file)])


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("zone", NAMES)
def test_zones_are_accepted(zone: str, chain: str, tmp_path: Path) -> None:
    """dnssec-verify and ldns-verify-zone accept each zone, with NSEC, NSEC3 and opt-out."""
    if chain != "nsec" and zone in zones.NSEC_ONLY:
        pytest.skip("dnssec-verify looks for a wildcard below a name of 255 octets")
    keys = key_pair(13)
    with (
        scan(zones.source(zone).read_text(), keys, zone) as contents,
        sign(contents, keys, CHAINS[chain], apex=zone, validity=validity()) as result,
        result.apply(contents) as signed,
    ):
        accepted(write(signed, tmp_path / "zone"), zone, ldns=(zone, chain) not in LDNS_WRONG)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_algorithms_are_accepted(algorithm: int, tmp_path: Path) -> None:
    """Both validators accept the signatures of every algorithm."""
    keys, nsec3 = key_pair(algorithm), CHAINS["nsec"]
    with (
        scan(zones.source("cut.test.").read_text(), keys, "cut.test.") as contents,
        sign(contents, keys, nsec3, apex="cut.test.", validity=validity()) as result,
        result.apply(contents) as signed,
    ):
        accepted(write(signed, tmp_path / "zone"), "cut.test.")


def test_a_roll_over_of_algorithms_is_accepted(tmp_path: Path) -> None:
    """Both validators accept a zone that is signed with keys of three algorithms."""
    keys = [*key_pair(13), *key_pair(8), *key_pair(15)]
    with (
        scan(zones.source("plain.test.").read_text(), keys, "plain.test.") as contents,
        sign(contents, keys, CHAINS["nsec3"], apex="plain.test.", validity=validity()) as result,
        result.apply(contents) as signed,
    ):
        accepted(write(signed, tmp_path / "zone"), "plain.test.")


@pytest.mark.peer("dnssec-signzone", "dnssec-keygen")
@pytest.mark.parametrize("mode", zones.MODES[1:])
def test_zones_signed_by_bind_are_valid(mode: str, tmp_path: Path) -> None:
    """Zones that dnssec-signzone has signed have no finding."""
    names = [name for name in NAMES if name != "."]
    files = zones.prepare(names, mode, tmp_path).files
    for zone, file in files.items():
        with scan_zone_file(file, wire(zone), ZONE_ID) as contents:
            assert validate_zone(contents, wire(zone), int(time.time())).findings == (), zone


LABELS = st.sampled_from(["a", "b", "c", "*", "x-y", "\\000", "\\001", "_a"])
OWNERS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
RECORDS = st.sampled_from(["A 192.0.2.1", "TXT x", "NS a", "NS ns.else.", f"DS 1 13 2 {'00' * 32}", "CAA 0 issue x"])


def can_load(record: tuple[str, str]) -> bool:
    """Return whether BIND loads the record: it takes no delegation of a wildcard."""
    return not (record[0].startswith("*") and record[1].startswith("NS"))


@settings(max_examples=40)
@given(st.lists(st.tuples(OWNERS, RECORDS).filter(can_load), max_size=20), st.sampled_from(sorted(CHAINS)))
def test_random_zones_are_accepted(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[str, str]], chain: str
) -> None:
    """Whatever names a zone has, dnssec-verify accepts it as signed here."""
    keys = key_pair(13)
    text = "@ SOA ns admin 1 3600 900 604800 300\n@ NS ns\nns A 192.0.2.1\n"
    text += "".join(f"{owner} {record}\n" for owner, record in records)
    with (
        scan(text, keys) as contents,
        sign(contents, keys, CHAINS[chain], validity=validity()) as result,
        result.apply(contents) as signed,
    ):
        accepted(write(signed, tmp_path_factory.mktemp("random") / "zone"), "example.", ldns=False)
