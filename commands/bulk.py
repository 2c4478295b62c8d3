"""`guanxi bulk`: tags put on or taken off many relations at once."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
import orjson
from rich.console import Console
from rich.live import Live
from rich.table import Table
from sqlalchemy import Connection

from commands.auditing import BY, audited, writes
from commands.corps import chosen_corp
from commands.following import NO_WORKER, STILL_S, ring
from commands.ids import a_text, an_id
from services.bulk.model import Job, JobRefusedError, JobState
from services.bulk.store import ask_job, cancel, count_rows, load_job, load_jobs, load_rows, pause, resume
from services.customers.choice import Choice
from services.customers.choosing import count_chosen
from services.intents.model import TAG, IntentState, Source
from shared.audit import Change
from shared.clock import monotonic
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.tenants import Tenant, may_push

LOOK_S = 0.5
PAGE = 1000
MOST_SHOWN = 50
ENDED = (IntentState.CONFIRMED, IntentState.REFUSED, IntentState.SUPERSEDED)
TIME = click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"])

Numbers = Mapping[IntentState, int]


@click.group("bulk")
def command() -> None:
    """Put corp tags on, or take them off, everything that a choice of relations means (TAG-3).

    A job goes on by itself, at the pace that WeCom allows and behind everything more urgent, whatever is restarted.
    """


@command.command("tag")
@click.argument("corp_id", type=an_id)
@click.option("--add", "add", type=an_id, metavar="TAG_ID", multiple=True, help="Put this corp tag on; repeat it.")
@click.option("--remove", type=an_id, metavar="TAG_ID", multiple=True, help="Take this corp tag off; repeat it.")
@click.option("--associate", "userids", type=an_id, metavar="USERID", multiple=True, help="Only theirs; repeat it.")
@click.option("--outlet", "departments", type=int, metavar="ID", multiple=True, help="Only its associates' (main one).")
@click.option("--with-tag", "any_tags", type=an_id, metavar="TAG_ID", multiple=True, help="Only with any of these.")
@click.option("--with-all", "all_tags", type=an_id, metavar="TAG_ID", multiple=True, help="Only with all of these.")
@click.option("--without", "no_tags", type=an_id, metavar="TAG_ID", multiple=True, help="Only with none of these.")
@click.option("--added-since", type=TIME, metavar="TIME", help="Friends since then; as 2026-11-01T00:00+08:00.")
@click.option("--added-before", type=TIME, metavar="TIME", help="Friends from before then.")
@click.option("--assigned", is_flag=True, help="Only the relation of whom the customer is assigned to.")
@click.option("--chat", "chats", type=an_id, metavar="CHAT_ID", multiple=True, help="Only who is in it; repeat it.")
@click.option("--by", type=a_text, metavar="NAME", required=True, help="Who wants it; stands in the history.")
@click.option("--why", type=a_text, metavar="TEXT", help="The reason; stands in the history.")
@click.option("--count", "only_count", is_flag=True, help="Say how many relations are meant, and do nothing.")
@click.option("--wait", is_flag=True, help="Show the job until it is over; Ctrl-C leaves it running.")
@writes("bulk.started")
def tag(
    corp_id: str,
    *,
    add: tuple[str, ...],
    remove: tuple[str, ...],
    by: str,
    why: str | None,
    only_count: bool,
    wait: bool,
    **conditions: Any,
) -> None:
    """Start a job over the relations of CORP_ID for which all conditions hold; without any, over all friends.

    \b
    guanxi bulk tag ww0123456789abcdef --add etVIP --with-tag etGold --without etLeft --by "Zhou Min" --count
    """
    runtime, tenant = _open(corp_id)
    choice = Choice(**conditions)
    with runtime.engine.begin() as connection:
        meant, pushes = count_chosen(connection, tenant.id, choice), may_push(connection, tenant.id)
        if only_count:
            click.echo(f"{meant} relations are meant; nothing is done")
            return
        job_id = _tried(
            lambda: ask_job(
                connection,
                tenant.id,
                add=add,
                remove=remove,
                choice=choice,
                author=by,
                source=Source.PERSON,
                reason=why,
                now=runtime.clock.now(),
            )
        )
        after = {"add": add, "remove": remove, "choice": choice.stored(), "relations": meant, "why": why}
        _noted(connection, runtime, tenant, "bulk.started", job_id, by=by, after=after)
    ring(runtime)
    click.echo(f"job {job_id} over {meant} relations; `guanxi bulk show {corp_id} {job_id}` tells how far it is")
    if not pushes:
        click.echo("the corp is observed only: it is written when its file says `pushes = true`", err=True)
    elif wait:
        raise SystemExit(_follow(runtime, tenant, job_id, Console(stderr=True)))


@command.command("list")
@click.argument("corp_id", required=False, type=an_id)
@click.option("--limit", type=click.IntRange(1, 1000), default=MOST_SHOWN, show_default=True)
@click.option("--json", "data", is_flag=True, help="The same as data.")
def list_(corp_id: str | None, *, limit: int, data: bool) -> None:
    """The newest jobs of CORP_ID with how far they are."""
    runtime, tenant = _open(corp_id)
    with runtime.engine.begin() as connection:
        jobs = load_jobs(connection, tenant.id, limit=limit)
        rows = [(job, count_rows(connection, tenant.id, job.id)) for job in jobs]
    if data:
        click.echo(orjson.dumps([_as_json(*row) for row in rows], option=orjson.OPT_INDENT_2))
        return
    Console().print(_table(rows) if rows else "no job yet")


@command.command("show")
@click.argument("corp_id", type=an_id)
@click.argument("job_id", type=int)
@click.option("--wait", is_flag=True, help="Until it is over; Ctrl-C leaves it running.")
@click.option("--json", "data", is_flag=True, help="The same as data.")
def show(corp_id: str, job_id: int, *, wait: bool, data: bool) -> None:
    """One job: what was asked for, by whom, and how far it is. With --wait, exit code 1: some changes were refused."""
    runtime, tenant = _open(corp_id)
    code = _follow(runtime, tenant, job_id, Console(stderr=True)) if wait else 0
    job, numbers = _load(runtime, tenant, job_id)
    click.echo(orjson.dumps(_as_json(job, numbers), option=orjson.OPT_INDENT_2) if data else _words(job, numbers))
    raise SystemExit(code)


@command.command("rows")
@click.argument("corp_id", type=an_id)
@click.argument("job_id", type=int)
@click.option(
    "--state",
    "states",
    type=click.Choice([one.value for one in IntentState]),
    multiple=True,
    help="Only these; repeat.",
)
def rows(corp_id: str, job_id: int, *, states: tuple[str, ...]) -> None:
    """What became of each change, one JSON object a line: customer, associate, tag, on, state, why, pushes, at."""
    runtime, tenant = _open(corp_id)
    _load(runtime, tenant, job_id)
    wanted, after = [IntentState(one) for one in states] or list(IntentState), 0
    while True:
        with runtime.engine.begin() as connection:
            page = load_rows(connection, tenant.id, job_id, states=wanted, after=after, limit=PAGE)
        for row in page:
            click.echo(
                orjson.dumps(
                    {
                        "external_userid": row["subject_key"],
                        "userid": row["userid"],
                        "tag_id": row["field"].removeprefix(TAG),
                        "on": row["desired"],
                        "state": row["state"],
                        "why": row["refusal"],
                        "pushes": row["pushes"],
                        "at": row["settled_at"],
                    }
                )
            )
        if len(page) < PAGE:
            return
        after = page[-1]["id"]


@command.command("pause")
@click.argument("corp_id", type=an_id)
@click.argument("job_id", type=int)
@BY
@writes("bulk.paused")
def pause_(corp_id: str, job_id: int, by: str | None) -> None:
    """Let a job begin no further call; those under way end, and what is written stays."""
    runtime, tenant = _open(corp_id)
    with runtime.engine.begin() as connection:
        _tried(lambda: pause(connection, tenant.id, job_id))
        _noted(connection, runtime, tenant, "bulk.paused", job_id, by=by)
    click.echo(f"job {job_id} is paused; `guanxi bulk resume {corp_id} {job_id}` lets it go on")


@command.command("resume")
@click.argument("corp_id", type=an_id)
@click.argument("job_id", type=int)
@BY
@writes("bulk.resumed")
def resume_(corp_id: str, job_id: int, by: str | None) -> None:
    """Let a paused job go on where it stands."""
    runtime, tenant = _open(corp_id)
    with runtime.engine.begin() as connection:
        _tried(lambda: resume(connection, tenant.id, job_id, now=runtime.clock.now()))
        _noted(connection, runtime, tenant, "bulk.resumed", job_id, by=by)
    ring(runtime)
    click.echo(f"job {job_id} goes on")


@command.command("cancel")
@click.argument("corp_id", type=an_id)
@click.argument("job_id", type=int)
@BY
@writes("bulk.cancelled")
def cancel_(corp_id: str, job_id: int, by: str | None) -> None:
    """Let a job write nothing more; what it has written stays."""
    runtime, tenant = _open(corp_id)
    with runtime.engine.begin() as connection:
        _tried(lambda: cancel(connection, tenant.id, job_id, now=runtime.clock.now()))
        _noted(connection, runtime, tenant, "bulk.cancelled", job_id, by=by)
    ring(runtime)
    click.echo(f"job {job_id} is cancelled; what it has written stays")


def _open(corp_id: str | None) -> tuple[Runtime, Tenant]:
    runtime = open_runtime(load_settings(), application="bulk", pool_size=2)
    return runtime, chosen_corp(runtime, corp_id)


def _noted(
    connection: Connection,
    runtime: Runtime,
    tenant: Tenant,
    action: str,
    job_id: int,
    *,
    by: str | None,
    after: Mapping[str, object] | None = None,
) -> None:
    change = Change(action, "bulk_job", str(job_id), after=after or {})
    audited(connection, runtime, tenant, [change], by=by)


def _tried(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except JobRefusedError as error:
        raise click.ClickException(str(error)) from None


def _load(runtime: Runtime, tenant: Tenant, job_id: int) -> tuple[Job, Numbers]:
    with runtime.engine.begin() as connection:
        job = load_job(connection, tenant.id, job_id)
        if job is None:
            raise click.ClickException(f"no job {job_id}; `guanxi bulk list {tenant.corp_id}` shows those there are")
        return job, count_rows(connection, tenant.id, job_id)


def _follow(runtime: Runtime, tenant: Tenant, job_id: int, console: Console) -> int:
    """Until the job is over; 1 when some of its changes were refused."""
    started = moved = monotonic()
    first = sum(_load(runtime, tenant, job_id)[1].get(one, 0) for one in ENDED)
    last: object = None
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while True:
            job, numbers = _load(runtime, tenant, job_id)
            if (job.matched, numbers) != last:
                last, moved = (job.matched, numbers), monotonic()
            table = _table([(job, numbers)])
            elapsed_s = monotonic() - started
            rate = (sum(numbers.get(one, 0) for one in ENDED) - first) / max(elapsed_s, 1.0)
            table.caption = NO_WORKER if monotonic() - moved > STILL_S else f"{rate:.0f} settled a second"
            live.update(table, refresh=True)
            if job.finished_at is not None or job.state is JobState.PAUSED:
                return 1 if numbers.get(IntentState.REFUSED) else 0
            time.sleep(LOOK_S)


def _table(rows: Sequence[tuple[Job, Numbers]]) -> Table:
    table = Table("job", "state", "relations", "as wanted", "changes", "by", "since UTC", box=None)
    for job, numbers in rows:
        since = f"{job.created_at:%m-%d %H:%M}"
        counts = (str(job.matched), str(job.already), _counted(numbers))
        table.add_row(str(job.id), job.state.value, *counts, job.author, since)
    return table


def _counted(numbers: Numbers) -> str:
    return ", ".join(f"{numbers[one]} {one.value}" for one in IntentState if numbers.get(one)) or "none"


def _over(job: Job) -> str:
    if job.change_id is not None:
        return f"the customers of bulk change {job.change_id}"
    return orjson.dumps(job.choice.stored()).decode() if job.choice.stored() else "all friends"


def _words(job: Job, numbers: Numbers) -> str:
    lines = [
        f"job {job.id}: {job.state.value}, asked for by {job.author} ({job.source.value}) at {_utc(job.created_at)}"
        + (f", over at {_utc(job.finished_at)}" if job.finished_at else ""),
        f"  why: {job.reason}" if job.reason else "",
        f"  puts on: {', '.join(job.add_tags) or 'nothing'}; takes off: {', '.join(job.remove_tags) or 'nothing'}",
        f"  over: {_over(job)}",
        f"  relations: {job.matched}, {job.already} of them as wanted",
        f"  changes: {_counted(numbers)}",
    ]
    return "\n".join(line for line in lines if line)


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _as_json(job: Job, numbers: Numbers) -> dict[str, Any]:
    return {
        "id": job.id,
        "state": job.state.value,
        "add": job.add_tags,
        "remove": job.remove_tags,
        "choice": job.choice.stored(),
        "by": job.author,
        "source": job.source.value,
        "why": job.reason,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "relations": job.matched,
        "as_wanted": job.already,
        "changes": {one.value: numbers.get(one, 0) for one in IntentState},
    }
