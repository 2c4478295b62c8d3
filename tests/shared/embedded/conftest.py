"""Owners of embedded servers as processes of their own, so that a test can kill -9 them."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from shared.embedded import EmbeddedServers

PROJECT = Path(__file__).resolve().parents[3]

# Imports come first: after the change of user the interpreter's own folders may be closed to it.
OWNER = """
import json, os, sys
from pathlib import Path
from shared.embedded import EmbeddedServers
home, user = Path(sys.argv[1]), int(sys.argv[2])
if user:
    with EmbeddedServers(home.with_name("warm")):
        pass  # loads what Python imports on first use only
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
servers = EmbeddedServers(home)
servers.start()
print(json.dumps({"pid": os.getpid(), "uid": os.getuid(), "postgres": servers.postgres_pid,
                  "valkey": servers.valkey_pid, "database_url": servers.database_url}), flush=True)
sys.stdin.read()
servers.stop()
"""


class Owner:
    """A process that owns a home until its input ends."""

    def __init__(self, home: Path, *, user: int = 0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", OWNER, str(home), str(user)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        # Log lines may come first.
        facts = next((line for line in self.process.stdout if line.startswith(b"{")), None)
        assert facts, "the owner ended before it was ready"
        self.facts = json.loads(facts)

    def kill(self, *, with_guards: bool) -> None:
        """kill -9; with its guards, nobody tells the servers that their owner is gone."""
        if with_guards:
            for child in psutil.Process(self.process.pid).children():
                if "guanxi-guard" in child.cmdline():
                    child.kill()
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(60)


@pytest.fixture
def new_home() -> Iterator[Path]:
    """A home still to be made, where any user gets to; pytest's own temporary folder is closed to other users."""
    with tempfile.TemporaryDirectory(prefix="embedded-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "home"


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder to copy, which is faster than initdb."""
    home = tmp_path_factory.mktemp("database")
    with EmbeddedServers(home, valkey=False):
        pass
    return home / "postgres"


@pytest.fixture
def home(new_home: Path, database: Path) -> Path:
    """A home that was used before; as root the copied files are root's at first."""
    shutil.copytree(database, new_home / "postgres")
    return new_home


@pytest.fixture
def own(new_home: Path) -> Iterator[Callable[..., Owner]]:
    """Start owners that are gone, with their servers, when the test ends."""
    owners: list[Owner] = []

    def start(folder: Path = new_home, *, user: int = 0) -> Owner:
        owners.append(Owner(folder, user=user))
        return owners[-1]

    yield start
    for owner in owners:
        if owner.process.poll() is None:
            owner.stop()
        # Servers whose owner was killed are still on their way out, and write into the folder that is removed next.
        _eventually(lambda gone=owner: not _lives(gone.facts["postgres"]) and not _lives(gone.facts["valkey"]))
        sockets = owner.facts["database_url"].partition("host=")[2].partition("&")[0]
        shutil.rmtree(sockets, ignore_errors=True)  # left where nobody took over


@pytest.fixture
def lives() -> Callable[[int], bool]:
    """Whether a process runs; one that only waits to be reaped does not."""
    return _lives


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def eventually() -> Callable[..., bool]:
    return _eventually


def _eventually(holds: Callable[[], bool], *, timeout_s: float = 20.0) -> bool:
    """Poll until it holds; false when it never did."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
