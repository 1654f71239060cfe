# SPDX-License-Identifier: Apache-2.0
"""The engine process (started by pyxdp_dns.engine_client): makes sockets and workers, drops privileges, then waits.

It lives on its own: in its own session, without its parent, until SIGTERM or a stop request on `engine.sock`. Python
runs for these only; no packet passes through it. Every import counts against the time in which a killed engine answers
again: what is not needed to answer over UDP (json, signal, socket, typing and more) is imported when that is done.
"""

import fcntl
import marshal
import os
import sys
import time

from pyxdp_dns.errors import EngineError, ResourceError
from pyxdp_dns.native import check, ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyxdp_dns.engine_control import ControlSocket
    from pyxdp_dns.notify import Notifier

    Spec = dict[str, Any]

BUSY_RETRY_SECONDS = 3.0
"""A queue whose socket belongs to a process that just ended stays busy for a moment."""
RETRY_SECONDS = 0.01
PIN_RETRY_SECONDS = 0.05
FAILED_UNIT_SECONDS = 1.0
"""How long a service manager, which starts it again at once, is kept from that when it cannot start."""


class Queue:
    """One AF_XDP queue and how far it is: waiting (for the queue), bound (without the filter), running, failed."""

    def __init__(self, index: int, interface: str, number: int, xskmap: str, cpu: int) -> None:
        self.index = index
        self.interface = interface
        self.number = number
        self.xskmap = xskmap
        self.cpu = cpu
        self.state = "waiting"
        self.error = ""


def list_queues(spec: "Spec") -> tuple[list[Queue], list[str]]:
    """Return the queues of every interface, and what is wrong with interfaces that have none."""
    queues: list[Queue] = []
    problems = []
    count = ffi.new("uint32_t *")
    for entry in spec["interfaces"]:
        name = entry["name"]
        try:
            check(lib.xd_engine_queue_count(name.encode(), count), f"interface {name} (ip link lists those there are)")
        except EngineError as exc:
            problems.append(str(exc))
            continue
        for number in range(count[0]):
            queues.append(Queue(len(queues), name, number, entry["xskmap"], pick_cpu(spec, len(queues))))
    return queues, problems


def error_name(code: int) -> str:
    """Return the name of a C function's result (csrc/error.h), "OK" when it succeeded."""
    return str(ffi.string(lib.xd_error_name(-code if code < 0 else 0)).decode())


def inode_of(path: str) -> int | None:
    """Return the inode of a file, None when there is none."""
    return os.stat(path).st_ino if os.path.exists(path) else None


def pick_cpu(spec: "Spec", index: int) -> int:
    """Return the CPU of worker `index` of its kind: the affinity list in turn, or -1."""
    cpus = spec["cpus"]
    return int(cpus[index % len(cpus)]) if cpus else -1


