"""`guanxi notifier`: delivers messages to associates."""

from concurrent.futures import ThreadPoolExecutor

import click

from notifier import jobs
from notifier.deliver import Notifier
from shared.process import serve_queue
from shared.queue import NOTIFY
from shared.runtime import open_runtime
from shared.settings import load_settings
from shared.telemetry import configure_logging
from shared.wecom.clients import Clients


@click.command("notifier")
@click.option("--health-bind", metavar="HOST:PORT", help="Health and metrics; port 0 picks a free one.")
def command(health_bind: str | None) -> None:
    """Deliver messages to associates, each once.

    Run as many as you like. A notifier that is killed in the middle of a call leaves an attempt whose outcome is
    unknown; another sends the same bytes again, which WeCom recognises for four hours.
    """
    settings = load_settings()
    configure_logging(settings, process="notifier")
    runtime = open_runtime(settings, application="notifier", pool_size=settings.notifier_threads + 2)
    pool = ThreadPoolExecutor(settings.notifier_threads, thread_name_prefix="send")
    clients = Clients(runtime, connections=settings.notifier_threads + 2)
    jobs.serve(Notifier(runtime, clients=clients, pool=pool))
    serve_queue(runtime, queue=NOTIFY, look=jobs.deliver, health_bind=health_bind)
