# SPDX-License-Identifier: Apache-2.0
"""scripts/tune-nic with fake commands and a fake /proc: what it plans, does, keeps and puts back."""

import importlib.machinery
import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "tune-nic"

CHANNELS = """Channel parameters for eth9:
Pre-set maximums:
RX:		n/a
TX:		n/a
Other:		1
Combined:	8
Current hardware settings:
RX:		n/a
TX:		n/a
Other:		1
Combined:	{combined}
"""
RINGS = """Ring parameters for eth9:
Pre-set maximums:
RX:		4096
RX Mini:	n/a
TX:		4096
Current hardware settings:
RX:		{rx}
RX Mini:	n/a
TX:		{tx}
"""
HASH_BY_ADDRESS = """UDP over IPV4 flows use these fields for computing Hash flow key:
IP SA
IP DA
"""
HASH_BY_PORT = HASH_BY_ADDRESS + "L4 bytes 0 & 1 [TCP/UDP src port]\nL4 bytes 2 & 3 [TCP/UDP dst port]\n"
FEATURES = """Features for eth9:
rx-checksumming: on
rx-vlan-offload: {rxvlan}
tx-vlan-offload: {txvlan}
rx-vlan-filter: on [fixed]
"""
INTERRUPTS = """           CPU0       CPU1
 30:          1          2 PCI-MSI 524288-edge      eth9
 31:          1          2 PCI-MSI 524289-edge      eth9-TxRx-0
 32:          1          2 PCI-MSI 524290-edge      eth9-TxRx-1
 33:          1          2 PCI-MSI 524291-edge      eth99-TxRx-0
LOC:     416014     404303   Local timer interrupts
"""