class Engine:
    """Owns the C engine and the progress of its AF_XDP queues."""

    def __init__(self, spec: "Spec") -> None:
        """Make the engine: shared region, table, UDP sockets and workers. Raises EngineError with what to do."""
        self.spec = spec
        self.queues, self.problems = list_queues(spec)
        self.is_privileged = True
        self._started = time.monotonic()
        options = ffi.new("xd_engine_options *", self._options())
        out = ffi.new("xd_engine **")
        check(lib.xd_engine_create(options, os.fsencode(spec["rundir"]), out), f"run directory {spec['rundir']}")
        self._c = ffi.gc(out[0], lib.xd_engine_free)
        self.table_inode: int | None = None
        if spec["table"] is not None:
            # Before it is opened: when it is replaced in between, the control plane starts a new engine.
            self.table_inode = inode_of(spec["table"])
            check(lib.xd_engine_open_table(self._c, os.fsencode(spec["table"])), f"response table {spec['table']}")
        for address, port in spec["xdp_listen"]:
            self._check_address(lib.xd_engine_listen_xdp(self._c, address.encode(), port), address, port)
        for address, port in spec["listen"]:
            self._check_address(lib.xd_engine_listen_udp(self._c, address.encode(), port), address, port)
        for index in range(spec["udp_workers"]):
            cpu = pick_cpu(spec, index)
            check(lib.xd_engine_start_udp(self._c, index, cpu), f"UDP worker {index} on CPU {cpu}")
        check(lib.xd_engine_start_handoff(self._c), "hand-off thread")

    def _options(self) -> dict[str, int]:
        spec = self.spec
        return {
            "udp_workers": spec["udp_workers"],
            "xdp_workers": len(self.queues),
            "ring_size": spec["ring_size"],
            "busy_poll_us": spec["busy_poll_us"],
            "busy_poll_budget": spec["busy_poll_budget"],
            "zero_copy": spec["zero_copy"],
            "uid": -1 if spec["uid"] is None else spec["uid"],
            "gid": -1 if spec["gid"] is None else spec["gid"],
        }

    @staticmethod
    def _check_address(code: int, address: str, port: int) -> None:
        text = error_name(code)
        what = f"listen {address}@{port}"
        if text == "BUSY":
            raise ResourceError(
                f"{what}: address in use by another program; stop it (ss -lunp names it) or listen elsewhere"
            )
        if text == "NOT_FOUND":
            raise ResourceError(f"{what}: no interface has this address; add it or correct the configuration")
        if text == "RANGE":
            raise EngineError(f"{what}: not an address and port that can be listened on, or too many of them")
        check(code, what)

    def advance(self) -> float | None:
        """Take every queue as far as it goes now; return the seconds until the next try, None when all are done."""
        wait: float | None = None
        for queue in self.queues:
            if queue.state == "waiting":
                self._open(queue)
            if queue.state == "bound":
                self._insert(queue)
            if queue.state in ("waiting", "bound"):
                pause = RETRY_SECONDS if queue.state == "waiting" else PIN_RETRY_SECONDS
                wait = pause if wait is None else min(wait, pause)
        return wait

    def _open(self, queue: Queue) -> None:
        what = f"interface {queue.interface} queue {queue.number}"
        code = lib.xd_engine_open_queue(self._c, queue.index, queue.interface.encode(), queue.number)
        is_busy = error_name(code) == "BUSY"
        if is_busy and time.monotonic() < self._started + BUSY_RETRY_SECONDS:
            return
        hint = "; another program has its AF_XDP socket, stop it" if is_busy else ""
        try:
            check(code, what)
            check(lib.xd_engine_start_xdp(self._c, queue.index, queue.cpu), f"{what}: worker on CPU {queue.cpu}")
            queue.state = "bound"
        except EngineError as exc:
            self._fail(queue, f"{exc}{hint}")

    def _insert(self, queue: Queue) -> None:
        code = lib.xd_engine_insert_queue(self._c, queue.index, os.fsencode(queue.xskmap))
        if error_name(code) == "NOT_FOUND":
            return
        try:
            check(code, f"interface {queue.interface} queue {queue.number}: {queue.xskmap}")
            queue.state = "running"
        except EngineError as exc:
            self._fail(queue, f"{exc}; load the filter again (xdpdnsctl load {queue.interface} --replace)")

    def _fail(self, queue: Queue, message: str) -> None:
        queue.state = "failed"
        queue.error = message
        log(message)

    def drop_privileges(self) -> None:
        """Give up what the main thread may do, as each worker did when it started."""
        options = self._options()
        check(lib.xd_privileges_drop(options["uid"], options["gid"]), "dropping capabilities")
        self.is_privileged = False

    def status(self) -> "dict[str, Any]":
        """Return what the control plane asks for."""
        return {
            "pid": os.getpid(),
            "build": ffi.string(lib.xd_build_id()).decode(),
            "spec": self.spec["hash"],
            "table_inode": self.table_inode,
            "udp_workers": self.spec["udp_workers"],
            "is_privileged": self.is_privileged,
            "problems": self.problems,
            "queues": [self._queue_status(queue) for queue in self.queues],
        }

    def _queue_status(self, queue: Queue) -> "dict[str, Any]":
        told: dict[str, Any] = {"interface": queue.interface, "queue": queue.number, "state": queue.state}
        if queue.error:
            told["error"] = queue.error
        out = ffi.new("xd_engine_queue_status *")
        if lib.xd_engine_queue_status_get(self._c, queue.index, out) == 0:
            told["mode"] = "zero-copy" if out.zero_copy else "copy"
            told["busy_poll"] = bool(out.busy_poll)
            told["cpu"] = queue.cpu
            for name in ("frames", "frames_free", "frames_receiving", "frames_sending"):
                told[name] = getattr(out, name)
        return told

    def close(self) -> None:
        """Stop every worker."""
        ffi.release(self._c)


