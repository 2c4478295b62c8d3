"""`guanxi notifier`: delivers messages to associates, and facts to webhook endpoints."""

from concurrent.futures import ThreadPoolExecutor

import click

from notifier import jobs
from notifier.beside import Beside
from notifier.card_updates import CardUpdates
from notifier.deliver import Notifier
from notifier.recall import Recaller
from notifier.robots import RobotLane
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
    runtime = open_runtime(settings, application="notifier", pool_size=settings.notifier_threads + 5)
    # Connections of its own: however many lanes want one, messages find theirs.
    lanes = Lanes(open_runtime(settings, application="webhooks", pool_size=CONNECTIONS)) if only != MESSAGES else None
    beside = _beside(runtime) if only != WEBHOOKS else ()
    jobs.serve(_messages(runtime) if only != WEBHOOKS else None, lanes, beside)
    for one in (*beside, *([lanes] if lanes else ())):
        one.start()
    try:
        serve_queue(runtime, queue=UNRUNG if only == WEBHOOKS else NOTIFY, look=jobs.deliver, health_bind=health_bind)
    finally:
        for one in (*beside, *([lanes] if lanes else ())):
            one.stop()


def _messages(runtime: Runtime) -> Notifier:
    threads = runtime.settings.notifier_threads
    pool = ThreadPoolExecutor(threads, thread_name_prefix="send")
    return Notifier(runtime, clients=Clients(runtime, connections=threads + 2), pool=pool)


def _beside(runtime: Runtime) -> tuple[Beside, ...]:
    """Threads of their own: a robot's group or a card that WeCom is slow with holds up no message."""
    clients = Clients(runtime, connections=3)
    robots, cards, recaller = RobotLane(runtime, clients), CardUpdates(runtime, clients), Recaller(runtime, clients)
    return (
        Beside("robots", robots.speak_due),
        Beside("cards", cards.update_due),
        Beside("recalls", recaller.recall_due),
    )
