"""`guanxi corp`: add, list and check corps."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from shared.corp_file import load_corp_file
from shared.errors import RetryableError, TerminalError
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.sync_runs import load_progress
from shared.tenants import Tenant, load_receivers, load_tenants, record_corp
from shared.wecom.clients import CONTACT, Clients
from shared.wecom.errors import WeComError

ADVICE = {
    40001: "the secret is wrong: copy it again from the app's page",
    40013: "the corp id is wrong: it is at the bottom of the console's company page",
    40091: "the secret belongs to another corp",
    48002: "the app is not among the apps that may call customer contact: add it under customer contact, API",
    50003: "the app is disabled in the console",
    60011: "the member or department is outside the app's visible range",
    60020: "this machine's address is not among the app's trusted IPs: add it on the app's page",
}


@click.group("corp")
def command() -> None:
    """Add, list and check corps."""


@command.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def add(file: Path) -> None:
    """Add the corp that FILE (TOML) describes, or bring the stored one in line with it.

    Its first sync starts by itself as soon as a worker runs, and tells nobody. The addresses printed here belong into
    WeCom's console.
    """
    corp = load_corp_file(file)
    runtime = _runtime()
    with runtime.engine.begin() as connection:
        record_corp(connection, runtime.vault, corp, now=runtime.clock.now())
        receivers = [r for r in load_receivers(connection, runtime.vault) if r.corp_id == corp.corp_id]
    click.echo(f"{corp.corp_id} ({corp.name}) is stored")
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


@command.command("check")
@click.argument("corp_id")
def check(corp_id: str) -> None:
    """Try what Guanxi needs to do in WeCom for CORP_ID, and say in plain words what is missing."""
    runtime = _runtime()
    with runtime.engine.begin() as connection:
        tenants = [tenant for tenant in load_tenants(connection, runtime.vault) if tenant.corp_id == corp_id]
    if not tenants:
        raise click.ClickException(f"no corp {corp_id}; `guanxi corp list` shows those that are there")
    results = [_check(runtime, tenant) for tenant in tenants]
    raise SystemExit(0 if all(results) else 1)


def _check(runtime: Runtime, tenant: Tenant) -> bool:
    client = Clients(runtime, connections=2).of(tenant)
    try:
        userids = client.contacts.follow_users()
        click.echo(f"ok    customer contact: {len(userids)} associates in sight")
        if userids:
            client.address_book.member(userids[0])
            click.echo("ok    directory: a member can be read")
            client.contacts.list(userids[0])
            click.echo("ok    customers of an associate can be read")
        return bool(userids)
    except WeComError as error:
        click.echo(f"FAIL  {error}: {ADVICE.get(error.code, 'see WeCom error codes')}")
    except (RetryableError, TerminalError) as error:
        click.echo(f"FAIL  {error}")
    return False


def _runtime() -> Runtime:
    return open_runtime(load_settings(), application="corp", pool_size=2)
