"""Keep a set of programs running as children of this one, and let none of them survive it."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil
import structlog

from shared.clock import monotonic

# Children read it through their settings and pass it to `exit_with_parent`.
PARENT_PID = "GUANXI_PARENT_PID"

# Seconds before the first, second, ... restart in a row; the last one repeats.
BACKOFF_S = (0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
# A child that ran this long was fine: its next restart is the first in a row again.
STEADY_S = 30.0
READY_TIMEOUT_S = 60.0
GRACE_S = 10.0
POLL_S = 0.05
# What an error quotes of a program's log.
QUOTED_LINES, QUOTED_BYTES = 10, 10_000
PARENT_POLL_S = 0.5

OnLine = Callable[[str, str], None]

log = structlog.get_logger(__name__)


class NotReadyError(Exception):
    """A program did not become ready; the message says which, with the last lines of its log."""


class StartCancelledError(Exception):
    """The start was given up because somebody asked for it; all is stopped."""


@dataclass(frozen=True)
class Program:
    """What to keep running. `env` is the child's whole environment; without `ready`, started means ready.

    With `alongside` it starts and stops at once with the program before it in the list.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ready: Callable[[], bool] | None = None
    restart: bool = True
    alongside: bool = False


def restart_delay_s(failure_count: int) -> float:
    """How long to wait before the restart that follows the n-th death in a row (n from 1)."""
    return BACKOFF_S[min(failure_count, len(BACKOFF_S)) - 1]


@dataclass
class _Child:
    """A program, its present process and the thread that restarts it."""

    program: Program
    ended: threading.Event = field(default_factory=threading.Event)
    started: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    process: subprocess.Popen[bytes] | None = None
    thread: threading.Thread | None = None
    stopping: bool = False
    failure_count: int = 0
    trouble: str | None = None


