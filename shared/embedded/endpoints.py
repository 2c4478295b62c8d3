"""How other programs find the servers that a running owner keeps under a home."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from shared.embedded.errors import EmbeddedServerError

# psutil adds the machine's boot time, which moves a little when the clock is corrected.
SAME_PROCESS_S = 2.0


@dataclass(frozen=True)
class Endpoints:
    """What an owner offers; a URL is None for a server it was not asked to run."""

    owner_pid: int
    owner_created: float
    database_url: str | None
    redis_url: str | None


def running(home: Path) -> Endpoints | None:
    """Find the servers that a living owner keeps under `home`; None when there is no such owner.

    Raises:
        EmbeddedServerError: the home belongs to a user who keeps it closed.
    """
    try:
        endpoints = Endpoints(**json.loads(_file(home.resolve()).read_bytes()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
    except PermissionError as error:
        raise EmbeddedServerError(f"cannot read {error.filename}; start as the user who owns {home}") from error
    return endpoints if _lives(endpoints) else None


def publish(home: Path, *, database_url: str | None, redis_url: str | None) -> None:
    """Tell other programs that this process is the owner, in one atomic step."""
    endpoints = Endpoints(os.getpid(), psutil.Process().create_time(), database_url, redis_url)
    target = _file(home)
    target.parent.mkdir(exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix="endpoints.new-")
    with os.fdopen(descriptor, "w") as stream:
        json.dump(asdict(endpoints), stream)
    Path(temporary).replace(target)


def withdraw(home: Path) -> None:
    _file(home).unlink(missing_ok=True)


def _file(home: Path) -> Path:
    return home / "run" / "endpoints.json"


def _lives(endpoints: Endpoints) -> bool:
    """Tell the owner from an unrelated process that was given its pid later."""
    try:
        process = psutil.Process(endpoints.owner_pid)
        created = process.create_time()
        return abs(created - endpoints.owner_created) < SAME_PROCESS_S and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
