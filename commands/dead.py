"""`guanxi dead`: what was given up, and how to try it again."""

import click
from rich.console import Console
from rich.table import Table

from commands.auditing import BY, audited, writes
from commands.ids import a_text
from shared.audit import Change
from shared.dead import list_dead, of_tenants, retry_dead
from shared.queue import NOTIFY, WORK, enqueue_wakeup, make_queue
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.tenants import load_tenant

MOST_NAMED = 1000


@click.group("dead")
def command() -> None:
    """List and retry what was given up: subjects, messages (also those in doubt), unreadable callbacks."""


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True)
def list_(limit: int) -> None:
    """List the newest, with the reason."""
    runtime = _runtime()
    with runtime.engine.begin() as connection:
        rows = list_dead(connection, limit=limit)
    table = Table("id", "corp", "since", "tries", "reason")
    for row in rows:
        table.add_row(row["id"], row["corp_id"], f"{row['at']:%Y-%m-%d %H:%M}", str(row["attempts"]), row["reason"])
    Console().print(table if rows else "nothing was given up")


@command.command("retry")
@click.argument("ids", nargs=-1, metavar="[ID]...", type=a_text)
@click.option("--all", "everything", is_flag=True, help="All that the list shows.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=1000,
    show_default=True,
    help="With --all: so many at the most.",
)
@BY
@writes("dead.retried")
def retry(ids: tuple[str, ...], *, everything: bool, limit: int, by: str | None) -> None:
    """Try again. A message that is in doubt may have been delivered: retrying it means "send it again"."""
    if bool(ids) == everything:
        raise click.UsageError("give ids of `guanxi dead list`, or --all")
    runtime = _runtime()
    now = runtime.clock.now()
    with runtime.engine.begin() as connection:
        chosen = [row["id"] for row in list_dead(connection, limit=limit)] if everything else list(ids)
        try:
            done = [one for one in chosen if retry_dead(connection, one, now=now)]
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        for tenant_id, retried in of_tenants(connection, done).items():
            if (tenant := load_tenant(connection, runtime.vault, tenant_id)) is not None:
                after = {"count": len(retried), "ids": retried[:MOST_NAMED]}
                audited(connection, runtime, tenant, [Change("dead.retried", "dead", "", after=after)], by=by)
    for queue in (WORK, NOTIFY):
        enqueue_wakeup(make_queue(runtime.redis, queue), queue)
    click.echo(f"{len(done)} of {len(chosen)} are due again")
    raise SystemExit(0 if len(done) == len(chosen) else 1)


def _runtime() -> Runtime:
    return open_runtime(load_settings(), application="dead", pool_size=2)
