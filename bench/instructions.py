# SPDX-License-Identifier: Apache-2.0
"""Instructions per answer of `xd_responder_answer` alone, counted by callgrind: exact, and the same on every run.

Counting begins where the function is entered and ends where it is left, so neither start-up nor the driver is in it.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.name

from bench import mix, report

ROOT = Path(__file__).resolve().parent.parent
DRIVER = ROOT / "build" / "bench" / "answer_driver"
COUNT = 200
COUNTED = "counted"
"""The plain zone in a server that counts what mod-stats counts by default."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question and the zone variant it is put to; `target`: the most instructions it may take."""

    title: str
    variant: str
    name: str
    want_dnssec: bool
    target: int | None = None


def cases(count: int) -> list[Case]:
    """Return what is measured, with names of a zone of `count` names."""
    asked = [name for name, _ in mix.questions(count)]
    host = next(name for name in asked if "www." not in name and "-none." not in name)
    cut = next(name for name in asked if name.startswith("www."))
    none = next(name for name in asked if "-none." in name)
    wild = f"anything.wild.{mix.ORIGIN}"
    return [
        Case("positive", "plain", host, False, 600),
        Case("positive, counted", COUNTED, host, False),
        Case("positive, DO, NSEC zone", "nsec", host, True),
        Case("referral", "plain", cut, False),
        Case("referral, DO, NSEC zone", "nsec", cut, True),
        Case("NXDOMAIN", "plain", none, False),
        Case("NXDOMAIN, DO, NSEC", "nsec", none, True, 1500),
        Case("NXDOMAIN, DO, NSEC3", "nsec3", none, True),
        Case("wildcard", "plain", wild, False),
        Case("wildcard, DO, NSEC", "nsec", wild, True),
        Case("wildcard, DO, NSEC3", "nsec3", wild, True),
    ]


def run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; CalledProcessError with its output otherwise."""
    return subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True)


def count_instructions(table: Path, case: Case) -> tuple[float, str]:
    """Return instructions per answer, and RCODE and length of the answer as the driver printed them."""
    query = dns.message.make_query(case.name, "A", want_dnssec=case.want_dnssec, id=1).to_wire().hex()
    argv = [
        "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no",
        "--toggle-collect=xd_responder_answer", str(DRIVER), "ask", str(table), str(COUNT), query,
    ]  # fmt: skip
    done = run(argv)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if collected is None:
        raise RuntimeError(f"callgrind counted nothing for {case.title}: {done.stderr[-500:]}")
    return int(collected[1]) / COUNT, done.stdout.strip()


def main() -> int:
    """Build the tables, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help=f"a zone of {mix.QUICK} names")
    names = mix.QUICK if parser.parse_args().quick else mix.FULL
    run(["make", "-s", str(DRIVER.relative_to(ROOT))])
    apex = dns.name.from_text(mix.ORIGIN).to_digestable().hex()
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        for variant in (*mix.VARIANTS, COUNTED):
            zone = mix.prepare("plain" if variant == COUNTED else variant, names).zone
            run([str(DRIVER), "build", f"{directory}/{variant}", apex, str(zone)])
        run([str(DRIVER), "count", f"{directory}/{COUNTED}"])
        for case in cases(names):
            counted, answer = count_instructions(Path(directory) / case.variant, case)
            rcode, octets = answer.split()
            target = f"<= {case.target}" if case.target else ""
            rows.append([case.title, f"{counted:.0f}", target, rcode, octets])
    print(report.machine())
    report.print_table(
        f"Instructions per answer, zone of {names} names",
        ["question", "instructions", "target", "RCODE", "octets"],
        rows,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
