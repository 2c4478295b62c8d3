"""A home of its own for every demo: invented data never meets real data, and each demo starts from nothing."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.settings import Settings

FOLDER = "demos"
MARKER = "guanxi-demo"
MARK = "Made by a Guanxi demo, which keeps this file locked. Once it has ended, the next demo deletes this folder.\n"


@contextmanager
def demo_settings(given: Settings) -> Iterator[Settings]:
    """`given` with embedded servers in a fresh folder under its home; the folder goes when the demo ends.

    Folders of demos that were killed go at the next one's start.
    """
    demos = given.home.resolve() / FOLDER
    demos.mkdir(parents=True, exist_ok=True)
    with _locked(demos):  # one at a time: a folder is seen by others only once its marker is locked
        _remove_ended(demos)
        home = Path(tempfile.mkdtemp(dir=demos))
        (home / MARKER).write_text(MARK)
        lock = _try_lock(home / MARKER)
    fresh = {"home": home, "database_url": None, "redis_url": None, "secret_key": None}
    try:
        yield given.model_copy(update=fresh)
    finally:
        _remove(home)
        if lock is not None:
            os.close(lock)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _remove_ended(demos: Path) -> None:
    """Delete the folders that a demo has made and that none holds any more, nothing else."""
    for folder in demos.iterdir():
        lock = None if folder.is_symlink() else _try_lock(folder / MARKER)
        if lock is not None:
            if os.pread(lock, len(MARK) + 1, 0) == MARK.encode():
                _remove(folder)
            os.close(lock)


def _try_lock(marker: Path) -> int | None:
    """The locked file, open; None when there is no such file, or another process holds it."""
    try:
        handle = os.open(marker, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _remove(folder: Path) -> None:
    """Delete the folder, its marker last: what cannot be deleted yet is left to the next demo."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != MARKER:
                path.unlink()
        (folder / MARKER).unlink()
        folder.rmdir()
