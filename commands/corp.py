"""`guanxi corp`: add, list and check corps."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from commands.auditing import BY, audited, writes
from commands.corp_check import check
from services.intents.ask import renew_wishes
from shared.audit import Change
from shared.corp_file import load_corp_file
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.sync_runs import load_progress
from shared.tenants import load_receivers, load_tenant, record_corp
from shared.wecom.clients import CONTACT


@click.group("corp")
def command() -> None:
    """Add, list and check corps."""


@command.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@BY
@writes("corp.recorded")
def add(file: Path, by: str | None) -> None:
    """Add the corp that FILE (TOML) describes, or bring the stored one in line with it.

    Its first sync starts by itself as soon as a worker runs, and tells nobody. The addresses printed here belong into
    WeCom's console.
    """
    corp = load_corp_file(file)
    runtime = _runtime()
    with runtime.engine.begin() as connection:
        tenant_id = record_corp(connection, runtime.vault, corp, now=runtime.clock.now())
        tenant = load_tenant(connection, runtime.vault, tenant_id)
        assert tenant is not None
        after = {"apps": sorted(corp.apps), "receivers": sorted(corp.receivers), "pushes": corp.pushes}
        audited(connection, runtime, tenant, [Change("corp.recorded", "corp", corp.corp_id, after=after)], by=by)
        wanted = renew_wishes(connection, tenant_id, now=runtime.clock.now()) if corp.pushes else 0
        receivers = list(load_receivers(connection, runtime.vault, tenant_id=tenant_id))
    click.echo(f"{corp.corp_id} ({corp.name}) is stored")
    if not corp.pushes:
        click.echo("  observed only: nothing is written to WeCom before the file says `pushes = true`")
    elif wanted:
        click.echo(f"  customers with wishes that are written now: {wanted}")
    for receiver in receivers:
        click.echo(f"  callback address of {receiver.name} ({receiver.kind}): /callback/{corp.corp_id}/{receiver.name}")
    if CONTACT not in corp.apps:
        click.echo(f"  no app named {CONTACT!r}: callbacks are kept, customers are not read", err=True)


@command.command("list")
def list_() -> None:
    """List corps with the state of their first sync."""
    runtime = _runtime()
    with runtime.engine.begin() as connection:
        rows = load_progress(connection)
    table = Table("corp", "name", "state", "sync", "blocks", "relations read", "last problem")
    for row in rows:
        blocks = f"{row['blocks_done']}/{row['blocks']}"
        cells = (row["corp_id"], row["name"], row["state"], row["run_state"] or "-", blocks, str(row["rows"]))
        table.add_row(*cells, row["last_error"] or "")
    Console().print(table)


command.add_command(check)


def _runtime() -> Runtime:
    return open_runtime(load_settings(), application="corp", pool_size=2)