@pytest.fixture(scope="module")
def tune() -> Iterator[ModuleType]:
    """The script as a module."""
    loader = importlib.machinery.SourceFileLoader("tune_nic", str(SCRIPT))
    spec = importlib.util.spec_from_loader("tune_nic", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tune_nic"] = module
    try:
        loader.exec_module(module)
        yield module
    finally:
        del sys.modules["tune_nic"]


class FakeMachine:
    """A machine with one interface, eth9, that does what ethtool and renice tell it; `refused` words are refused."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings = {"combined": "2", "rx": "512", "tx": "512", "udp4": "sd", "udp6": "sdfn"}
        self.settings |= {"rxvlan": "on", "txvlan": "on [fixed]"}
        self.nice = {"12": "0", "20": "0"}
        self.refused: set[str] = set()
        self.changes: list[list[str]] = []
        (root / "proc").mkdir()
        (root / "proc/interrupts").write_text(INTERRUPTS)
        for irq in ("30", "31", "32", "33"):
            (root / "proc/irq" / irq).mkdir(parents=True)
            (root / "proc/irq" / irq / "smp_affinity_list").write_text("0-1\n")
        self._write_stats()

    def affinity(self, irq: str) -> str:
        """Return the CPUs of an interrupt."""
        return (self.root / "proc/irq" / irq / "smp_affinity_list").read_text().strip()

    def state(self) -> dict[str, str]:
        """Return everything the script may have changed."""
        return self.settings | self.nice | {irq: self.affinity(irq) for irq in ("30", "31", "32", "33")}

    def run(self, argv: Sequence[str]) -> tuple[int, str]:
        """Stand in for the system's commands."""
        program, *rest = argv
        if program == "ip":
            return (0, "") if rest[-1] == "eth9" else (1, f'Device "{rest[-1]}" does not exist.')
        if program == "renice":
            return self._change(argv, self.nice, rest[3], rest[1])
        if rest[0] in ("-L", "-G", "-K"):
            return self._change(argv, self.settings, rest[2], rest[3])
        if rest[0] == "-N":
            return self._change(argv, self.settings, rest[3], rest[4])
        return self._tell(rest)

    def _tell(self, rest: list[str]) -> tuple[int, str]:
        if rest[0] in self.refused:
            return 1, "netlink error: Operation not supported"
        if rest[0] == "-n":
            return 0, HASH_BY_PORT if self.settings[rest[3]] == "sdfn" else HASH_BY_ADDRESS
        templates = {"-l": CHANNELS, "-g": RINGS, "-k": FEATURES, "-i": "driver: fake\nbus-info: n/a\n"}
        return 0, templates[rest[0]].format(**self.settings)

    def _change(self, argv: Sequence[str], values: dict[str, str], key: str, value: str) -> tuple[int, str]:
        if key in self.refused:
            return 1, "netlink error: Operation not supported"
        self.changes.append(list(argv))
        values[key] = value
        self._write_stats()
        return 0, ""

    def _write_stats(self) -> None:
        for cpu, (pid, nice) in enumerate(sorted(self.nice.items())):
            folder = self.root / "proc" / pid
            folder.mkdir(exist_ok=True)
            fields = ["S", *["0"] * 15, nice, "1", "0"]
            (folder / "stat").write_text(f"{pid} (ksoftirqd/{cpu}) {' '.join(fields)}\n")


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    """An untuned machine."""
    return FakeMachine(tmp_path)


def run(tune: ModuleType, machine: FakeMachine, *argv: str) -> int:
    """Run the script on the fake machine with two CPUs."""
    state = str(machine.root / "state.json")
    status: int = tune.main(["eth9", "--cpus", "0-1", "--state", state, *argv], machine.run, machine.root)
    return status


def test_shows_without_changing(tune: ModuleType, machine: FakeMachine, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --apply every step is printed as current -> wanted and nothing changes."""
    before = machine.state()
    assert run(tune, machine, "--queues", "4") == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown == [
        "queues combined: 2 -> 4",
        "ring rx: 512 -> 4096",
        "ring tx: 512 -> 4096",
        "flow-hash udp4: sd -> sdfn",
        "offload rxvlan: on -> off",
        "interrupt 31: 0-1 -> 0",
        "interrupt 32: 0-1 -> 1",
        "niceness 12: 0 -> -10",
        "niceness 20: 0 -> -10",
        "skipped: tx-vlan-offload: on and fixed: tagged queries will not be recognised",
    ]
    assert machine.state() == before
    assert machine.changes == []
    assert not (machine.root / "state.json").exists()


def test_apply_and_revert(tune: ModuleType, machine: FakeMachine) -> None:
    """--apply makes the settings, --revert puts back exactly what was before and removes the state file."""
    before = machine.state()
    assert run(tune, machine, "--apply", "--queues", "4", "--ring", "2048") == 0
    after = machine.state()
    assert (after["combined"], after["rx"], after["udp4"], after["rxvlan"]) == ("4", "2048", "sdfn", "off")
    assert (after["31"], after["32"], after["12"]) == ("0", "1", "-10")
    assert (after["30"], after["33"]) == ("0-1", "0-1")
    assert run(tune, machine, "--revert") == 0
    assert machine.state() == before
    assert not (machine.root / "state.json").exists()


def test_second_apply_keeps_the_first_state(tune: ModuleType, machine: FakeMachine) -> None:
    """What was before the first --apply is what --revert restores, also after a second one with other wishes."""
    before = machine.state()
    run(tune, machine, "--apply", "--ring", "1024")
    run(tune, machine, "--apply", "--ring", "2048", "--queues", "6")
    run(tune, machine, "--revert")
    assert machine.state() == before


def test_default_queues_are_one_per_cpu(tune: ModuleType, machine: FakeMachine) -> None:
    """Without --queues there is one queue for each CPU of the list."""
    machine.settings["combined"] = "8"
    run(tune, machine, "--apply")
    assert machine.settings["combined"] == "2"


def test_refused_steps_are_reported_and_skipped(
    tune: ModuleType, machine: FakeMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the driver refuses is reported with its reason, the rest is done, and only that is undone."""
    machine.refused = {"combined", "udp4", "-g"}
    before = machine.state()
    assert run(tune, machine, "--apply", "--queues", "4") == 0
    shown = capsys.readouterr().out
    assert "queues combined: 2 -> 4  skipped: netlink error: Operation not supported" in shown
    assert "flow-hash udp4: sd -> sdfn  skipped: netlink error: Operation not supported" in shown
    assert "skipped: ethtool -g: netlink error: Operation not supported" in shown
    assert "offload rxvlan: on -> off  done" in shown
    kept = {step["key"] for step in json.loads((machine.root / "state.json").read_text())}
    assert kept == {"rxvlan", "31", "32", "12", "20"}
    assert run(tune, machine, "--revert") == 0
    assert machine.state() == before


def test_refused_revert_stays_revertible(tune: ModuleType, machine: FakeMachine) -> None:
    """A step that cannot be undone stays in the state file for the next --revert."""
    before = machine.state()
    run(tune, machine, "--apply")
    machine.refused = {"udp4"}
    assert run(tune, machine, "--revert") == 1
    assert [step["key"] for step in json.loads((machine.root / "state.json").read_text())] == ["udp4"]
    machine.refused = set()
    assert run(tune, machine, "--revert") == 0
    assert machine.state() == before


def test_nothing_to_revert(tune: ModuleType, machine: FakeMachine, capsys: pytest.CaptureFixture[str]) -> None:
    """--revert without a state file fails and says that nothing was applied."""
    assert run(tune, machine, "--revert") == 1
    assert "nothing was applied to eth9" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["", "{}", "[1]", '[{"kind": "ring"}]', '[{"kind": 1'])
def test_damaged_state_file(
    tune: ModuleType, machine: FakeMachine, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A damaged state file is named in an error and nothing changes."""
    (machine.root / "state.json").write_text(damage)
    assert run(tune, machine, "--revert") == 1
    assert run(tune, machine, "--apply") == 1
    assert str(machine.root / "state.json") in capsys.readouterr().err
    assert machine.changes == []


def test_unknown_interface(tune: ModuleType, machine: FakeMachine, capsys: pytest.CaptureFixture[str]) -> None:
    """An interface that does not exist is an error."""
    assert tune.main(["eth8"], machine.run, machine.root) == 1
    assert 'eth8: Device "eth8" does not exist.' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("action", "name", "queue"),
    [
        ("i40e-eth9-TxRx-12", "eth9", 12),
        ("mlx5_comp3@pci:0000:01:00.0", "0000:01:00.0", 3),
        ("virtio2-input.1", "virtio2", 1),
        ("eth9-rx-5", "eth9", 5),
        ("eth9", "eth9", -1),
        ("virtio2-config", "virtio2", -1),
    ],
)
def test_interrupt_names_of_drivers(tune: ModuleType, action: str, name: str, queue: int) -> None:
    """Interrupts are matched to device and queue by the names the common drivers give them."""
    assert tune._belongs(action, name)
    assert tune._queue_number(action) == queue


def test_cpu_lists(tune: ModuleType) -> None:
    """CPU lists are read as the kernel writes them; anything else is refused."""
    assert tune.parse_cpus("0-2,8") == [0, 1, 2, 8]
    for text in ("", "a", "1-", "-1", "0-x"):
        with pytest.raises(SystemExit):
            tune.main(["eth9", f"--cpus={text}"])
