# SPDX-License-Identifier: Apache-2.0
"""xdpdnsctl's filter commands: arguments, exit status, and the table."""

from pathlib import Path

import pytest

from control.tools import xdpdnsctl
from control.tools.filter_commands import format_table
from pyxdp_dns.filter import FilterStatus


def test_table_of_filters() -> None:
    """The table has a row for each filter, its addresses, and the counters that are not zero."""
    loaded = FilterStatus(
        "eth0", "attached", Path("/x/eth0"), "native", 2, 1, 17, 3, 4, (53,), ("192.0.2.1",), {"a": 5, "b": 0}
    )
    gone = FilterStatus("eth1", "interface gone", Path("/x/eth1@9"), "generic", 0, 9, 18, 4, 1, (53, 5353))
    broken = FilterStatus("eth2", "unreadable", Path("/x/eth2"))
    assert format_table([loaded, gone, broken]).splitlines() == [
        "interface  mode     program id  queues  ports    state",
        "eth0       native   17          4       53       attached",
        "    addresses 192.0.2.1",
        "    a 5",
        "eth1@9     generic  18          1       53,5353  interface gone",
        "eth2       -        -           -       -        unreadable",
    ]


@pytest.mark.parametrize(
    "argv",
    [
        ["load"],
        ["unload"],
        ["unload", "eth0", "--all"],
        ["load", "eth0", "--mode", "x"],
        ["load", "eth0", "--port", "x"],
    ],
)
def test_wrong_usage(argv: list[str]) -> None:
    """Wrong usage ends with status 2."""
    with pytest.raises(SystemExit) as caught:
        xdpdnsctl.main(argv)
    assert caught.value.code == 2


def test_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A failure ends with status 1 and one line on standard error that says what to do."""
    assert xdpdnsctl.main(["filters", "--bpffs", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == (
        "",
        f"error: {tmp_path}: no bpffs is mounted there: mount -t bpf bpf {tmp_path}\n",
    )
