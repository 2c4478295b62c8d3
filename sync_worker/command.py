"""`guanxi worker`: routes the inbox, reconciles with WeCom, walks full passes, welcomes new friends."""

import click

from shared.process import serve_queue
from shared.queue import PASSES, WORK
from shared.runtime import open_runtime
from shared.settings import load_settings
from shared.telemetry import configure_logging
from sync_worker import jobs
from sync_worker.worker import Worker

BESIDE = 12
"""Threads with a connection of their own, beside readers and walkers: cards, segments, waiting tags, SOPs,
statistics, the pool, files, uploads, presses, reminders.
"""
PARTS = ("events", "passes", "welcomes")


@click.command("worker")
@click.option("--health-bind", metavar="HOST:PORT", help="Health and metrics; port 0 picks a free one.")
@click.option(
    "--only",
    type=click.Choice(PARTS),
    multiple=True,
    help="Only this part of the work, or these when given several times; then some worker must do each of the others.",
)
def command(health_bind: str | None, only: tuple[str, ...]) -> None:
    """Route callbacks and reconcile with WeCom what they name (events), walk full passes (passes), and welcome new
    friends (welcomes).

    Run as many as you like: rows are leased, and two workers never hold one customer at once. A worker that is killed
    loses nothing; what it held is taken over when its lease ends (GUANXI_LEASE_S). Welcomes go out soonest
    where they have a process of their own: `--only welcomes`, and `--only events --only passes` for the rest.
    """
    parts = only or PARTS
    settings = load_settings()
    configure_logging(settings, process="worker")
    runtime = open_runtime(
        settings, application="worker", pool_size=BESIDE + settings.worker_threads + settings.resync_threads
    )
    worker = Worker(runtime, **{part: part in parts for part in PARTS})
    jobs.serve(worker)
    try:
        serve_queue(runtime, queue=WORK if "events" in parts else PASSES, look=worker.look, health_bind=health_bind)
    finally:
        worker.stop()
