"""Where everything lies under a home folder, and the lock that gives one process the ownership of it."""

import fcntl
import hashlib
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shared.embedded.account import Account, closed_parents
from shared.embedded.errors import EmbeddedServerError

# Source: unix(7), sun_path: 108 bytes with the closing zero on Linux; 104 on macOS.
SOCKET_PATH_BYTES = 103
LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"
# Source: PostgreSQL, src/include/pg_config_manual.h, MAXPGPATH; the rest is for names below the home.
HOME_PATH_BYTES = 1024 - 128
LOG_BYTES = 10_000_000


@dataclass(frozen=True)
class Home:
    """The folders of one home. `tag` names this home in process titles and in its socket folder."""

    root: Path
    tag: str

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    def log(self, name: str) -> Path:
        return self.root / "log" / f"{name}.log"


def make_home(path: Path) -> Home:
    """Create what is missing of the home folder.

    Raises:
        EmbeddedServerError: the folder cannot be made or its path is too long.
    """
    root = path.resolve()
    if len(os.fsencode(root)) > HOME_PATH_BYTES:
        raise EmbeddedServerError(
            f"the path of the home folder is longer than PostgreSQL allows ({HOME_PATH_BYTES} bytes): {root}; "
            f"set GUANXI_HOME to a shorter one"
        )
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        (root / "log").mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise EmbeddedServerError(
            f"cannot use {root} as the home folder ({error.strerror}); set GUANXI_HOME to a folder you may write"
        ) from error
    # The inode tells a folder from another one that was at the same path before it.
    identity = os.fsencode(root) + b":%d" % root.stat().st_ino
    return Home(root, f"guanxi-{hashlib.sha256(identity).hexdigest()[:10]}")


class HomeLock:
    """The ownership of a home: an flock, which the kernel drops when the owner dies, however it dies.

    The file stays after release: removing it would let two owners lock two different files.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Become the owner.

        Raises:
            EmbeddedServerError: another process owns the home, or the file system has no locks.
        """
        try:
            descriptor = os.open(self._home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise EmbeddedServerError(f"cannot open {self._home.lock}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            if not isinstance(error, BlockingIOError):
                raise EmbeddedServerError(
                    f"{self._home.root} is on a file system without locks ({error.strerror}); "
                    f"set GUANXI_HOME to a folder on a local disk"
                ) from error
            raise EmbeddedServerError(
                f"{self._home.root} is already in use by process {owner}; "
                f"stop that one first, or set GUANXI_HOME to another folder to run side by side"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def make_socket_folder(home: Home, account: Account) -> Path:
    """Create the folder of the sockets, open to the account alone; its short path fits into a socket address.

    Raises:
        EmbeddedServerError: the folder exists and is somebody else's.
    """
    folder = _socket_parent(account) / home.tag
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (account.uid, os.geteuid()):
        raise EmbeddedServerError(
            f"{folder} exists and belongs to somebody else (uid {status.st_uid}); remove it, or set TMPDIR"
        )
    account.give(folder)
    folder.chmod(0o700)
    return folder


def _socket_parent(account: Account) -> Path:
    """Pick the folder for temporary files unless its path is long, odd in a URL, or closed to the account."""
    for candidate in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - the folder below it is ours alone, and checked
        parent = Path(candidate).resolve()
        length = len(f"{parent}/guanxi-0123456789/{LONGEST_SOCKET_NAME}")
        plain = re.fullmatch(r"[A-Za-z0-9._/-]+", str(parent)) is not None
        usable = parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)
        if plain and length <= SOCKET_PATH_BYTES and usable and not closed_parents(parent / "any", account):
            return parent
    raise EmbeddedServerError("no folder for sockets: set TMPDIR to a short path that every user may enter, like /tmp")


def rotate(log: Path) -> None:
    """Put a log aside once it is large, so that it cannot fill the disk over many starts."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def size_of(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def last_lines(log: Path, *, since: int = 0, count: int = 12) -> str:
    """Read the end of a log, at most `count` lines of what was written after byte `since`."""
    if not log.exists():
        return "(no log)"
    with log.open("rb") as stream:
        stream.seek(since)
        lines = stream.read().decode("utf-8", "replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-count:]) or "  (nothing logged)"
