"""The lane of welcomes: it hears of new friends by the commit that stored them, and gives each a thread at once.

Nothing else of the process is in its way: its threads, its connections to database and WeCom are its own. A corp has
so many welcomes under way and no more, so that one whose calls hang holds up only its own.
"""

import threading
from collections import Counter as Tally
from dataclasses import replace
from datetime import timedelta

import psycopg
import structlog

from services.welcomes.log import expire_all, forget
from shared.clock import monotonic
from shared.db.engine import describe, is_away, make_engine
from shared.directory import Directory
from shared.ids import TenantId
from shared.runtime import Runtime
from shared.urgent import CHANNEL, UrgentEvent, claim_urgent, forget_urgent
from shared.wecom.clients import Clients
from sync_worker.welcomes.greeting import LEASE_S, Greeter, quick

LOOK_EVERY_S = 0.5
"""Should a notification be lost, or a proxy in between know none; one look into a small index."""
LISTEN_AGAIN_S = 1.0
KEPT_FOR = timedelta(hours=1)
LEFT_FOR = timedelta(minutes=1)
TIDY_EVERY_S = 60.0
TIDIED_AT_ONCE = 5_000
DATABASE_CONNECTIONS = 8

log = structlog.get_logger()


class WelcomeLane:
    def __init__(self, runtime: Runtime) -> None:
        url = runtime.engine.url.render_as_string(hide_password=False)
        own = make_engine(url, pool_size=DATABASE_CONNECTIONS, application="guanxi-welcomes")
        self._runtime = replace(quick(runtime), engine=own)
        self._most = runtime.settings.welcome_parallel
        clients = Clients(self._runtime, connections=4 * self._most)
        self._greeter = Greeter(self._runtime, directory=Directory(runtime.vault), clients=clients)
        self._awake, self._stopping = threading.Event(), threading.Event()
        self._busy, self._guard = Tally[TenantId](), threading.Condition()
        self._tidied = monotonic()
        self._threads = [
            threading.Thread(target=self._look_forever, name="welcomes", daemon=True),
            threading.Thread(target=self._listen_forever, args=(url,), name="welcome-bell", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def look(self) -> None:
        """Something may be due; returns at once."""
        self._awake.set()

    def stop(self, *, within_s: float) -> None:
        """Begin nothing any more, and let calls that are under way end."""
        self._stopping.set()
        self._awake.set()
        self._threads[0].join(within_s)
        with self._guard:
            self._guard.wait_for(lambda: not self._busy.total(), within_s)
        self._runtime.engine.dispose()

    def _look_forever(self) -> None:
        while not self._stopping.is_set():
            self._awake.wait(LOOK_EVERY_S)
            self._awake.clear()
            try:
                while not self._stopping.is_set() and self._start_due():
                    pass
                self._tidy()
            except Exception as error:  # whatever it is, the thread must go on
                away = is_away(error)
                log.warning("welcomes.database_away" if away else "welcomes.failed", reason=type(error).__name__,
                            exc_info=None if away else error)  # fmt: skip

    def _start_due(self) -> int:
        """Give each event that is due a thread of its own; how many there were."""
        with self._guard:
            busy = {tenant_id: n for tenant_id, n in self._busy.items() if n}
        with self._runtime.engine.begin() as connection:
            now = self._runtime.clock.now()
            claimed = claim_urgent(connection, busy, most=self._most, now=now, lease_s=LEASE_S)
        for event in claimed:
            with self._guard:
                self._busy[event.tenant_id] += 1
            threading.Thread(target=self._greet, args=(event,), name="welcome", daemon=True).start()
        return len(claimed)

    def _greet(self, event: UrgentEvent) -> None:
        try:
            self._greeter.greet(event)
        except Exception as error:  # it is claimed again when the claim ends
            away = is_away(error)
            log.warning("welcome.database_away" if away else "welcome.failed", tenant_id=event.tenant_id,
                        reason=describe(error), exc_info=None if away else error)  # fmt: skip
        finally:
            with self._guard:
                was_full = self._busy[event.tenant_id] >= self._most
                self._busy[event.tenant_id] -= 1
                self._guard.notify_all()
            if was_full:
                self.look()

    def _listen_forever(self, url: str) -> None:
        dsn = url.replace("postgresql+psycopg://", "postgresql://", 1)
        while not self._stopping.is_set():
            try:
                with psycopg.connect(dsn, autocommit=True, connect_timeout=5, keepalives_idle=5) as connection:
                    connection.execute(f"listen {CHANNEL}")
                    self.look()  # what came before
                    while not self._stopping.is_set():
                        for _ in connection.notifies(timeout=LISTEN_AGAIN_S):
                            self.look()
            except psycopg.Error as error:
                log.warning("welcomes.not_listening", reason=type(error).__name__)
                self._stopping.wait(LISTEN_AGAIN_S)

    def _tidy(self) -> None:
        if monotonic() - self._tidied < TIDY_EVERY_S:
            return
        self._tidied = monotonic()
        tidy(self._runtime)


def tidy(runtime: Runtime) -> None:
    """Forget what nobody can do anything about any more, and end what was left in the middle."""
    now, kept = runtime.clock.now(), timedelta(days=runtime.settings.welcome_keep_days)
    with runtime.engine.begin() as connection:
        expire_all(connection, before=now - LEFT_FOR, now=now)
        forget_urgent(connection, before=now - KEPT_FOR)
        forget(connection, before=now - kept, limit=TIDIED_AT_ONCE)
