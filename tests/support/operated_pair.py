# SPDX-License-Identifier: Apache-2.0
"""A primary and a secondary, both of this project, that an operator drives."""

from pathlib import Path

from tests.support.daemon import ADDRESS, wait_for
from tests.support.operator import Operated

SECRET = "Ik0p3nEVn7vGv4VkNzUKyTB+DjOcL0f5a7DBzsf7Wz4="
KEY = f"""\
key:
  - id: xfer
    algorithm: hmac-sha256
    secret: {SECRET}
"""
PRIMARY = """\
{key}remote:
  - id: secondary
    address: {address}@{port}
    key: xfer
acl:
  - id: give
    address: 127.0.0.0/8
    key: xfer
    action: transfer
  - id: change
    address: 127.0.0.0/8
    key: xfer
    action: update
{zones}"""
SECONDARY = """\
{key}remote:
  - id: primary
    address: {address}@{port}
    key: xfer
acl:
  - id: notice
    address: 127.0.0.0/8
    key: xfer
    action: notify
  - id: change
    address: 127.0.0.0/8
    key: xfer
    action: update
{zones}"""
GIVEN = """\
zone:
  - domain: example.com
    storage: {base}
    notify: secondary
    acl: [give, change]
"""
TAKEN = """\
zone:
  - domain: example.com
    storage: {base}
    master: primary
    acl: [notice, change]
"""


class OperatedPair:
    """Both run `xdpdnsd`; they know each other as `primary` and `secondary` and share the key `xfer`."""

    def __init__(self, base: Path, program: str) -> None:
        """`program`, one of `operator.PROGRAMS`, drives the secondary, knotc the primary."""
        for name in ("primary", "secondary"):
            (base / name).mkdir()
        self.primary = Operated(base / "primary", "knotc")
        self.secondary = Operated(base / "secondary", program)
        (self.secondary.base / "example.com.zone").unlink()

    def configure(self, given: str = GIVEN, taken: str = TAKEN) -> None:
        """Write both configurations: `given` and `taken` are their zones, with {base} for the own directory."""
        for daemon, other, text, zones in (
            (self.primary, self.secondary, PRIMARY, given),
            (self.secondary, self.primary, SECONDARY, taken),
        ):
            text = text.format(key=KEY, address=ADDRESS, port=other.port, zones=zones.format(base=daemon.base))
            daemon.write_config(extra=text)

    def start(self) -> None:
        """Start both and wait until the secondary serves what the primary has."""
        self.primary.start()
        start_secondary(self.secondary)
        self.follows("1")

    def follows(self, serial: str, zone: str = "example.com") -> None:
        """Wait until the secondary has a serial."""
        wait_for(lambda: self.secondary.serial(zone) == serial, f"serial {serial}\n{self.secondary.all_output()}")

    def edit(self, owner: str, address: str, zone: str = "example.com") -> None:
        """Change one record on the primary."""
        self.primary.ok(f"zone-begin {zone}")
        self.primary.ok(f"zone-set {zone} {owner} 60 A {address}")
        self.primary.ok(f"zone-commit {zone}")

    def close(self) -> None:
        """End both."""
        self.primary.close()
        self.secondary.close()


def start_secondary(daemon: Operated) -> None:
    """Start a daemon that may have nothing to answer yet, and wait until its zones were looked at."""
    daemon.mark()
    daemon.process = daemon.spawn()
    daemon.expect("server started answering")
    wait_for((daemon.rundir / "knot.sock").exists, "the control socket")
    wait_for(lambda: "load:" not in daemon.run("zone-status"), "zones that were looked at")


def rows(daemon: Operated, zone: str = "example.com") -> dict[str, str]:
    """Return what zone-status shows of a zone, by column."""
    text = daemon.run("zone-status", zone).partition("] ")[2]
    return dict(column.split(": ", 1) for column in text.split(" | ") if column)


def seconds(text: str) -> int:
    """Return the seconds of a time such as `+1h59m`, or of `pending(+0s)`."""
    if not text.startswith("+"):
        return 0
    total, number = 0, ""
    for character in text[1:]:
        if character.isdigit():
            number += character
        else:
            total, number = total + int(number) * {"D": 86400, "h": 3600, "m": 60, "s": 1}[character], ""
    return total
