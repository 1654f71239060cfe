# SPDX-License-Identifier: Apache-2.0
"""XDP programs on interfaces: which is there, whose it is, putting the filter's link on and taking others off."""

import errno
import socket
import subprocess
import time
from dataclasses import dataclass

from pyxdp_dns.errors import FilterDenied, FilterRefused, ForeignProgram, InterfaceError
from pyxdp_dns.filter import bpf
from pyxdp_dns.nic import Nic

ATTACHED_ATTRIBUTES = {
    "native": "IFLA_XDP_DRV_PROG_ID",
    "generic": "IFLA_XDP_SKB_PROG_ID",
    "offloaded": "IFLA_XDP_HW_PROG_ID",
}
IP_WORDS = {"native": "xdpdrv", "generic": "xdpgeneric", "offloaded": "xdpoffload"}
COMMAND_TIMEOUT_S = 30.0
DETACH_TIMEOUT_S = 5.0
DETACH_POLL_S = 0.01
ENOTSUPP = 524
"""Kernel-internal, but some drivers let it out."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A program found on an interface; `link_id` is None when it was attached through netlink."""

    prog_id: int
    name: str
    mode: str
    link_id: int | None


def attached(nic: Nic) -> list[Attached]:
    """Return the XDP programs of an interface."""
    from pyroute2 import IPRoute, NetlinkError

    try:
        with IPRoute() as route:
            message = route.get_links(nic.index)[0]
    except (NetlinkError, IndexError) as exc:
        raise InterfaceError(f"{nic.name}: the interface has gone; ip link lists those there are") from exc
    found = message.get_attr("IFLA_XDP")
    programs = {mode: found.get_attr(attribute) for mode, attribute in ATTACHED_ATTRIBUTES.items()} if found else {}
    return [_describe(prog_id, mode) for mode, prog_id in programs.items() if prog_id]


def wait_until_off(nic: Nic, prog_id: int) -> None:
    """Return once the program is off the interface, or after a while: the kernel detaches a closed link later."""
    deadline = time.monotonic() + DETACH_TIMEOUT_S
    while any(program.prog_id == prog_id for program in attached(nic)) and time.monotonic() < deadline:
        time.sleep(DETACH_POLL_S)


def _describe(prog_id: int, mode: str) -> Attached:
    links = [link.id for link in bpf.xdp_links() if link.prog_id == prog_id]
    try:
        name = bpf.prog_info(prog_id).name
    except FileNotFoundError:
        name = ""
    return Attached(prog_id, name or "(no name)", mode, links[0] if links else None)


def refuse_foreign(nic: Nic, programs: list[Attached], replace: bool) -> None:
    """Take the netlink-attached `programs` off when `replace`; ForeignProgram names the first that stays."""
    for program in programs:
        what = f"{nic.name}: has the XDP program {program.name!r}, id {program.prog_id} ({program.mode})"
        if program.link_id is not None:
            raise ForeignProgram(
                f"{what}, held by bpf_link {program.link_id}: stop its owner, remove its pin, or run "
                f"bpftool link detach id {program.link_id}",
                program.name,
                program.prog_id,
            )
        if not replace:
            advice = f"stop its owner, run ip link set dev {nic.name} xdp off, or use --replace"
            raise ForeignProgram(f"{what}: {advice}", program.name, program.prog_id)
    for program in programs:
        _detach(nic, program)


def _detach(nic: Nic, program: Attached) -> None:
    # pyroute2 encodes IFLA_XDP_FLAGS with a wrong size, which the kernel refuses.
    command = ["ip", "link", "set", "dev", nic.name, IP_WORDS[program.mode], "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False)
        reason = done.stderr.strip() if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as exc:
        reason = str(exc)
    if reason:
        raise ForeignProgram(
            f"{nic.name}: the XDP program {program.name!r}, id {program.prog_id}, cannot be removed: {reason}: "
            f"try {' '.join(command)}",
            program.name,
            program.prog_id,
        )


def create_link(nic: Nic, prog: bpf.Fd, mode: str) -> tuple[bpf.Fd, str, str]:
    """Attach `prog` in `mode` (native, generic, or auto: native if the driver takes it).

    Returns the link, the mode it got, and why it is not native mode ("" when it is or was not asked for).
    """
    if mode != "auto":
        return _create(nic, prog, mode), mode, ""
    try:
        return _create(nic, prog, "native"), "native", ""
    except FilterRefused as refused:
        return _create(nic, prog, "generic"), "generic", str(refused)


def _create(nic: Nic, prog: bpf.Fd, mode: str) -> bpf.Fd:
    try:
        return bpf.link_create(prog, nic.index, mode)
    except OSError as exc:
        raise attach_error(nic, mode, exc) from exc


def attach_error(nic: Nic, mode: str, exc: OSError) -> Exception:
    """Return the operator's error for a refused attachment."""
    if exc.errno in (errno.ENODEV, errno.EINVAL) and not _still_there(nic):
        return InterfaceError(f"{nic.name}: the interface has gone; ip link lists those there are")
    if exc.errno in (errno.EPERM, errno.EACCES):
        return FilterDenied(f"{nic.name}: no permission to attach an XDP program: run as root (CAP_NET_ADMIN, CAP_BPF)")
    if exc.errno in (errno.EBUSY, errno.EEXIST):
        return ForeignProgram(f"{nic.name}: another XDP program was attached meanwhile: try again", "", 0)
    reason = "not supported" if exc.errno in (errno.EOPNOTSUPP, ENOTSUPP) else exc.strerror
    return FilterRefused(
        f"{nic.name}: the driver {nic.driver or '(unknown)'} refuses {mode} mode: {reason} "
        f"(MTU {nic.mtu}, {nic.rx_queues} RX queues): lower the MTU or the queue count, or use --mode generic"
    )


def _still_there(nic: Nic) -> bool:
    try:
        return socket.if_nametoindex(nic.name) == nic.index
    except OSError:
        return False
