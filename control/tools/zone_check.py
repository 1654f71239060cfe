# SPDX-License-Identifier: Apache-2.0
"""`zone-check`: reads configured zone files as the daemon would, without it, and tells what is wrong with them."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from control.conf.zone import ZoneSettings
from control.log import ERROR, NAMES, WARNING

if TYPE_CHECKING:
    from control.conf.zone import ZoneConf
    from pyxdp_dns.scan import ScannedZone

Report = Callable[[int, str, str], None]
"""Takes a severity, the zone in presentation form, and a text."""


class ConfiguredZone(Protocol):
    """A zone of the configuration: its name in presentation form, its file, what it is to be checked by."""

    @property
    def name(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def settings(self) -> ZoneSettings: ...


def check_configured(configured: "Mapping[str, ZoneConf]", names: Iterable[str], *, strict: bool = False) -> int:
    """Check the files of the zones named as users write them, without names all, print what is wrong with them.

    Returns the exit status; a name that is not configured makes it 1, and the others are checked all the same.
    """
    from control.conf.errors import ValueProblem
    from control.conf.values import parse_name

    wanted, status = list(names), 0
    chosen = [] if wanted else list(configured.values())
    for name in wanted:
        try:
            zone = configured.get(parse_name(name))
        except ValueProblem:
            print_problem(ERROR, name, "invalid name")
            status = 1
            continue
        if zone is None:
            print_problem(ERROR, name if name.endswith(".") else f"{name}.", "no such zone found")
            status = 1
        else:
            chosen.append(zone)
    return check_zone_files(chosen, print_problem, strict=strict) or status


def check_zone_files(zones: Iterable[ConfiguredZone], report: Report, *, strict: bool = False) -> int:
    """Check zone files, report problems, and return the exit status: 0 when all zones can be loaded.

    With `strict` (`-f`) warnings of the semantic checks make it 1 as well.
    """
    results = [check_zone_file(zone, report, strict=strict) for zone in zones]
    return 0 if all(results) else 1


def check_zone_file(zone: ConfiguredZone, report: Report, *, strict: bool = False) -> bool:
    """Check one zone file; tell whether it can be loaded, and with `strict` has no findings of the checks."""
    from pyxdp_dns.errors import EngineError, ZoneFileError
    from pyxdp_dns.scan import scan_zone_file
    from pyxdp_dns.text import parse_name

    apex = parse_name(zone.name, b"\0").lower()
    try:
        open(zone.file, "rb").close()
    except OSError as exc:
        reason = "not exists" if isinstance(exc, FileNotFoundError) else exc.strerror
        report(ERROR, zone.name, f"failed to check zone file '{zone.file}' ({reason})")
        return False
    try:
        with scan_zone_file(zone.file, apex, 0, zone.settings.default_ttl) as scanned:
            return _check_contents(zone, apex, scanned, report, strict)
    except ZoneFileError as exc:
        for file, line, text in exc.errors:
            report(ERROR, zone.name, f"zone loader, error in zone, file '{file}', line {line} ({text})")
        report(ERROR, zone.name, f"zone loader, failed to load, file '{zone.file}', {exc.count} errors")
    except EngineError as exc:
        report(ERROR, zone.name, f"failed to check zone file '{zone.file}' ({exc})")
    return False


def print_problem(severity: int, zone: str, text: str) -> None:
    """Print a problem to standard error, as `xdpdnsctl` does."""
    import sys

    print(f"{NAMES[severity]}: [{zone}] {text}", file=sys.stderr)


def _check_contents(zone: ConfiguredZone, apex: bytes, scanned: "ScannedZone", report: Report, strict: bool) -> bool:
    from control.zonefile.checks import find_problems

    for note in scanned.warnings:
        report(WARNING, zone.name, f"zone loader, file '{note.file}', line {note.line} ({note.text})")
    problems = find_problems(scanned, apex, zone.settings)
    for problem in problems:
        report(problem.level, zone.name, str(problem))
    if any(problem.level == ERROR for problem in problems):
        report(ERROR, zone.name, f"zone loader, failed to load, file '{zone.file}' (semantic check)")
        return False
    return _verify_digest(zone, apex, scanned, report) and not (strict and problems)


def _verify_digest(zone: ConfiguredZone, apex: bytes, scanned: "ScannedZone", report: Report) -> bool:
    from control.zonefile.zonemd import ZonemdInvalid, verify_scanned

    if not zone.settings.zonemd_verify:
        return True
    try:
        verify_scanned(scanned, apex)
    except ZonemdInvalid as exc:
        report(ERROR, zone.name, f"ZONEMD, verification failed ({exc.verdict})")
        return False
    return True
