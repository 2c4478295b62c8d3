"""`guanxi inbox`: look at stored callbacks."""

from datetime import date, datetime

import click
from rich.console import Console
from rich.table import Table

from shared.db.engine import fetch_all, fetch_one
from shared.inbox import BODY, count_by_state
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.tenants import load_tenant


@click.group("inbox")
def command() -> None:
    """Look at stored callbacks. An id is DAY-NUMBER, as in inbox:20261122-17 of facts and rows."""


@command.command("counts")
def counts() -> None:
    """Count callbacks by state: new, routed, unrouted (nothing acts on them yet), failed."""
    runtime = _runtime()
    with runtime.engine.begin() as connection:
        for state, number in sorted(count_by_state(connection).items()):
            click.echo(f"{state:<10} {number}")


@command.command("list")
@click.option("--state", type=click.Choice(["new", "routed", "unrouted", "failed"]), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=20, show_default=True)
def list_(state: str | None, limit: int) -> None:
    """List the newest callbacks."""
    runtime = _runtime()
    with runtime.engine.begin() as connection:
        rows = fetch_all(
            connection,
            "select day, id, received_at, state, event, change, problem from inbox "
            "where cast(:state as text) is null or state = :state order by received_at desc limit :limit",
            state=state,
            limit=limit,
        )
    table = Table("id", "received", "state", "event", "change", "problem")
    for row in rows:
        id_ = f"{row['day']:%Y%m%d}-{row['id']}"
        received = f"{row['received_at']:%Y-%m-%d %H:%M:%S}"
        table.add_row(id_, received, row["state"], row["event"] or "", row["change"] or "", row["problem"] or "")
    Console().print(table)


@command.command("show")
@click.argument("inbox_id")
def show(inbox_id: str) -> None:
    """Print the decrypted body of one callback. It may hold personal data."""
    runtime = _runtime()
    day, number = _split(inbox_id)
    with runtime.engine.begin() as connection:
        row = fetch_one(connection, "select * from inbox where day = :day and id = :id", day=day, id=number)
        if row is None:
            raise click.ClickException(f"no callback {inbox_id}")
        tenant = load_tenant(connection, runtime.vault, row["tenant_id"])
    assert tenant is not None
    click.echo(tenant.cipher.decrypt(row["body"], BODY).decode(errors="replace"))


def _split(inbox_id: str) -> tuple[date, int]:
    day, _, number = inbox_id.removeprefix("inbox:").partition("-")
    try:
        return datetime.strptime(day, "%Y%m%d").date(), int(number)  # noqa: DTZ007 - a day, no moment
    except ValueError:
        raise click.BadParameter("must look like 20261122-17") from None


def _runtime() -> Runtime:
    return open_runtime(load_settings(), application="inbox", pool_size=2)
