"""When WeCom is down, all processes stop calling, and one at a time tries whether it is back.

The state is a row per egress address, so that fifty processes make one probe, not fifty.
"""

import random
from dataclasses import dataclass, replace

import structlog
from prometheus_client import Gauge
from sqlalchemy import Connection, Engine

from shared.clock import Clock, from_unix, monotonic
from shared.db.engine import fetch_one, run
from shared.wecom.errors import PostponedError
from shared.wecom.locking import locking

THRESHOLD = 5
"""Calls without an answer, with no answer in between."""
PAUSES_S = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0)
PROBE_S = 40.0
"""When a probe is given up: its process was killed."""
FRESH_S = 0.5

log = structlog.get_logger()
opened = Gauge("guanxi_wecom_circuit_open", "1 while WeCom does not answer and is only probed", ["egress"])


@dataclass(frozen=True)
class Outage:
    """Times are Unix seconds; `open_until` 0 = WeCom answers."""

    failures: int = 0
    openings: int = 0
    open_until: float = 0.0
    probing_until: float = 0.0


def after_failure(outage: Outage, *, now: float) -> Outage:
    """One more call without an answer. While open, only the probe's failure opens it for longer."""
    failures = outage.failures + 1
    if outage.open_until and not outage.probing_until:
        return replace(outage, failures=failures)
    if failures < THRESHOLD:
        return replace(outage, failures=failures)
    pause = PAUSES_S[min(outage.openings, len(PAUSES_S) - 1)]
    return Outage(failures, outage.openings + 1, now + pause, 0.0)


def wait_s(outage: Outage, *, now: float, unchanged_s: float = 0.0) -> float:
    """Seconds until somebody may probe; 0 when WeCom answers or a probe is due.

    `unchanged_s` is for how long the caller has seen this very state: after a probe's time of that, whatever the clocks
    say (one was set back, or is another machine's), nobody is probing.
    """
    if not outage.open_until:
        return 0.0
    until = max(outage.open_until, outage.probing_until)
    return max(0.0, min(until - now, PROBE_S - unchanged_s))


_SELECT = (
    "select failures, openings, coalesce(extract(epoch from open_until), 0) as open_until, "
    "coalesce(extract(epoch from probing_until), 0) as probing_until from circuit where egress = :egress"
)


class Circuit:
    """One per process."""

    def __init__(self, engine: Engine, clock: Clock, egress: str) -> None:
        self._engine, self._clock, self._egress = engine, clock, egress
        self._seen, self._seen_at, self._changed_at = Outage(), float("-inf"), monotonic()

    def check_pause(self, api: str) -> None:
        """Before a call waits for its turn.

        Raises:
            PostponedError: WeCom is down; nothing was sent.
        """
        wait = self.pause_s()
        if wait > 0:
            raise _postponed(api, wait)

    def check(self, api: str) -> None:
        """Right before a call: while WeCom is down, only whoever claims the probe may go on, and must.

        Raises:
            PostponedError: WeCom is down; nothing was sent.
        """
        self.check_pause(api)
        if self._seen.open_until and not self._claim_probe():
            raise _postponed(api, 1.0)

    def pause_s(self) -> float:
        """Seconds until somebody may probe; 0 when WeCom answers or a probe is due."""
        if monotonic() - self._seen_at > FRESH_S:
            with self._engine.connect() as connection:
                self._see(self._load(connection))
        return self._wait_s(self._seen)

    def failed(self) -> None:
        """A call got no answer."""
        with locking(self._engine) as connection:
            before = self._load(connection, lock=True)
            after = after_failure(before, now=self._now())
            self._record(connection, after)
        if after.open_until > before.open_until:
            log.warning("wecom.down", egress=self._egress, failures=after.failures)
        self._see(after)

    def answered(self) -> None:
        """A call got an answer, whatever it said."""
        if not self._seen.failures and not self._seen.open_until:
            return
        with locking(self._engine) as connection:
            before = self._load(connection, lock=True)
            self._record(connection, Outage())
        if before.open_until:
            log.info("wecom.back", egress=self._egress)
        self._see(Outage())

    def _claim_probe(self) -> bool:
        with locking(self._engine) as connection:
            present = self._load(connection, lock=True)
            self._see(present)
            mine = self._wait_s(present) == 0
            if mine and present.open_until:
                present = replace(present, probing_until=self._now() + PROBE_S)
                self._record(connection, present)
        self._see(present)
        return mine

    def _wait_s(self, outage: Outage) -> float:
        return wait_s(outage, now=self._now(), unchanged_s=monotonic() - self._changed_at)

    def _load(self, connection: Connection, *, lock: bool = False) -> Outage:
        if lock:
            run(
                connection,
                "insert into circuit (egress) values (:egress) on conflict do nothing",
                egress=self._egress,
            )
        row = fetch_one(connection, f"{_SELECT} for update" if lock else _SELECT, egress=self._egress)
        if row is None:
            return Outage()
        return Outage(row["failures"], row["openings"], float(row["open_until"]), float(row["probing_until"]))

    def _record(self, connection: Connection, outage: Outage) -> None:
        run(
            connection,
            "update circuit set failures = :failures, openings = :openings, open_until = :open_until, "
            "probing_until = :probing_until where egress = :egress",
            egress=self._egress,
            failures=outage.failures,
            openings=outage.openings,
            open_until=from_unix(outage.open_until) if outage.open_until else None,
            probing_until=from_unix(outage.probing_until) if outage.probing_until else None,
        )

    def _see(self, outage: Outage) -> None:
        if (outage.open_until, outage.probing_until) != (self._seen.open_until, self._seen.probing_until):
            self._changed_at = monotonic()
        self._seen, self._seen_at = outage, monotonic()
        opened.labels(self._egress).set(1 if outage.open_until else 0)

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _postponed(api: str, wait_s: float) -> PostponedError:
    """Spread, so that what was postponed does not come back all at once."""
    return PostponedError(api, "WeCom does not answer", after_s=max(wait_s, 1.0) + random.uniform(0, 2))  # noqa: S311
