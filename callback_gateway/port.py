"""The address: kept while workers come and go, shared by gateways of one home, never with anybody else.

SO_REUSEPORT lets every program of this user listen beside us, and the kernel would deal each one its share of the
callbacks. So the first gateway of a home makes sure that nobody listens; those that follow find its lock.
"""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import click
import structlog

from shared.clock import monotonic

PATIENCE_S = 6.0
"""The workers of a gateway that was killed keep the address a little longer (see app.py)."""
LOOK_S = 0.2

log = structlog.get_logger()


@contextmanager
def reserve(home: Path, host: str, port: int) -> Iterator[socket.socket]:
    """Bind without listening: finds a free port and fails early when the address is taken.

    Raises:
        click.ClickException: the address is not ours, or another home's gateway or another program has it.
    """
    try:
        lock, is_first = _lock(home, port) if port else (None, False)
        try:
            if is_first:
                _refuse_strangers(host, port)
            with _bound(host, port, is_shared=True) as reserved:
                lock = _lock(home, reserved.getsockname()[1])[0] if lock is None else lock
                if lock is not None:
                    fcntl.flock(lock, fcntl.LOCK_SH)
                yield reserved
        finally:
            if lock is not None:
                os.close(lock)
    except AddressError as error:
        raise click.ClickException(str(error)) from None


class AddressError(Exception):
    """The address cannot be had; the text says what to do."""


def _lock(home: Path, port: int) -> tuple[int | None, bool]:
    """The lock of this home's gateways on that port, and whether this one is the first."""
    path = home / "run" / f"gateway-{port}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        log.warning("port.not_locked", reason=error.strerror)
        return None, True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        fcntl.flock(lock, fcntl.LOCK_SH)  # waits while the first one makes sure
        return lock, False
    return lock, True


def _refuse_strangers(host: str, port: int) -> None:
    """
    Raises:
        AddressError: somebody listens there.
    """
    pause, until = Event(), monotonic() + PATIENCE_S
    while True:
        try:
            _bound(host, port, is_shared=False).close()
        except AddressError as error:
            if not isinstance(error, TakenError) or monotonic() >= until:
                raise
            pause.wait(LOOK_S)
        else:
            return


class TakenError(AddressError):
    """Somebody else listens at the address."""


def _bound(host: str, port: int, *, is_shared: bool) -> socket.socket:
    """
    Raises:
        AddressError: the address is in use or not ours.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(is_shared))
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        text = f"cannot listen on {host}:{port}: {error.strerror}"
        if error.errno == errno.EADDRINUSE:
            raise TakenError(f"{text}; another program or another home's gateway has it, choose another port") from None
        raise AddressError(text) from None
    return bound
