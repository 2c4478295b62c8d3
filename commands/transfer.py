"""`guanxi transfer`: customers and group chats of one associate become another's."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from commands.auditing import BY, audited, writes
from commands.edit import corp_of
from commands.ids import a_text, an_id
from commands.transfer_leaver import command as leaver
from commands.transfer_words import REFUSALS, stage_said
from services.intents.model import Source
from services.transfers.ask import Wish, ask_for_chats, ask_for_customers
from services.transfers.listing import (
    OPEN,
    friends_of,
    list_leavers,
    list_left_behind,
    list_transfers,
    load_row,
    withdraw,
)
from services.transfers.model import Asked, Kind, Refusal, Stage, TransferRefusedError
from shared.audit import Change
from shared.db.engine import Row
from shared.ids import ExternalUserId, UserId
from shared.queue import WORK, enqueue_wakeup, make_queue
from shared.runtime import Runtime
from shared.tenants import Tenant, may_push

AT_ONCE = 1000
"""So many are kept in one transaction, and read in one page."""


@click.group("transfer")
def command() -> None:
    """Hand customers and group chats of one associate to another, in service or departed (TRF-1, TRF-2, TRF-3)."""


@command.command("ask")
@click.argument("corp_id", type=an_id)
@click.option("--from", "giver", type=an_id, metavar="USERID", help="Whose customers; not needed for chats.")
@click.option("--to", "taker", type=an_id, metavar="USERID", required=True, help="The new owner.")
@click.option("--customer", "customers", type=an_id, metavar="EXTERNAL_USERID", multiple=True, help="May be repeated.")
@click.option("--chat", "chats", type=an_id, metavar="CHAT_ID", multiple=True, help="May be repeated.")
@click.option(
    "--file", "listed", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Customers, one id a line."
)
@click.option("--all", "everything", is_flag=True, help="All customers of --from; of a leaver, also the chats.")
@click.option("--departed/--in-service", "departed", default=None, help="What you take --from to be; checked.")
@click.option("--message", type=a_text, metavar="TEXT", help="What the customers are told; at most 200 characters.")
@click.option("--by", type=a_text, metavar="NAME", required=True, help="Who wants it: a userid is told what fails.")
@click.option("--why", type=a_text, metavar="TEXT", help="The reason; stands in the list.")
@click.option("--json", "data", is_flag=True, help="The outcome as data.")
@writes("transfer.asked")
def ask(
    corp_id: str,
    *,
    giver: str | None,
    taker: str,
    customers: tuple[str, ...],
    chats: tuple[str, ...],
    listed: Path | None,
    everything: bool,
    departed: bool | None,
    message: str | None,
    by: str,
    why: str | None,
    data: bool,
) -> None:
    """Ask for customers and chats to become --to's.

    WeCom carries a customer over after 24 hours unless the customer refuses, at most twice in 90 days; a chat soon. A
    leaver's can be handed over for one year. What cannot be asked for is listed with its reason, the rest is sent soon.
    A corp whose file has no `pushes = true` is observed only: all is kept, nothing is sent.

    \b
    guanxi transfer ask ww1 --from LiNa --to ZhaoMin --customer wmA --customer wmB --by Zhou
    guanxi transfer ask ww1 --from LiNa --to ZhaoMin --all --departed --by Zhou --why "left in May"
    guanxi transfer ask ww1 --to ZhaoMin --chat wrA --by Zhou

    Exit code 0: all is kept; 1: something cannot be asked for; 2: wrong use.
    """
    if not (customers or chats or listed or everything):
        raise click.UsageError("what is to be handed over? --customer, --chat, --file or --all")
    if giver is None and (customers or listed or everything):
        raise click.UsageError("whose customers? --from USERID")
    runtime, tenant = corp_of(corp_id)
    wish = Wish(by, Source.PERSON, why, departed, message)
    named = [*customers, *_lines(listed)]
    kept, refused = 0, dict[str, Refusal]()
    try:
        for kind, keys in _batches(runtime, tenant, giver, named, chats, everything=everything):
            asked = _ask(runtime, tenant, kind, keys, giver=giver, taker=taker, wish=wish)
            kept, refused = kept + asked.kept, {**refused, **asked.refused}
    except TransferRefusedError as error:
        raise click.ClickException(REFUSALS[error.refusal].said(tenant.language, who=error.who)) from None
    if kept:
        enqueue_wakeup(make_queue(runtime.redis, WORK), WORK)
    _tell_asked(runtime, tenant, kept, refused, data=data)
    raise SystemExit(1 if refused or not kept else 0)


def _lines(path: Path | None) -> list[str]:
    return [] if path is None else [an_id(line.strip()) for line in path.read_text().splitlines() if line.strip()]


def _batches(
    runtime: Runtime,
    tenant: Tenant,
    giver: str | None,
    named: Sequence[str],
    chats: Sequence[str],
    *,
    everything: bool,
) -> Iterator[tuple[Kind, list[str]]]:
    for kind, keys in ((Kind.CUSTOMER, named), (Kind.CHAT, chats)):
        for start in range(0, len(keys), AT_ONCE):
            yield kind, list(keys[start : start + AT_ONCE])
    if not everything or giver is None:
        return
    after = ""
    while True:
        with runtime.engine.begin() as connection:
            friends = friends_of(connection, tenant.id, UserId(giver), after=after, limit=AT_ONCE)
        if not friends:
            break
        yield Kind.CUSTOMER, friends
        after = friends[-1]
    after = ""
    while True:
        with runtime.engine.begin() as connection:
            left = list_left_behind(connection, tenant.id, UserId(giver), after=after, limit=AT_ONCE)
        for kind in Kind:
            keys = [row["subject_key"] for row in left if row["kind"] == kind and row["transfer_id"] is None]
            if keys:
                yield kind, keys
        if len(left) < AT_ONCE:
            break
        after = f"{left[-1]['kind']}/{left[-1]['subject_key']}"


def _ask(
    runtime: Runtime, tenant: Tenant, kind: Kind, keys: Sequence[str], *, giver: str | None, taker: str, wish: Wish
) -> Asked:
    now = runtime.clock.now()
    with runtime.engine.begin() as connection:
        if kind is Kind.CHAT:
            asked = ask_for_chats(connection, tenant, keys, to_userid=UserId(taker), wish=wish, now=now)
        else:
            asked = ask_for_customers(
                connection,
                tenant,
                [ExternalUserId(key) for key in keys],
                from_userid=UserId(giver or ""),
                to_userid=UserId(taker),
                wish=wish,
                now=now,
            )
        if asked.kept:
            kept = [key for key in keys if key not in asked.refused]
            after = {"kind": kind.value, "from": giver, "to": taker, "keys": kept, "why": wish.reason}
            change = Change("transfer.asked", "associate", giver or taker, after=after)
            audited(connection, runtime, tenant, [change], by=wish.author)
    return asked


def _tell_asked(runtime: Runtime, tenant: Tenant, kept: int, refused: dict[str, Refusal], *, data: bool) -> None:
    with runtime.engine.begin() as connection:
        pushes = may_push(connection, tenant.id)
    if data:
        told = {"kept": kept, "refused": {key: why.value for key, why in refused.items()}, "observed_only": not pushes}
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
        return
    for key, why in refused.items():
        click.echo(f"{key}: {REFUSALS[why].said(tenant.language, who='')}", err=True)
    click.echo(f"recorded: {kept} to be handed over; `guanxi transfer list {tenant.corp_id}` shows what becomes of it")
    if not pushes:
        click.echo("the corp is observed only: it is kept, and sent when its file says `pushes = true`", err=True)


@command.command("list")
@click.argument("corp_id", type=an_id)
@click.option("--all", "everything", is_flag=True, help="Also those that have come to their end.")
@click.option("--stage", "stages", type=click.Choice([one.value for one in Stage]), multiple=True, help="Only these.")
@click.option("--from", "giver", type=an_id, metavar="USERID", help="Only of this associate.")
@click.option("--to", "taker", type=an_id, metavar="USERID", help="Only to this associate.")
@click.option("--before", type=int, metavar="ID", help="Older than this one: the next page.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--json", "data", is_flag=True, help="The same as data.")
def list_(
    corp_id: str,
    *,
    everything: bool,
    stages: tuple[str, ...],
    giver: str | None,
    taker: str | None,
    before: int | None,
    limit: int,
    data: bool,
) -> None:
    """List handovers with where each stands, newest first; without options those that have not ended.

    \b
    guanxi transfer list ww1
    guanxi transfer list ww1 --stage failed --stage refused --from LiNa --json
    """
    runtime, tenant = corp_of(corp_id)
    wanted = [Stage(one) for one in stages] or (list(Stage) if everything else list(OPEN))
    with runtime.engine.begin() as connection:
        rows = list_transfers(
            connection, tenant.id, stages=wanted, from_userid=giver, to_userid=taker, before=before, limit=limit
        )
    if data:
        click.echo(orjson.dumps([dict(row) for row in rows], option=orjson.OPT_INDENT_2))
        return
    table = Table("id", "what", "from", "to", "stands", "takes effect", "by", "since")
    for row in rows:
        what = f"{row['kind']} {row['subject_key']}"
        stands, times = (
            stage_said(row, tenant.language),
            (_time(row["effect_at"]), row["author"], _time(row["asked_at"])),
        )
        table.add_row(str(row["id"]), what, row["from_userid"], row["to_userid"], stands, *times)
    Console().print(table)
    if len(rows) == limit:
        click.echo(f"only the newest {limit}; --before {rows[-1]['id']} shows older ones", err=True)


def _time(moment: Any) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds")


@command.command("show")
@click.argument("corp_id", type=an_id)
@click.argument("transfer_id", type=int)
@click.option("--json", "data", is_flag=True, help="The same as data.")
def show(corp_id: str, transfer_id: int, *, data: bool) -> None:
    """Show all that is known of one handover: its times, its tries, and WeCom's words.

    \b
    guanxi transfer show ww1 17
    """
    runtime, tenant = corp_of(corp_id)
    with runtime.engine.begin() as connection:
        row: Row | None = load_row(connection, tenant.id, transfer_id)
    if row is None:
        raise click.ClickException(f"no handover {transfer_id}; `guanxi transfer list {corp_id} --all` shows them")
    if data:
        click.echo(orjson.dumps(dict(row), option=orjson.OPT_INDENT_2))
        return
    click.echo(stage_said(row, tenant.language))
    for name, value in row.items():
        if value is not None:
            click.echo(f"  {name}: {_time(value) if hasattr(value, 'isoformat') else value}")


@command.command("unassigned")
@click.argument("corp_id", type=an_id)
@click.option("--associate", "userid", type=an_id, metavar="USERID", help="What this one left behind, one by one.")
@click.option("--after", default="", metavar="KIND/KEY", help="With --associate: the last row of the page before.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True)
@click.option("--json", "data", is_flag=True, help="The same as data.")
def unassigned(corp_id: str, *, userid: str | None, after: str, limit: int, data: bool) -> None:
    """List who left customers or chats behind that have no new owner (TRF-2).

    As of the latest full pass: `guanxi resync CORP_ID --resource customers` brings it up to date.

    \b
    guanxi transfer unassigned ww1
    guanxi transfer unassigned ww1 --associate LiNa --json
    """
    runtime, tenant = corp_of(corp_id)
    with runtime.engine.begin() as connection:
        if userid is None:
            rows = list_leavers(connection, tenant.id)
        else:
            rows = list_left_behind(connection, tenant.id, UserId(userid), after=after, limit=limit)
    if data:
        click.echo(orjson.dumps([dict(row) for row in rows], option=orjson.OPT_INDENT_2))
        return
    columns = list(rows[0].keys()) if rows else ["userid"]
    table = Table(*columns)
    for row in rows:
        table.add_row(*("" if v is None else _time(v) if hasattr(v, "isoformat") else str(v) for v in row.values()))
    Console().print(table)


@command.command("withdraw")
@click.argument("corp_id", type=an_id)
@click.argument("ids", type=int, nargs=-1, required=True, metavar="ID...")
@BY
@writes("transfer.withdrawn")
def withdraw_(corp_id: str, *, ids: tuple[int, ...], by: str | None) -> None:
    """Take back handovers that WeCom has not been asked for. What it has taken, only the customer can refuse.

    \b
    guanxi transfer withdraw ww1 17 18
    """
    runtime, tenant = corp_of(corp_id)
    with runtime.engine.begin() as connection:
        done = withdraw(connection, tenant.id, ids, at=runtime.clock.now())
        changes = [Change("transfer.withdrawn", "transfer", str(one)) for one in done]
        audited(connection, runtime, tenant, changes, by=by)
    click.echo(f"withdrawn: {len(done)}")
    if left := sorted(set(ids) - set(done)):
        raise click.ClickException(f"sent already, ended, or not there: {', '.join(map(str, left))}")


command.add_command(leaver)
