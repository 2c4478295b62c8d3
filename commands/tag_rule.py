"""`guanxi tag-rule`: tags that are kept on, whoever takes them off."""

from datetime import timedelta
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from commands.auditing import audited, writes
from commands.bulk import TIME
from commands.corps import chosen_corp
from commands.edit import tell
from commands.following import ring
from commands.ids import a_text, an_id
from services.bulk.model import JobRefusedError
from services.bulk.store import ask_job, cancel_of_rule
from services.customers.choice import Choice
from services.intents.enforcement import RuleRefusedError
from services.intents.model import Source
from services.intents.rules import add_rule, count_drift, end_rule, load_rules
from services.tags.store import usable_tags
from shared.audit import Change
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.tenants import Tenant

DRIFT_DAYS = 30


@click.group("tag-rule")
def command() -> None:
    """Tags that a rule enforces: who takes one off in WeCom sees it come back, and it is counted as drift (TAG-5)."""


@command.command("add")
@click.argument("corp_id", type=an_id)
@click.argument("name", type=a_text)
@click.argument("tag_id", type=an_id)
@click.option("--associate", "userids", type=an_id, metavar="USERID", multiple=True, help="Only theirs; repeat it.")
@click.option("--outlet", "departments", type=int, metavar="ID", multiple=True, help="Only its associates' (main one).")
@click.option("--with-tag", "any_tags", type=an_id, metavar="TAG_ID", multiple=True, help="Only with any of these.")
@click.option("--with-all", "all_tags", type=an_id, metavar="TAG_ID", multiple=True, help="Only with all of these.")
@click.option("--without", "no_tags", type=an_id, metavar="TAG_ID", multiple=True, help="Only with none of these.")
@click.option("--added-since", type=TIME, metavar="TIME", help="Friends since then; as 2026-11-01T00:00+08:00.")
@click.option("--added-before", type=TIME, metavar="TIME", help="Friends from before then.")
@click.option("--by", type=a_text, metavar="NAME", required=True, help="Who wants it; stands in the history.")
@click.option("--why", type=a_text, metavar="TEXT", help="The reason; stands in the history.")
@writes("tag_rule.made")
def add(corp_id: str, name: str, tag_id: str, *, by: str, why: str | None, **conditions: Any) -> None:
    """Keep the corp tag TAG_ID on all relations of CORP_ID for which the conditions hold, from now on.

    Relations that lack it get it by a job; later ones, and those it is taken off, when they are next looked at.
    """
    runtime, tenant = _open(corp_id)
    choice, now = Choice(**conditions), runtime.clock.now()
    with runtime.engine.begin() as connection:
        try:
            rule = add_rule(
                connection, tenant.id, name=name, tag_id=tag_id, choice=choice, author=by, reason=why, now=now
            )
            job_id = ask_job(
                connection,
                tenant.id,
                add=[tag_id],
                remove=[],
                choice=choice,
                author=name,
                source=Source.RULE,
                reason=why,
                now=now,
            )
        except (RuleRefusedError, JobRefusedError) as error:
            raise click.ClickException(str(error)) from None
        after = {"tag_id": tag_id, "choice": choice.stored(), "why": why}
        audited(connection, runtime, tenant, [Change("tag_rule.made", "tag_rule", name, after=after)], by=by)
    ring(runtime)
    click.echo(f"rule {rule.id} is in force; job {job_id} puts the tag on what lacks it (`guanxi bulk show`)")


@command.command("list")
@click.argument("corp_id", required=False, type=an_id)
@click.option("--json", "data", is_flag=True, help="The same as data.")
def list_(corp_id: str | None, *, data: bool) -> None:
    """The rules of CORP_ID that are in force, with the drift of the last 30 days."""
    runtime, tenant = _open(corp_id)
    with runtime.engine.begin() as connection:
        rules = load_rules(connection, tenant.id)
        usable = usable_tags(connection, tenant.id, [rule.tag_id for rule in rules])
        drift = count_drift(connection, tenant.id, since=runtime.clock.now() - timedelta(days=DRIFT_DAYS))
    rows = [
        {
            "id": rule.id,
            "name": rule.name,
            "tag_id": rule.tag_id,
            "deleted_in_wecom": rule.tag_id not in usable,
            "choice": rule.choice.stored(),
            "by": rule.author,
            "why": rule.reason,
            "since": rule.made_at,
            "drift": drift.get(rule.id, 0),
        }
        for rule in rules
    ]
    if data:
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        return
    table = Table("id", "name", "tag", "on which relations", "by", "drift in 30 days")
    for row in rows:
        tag = f"{row['tag_id']} (deleted in WeCom)" if row["deleted_in_wecom"] else str(row["tag_id"])
        meant = orjson.dumps(row["choice"]).decode() if row["choice"] else "all friends"
        table.add_row(str(row["id"]), str(row["name"]), tag, meant, str(row["by"]), str(row["drift"]))
    Console().print(table if rows else "no rule is in force")


@command.command("end")
@click.argument("corp_id", type=an_id)
@click.argument("name", type=a_text)
@click.option("--by", type=a_text, metavar="NAME", required=True, help="Who ends it; stands in the history.")
@writes("tag_rule.ended")
def end(corp_id: str, name: str, *, by: str) -> None:
    """Enforce the rule NAME of CORP_ID no longer. The tags stay where they are."""
    runtime, tenant = _open(corp_id)
    with runtime.engine.begin() as connection:
        now = runtime.clock.now()
        facts = end_rule(connection, tenant.id, name, by=by, now=now)
        if facts is None:
            raise click.ClickException(f"no rule {name!r} is in force; `guanxi tag-rule list` shows those that are")
        cancel_of_rule(connection, tenant.id, name, now=now)
        tell(connection, runtime, tenant, facts, by=by)
        audited(connection, runtime, tenant, [Change("tag_rule.ended", "tag_rule", name)], by=by)
    click.echo(f"the rule {name!r} is over; the tags stay where they are")


def _open(corp_id: str | None) -> tuple[Runtime, Tenant]:
    runtime = open_runtime(load_settings(), application="tag-rule", pool_size=2)
    return runtime, chosen_corp(runtime, corp_id)
