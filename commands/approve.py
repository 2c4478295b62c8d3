"""`guanxi approve`: let removals happen that a full pass kept for a person."""

import click
import orjson
from rich.console import Console

from commands.auditing import audited, writes
from commands.corps import chosen_corp
from commands.following import as_json, follow, left_running, report, ring
from commands.ids import a_text, an_id
from shared.audit import Change
from shared.plans import NoSuchPlanError, approval_run, approve, list_plans
from shared.runtime import open_runtime
from shared.settings import load_settings


@click.command("approve")
@click.argument("corp_id", type=an_id)
@click.argument("checksum", type=an_id)
@click.option(
    "--by",
    type=a_text,
    metavar="NAME",
    default="operator",
    show_default=True,
    help="Who decides; stands in the plan's record.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
@click.option("--json", "data", is_flag=True, help="The outcome as data.")
@writes("plan.approved")
def command(corp_id: str, checksum: str, *, by: str, no_wait: bool, data: bool) -> None:
    """Apply exactly the plan of CORP_ID that has CHECKSUM; `guanxi plan CORP_ID --refused` shows what it holds.

    What has changed meanwhile is left alone: an operation that something newer speaks against is skipped.
    """
    runtime = open_runtime(load_settings(), application="approve", pool_size=2)
    tenant, console = chosen_corp(runtime, corp_id), Console(stderr=data)
    with runtime.engine.begin() as connection:
        try:
            plan_id = approve(connection, tenant.id, checksum, by=by, now=runtime.clock.now())
        except NoSuchPlanError as error:
            raise click.ClickException(str(error)) from None
        run_id = approval_run(connection, tenant.id, plan_id)
        plan = next(row for row in list_plans(connection, tenant.id) if row["id"] == plan_id)
        change = Change("plan.approved", "removal_plan", checksum, after={"counts": plan["counts"]})
        audited(connection, runtime, tenant, [change], by=by)
    ring(runtime)
    counts = ", ".join(f"{number} {action}" for action, number in sorted(plan["counts"].items()))
    console.print(f"plan {checksum} is approved by {by}: {counts}", soft_wrap=True, highlight=False, markup=False)
    if no_wait:
        return
    try:
        rows = follow(runtime, tenant, [run_id], console=console)
    except KeyboardInterrupt:
        raise left_running(f"guanxi resync {tenant.corp_id} --list") from None
    with runtime.engine.begin() as connection:
        plan = next(row for row in list_plans(connection, tenant.id) if row["id"] == plan_id)
    code = report(rows, console)
    done = sum(plan["counts"].values()) - plan["skipped"]
    if code == 0:
        console.print(f"{done} applied, {plan['skipped']} skipped: they do not hold any more", highlight=False)
    if data:
        outcome = {"checksum": checksum, "applied": done, "skipped": plan["skipped"], **as_json(rows[0], tenant)}
        click.echo(orjson.dumps(outcome, option=orjson.OPT_INDENT_2))
    raise SystemExit(code)
