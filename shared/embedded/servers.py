"""Both embedded servers of one home, owned by this process from `start` to `stop`."""

import atexit
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from shared.embedded.account import choose_account, open_parents
from shared.embedded.endpoints import publish, withdraw
from shared.embedded.errors import EmbeddedServerError
from shared.embedded.files import Home, HomeLock, make_home, make_socket_folder
from shared.embedded.postgres import Postgres
from shared.embedded.valkey import Valkey

log = structlog.get_logger(__name__)


class EmbeddedServers:
    """PostgreSQL and Valkey under `home`, at most once per home; safe to use from several threads.

    A home has one owner at a time. Other programs find its servers with `running(home)`.
    """

    def __init__(self, home: Path, *, postgres: bool = True, valkey: bool = True) -> None:
        self._path = home
        self._wanted = (postgres, valkey)
        self._guard = threading.RLock()
        self._owner_pid: int | None = None
        self._lock: HomeLock | None = None
        self._root: Path | None = None
        self._sockets: Path | None = None
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def database_url(self) -> str:
        return self._asked_postgres().url

    @property
    def redis_url(self) -> str:
        return self._asked_valkey().url

    @property
    def postgres_pid(self) -> int | None:
        return self._postgres.pid if self._postgres else None

    @property
    def valkey_pid(self) -> int | None:
        return self._valkey.pid if self._valkey else None

    def start(self) -> None:
        """Own the home and start its servers, whatever an earlier owner left there.

        Raises:
            EmbeddedServerError: the home is in use, or a server does not start; nothing is left running.
        """
        with self._guard:
            if self._lock is not None:
                return
            home = make_home(self._path)
            lock = HomeLock(home)
            lock.acquire()
            self._lock, self._root, self._owner_pid = lock, home.root, os.getpid()
            atexit.register(self.stop)
            try:
                self._start_servers(home)
            except BaseException as error:
                self.stop()
                if isinstance(error, OSError):
                    raise EmbeddedServerError(f"the embedded servers cannot use {home.root}: {error}") from error
                raise

    def stop(self) -> None:
        """Stop the servers and give up the home; does nothing when not started, or in a forked child."""
        with self._guard:
            if self._lock is None or self._root is None or self._owner_pid != os.getpid():
                return
            atexit.unregister(self.stop)
            withdraw(self._root)
            for server in (self._valkey, self._postgres):
                if server is not None:
                    server.stop()
            if self._sockets is not None:
                _remove(self._sockets)
            self._lock.release()
            self._lock = self._postgres = self._valkey = self._sockets = None

    def ensure_running(self) -> tuple[str, ...]:
        """Start again what has died (not what `stop_postgres` stopped); returns the names of what was started."""
        with self._guard:
            servers = {"postgres": self._postgres, "valkey": self._valkey}
            died = {name: server for name, server in servers.items() if server is not None and server.has_died()}
            for name, server in died.items():
                log.warning("embedded.server_died", server=name)
                server.start()
            return tuple(died)

    def stop_postgres(self) -> None:
        """Take the database away until `start_postgres`."""
        with self._guard:
            self._asked_postgres().stop()

    def start_postgres(self) -> None:
        with self._guard:
            self._asked_postgres().start()

    def kill_postgres(self) -> None:
        with self._guard:
            self._asked_postgres().kill()

    def kill_valkey(self) -> None:
        with self._guard:
            self._asked_valkey().kill()

    def _start_servers(self, home: Home) -> None:
        account = choose_account(home.postgres)
        for folder in open_parents(home.postgres, account):
            log.info("embedded.folder_opened_for_passing", folder=str(folder))
        self._sockets = make_socket_folder(home, account)
        postgres = Postgres(home, account=account, socket_folder=self._sockets)
        valkey = Valkey(home, account=account, socket_folder=self._sockets)
        # Both, also when the earlier owner wanted one that we do not.
        postgres.end_leftovers()
        valkey.end_leftovers()
        wants_postgres, wants_valkey = self._wanted
        if wants_postgres:
            self._postgres = postgres
            postgres.start()
        if wants_valkey:
            self._valkey = valkey
            valkey.start()
        publish(
            home.root,
            database_url=self._postgres.url if self._postgres else None,
            redis_url=self._valkey.url if self._valkey else None,
        )

    def _asked_postgres(self) -> Postgres:
        if self._postgres is None:
            raise EmbeddedServerError("no embedded PostgreSQL here: call start() first, with postgres=True")
        return self._postgres

    def _asked_valkey(self) -> Valkey:
        if self._valkey is None:
            raise EmbeddedServerError("no embedded Valkey here: call start() first, with valkey=True")
        return self._valkey


def _remove(sockets: Path) -> None:
    """Remove the folder of the sockets with what is left in it; only our servers write there."""
    if sockets.is_dir():
        for path in sockets.iterdir():
            path.unlink()
        sockets.rmdir()
