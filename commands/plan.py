"""`guanxi plan`: what differs between WeCom and here, and what a pass would do about it. Changes nothing."""

from collections.abc import Iterator
from functools import partial

import click
import orjson
from rich.console import Console

from commands.corps import NAMES, RESOURCES, chosen_corp, resources_of
from commands.ids import an_id
from commands.plan_pushes import load_pushes, push_lines
from commands.plan_texts import Findings, as_json, counted, refused_as_json, refused_lines, said
from services.customers.absence import count_active
from services.customers.model import CONTACT
from services.differences.model import RELATION, Difference, What
from services.differences.store import events_behind
from services.groups.model import CHAT
from services.planning import refuse_if_unsafe
from shared.errors import RetryableError, TerminalError
from shared.plans import list_plans, operations_of
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.telemetry import errors_only
from shared.tenants import Tenant
from shared.wecom.apis import Priority
from shared.wecom.clients import Clients
from sync_worker.preview import Step, View
from sync_worker.preview.passes import PREVIEWS
from sync_worker.preview.subjects import preview_subject

FIRST_OPERATIONS = 10


@click.command("plan")
@click.argument("corp_id", required=False, type=an_id)
@click.option("--customer", metavar="EXTERNAL_USERID", type=an_id, help="Only this one.")
@click.option("--chat", metavar="CHAT_ID", type=an_id, help="Only this one.")
@click.option(
    "--resource", "resources", multiple=True, type=click.Choice(list(RESOURCES)), help="Only this; repeat it."
)
@click.option(
    "--limit", type=click.IntRange(0), default=100, show_default=True, help="Show so many differences; all are counted."
)
@click.option("--values", is_flag=True, help="Show values, too: names and remarks. Never phone numbers.")
@click.option("--refused", is_flag=True, help="Show removals that wait for `guanxi approve` instead.")
@click.option("--json", "data", is_flag=True, help="The same as data.")
def command(
    corp_id: str | None,
    *,
    customer: str | None,
    chat: str | None,
    resources: tuple[str, ...],
    limit: int,
    values: bool,
    refused: bool,
    data: bool,
) -> None:
    """Show what differs between WeCom and the database of CORP_ID, and what a pass would do. Nothing is changed.

    Without options everything is walked, at the pace of a full pass. Exit code 0: all is read, differences or not;
    1: something could not be read; 2: wrong use.
    """
    if sum((customer is not None, chat is not None, bool(resources), refused)) > 1:
        raise click.UsageError("one of --customer, --chat, --resource and --refused")
    runtime = open_runtime(load_settings(), application="plan", pool_size=2)
    tenant = chosen_corp(runtime, corp_id)
    if refused:
        _show_refused(runtime, tenant, data=data)
        return
    found = Findings(limit=limit)
    with errors_only():
        subject = None
        if customer is not None or chat is not None:
            subject = (CONTACT, customer) if customer is not None else (CHAT, str(chat))
        steps = _all(runtime, tenant, resources) if subject is None else _one(runtime, tenant, *subject)
        _gather(runtime, tenant, steps, found, subject=subject, values=values, data=data)
    if data:
        click.echo(orjson.dumps(as_json(tenant, found, values=values), option=orjson.OPT_INDENT_2))
    raise SystemExit(1 if found.unread else 0)


def _one(runtime: Runtime, tenant: Tenant, kind: str, key: str) -> Iterator[Step]:
    view = View(runtime, Clients(runtime, connections=2), tenant, Priority.OPERATOR)
    try:
        yield Step(1, preview_subject(view, kind, key).differences)
    except (RetryableError, TerminalError) as error:
        yield Step(unread=((key, str(error)),))


def _all(runtime: Runtime, tenant: Tenant, names: tuple[str, ...]) -> Iterator[Step]:
    view = View(runtime, Clients(runtime, connections=2), tenant, tell=partial(click.echo, err=True))
    for resource in resources_of(names):
        try:
            yield from PREVIEWS[resource](view, None)
        except (RetryableError, TerminalError) as error:
            yield Step(unread=((NAMES[resource], str(error)),))


def _gather(
    runtime: Runtime,
    tenant: Tenant,
    steps: Iterator[Step],
    found: Findings,
    *,
    subject: tuple[str, str] | None,
    values: bool,
    data: bool,
) -> None:
    console, progress = Console(), Console(stderr=True)
    with progress.status("reading") as status:
        for step in steps:
            found.rows += step.rows
            found.unread += step.unread
            for one in step.differences:
                pair = (one.kind, one.what.value)
                found.counts[pair] = found.counts.get(pair, 0) + one.count
                if len(found.kept) < found.limit:
                    _keep(runtime, tenant, one, found)
                    if not data:
                        for line in said(*found.kept[-1], values=values):
                            console.print(line, soft_wrap=True, highlight=False, markup=False)
            status.update(f"{found.rows} rows read, {sum(found.counts.values())} differ")
    found.doubt = _doubt(runtime, tenant, found)
    found.pushes = load_pushes(runtime, tenant, subject=subject, limit=found.limit)
    if not data:
        for line in (*push_lines(found.pushes), *counted(found)):
            console.print(line, soft_wrap=True, highlight=False, markup=False)


def _doubt(runtime: Runtime, tenant: Tenant, found: Findings) -> str | None:
    """Why a pass would not remove by itself what is missing, should all of it be gone."""
    missing = sum(found.counts.get((RELATION, what.value), 0) for what in (What.MISSING, What.OUT_OF_SIGHT))
    with runtime.engine.begin() as connection:
        known = count_active(connection, tenant.id) if missing else 0
    share, floor = runtime.settings.guard_share, runtime.settings.guard_floor
    return refuse_if_unsafe(removals=missing, known=known, share=share, floor=floor)


def _keep(runtime: Runtime, tenant: Tenant, one: Difference, found: Findings) -> None:
    with runtime.engine.begin() as connection:
        found.kept.append((one, tuple(events_behind(connection, tenant.id, one))))


def _show_refused(runtime: Runtime, tenant: Tenant, *, data: bool) -> None:
    with runtime.engine.begin() as connection:
        plans = [dict(row) for row in list_plans(connection, tenant.id) if row["state"] == "refused"]
        first = {
            row["id"]: [one for _, one in operations_of(connection, tenant.id, row["id"], limit=FIRST_OPERATIONS)]
            for row in plans
        }
    if data:
        rows = [refused_as_json(row, first[row["id"]]) for row in plans]
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        return
    console = Console()
    for row in plans:
        for line in refused_lines(tenant, row, first[row["id"]]):
            console.print(line, soft_wrap=True, highlight=False, markup=False)
    if not plans:
        console.print("no plan waits")
