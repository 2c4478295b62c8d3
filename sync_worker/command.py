"""`guanxi worker`: routes the inbox, reconciles with WeCom, walks full passes."""

import click

from shared.process import serve_queue
from shared.queue import PASSES, WORK
from shared.runtime import open_runtime
from shared.settings import load_settings
from shared.telemetry import configure_logging
from sync_worker import jobs
from sync_worker.worker import Worker

BESIDE = 5
"""Threads with a connection of their own, beside readers and walkers: cards, segments, the pool, files, presses."""


@click.command("worker")
@click.option("--health-bind", metavar="HOST:PORT", help="Health and metrics; port 0 picks a free one.")
@click.option(
    "--only",
    type=click.Choice(["events", "passes"]),
    help="Answer events only, or walk full passes only; then run at least one worker for each.",
)
def command(health_bind: str | None, only: str | None) -> None:
    """Route callbacks, reconcile with WeCom what they name, and walk full passes.

    Run as many as you like: rows are leased, and two workers never hold one customer at once. A worker that is killed
    loses nothing; what it held is taken over when its lease ends (GUANXI_LEASE_S).
    """
    settings = load_settings()
    configure_logging(settings, process="worker")
    runtime = open_runtime(
        settings, application="worker", pool_size=BESIDE + settings.worker_threads + settings.resync_threads
    )
    worker = Worker(runtime, events=only != "passes", passes=only != "events")
    jobs.serve(worker)
    try:
        serve_queue(runtime, queue=PASSES if only == "passes" else WORK, look=worker.look, health_bind=health_bind)
    finally:
        worker.stop()
