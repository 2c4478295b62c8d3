"""A live corp in a simulated WeCom and here, the worker's parts in this process, and the command itself."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from guanxi import main
from tests.conftest import SECRET_KEY
from tests.sync_worker.conftest import Office, beginning, living, make_office, office

__all__ = ["beginning", "living", "make_office", "office"]

Guanxi = Callable[..., Result]


@pytest.fixture
def guanxi(
    database_url: str, redis_url: str, simulator_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Guanxi:
    """`guanxi ARGUMENTS`, in this process, on the office's servers."""
    monkeypatch.chdir(tmp_path)
    values = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": SECRET_KEY,
        "WECOM_BASE_URL": simulator_url,
        "ADD_LAG_S": "0",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"GUANXI_{name}", value)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # what the office's parts say

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return invoke


@contextmanager
def at_work(made: Office) -> Iterator[None]:
    """Meanwhile a worker works."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            made.walk()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
