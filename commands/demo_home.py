"""A home of its own for every demo: invented data never meets real data, and each demo starts from nothing."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.embedded import running
from shared.settings import Settings

PREFIX = "demo-"


@contextmanager
def demo_settings(given: Settings) -> Iterator[Settings]:
    """`given` with embedded servers in a fresh folder under its home; the folder goes when the demo ends.

    Folders of demos that were killed go at the next one's start.
    """
    given.home.mkdir(parents=True, exist_ok=True)
    for old in given.home.glob(f"{PREFIX}*"):
        if running(old) is None:
            shutil.rmtree(old, ignore_errors=True)
    home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=given.home)).resolve()
    fresh = {"home": home, "database_url": None, "redis_url": None, "secret_key": None}
    try:
        yield given.model_copy(update=fresh)
    finally:
        shutil.rmtree(home, ignore_errors=True)
