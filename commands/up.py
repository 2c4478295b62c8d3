"""`guanxi up`: everything on this machine in one go."""

import threading
from contextlib import nullcontext, suppress

import click
from sqlalchemy.exc import DBAPIError

from commands.demo_corp import ASSOCIATES, CORP_ID, SimulatedCorp, record_demo_corp
from commands.demo_home import demo_settings
from commands.live import LiveView
from commands.signals import stop_on_signals
from commands.stack import Stack
from shared.db.engine import describe
from shared.embedded import EmbeddedServerError
from shared.settings import Settings, load_settings
from shared.supervise import StartCancelledError
from shared.telemetry import configure_logging

LOOK_EVERY_S = 0.5
DEMO_CUSTOMERS = 500
PER_MINUTE = 20


@click.command("up")
@click.option("--demo", is_flag=True, help="With a simulated WeCom, a demo corp and a trickle of activity.")
@click.option("--workers", default=1, show_default=True, help="Worker processes.")
@click.option("--notifiers", default=1, show_default=True, help="Notifier processes.")
def command(*, demo: bool, workers: int, notifiers: int) -> None:
    """Start database, queue and all processes; keep them alive; stop them on Ctrl-C.

    PostgreSQL and Valkey start embedded unless GUANXI_DATABASE_URL and GUANXI_REDIS_URL name others. Logs of the
    processes are in GUANXI_HOME/log.
    """
    given = load_settings()
    quiet = demo and "log_level" not in given.model_fields_set
    configure_logging(given.model_copy(update={"log_level": "warning"}) if quiet else given, process="up")
    stopping = stop_on_signals()
    click.echo("Starting PostgreSQL, Valkey and the processes ...")
    with suppress(StartCancelledError):
        _run(given, stopping, demo=demo, workers=workers, notifiers=notifiers)
    click.echo("Stopped." if demo else f"Stopped. Data stays in {given.home.resolve()}")


def _run(given: Settings, stopping: threading.Event, *, demo: bool, workers: int, notifiers: int) -> None:
    with (
        demo_settings(given) if demo else nullcontext(given) as settings,
        Stack(settings, simulator=demo, workers=workers, notifiers=notifiers, stopping=stopping) as stack,
    ):
        if demo:
            _make_demo(stack)
        _say_where(stack, demo=demo)
        _watch(stack, stopping, demo=demo)
        click.echo("\nStopping ...")


def _make_demo(stack: Stack) -> None:
    assert stack.simulator_url is not None
    corp = SimulatedCorp(stack.simulator_url)
    corp.create([stack.addresses["gateway"]])
    corp.trust(stack.addresses["console"])
    corp.add_customers(DEMO_CUSTOMERS, userids=list(ASSOCIATES))
    record_demo_corp(stack.open_runtime())
    corp.post(f"/sim/corps/{CORP_ID}/activity", {"per_minute": PER_MINUTE})


def _say_where(stack: Stack, *, demo: bool) -> None:
    click.echo("")
    if demo:
        click.echo(f"  WeCom (simulated)   {stack.simulator_url}   a page: act as customers and associates do")
    gateway = stack.addresses["gateway"]
    click.echo(f"  callback gateway    {gateway}/callback/{{corp_id}}/{{receiver}}")
    click.echo(f"  REST API            {stack.addresses['console']}/api/v1/openapi.json   (keys: guanxi api-key add)")
    for name, address in stack.addresses.items():
        click.echo(f"  {name:<18}  {address}/healthz  /readyz  /metrics")
    known = f"GUANXI_HOME={stack.home}" + (f" GUANXI_WECOM_BASE_URL={stack.simulator_url}" if demo else "")
    click.echo(f"  data and logs       {stack.home}")
    click.echo(f"  look in with        {known} guanxi psql, plan, explain ...")
    if demo:
        click.echo(f"\n  The demo corp {CORP_ID} has {len(ASSOCIATES)} associates and {DEMO_CUSTOMERS} customers,")
        click.echo(f"  and about {PER_MINUTE} things a minute happen in it. ⇐ is a callback, ⇒ a message to a phone.")
    else:
        click.echo("\n  Next: guanxi corp add FILE, then put the callback address into WeCom's console.")
    click.echo("  Ctrl-C stops everything.\n")


def _watch(stack: Stack, stopping: threading.Event, *, demo: bool) -> None:
    # What happens is shown in demos only: it names people, and what a real installation prints ends up in logs.
    view = LiveView(stack.open_runtime()) if demo else None
    while not stopping.wait(LOOK_EVERY_S):
        try:
            for name in stack.keep_alive():
                click.echo(f"{name} had died and was started again")
            for line in view.lines() if view else ():
                click.echo(line)
        except (DBAPIError, EmbeddedServerError) as error:
            click.echo(f"the database does not answer; callbacks go to the spool meanwhile ({describe(error)})")
            stopping.wait(2)
