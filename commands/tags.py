"""`guanxi tags`: the catalogue of corp tags, and what is wanted of it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Column, Table
from sqlalchemy import Connection

from commands.auditing import audited, writes
from commands.edit import corp_of, tell
from commands.ids import a_text, an_id
from services.catalogue.ask import ask_catalogue, load_view
from services.catalogue.check import places
from services.catalogue.model import Asked, Delete, NewTag, Rename
from services.catalogue.view import View
from services.intents.model import Source, WishRefusedError
from services.tags.model import TAG_CATALOGUE
from shared.audit import Change
from shared.queue import WORK, enqueue_wakeup, make_queue
from shared.tenants import Tenant, may_push

Wishes = Callable[[Connection, Tenant], Sequence[Asked]]


@click.group("tags")
def command() -> None:
    """Show and change the catalogue of corp tags (企业标签), here and in WeCom (TAG-2).

    A change is written soon, and counts when our own read shows it. A change that somebody made in WeCom and you have
    not seen stands: `guanxi intents` says so. An app may change only tags and groups that it made; those of other apps
    and of people can be used. A corp whose file has no `pushes = true` is observed only: nothing is written.
    """


def _author(function: Callable[..., None]) -> Callable[..., None]:
    why = click.option("--why", type=a_text, metavar="TEXT", help="The reason; stands in the history.")
    by = click.option("--by", type=a_text, metavar="NAME", required=True, help="Who wants it; stands in the history.")
    return by(why(writes("tags.wished")(function)))


@command.command("list")
@click.argument("corp_id", type=an_id)
@click.option("--json", "data", is_flag=True, help="The same as data.")
def show(corp_id: str, *, data: bool) -> None:
    """Show the groups and tags of CORP_ID in their order, with what is wanted of them laid over."""
    runtime, tenant = corp_of(corp_id)
    with runtime.engine.begin() as connection:
        view = load_view(connection, tenant)
    if data:
        click.echo(orjson.dumps(_as_data(view), option=orjson.OPT_INDENT_2))
        return
    table = Table("group", "tag", Column("id", overflow="fold"), "place", "state")
    for group in view.in_order():
        table.add_row(group.name, "", group.id, str(group.sort or 0), _state(pending=group.pending))
        for tag in view.tags_of(group.id):
            table.add_row("", tag.name, tag.id, str(tag.sort or 0), _state(pending=tag.pending))
    Console().print(table)
    click.echo(f"{len(view.tags)} tags in {len(view.groups)} groups")


def _state(*, pending: bool) -> str:
    return "wanted" if pending else ""


def _as_data(view: View) -> list[dict[str, Any]]:
    return [
        {
            "group_id": group.id,
            "name": group.name,
            "sort": group.sort,
            "pending": group.pending,
            "tags": [
                {"tag_id": tag.id, "name": tag.name, "sort": tag.sort, "pending": tag.pending}
                for tag in view.tags_of(group.id)
            ],
        }
        for group in view.in_order()
    ]


@command.command("add")
@click.argument("corp_id", type=an_id)
@click.argument("names", type=a_text, metavar="NAME...", nargs=-1, required=True)
@click.option("--group", type=a_text, metavar="NAME", help="The group's name; one that is not there is made.")
@click.option("--group-id", type=an_id, metavar="ID", help="The group's id, instead of its name.")
@_author
def add(
    corp_id: str, names: tuple[str, ...], *, group: str | None, group_id: str | None, by: str, why: str | None
) -> None:
    """Make tags in a group. WeCom has no empty group: a group is made with its first tags.

    Names have at most 30 characters and are unique in their group; a corp has at most 10,000 tags. A tag of that name
    that somebody made in WeCom meanwhile is taken for the one that you want.
    """
    if (group is None) == (group_id is None):
        raise click.UsageError("say which group: one of --group NAME, --group-id ID")
    new = [NewTag(one, group_id=group_id or "", group_name=group or "") for one in dict.fromkeys(names)]
    _ask(corp_id, lambda _connection, _tenant: new, by=by, why=why)


@command.command("rename")
@click.argument("corp_id", type=an_id)
@click.argument("id_", metavar="ID", type=an_id)
@click.argument("name", type=a_text)
@_author
def rename(corp_id: str, id_: str, name: str, *, by: str, why: str | None) -> None:
    """Give the tag or group ID another NAME."""
    _ask(corp_id, lambda _connection, _tenant: [Rename(id_, name)], by=by, why=why)


@command.command("order")
@click.argument("corp_id", type=an_id)
@click.argument("ids", metavar="ID...", type=an_id, nargs=-1, required=True)
@_author
def order(corp_id: str, ids: tuple[str, ...], *, by: str, why: str | None) -> None:
    """Put tags of one group, or groups, into the order of the IDs; those that are not named follow."""
    _ask(corp_id, lambda connection, tenant: places(load_view(connection, tenant), ids), by=by, why=why)


@command.command("delete")
@click.argument("corp_id", type=an_id)
@click.argument("ids", metavar="ID...", type=an_id, nargs=-1, required=True)
@_author
def delete(corp_id: str, ids: tuple[str, ...], *, by: str, why: str | None) -> None:
    """Delete tags or groups. It cannot be undone: all customers lose the tags.

    A group goes with all its tags, and with its last tag. One that was renamed in WeCom meanwhile stays, and so does a
    group that got a tag which you cannot have seen.
    """
    _ask(corp_id, lambda _connection, _tenant: [Delete(one) for one in dict.fromkeys(ids)], by=by, why=why)


def _ask(corp_id: str, wishes: Wishes, *, by: str, why: str | None) -> None:
    runtime, tenant = corp_of(corp_id)
    with runtime.engine.begin() as connection:
        pushes = may_push(connection, tenant.id)
        try:
            asked = wishes(connection, tenant)
            now = runtime.clock.now()
            facts = ask_catalogue(connection, tenant, asked, author=by, source=Source.PERSON, reason=why, now=now)
            tell(connection, runtime, tenant, facts, by=by)
            wanted = [{"what": type(one).__name__, **asdict(one)} for one in asked]
            change = Change("tags.wished", TAG_CATALOGUE, "corp", after={"wishes": wanted})
            audited(connection, runtime, tenant, [change], by=by)
        except WishRefusedError as error:
            raise click.ClickException(str(error)) from None
    enqueue_wakeup(make_queue(runtime.redis, WORK), WORK)
    click.echo(f"recorded: {len(asked)} wished for; `guanxi intents {corp_id}` shows what becomes of it")
    if not pushes:
        click.echo("the corp is observed only: it is kept, and written when its file says `pushes = true`", err=True)
