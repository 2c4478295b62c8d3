"""`guanxi notifier`: delivers messages to associates, and facts to webhook endpoints."""

from concurrent.futures import ThreadPoolExecutor

import click

from notifier import jobs
from notifier.deliver import Notifier
from notifier.recall import Recaller
from notifier.webhooks.lanes import CONNECTIONS, Lanes
from shared.process import serve_queue
from shared.queue import NOTIFY
from shared.queue import WEBHOOKS as UNRUNG
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.telemetry import configure_logging
from shared.wecom.clients import Clients

MESSAGES, WEBHOOKS = "messages", "webhooks"


@click.command("notifier")
@click.option("--only", type=click.Choice([MESSAGES, WEBHOOKS]), help="Leave the other half to other processes.")
@click.option("--health-bind", metavar="HOST:PORT", help="Health and metrics; port 0 picks a free one.")
def command(only: str | None, health_bind: str | None) -> None:
    """Deliver messages to associates, each once, and facts to webhook endpoints, each at least once.

    Run as many as you like. A notifier that is killed in the middle of a call leaves an attempt whose outcome is
    unknown; another sends the same bytes again, which WeCom recognises for four hours, and webhooks under the same id.
    """
    settings = load_settings()
    configure_logging(settings, process="notifier")
    runtime = open_runtime(settings, application="notifier", pool_size=settings.notifier_threads + 3)
    # Connections of its own: however many lanes want one, messages find theirs.
    lanes = Lanes(open_runtime(settings, application="webhooks", pool_size=CONNECTIONS)) if only != MESSAGES else None
    notifier, recaller = _messages(runtime) if only != WEBHOOKS else (None, None)
    jobs.serve(notifier, recaller, lanes)
    if lanes is not None:
        lanes.start()
    try:
        serve_queue(runtime, queue=UNRUNG if only == WEBHOOKS else NOTIFY, look=jobs.deliver, health_bind=health_bind)
    finally:
        if lanes is not None:
            lanes.stop()


def _messages(runtime: Runtime) -> tuple[Notifier, Recaller]:
    threads = runtime.settings.notifier_threads
    pool = ThreadPoolExecutor(threads, thread_name_prefix="send")
    clients = Clients(runtime, connections=threads + 2)
    return Notifier(runtime, clients=clients, pool=pool), Recaller(runtime, clients=clients)
