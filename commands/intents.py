"""`guanxi intents`."""

import click
from rich.console import Console
from rich.table import Column, Table

from commands.edit import corp_of
from commands.ids import an_id
from services.customers.model import CONTACT
from services.intents.model import IntentState
from services.intents.store import list_intents

OPEN = (IntentState.PENDING, IntentState.SENT)
MOST_SHOWN = 100


@click.command("intents")
@click.argument("corp_id", type=an_id)
@click.option("--all", "everything", is_flag=True, help="Also those that have come to their end.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=MOST_SHOWN, show_default=True)
def command(corp_id: str, *, everything: bool, limit: int) -> None:
    """List what is wanted of CORP_ID's WeCom and not there yet, newest first; never what the texts say.

    OF names customer and associate, or the corp's tags: their fields are name:ID, sort:ID and gone:ID of a tag or
    group, and new: for a tag that is to be made, with its id in WeCom as soon as that is known.
    """
    runtime, tenant = corp_of(corp_id)
    with runtime.engine.begin() as connection:
        states = tuple(IntentState) if everything else OPEN
        rows = list_intents(connection, tenant.id, states=states, limit=limit)
    table = Table("id", Column("of", overflow="fold"), Column("field", overflow="fold"), "state", "why", "by", "since")
    for row in rows:
        since = row["created_at"].isoformat(timespec="seconds")
        of = f"{row['subject_key']} {row['userid']}" if row["subject_kind"] == CONTACT else "tags"
        field = f"{row['field']} made {row['made_id']}" if row["made_id"] else row["field"]
        why = row["refusal"] or row["reason"] or ""
        table.add_row(str(row["id"]), of, field, row["state"], why, row["author"], since)
    Console().print(table)
    if len(rows) == limit:
        click.echo(f"only the newest {limit}; --limit shows more", err=True)
