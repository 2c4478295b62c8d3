"""Ports for the programs of one stack; two stacks of one user on one machine never choose the same.

To look whether a port is free is not enough: seconds pass until the program binds it, and programs that share ports
(SO_REUSEPORT) would not even notice. So a file per port is locked for as long as the stack lives.
"""

import errno
import fcntl
import os
import secrets
import socket
import stat
import tempfile
from pathlib import Path

# Below the ranges that kernels take outgoing connections from (Linux 32768, macOS 49152), or one of those could sit
# on the port while its program is restarted.
FIRST, COUNT = 20_000, 12_000
TRIES = 200


class PortError(Exception):
    """A port cannot be had; the text says which, and what to do."""


class Ports:
    """The ports taken so far, kept until `release`, or the end of this process."""

    def __init__(self) -> None:
        self._held: dict[int, int] = {}

    def take(self, host: str = "127.0.0.1", wanted: int = 0, *, or_other: bool = False) -> int:
        """Take the port `wanted`, or any free one when it is 0, or when it is in use and `or_other` is set.

        Raises:
            PortError: it is in use, or `host` is no address of this machine.
        """
        if wanted and self._take(host, wanted):
            return wanted
        if wanted and not or_other:
            raise PortError(f"{address(host, wanted)} is in use")
        for _ in range(TRIES):
            port = FIRST + secrets.randbelow(COUNT)
            if self._take(host, port):
                return port
        raise PortError(f"no free port was found on {host} in {TRIES} tries from {FIRST} on")

    def release(self) -> None:
        while self._held:
            os.close(self._held.popitem()[1])

    def _take(self, host: str, port: int) -> bool:
        if port in self._held:
            return False
        lock = os.open(_folder() / str(port), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = _is_free(host, port)
        except BlockingIOError:
            free = False
        except BaseException:
            os.close(lock)
            raise
        if free:
            self._held[port] = lock
        else:
            os.close(lock)
        return free


def address(host: str, port: int) -> str:
    """As it stands in a URL: an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise PortError(f"cannot listen on {address(host, port)}: {error.strerror}") from None
    return True


def _folder() -> Path:
    """The folder of the locks, one per user: the kernel lets only programs of one user share a port."""
    folder = Path(tempfile.gettempdir()) / f"guanxi-ports-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise PortError(f"{folder} is not a folder of yours: remove it, or set TMPDIR to another place")
    return folder
