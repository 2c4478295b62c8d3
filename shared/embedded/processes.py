"""Start a server as a child that does not outlive us, and end servers that an earlier owner left behind."""

import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from shared.clock import monotonic
from shared.embedded.account import Account
from shared.embedded.errors import EmbeddedServerError

# Nothing of the caller's environment: PGPORT, PGOPTIONS or LC_ALL would change what the servers do.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

# Its input is a pipe that only the owner holds open and that ends with the owner, whatever that dies of.
GUARD = 'read -r _; kill -s "$1" "$2"'

# Signals to try one after the other, each with the seconds to wait for it to work.
Steps = Sequence[tuple[signal.Signals, float]]


@dataclass(frozen=True)
class Child:
    """One server, and the guard that ends it after a kill -9 of the owner."""

    process: subprocess.Popen[bytes]
    guard: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def stop(self, steps: Steps) -> None:
        """Take the steps until one works, at last SIGKILL."""
        for number, patience_s in steps:
            self.process.send_signal(number)
            try:
                self.process.wait(patience_s)
                break
            except subprocess.TimeoutExpired:
                continue
        self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        # Before its pipe closes: the pid it watches may soon be somebody else's.
        self.guard.kill()
        self.guard.wait()
        if self.guard.stdin is not None:
            self.guard.stdin.close()


def spawn(argv: Sequence[str | Path], *, account: Account, cwd: Path, log: Path, farewell: signal.Signals) -> Child:
    """Start a server in the foreground of its own session, where the terminal's Ctrl-C does not reach it.

    `farewell` is what the guard sends once we are gone.
    """
    user, group = (account.uid, account.gid) if account.switch else (None, None)
    groups: list[int] | None = [] if account.switch else None
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own binaries, no shell
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=ENVIRONMENT,
            user=user,
            group=group,
            extra_groups=groups,
            umask=0o077,
            start_new_session=True,
        )
    guard = subprocess.Popen(  # noqa: S603 - a constant script; the pid and the signal are arguments to it
        ["/bin/sh", "-c", GUARD, "guanxi-guard", farewell.name.removeprefix("SIG"), str(process.pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=ENVIRONMENT,
        user=user,
        group=group,
        extra_groups=groups,
        start_new_session=True,
    )
    return Child(process, guard)


def leftovers(names: Iterable[str], *, tag: str, folder: Path) -> Iterator[psutil.Process]:
    """Find processes with these program names that work on `folder`, whoever started them.

    The tag is in their title, also in those that PostgreSQL writes over its command line. It changes when the home is
    moved, the current folder does not; but in a container root may not see that of another account.
    """
    wanted = frozenset(names)
    for process in psutil.process_iter():
        try:
            if process.name() not in wanted:
                continue
            arguments = process.cmdline()
            if tag in " ".join(arguments) or _lies_in([*arguments, process.cwd()], folder):
                yield process
        except psutil.Error:
            continue


def _lies_in(paths: Iterable[str], folder: Path) -> bool:
    """Whether one of the paths is the folder, or the one that becomes it once initdb is through."""
    return any(path == str(folder) or path.startswith(f"{folder}.new-") for path in paths)


def end_all(processes: Iterable[psutil.Process], steps: Steps) -> None:
    """Take the steps for all processes together until none is left.

    Raises:
        EmbeddedServerError: one of them is still there, or is not ours to end.
    """
    left = list(processes)
    for number, patience_s in steps:
        for process in left:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
            except psutil.AccessDenied as error:
                raise EmbeddedServerError(
                    f"another user's process {process.pid} still works on this home; stop it (kill {process.pid})"
                ) from error
        deadline = monotonic() + patience_s
        while (left := [process for process in left if _runs(process)]) and monotonic() < deadline:
            time.sleep(0.02)
        if not left:
            return
    if left:
        raise EmbeddedServerError(f"cannot end process {left[0].pid}, which still works on this home; stop it first")


def _runs(process: psutil.Process) -> bool:
    """A zombie has ended: in a container whose first process reaps nobody, it stays for ever."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
