"""Opens the full passes whose time has come, and tells how old each corp's last complete one is."""

from collections.abc import Iterator
from itertools import groupby
from zoneinfo import ZoneInfo

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from shared.runtime import Runtime
from shared.sync_runs import open_runs
from shared.sync_times import PassTimes, hold_live_corps, load_times
from sync_worker.calendar import delay_of, is_due

SCHEDULE = "schedule"
"""Who asked for such a pass, in its row."""

log = structlog.get_logger()


def open_due_passes(runtime: Runtime) -> int:
    """Open the passes that are due; their number. Two processes at once open each once."""
    opened, now = 0, runtime.clock.now()
    with runtime.engine.begin() as connection:
        times = load_times(connection, hold_live_corps(connection), now=now)
        for tenant_id, of_corp in groupby(times, key=lambda one: one.tenant_id):
            due = [one.resource for one in of_corp if _is_due(runtime, one)]
            if due:
                ids = open_runs(connection, tenant_id, resources=due, asked_by=SCHEDULE, now=now)
                log.info("timetable.opened", tenant_id=tenant_id, runs=len(ids))
                opened += len(ids)
    return opened


def _is_due(runtime: Runtime, one: PassTimes) -> bool:
    settings = runtime.settings
    delay = delay_of(one.corp_id, settings.resync_jitter_s)
    return is_due(settings.resync_cron, ZoneInfo(one.timezone), delay=delay, last=one.over_at, now=runtime.clock.now())


class PassAges(Collector):
    """Reads, whenever metrics are asked for, how long ago each corp's last complete pass ended."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def describe(self) -> Iterator[Metric]:
        yield self._gauge()

    def collect(self) -> Iterator[Metric]:
        gauge, now = self._gauge(), self._runtime.clock.now()
        try:
            with self._runtime.engine.begin() as connection:
                times = load_times(connection, now=now)
        except SQLAlchemyError as error:  # the other metrics are still worth having
            log.warning("timetable.ages_unknown", reason=type(error).__name__)
            return
        for one in times:
            gauge.add_metric([one.corp_id, one.resource], (now - one.complete_at).total_seconds())
        yield gauge

    @staticmethod
    def _gauge() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "guanxi_resync_age_seconds",
            "Since the last complete full pass ended, by corp and resource",
            labels=["corp", "resource"],
        )