def log(message: str) -> None:
    """Write one line to standard error; the parent's log takes it."""
    print(f"engine: {message}", file=sys.stderr, flush=True)


def lock_rundir(rundir: str) -> int:
    """Return the descriptor whose lock says that this engine owns the run directory."""
    path = os.path.join(rundir, "engine.lock")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        raise ResourceError(f"{path}: another engine runs in this directory; stop it first", exc.errno) from exc
    return fd


def wait(engine: Engine, control: "ControlSocket", notifier: "Notifier | None" = None) -> None:
    """Serve the control plane until told to stop; meanwhile take the AF_XDP queues as far as they go."""
    is_running = True
    while is_running:
        pause = engine.advance()
        if pause is None and engine.is_privileged:
            engine.drop_privileges()
        if notifier is not None and notifier.watchdog_s:
            notifier.send("WATCHDOG=1")
            pause = min(notifier.watchdog_s / 2, notifier.watchdog_s if pause is None else pause)
        is_running = control.serve(engine, pause)


def tell(ready_fd: int, told: "dict[str, Any]") -> None:
    """Tell the parent how starting went; a parent that is gone misses nothing."""
    import json

    try:
        os.write(ready_fd, json.dumps(told).encode() + b"\n")
    except OSError as exc:
        log(f"parent not told: {exc}")
    os.close(ready_fd)


def take_user(spec: "Spec") -> None:
    """Before there are threads: the user this process will be may signal it, and makes and opens its files."""
    if spec["uid"] is not None and spec["gid"] is not None:
        os.setresuid(spec["uid"], 0, 0)
        check(lib.xd_privileges_files_as(spec["uid"], spec["gid"]), "user of the engine's files")


def make_engine(spec: "Spec") -> "tuple[Engine, ControlSocket]":
    """Make what serves, in files of the user of `spec`; raise EngineError or OSError."""
    take_user(spec)
    lock_rundir(spec["rundir"])
    engine = Engine(spec)
    # UDP is answered from here on. A signal up to now ended the process at once, as it is without anything to undo.
    from pyxdp_dns.engine_control import ControlSocket

    control = ControlSocket(spec["rundir"])
    if spec["uid"] is not None:
        check(lib.xd_privileges_files_as(0, 0), "root's files, for the filter's pins")
    return engine, control


def notify_ready() -> "Notifier | None":
    """Tell the service manager, when it started this process itself, that queries are answered."""
    if "NOTIFY_SOCKET" not in os.environ:
        return None
    from pyxdp_dns.notify import Notifier

    notifier = Notifier()
    notifier.send("READY=1", "STATUS=answering")
    return notifier


def run(spec: "Spec", ready_fd: int) -> int:
    """Run the engine of `spec` until it is stopped; return the exit status."""
    try:
        engine, control = make_engine(spec)
    except (EngineError, OSError) as exc:
        log(str(exc))
        tell(ready_fd, {"error": str(exc), "errno": getattr(exc, "errno", None)})
        if "NOTIFY_SOCKET" in os.environ:
            time.sleep(FAILED_UNIT_SECONDS)
        return 1
    for problem in engine.problems:
        log(problem)
    tell(ready_fd, {"pid": os.getpid()})
    try:
        wait(engine, control, notify_ready())
    finally:
        engine.close()
    return 0


def main() -> int:
    """Entry point; two descriptors as arguments: where to read the specification and where to tell readiness."""
    source, ready_fd = map(int, sys.argv[1:])
    with open(source, "rb") as file:
        spec = marshal.load(file)
    return run(spec, ready_fd)
