"""A demo deletes its own folder and those of ended demos, nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from commands.demo_home import FOLDER, MARK, MARKER, demo_settings
from shared.settings import load_settings

PROJECT = Path(__file__).resolve().parents[2]
DEMO = """
import pathlib, sys
from commands.demo_home import demo_settings
from shared.settings import load_settings
with demo_settings(load_settings(home=pathlib.Path(sys.argv[1]))) as settings:
    (settings.home / "file").touch()
    print(settings.home, flush=True)
    sys.stdin.read()
"""


def start_demo(home: Path) -> tuple[subprocess.Popen[str], Path]:
    argv = [sys.executable, "-c", DEMO, str(home)]
    demo = subprocess.Popen(argv, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    return demo, Path(demo.stdout.readline().strip())


def test_a_demo_leaves_folders_that_it_has_not_made_alone(tmp_path: Path):
    """What has no marker of ours stays, whatever its name; so does what a link points to."""
    theirs = [tmp_path / "demo-for-the-board", tmp_path / FOLDER / "mine", tmp_path / FOLDER / "marked"]
    for folder in theirs:
        folder.mkdir(parents=True)
        (folder / "file").touch()
    (theirs[2] / MARKER).write_text("a file of somebody else")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / MARKER).write_text(MARK)
    (tmp_path / FOLDER / "link").symlink_to(elsewhere)
    with demo_settings(load_settings(home=tmp_path)) as settings:
        assert settings.home.parent == tmp_path / FOLDER
    assert all((folder / "file").exists() for folder in theirs)
    assert (elsewhere / MARKER).exists()
    assert not settings.home.exists()


def test_demos_of_one_home_leave_each_other_alone_and_clean_up_after_one_that_was_killed(tmp_path: Path):
    """The marker is locked from the start to the end of a demo, however it ends."""
    first, first_home = start_demo(tmp_path)
    second, second_home = start_demo(tmp_path)
    assert (first_home / "file").exists() and (second_home / "file").exists()
    first.kill()
    first.communicate()
    assert first_home.exists()
    third, _ = start_demo(tmp_path)
    assert not first_home.exists()
    assert (second_home / "file").exists()
    second.communicate()
    third.communicate()
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_demo_uses_no_server_and_no_key_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Invented data never meets real data."""
    monkeypatch.setenv("GUANXI_DATABASE_URL", "postgresql://real/data")
    monkeypatch.setenv("GUANXI_REDIS_URL", "redis://real")
    monkeypatch.setenv("GUANXI_SECRET_KEY", "x" * 40)
    with demo_settings(load_settings(home=tmp_path)) as settings:
        assert (settings.database_url, settings.redis_url, settings.secret_key) == (None, None, None)
