"""`guanxi scheduler`: clock-driven work through RQ's cron scheduler. Two of them only ring twice."""

import logging
from datetime import UTC, datetime

import click
from prometheus_client import REGISTRY
from redis.exceptions import RedisError
from rq.cron import CronJob, CronScheduler

from shared.queue import WORK, make_queue
from shared.runtime import open_runtime
from shared.settings import load_settings
from shared.supervise import exit_with_parent
from shared.telemetry import configure_logging, serve_health
from sync_worker import jobs
from sync_worker.timetable import PassAges

EVERY_MINUTE = "* * * * *"
BELLS = (
    (jobs.sweep, EVERY_MINUTE),
    (jobs.open_passes, EVERY_MINUTE),
    (jobs.housekeep, "7 * * * *"),
    (jobs.check_drift, "37 * * * *"),
)
"""What is rung when. Rows and the clock decide what is then done, so that a bell that rings twice does nothing more."""


class JsonCronScheduler(CronScheduler):
    """RQ's cron scheduler, but its jobs go into our JSON queues: it would pickle them, and the workers refuse that."""

    def enqueue_jobs(self) -> list[CronJob]:
        due = [job for job in self.get_jobs() if job.should_run()]
        for job in due:
            queue = make_queue(self.connection, job.queue_name)
            queue.enqueue(job.func_name, result_ttl=0, failure_ttl=60, ttl=300)
            job.set_enqueue_time(datetime.now(UTC))
        return due


@click.command("scheduler")
@click.option("--health-bind", metavar="HOST:PORT", help="Health and metrics; port 0 picks a free one.")
def command(health_bind: str | None) -> None:
    """Ring the queues by the clock: a sweep and due passes every minute, housekeeping and drift every hour."""
    settings = load_settings()
    configure_logging(settings, process="scheduler")
    runtime = open_runtime(settings, application="scheduler", pool_size=2)
    serve_health(health_bind or settings.health_bind, runtime.checks())
    if settings.parent_pid is not None:
        exit_with_parent(settings.parent_pid)
    scheduler = JsonCronScheduler(runtime.redis, logging_level=logging.ERROR)
    REGISTRY.register(PassAges(runtime))
    for job, cron in BELLS:
        scheduler.register(job, queue_name=WORK, cron=cron)
    try:
        scheduler.start()  # type: ignore[no-untyped-call]
    except RedisError as error:
        # Nothing is lost: every process sweeps by itself. Whoever supervises this one starts it again.
        raise click.ClickException(f"Redis is away ({type(error).__name__})") from None
