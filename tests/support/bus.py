# SPDX-License-Identifier: Apache-2.0
"""A D-Bus of the test's own, and a listener on it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jeepney import MatchRule, message_bus
from jeepney.io.blocking import DBusConnection, Proxy, open_dbus_connection

WAIT_S = 20.0
CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    {own}
  </policy>
</busconfig>
"""
ANY_NAME = '<allow own="*"/>'


class Heard(NamedTuple):
    """A signal: path, interface, name, types and values."""

    path: str
    interface: str
    member: str
    types: str
    values: tuple[Any, ...]


class Listener:
    """Hears every signal of `cz.nic.knotd.events`."""

    def __init__(self, address: str) -> None:
        self._connection: DBusConnection = open_dbus_connection(address)
        rule = MatchRule(type="signal", interface="cz.nic.knotd.events")
        Proxy(message_bus, self._connection, timeout=WAIT_S).AddMatch(rule)

    def next(self) -> Heard:
        """Return the next signal; raises TimeoutError."""
        while True:
            message = self._connection.receive(timeout=WAIT_S)
            fields = {key.name: value for key, value in message.header.fields.items()}
            if fields.get("interface") == "cz.nic.knotd.events":
                path, interface, member = fields["path"], fields["interface"], fields["member"]
                return Heard(path, interface, member, fields.get("signature", ""), tuple(message.body))

    def close(self) -> None:
        self._connection.close()


@contextmanager
def running_bus(directory: Path, own: str = ANY_NAME) -> Iterator[str]:
    """Run a bus and give its address; `own` is who may take which name."""
    path, config = directory / "bus", directory / "bus.conf"
    path.unlink(missing_ok=True)
    config.write_text(CONFIG.format(path=path, own=own))
    argv = ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address=1"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address, "dbus-daemon does not start"
            yield f"unix:path={path}"
        finally:
            process.terminate()
