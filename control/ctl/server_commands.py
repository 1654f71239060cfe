# SPDX-License-Identifier: Apache-2.0
"""Commands that concern the server as a whole: status, stop, reload."""

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from control.conf.version import VERSION
from control.ctl.command import Command, Reply, Request
from control.ctl.errors import CommandError, Reason
from control.ctl.summary import build_summary

NO_CERTIFICATE = "-"


class WorkerCounts(NamedTuple):
    """Workers by kind, and what the background ones are doing."""

    udp: int
    tcp: int
    xdp: int
    background: int
    running: int
    pending: int

    def __str__(self) -> str:
        return (
            f"UDP workers: {self.udp}, TCP workers: {self.tcp}, XDP workers: {self.xdp}, "
            f"background workers: {self.background} (running: {self.running}, pending: {self.pending})"
        )


class ServerOperations(Protocol):
    """What the daemon does for the control socket."""

    def loading(self) -> bool:
        """Tell whether zones are still loaded after the start and nothing is answered yet."""

    def workers(self) -> WorkerCounts:
        """Count the workers."""

    def certificate_pin(self) -> str | None:
        """Return the pin of the server's certificate (base64); None without one."""

    async def reload(self, force: bool) -> None:
        """Read the configuration again and follow it; `force`: modules too. Raises `CommandError`."""

    def stop(self) -> None:
        """Begin to stop the daemon; returns at once."""


def commands(operations: ServerOperations) -> Iterable[Command]:
    """Return the commands."""

    async def status(request: Request, reply: Reply) -> None:
        detail = request.first.type
        unit = request.first._replace(filters="l") if operations.loading() else request.first
        await reply.data(unit if not detail else unit._replace(data=await describe(operations, detail)))

    async def reload(request: Request, _reply: Reply) -> None:
        await operations.reload(request.force)

    async def stop(_request: Request, _reply: Reply) -> None:
        pass

    return (
        Command("status", status),
        Command("reload", reload, exclusive=True),
        Command("stop", stop, after=operations.stop),
    )


async def describe(operations: ServerOperations, detail: str) -> str:
    """Return the text of a detail, written in any case; raises `CommandError`."""
    texts: dict[str, Callable[[], str]] = {
        "version": lambda: VERSION,
        "workers": lambda: str(operations.workers()),
        "cert-key": lambda: operations.certificate_pin() or NO_CERTIFICATE,
    }
    if detail.lower() == "configure":
        return await asyncio.to_thread(build_summary)
    if detail.lower() not in texts:
        raise CommandError(Reason.INVALID_PARAMETER)
    return texts[detail.lower()]()