class Supervisor:
    """Starts programs in order and restarts those that die, until `stop`.

    A child's output goes line by line to `on_line(name, line)`, or else to `<log_folder>/<name>.log`. A start that has
    not ended when `stopping` is set is given up.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        log_folder: Path,
        on_line: OnLine | None = None,
        grace_s: float = GRACE_S,
        ready_timeout_s: float = READY_TIMEOUT_S,
        stopping: threading.Event | None = None,
    ) -> None:
        self._children = {program.name: _Child(program) for program in programs}
        self._log_folder = log_folder
        self._on_line = on_line
        self._grace_s = grace_s
        self._ready_timeout_s = ready_timeout_s
        self._stopping = stopping or threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start all programs in order, each when those before it are ready, unless it starts alongside.

        Raises:
            NotReadyError: one did not get ready in time, or ended and is not to be restarted; all are stopped.
            StartCancelledError: `stopping` was set; all are stopped.
        """
        self._log_folder.mkdir(parents=True, exist_ok=True)
        try:
            for together in self._groups():
                if self._stopping.is_set():
                    raise StartCancelledError
                for child in together:
                    child.thread = threading.Thread(
                        target=self._keep_running, args=[child], name=f"supervise-{child.program.name}", daemon=True
                    )
                    child.thread.start()
                for child in together:
                    self._await_ready(child)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all in reverse order: SIGTERM to the process group, SIGKILL to it after the grace."""
        for together in reversed(self._groups()):
            for child in together:
                with child.lock:
                    child.stopping = True
                    _signal_group(child.process, signal.SIGTERM)
                child.ended.set()
            deadline = monotonic() + self._grace_s
            for child in together:
                if child.thread is not None and child.process is not None:
                    with suppress(subprocess.TimeoutExpired):
                        child.process.wait(max(0.0, deadline - monotonic()))
                    _signal_group(child.process, signal.SIGKILL)
                if child.thread is not None:
                    child.thread.join()

    def pids(self) -> dict[str, int]:
        """The pids of the programs that run now."""
        running = ((name, child.process) for name, child in self._children.items())
        return {name: process.pid for name, process in running if process is not None and process.poll() is None}

    def exit_codes(self) -> dict[str, int]:
        """How the programs ended that are not running now (minus the signal's number for a signal)."""
        codes = ((name, child.process.poll()) for name, child in self._children.items() if child.process is not None)
        return {name: code for name, code in codes if code is not None}

    def failure_counts(self) -> dict[str, int]:
        """How often in a row each program died."""
        return {name: child.failure_count for name, child in self._children.items()}

    def kill(self, name: str) -> None:
        """SIGKILL a program with all it started; it is restarted like after any other death."""
        child = self._children[name]
        with child.lock:
            _signal_group(child.process, signal.SIGKILL)

    def _groups(self) -> list[list[_Child]]:
        """The children, those that start and stop at once together."""
        groups: list[list[_Child]] = []
        for child in self._children.values():
            if not (groups and child.program.alongside):
                groups.append([])
            groups[-1].append(child)
        return groups

    def _keep_running(self, child: _Child) -> None:
        while not child.stopping:
            began = monotonic()
            try:
                code = self._run(child)
            except OSError as error:
                code, child.trouble = None, str(error)
                child.started.set()
            if child.stopping or not child.program.restart:
                return
            child.failure_count = 1 if monotonic() - began >= STEADY_S else child.failure_count + 1
            delay_s = restart_delay_s(child.failure_count)
            log.warning("supervise.died", program=child.program.name, exit_code=code, restart_in_s=delay_s)
            child.ended.wait(delay_s)

    def _run(self, child: _Child) -> int | None:
        """Run the program once; returns how it ended."""
        process = self._spawn(child)
        if process is None:
            return None
        code = process.wait()
        # What the program itself started must not hold its ports and locks against the next one.
        _signal_group(process, signal.SIGKILL)
        return code

    def _spawn(self, child: _Child) -> subprocess.Popen[bytes] | None:
        """Start the program unless it is being stopped."""
        with child.lock:
            if child.stopping:
                return None
            program = child.program
            path = self._log_folder / f"{program.name}.log"
            with path.open("ab") as output:
                child.process = subprocess.Popen(  # noqa: S603 - our own command lines, no shell
                    program.argv,
                    env={**program.env, PARENT_PID: str(os.getpid())},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE if self._on_line else output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            child.started.set()
        if self._on_line is not None and child.process.stdout is not None:
            reader = [child.process.stdout, program.name, self._on_line]
            threading.Thread(target=_pass_lines_on, args=reader, name=f"lines-{program.name}", daemon=True).start()
        return child.process

    def _await_ready(self, child: _Child) -> None:
        program, deadline = child.program, monotonic() + self._ready_timeout_s
        child.started.wait()
        if child.trouble is not None:
            raise NotReadyError(f"{program.name} cannot be started: {child.trouble}")
        while not _is_ready(child):
            if self._stopping.is_set():
                raise StartCancelledError
            gone = not program.restart and child.process is not None and child.process.poll() is not None
            if gone or monotonic() > deadline:
                what = "ended" if gone else f"was not ready after {self._ready_timeout_s:g} s"
                raise NotReadyError(f"{program.name} {what}{self._end_of_log(program)}")
            self._stopping.wait(POLL_S)

    def _end_of_log(self, program: Program) -> str:
        path = self._log_folder / f"{program.name}.log"
        if self._on_line is not None or not path.exists():
            return ""
        with path.open("rb") as log_:
            log_.seek(max(0, path.stat().st_size - QUOTED_BYTES))
            lines = log_.read().decode("utf-8", "replace").splitlines()[-QUOTED_LINES:]
        return "\n".join([f"; {path.name} ends with:", *(f"  {line}" for line in lines or ["(nothing)"])])


def _is_ready(child: _Child) -> bool:
    """Whether the program answers and it is its own process that does: one that has ended left its port to others."""
    if child.program.ready is None:
        return True
    process = child.process
    if process is None or process.poll() is not None or not child.program.ready():
        return False
    return process is child.process and process.poll() is None


def _signal_group(process: subprocess.Popen[bytes] | None, number: signal.Signals) -> None:
    """Signal a child's process group, which outlives the child itself while a member of it lives."""
    if process is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def _pass_lines_on(stream: IO[bytes], name: str, on_line: OnLine) -> None:
    """Pass each line on; keeps reading when the receiver's terminal is gone, or the child would block."""
    with stream:
        for line in stream:
            with suppress(OSError, ValueError):
                on_line(name, line.decode("utf-8", "replace").rstrip("\r\n"))


def exit_with_parent(parent_pid: int) -> bool:
    """End this process soon after the supervisor that started it has died.

    Returns false, and watches nothing, when `parent_pid` is not above us: then the variable was left over in the
    shell from which somebody started us by hand.
    """
    try:
        above = {process.pid: process for process in psutil.Process().parents()}
    except psutil.Error:
        above = {}
    parent = above.get(parent_pid)
    if parent is None:
        if os.getppid() == 1 and not psutil.pid_exists(parent_pid):
            os._exit(1)  # it died before we came here, and init has adopted us
        return False
    threading.Thread(target=_watch, args=[parent, os.getppid()], name="exit-with-parent", daemon=True).start()
    return True


def _watch(parent: psutil.Process, direct_parent_pid: int) -> None:
    """Exit when the supervisor is gone, or our direct parent, which may be a wrapper between the two."""
    while parent.is_running() and os.getppid() == direct_parent_pid:
        time.sleep(PARENT_POLL_S)
    os._exit(1)
