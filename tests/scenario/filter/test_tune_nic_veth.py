# SPDX-License-Identifier: Apache-2.0
"""scripts/tune-nic on a veth: it changes what the driver allows and puts it back."""

from pathlib import Path

import pytest

from tests.support import netns

pytestmark = pytest.mark.root

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "tune-nic"

ABSENT_CPU = "4095"
"""Leaves the machine's ksoftirqd threads as they are."""


def test_veth_is_tuned_and_reverted(tmp_path: Path) -> None:
    """On a veth of four queues --apply sets queues and VLAN offload, --revert restores them; the rest is skipped."""
    with netns.link(netns.End(queues=4)) as wire:
        argv = (str(SCRIPT), wire.server_if, "--state", str(tmp_path / "state"), "--cpus", ABSENT_CPU)
        ask = (("ethtool", "-l", wire.server_if), ("ethtool", "-k", wire.server_if))
        before = [wire.server.run(*command).stdout for command in ask]
        shown = wire.server.run(*argv, "--queues", "3").stdout
        assert "queues rx: 4 -> 3\n" in shown
        assert [wire.server.run(*command).stdout for command in ask] == before
        applied = wire.server.run(*argv, "--queues", "3", "--apply").stdout
        assert "queues rx: 4 -> 3  done" in applied
        assert "offload rxvlan: on -> off  done" in applied
        assert "skipped: ethtool -n rx-flow-hash udp4: " in applied
        told = wire.server.run("ethtool", "-l", wire.server_if).stdout
        assert told.rpartition("Current")[2].count("3\n") == 2
        wire.server.run(*argv, "--revert")
        assert [wire.server.run(*command).stdout for command in ask] == before
