"""`guanxi resync`: full passes over what a corp has in WeCom."""

from collections.abc import Sequence
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from commands.auditing import BY, audited, writes
from commands.corps import NAMES, RESOURCES, chosen_corp, load_corps, resources_of
from commands.following import as_json, follow, left_running, problem_of, report, ring
from commands.ids import an_id
from services.associates.store import load_associates
from shared.audit import Change
from shared.ids import UserId
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.sync_runs import cancel_runs, load_runs, open_runs
from shared.tenants import Tenant

SCOPED = ("customers", "chats")
"""Resources of which a part can be walked: that of some associates."""


@click.command("resync")
@click.argument("corp_id", required=False, type=an_id)
@click.option(
    "--resource", "resources", multiple=True, type=click.Choice(list(RESOURCES)), help="Only this; repeat it."
)
@click.option(
    "--associate",
    "userids",
    multiple=True,
    metavar="USERID",
    type=an_id,
    help="Only their customers and chats; repeat it.",
)
@click.option("--no-wait", is_flag=True, help="Start, and do not wait for the end.")
@click.option("--list", "listing", is_flag=True, help="Show the latest passes instead.")
@click.option("--cancel", is_flag=True, help="Stop open passes instead; what they have recorded stays.")
@BY
@click.option("--json", "data", is_flag=True, help="The outcome as data.")
@writes("resync.started", "resync.cancelled")
def command(
    corp_id: str | None,
    *,
    resources: tuple[str, ...],
    userids: tuple[str, ...],
    no_wait: bool,
    listing: bool,
    cancel: bool,
    by: str | None,
    data: bool,
) -> None:
    """Walk everything that CORP_ID has in WeCom and bring the database in line with it.

    Nothing is ever removed because a walk did not show it: that takes a read of its own, and many at once take
    `guanxi approve`. Exit code 0: all is read; 1: a pass failed or is incomplete, with where and why; 2: wrong use.
    """
    if listing and cancel:
        raise click.UsageError("--list or --cancel, not both")
    if userids and (listing or cancel):
        raise click.UsageError("--associate goes with a new pass, not with --list or --cancel")
    if resources and listing:
        raise click.UsageError("--list shows the passes over all resources, so it takes no --resource")
    runtime = open_runtime(load_settings(), application="resync", pool_size=2)
    if listing:
        _list(runtime, corp_id, data=data)
        return
    tenant = chosen_corp(runtime, corp_id)
    if cancel:
        _cancel(runtime, tenant, resources_of(resources), by=by)
        return
    if userids:
        resources = _scoped(resources)
    ids = _open(runtime, tenant, resources_of(resources), [UserId(one) for one in userids], by=by)
    console = Console(stderr=data)
    if no_wait:
        _show(runtime, tenant, ids, console=console, data=data)
        return
    try:
        rows = follow(runtime, tenant, ids, console=console)
    except KeyboardInterrupt:
        raise left_running(f"guanxi resync {tenant.corp_id} --list") from None
    if data:
        click.echo(orjson.dumps([as_json(row, tenant) for row in rows], option=orjson.OPT_INDENT_2))
    raise SystemExit(report(rows, console))


def _scoped(resources: tuple[str, ...]) -> tuple[str, ...]:
    whole = [name for name in resources if name not in SCOPED]
    if whole:
        raise click.UsageError(f"--associate goes with {' and '.join(SCOPED)}, not with {', '.join(whole)}")
    return resources or SCOPED


def _open(
    runtime: Runtime, tenant: Tenant, resources: Sequence[str], userids: Sequence[UserId], *, by: str | None
) -> list[int]:
    """Start the passes; one of the same scope that is open already is followed instead."""
    if tenant.state == "bootstrap":
        raise click.ClickException(
            f"{tenant.corp_id} is in its first sync, which reads everything: `guanxi corp list` shows how far it is"
        )
    if tenant.state != "live":
        raise click.ClickException(f"{tenant.corp_id} is {tenant.state}: nothing is read from it")
    scope, now = list(userids) or None, runtime.clock.now()
    with runtime.engine.begin() as connection:
        unknown = set(userids) - load_associates(connection, tenant.id, userids).keys()
        if unknown:
            raise click.UsageError(f"no associate {', '.join(sorted(unknown))} of {tenant.corp_id}")
        ids = open_runs(connection, tenant.id, resources=resources, scope=scope, asked_by="operator", now=now)
        rows = load_runs(connection, tenant.id)
        if ids:
            after = {"resources": list(resources), "associates": scope, "runs": ids}
            audited(connection, runtime, tenant, [Change("resync.started", "corp", tenant.corp_id, after=after)], by=by)
    opened = {row["resource"] for row in rows if row["id"] in ids}
    for row in rows:
        same = row["kind"] == "resync" and row["finished_at"] is None and row["scope"] == scope
        if same and row["resource"] in resources and row["resource"] not in opened:
            ids.append(row["id"])
    if not ids:
        raise click.ClickException("nothing was started: passes over some of these associates are under way")
    ring(runtime)
    return ids


def _show(runtime: Runtime, tenant: Tenant, ids: Sequence[int], *, console: Console, data: bool) -> None:
    with runtime.engine.begin() as connection:
        rows = [dict(row) for row in reversed(load_runs(connection, tenant.id, ids))]
    if data:
        click.echo(orjson.dumps([as_json(row, tenant) for row in rows], option=orjson.OPT_INDENT_2))
        return
    names = ", ".join(NAMES[row["resource"]] for row in rows)
    console.print(f"started for {tenant.corp_id}: {names}; `guanxi resync {tenant.corp_id} --list` shows them")


def _cancel(runtime: Runtime, tenant: Tenant, resources: Sequence[str], *, by: str | None) -> None:
    with runtime.engine.begin() as connection:
        stopped = cancel_runs(connection, tenant.id, resources=resources, now=runtime.clock.now())
        after = {"resources": list(resources), "stopped": stopped}
        if stopped:
            change = Change("resync.cancelled", "corp", tenant.corp_id, after=after)
            audited(connection, runtime, tenant, [change], by=by)
    click.echo(f"{stopped} passes of {tenant.corp_id} stopped; what they have recorded stays")


def _list(runtime: Runtime, corp_id: str | None, *, data: bool) -> None:
    tenants = load_corps(runtime) if corp_id is None else [chosen_corp(runtime, corp_id)]
    found: list[tuple[Tenant, Any]] = []
    with runtime.engine.begin() as connection:
        for tenant in tenants:
            found += [(tenant, row) for row in load_runs(connection, tenant.id)]
    if data:
        click.echo(orjson.dumps([as_json(row, tenant) for tenant, row in found], option=orjson.OPT_INDENT_2))
        return
    columns = ("id", "pass", "kind", "by", "started UTC", "state", "rows", "blocks", "problem")
    table = Table(*([] if corp_id or len(tenants) < 2 else ["corp"]), *columns, box=None)
    for tenant, row in found:
        where = f"{len(row['incomplete'])} places could not be read" if row["incomplete"] else ""
        table.add_row(
            *([] if len(table.columns) == len(columns) else [tenant.corp_id]),
            str(row["id"]),
            NAMES.get(row["resource"], row["resource"]),
            row["kind"],
            row["asked_by"],
            f"{row['started_at']:%m-%d %H:%M}",
            row["state"],
            str(row["rows"]),
            f"{row['blocks_done']}/{row['blocks']}",
            problem_of(row) or where,
        )
    Console().print(table if found else "no pass yet")
