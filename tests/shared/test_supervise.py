"""The supervisor keeps programs running and takes all of them with it."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from shared.supervise import (
    BACKOFF_S,
    NotReadyError,
    Program,
    StartCancelledError,
    Supervisor,
    exit_with_parent,
    restart_delay_s,
)

PROJECT = Path(__file__).resolve().parents[2]
FOREVER = "import time; time.sleep(1000)"


def program(name: str, code: str, *, ready: Callable[[], bool] | None = None, restart: bool = True) -> Program:
    return Program(name, [sys.executable, "-u", "-c", code], {"PYTHONPATH": str(PROJECT)}, ready=ready, restart=restart)


def eventually(holds: Callable[[], bool], *, timeout_s: float = 20.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_program_starts_when_the_one_before_it_is_ready(tmp_path: Path):
    """Order of start is order of readiness."""
    mark = tmp_path / "mark"
    first = program(
        "first", f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(1000)", ready=mark.exists
    )
    second = program("second", f"import pathlib, time; print(pathlib.Path({str(mark)!r}).exists()); time.sleep(1000)")
    with Supervisor([first, second], log_folder=tmp_path / "log") as supervisor:
        assert set(supervisor.pids()) == {"first", "second"}
        assert eventually(lambda: (tmp_path / "log" / "second.log").read_text() == "True\n")


def test_a_dead_program_is_restarted_with_what_it_started_gone(tmp_path: Path):
    """A restart begins with a clean slate: the whole group of the dead child is killed."""
    lines: list[str] = []
    parent = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '1000']).pid); time.sleep(1000)"
    with Supervisor(
        [program("p", parent)], log_folder=tmp_path, on_line=lambda _, line: lines.append(line)
    ) as supervisor:
        before = supervisor.pids()["p"]
        assert eventually(lambda: len(lines) == 1)
        supervisor.kill("p")
        assert eventually(lambda: len(lines) == 2)
        assert supervisor.pids()["p"] != before
        assert eventually(lambda: not lives(int(lines[0])))
    assert eventually(lambda: not lives(int(lines[1])))


def test_a_program_that_keeps_dying_is_restarted_ever_more_slowly(tmp_path: Path):
    """Deaths in a row are counted, and the delay grows to a limit."""
    with Supervisor([program("p", "raise SystemExit(3)")], log_folder=tmp_path) as supervisor:
        assert eventually(lambda: supervisor.failure_counts()["p"] >= 3)
    assert [restart_delay_s(count) for count in range(1, 9)] == [*BACKOFF_S, BACKOFF_S[-1], BACKOFF_S[-1]]


def test_a_program_that_is_not_to_be_restarted_stays_ended(tmp_path: Path):
    """Its exit code is there to be asked for."""
    with Supervisor([program("p", "raise SystemExit(3)", restart=False)], log_folder=tmp_path) as supervisor:
        assert eventually(lambda: supervisor.exit_codes() == {"p": 3})
        assert supervisor.pids() == {}


def test_programs_stop_in_reverse_order_and_politely(tmp_path: Path):
    """SIGTERM lets a program finish; the last one started goes first."""
    lines: list[tuple[str, str]] = []
    polite = """
import signal, sys, time
def leave(*_):
    print("bye")
    sys.exit()
signal.signal(signal.SIGTERM, leave)
print("here")
time.sleep(1000)
"""
    programs = [program("a", polite), program("b", polite)]
    with Supervisor(programs, log_folder=tmp_path, on_line=lambda *line: lines.append(line)):
        assert eventually(lambda: sorted(lines) == [("a", "here"), ("b", "here")])
    assert eventually(lambda: lines[2:] == [("b", "bye"), ("a", "bye")])


def test_a_program_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path):
    """Nothing survives the stop."""
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here'); {FOREVER}"
    supervisor = Supervisor([program("p", stubborn)], log_folder=tmp_path, grace_s=0.2)
    supervisor.start()
    assert eventually(lambda: "here" in (tmp_path / "p.log").read_text())
    supervisor.stop()
    assert supervisor.exit_codes() == {"p": -signal.SIGKILL}


def test_a_start_that_fails_stops_what_was_started(tmp_path: Path):
    """All programs or none."""
    fine = program("fine", FOREVER)
    for broken in (
        program("broken", "raise SystemExit(1)", ready=lambda: False, restart=False),
        Program("broken", ["/no/such/program"], {}),
    ):
        supervisor = Supervisor([fine, broken], log_folder=tmp_path)
        with pytest.raises(NotReadyError, match="broken"):
            supervisor.start()
        assert supervisor.pids() == {}
    never = program("never", FOREVER, ready=lambda: False)
    with pytest.raises(NotReadyError, match=r"not ready after 0\.1 s"):
        Supervisor([never], log_folder=tmp_path, ready_timeout_s=0.1).start()


def test_an_answer_of_somebody_else_is_not_readiness(tmp_path: Path):
    """A program that has ended is not ready, whoever answers at its address; its last words are in the error."""
    talker = program(
        "talker", "print(*range(99), sep='\\n'); raise SystemExit('the port is taken')", ready=lambda: True
    )
    eventually_dead = Program(
        talker.name, talker.argv, talker.env, ready=lambda: not time.sleep(0.5), restart=talker.restart
    )
    with pytest.raises(NotReadyError, match=r"(?s)talker was not ready.*ends with:.*98\n.*the port is taken") as caught:
        Supervisor([eventually_dead], log_folder=tmp_path, ready_timeout_s=1).start()
    assert len(str(caught.value).splitlines()) == 11


def test_a_start_can_be_given_up(tmp_path: Path):
    """Soon, and with nothing left running."""
    stopping = threading.Event()
    fine, never = program("fine", FOREVER), program("never", FOREVER, ready=lambda: bool(stopping.set()))
    supervisor = Supervisor([fine, never], log_folder=tmp_path, stopping=stopping)
    with pytest.raises(StartCancelledError):
        supervisor.start()
    assert supervisor.pids() == {}


def test_children_end_soon_after_a_supervisor_that_was_killed(tmp_path: Path):
    """A kill -9 of the supervisor reaches our own programs through `exit_with_parent`."""
    child = (
        "import os, shared.supervise as s; s.exit_with_parent(int(os.environ[s.PARENT_PID])); "
        f"print(os.getpid()); {FOREVER}"
    )
    code = f"""
import pathlib, time, sys
from shared.supervise import Program, Supervisor
child = Program("c", [sys.executable, "-u", "-c", {child!r}], {{"PYTHONPATH": {str(PROJECT)!r}}})
Supervisor([child], log_folder=pathlib.Path({str(tmp_path)!r})).start()
time.sleep(1000)
"""
    supervisor = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT)
    output = tmp_path / "c.log"
    assert eventually(lambda: output.exists() and output.read_text().endswith("\n"))
    supervisor.kill()
    supervisor.wait()
    assert eventually(lambda: not lives(int(output.read_text())))


def test_a_program_started_by_hand_does_not_wait_for_a_stranger():
    """A pid left over in a shell's environment is not our parent."""
    stranger = subprocess.Popen([sys.executable, "-c", FOREVER])
    before = threading.active_count()
    assert not exit_with_parent(stranger.pid)
    stranger.kill()
    stranger.wait()
    assert not exit_with_parent(stranger.pid)
    assert threading.active_count() == before
