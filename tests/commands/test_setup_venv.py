"""A clone works wherever it lies, and two first starts at once install once."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands.setup_venv import WRAPPER

PROJECT = Path(__file__).resolve().parents[2]
ODD = "路径 with 'quotes', \"more\" and $HOME `x`"
# Stands in for the Python of the set-up: `-m venv` makes one that notes each installation.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
  *"-m pip install"*) echo "$*" >> "$(dirname "$0")/../../installed"; sleep 0.3 ;;
  *) echo "$@" ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / ODD
    (folder / "commands").mkdir(parents=True)
    shutil.copy(PROJECT / "commands" / "setup_venv.py", folder / "commands")
    for name in ("Makefile", "requirements.lock", "requirements-dev.lock", "guanxi.py"):
        shutil.copy(PROJECT / name, folder)
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)
    return folder


def set_up(clone: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["make", "-s", "setup", f"PYTHON={sys.executable}"], cwd=clone, stdout=subprocess.DEVNULL)


def test_two_set_ups_at_once_install_once_and_a_third_does_nothing(clone: Path):
    """The second waits for the first and finds everything there."""
    both = [set_up(clone), set_up(clone)]
    assert [one.wait(30) for one in both] == [0, 0]
    assert set_up(clone).wait(30) == 0
    assert len((clone / "installed").read_text().splitlines()) == 1


def test_another_lock_file_or_an_interrupted_set_up_installs_again(clone: Path):
    """What was installed is known by the lock-file's contents, noted at the end."""
    assert set_up(clone).wait(30) == 0
    with (clone / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    assert set_up(clone).wait(30) == 0
    (clone / ".venv" / ".run").unlink()
    assert set_up(clone).wait(30) == 0
    assert len((clone / "installed").read_text().splitlines()) == 3


def test_the_command_finds_itself_after_a_move_and_through_a_link(clone: Path):
    """No path is baked in."""
    assert set_up(clone).wait(30) == 0
    moved = clone.rename(clone.parent / "moved to $(nowhere)")
    link = clone.parent / "guanxi"
    link.symlink_to(moved / ".venv" / "bin" / "guanxi")
    for command in (moved / ".venv" / "bin" / "guanxi", link):
        done = subprocess.run([command, "up", "a b"], capture_output=True, text=True, check=True)
        assert done.stdout == f"{moved}/.venv/bin/../../guanxi.py up a b\n"


def test_the_command_is_plain_shell():
    """/bin/sh may be dash."""
    assert subprocess.run(["sh", "-n"], input=WRAPPER, text=True, check=False).returncode == 0
