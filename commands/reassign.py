"""`guanxi reassign`."""

import click

from commands.auditing import audited, subject_of, writes
from commands.ids import a_text, an_id
from services.assignment.model import ReassignmentRefusedError
from services.assignment.reassign import reassign
from shared.audit import Change
from shared.ids import ExternalUserId, UserId
from shared.queue import WORK, enqueue_wakeup, make_queue
from shared.runtime import open_runtime
from shared.settings import load_settings
from shared.tenants import load_tenants


@click.command("reassign")
@click.argument("corp_id", type=an_id)
@click.argument("external_userid", type=an_id)
@click.argument("to_userid", type=an_id)
@click.option("--by", type=a_text, metavar="NAME", required=True, help="Who decides; stands in the customer's history.")
@writes("assignment.decided")
def command(corp_id: str, external_userid: str, to_userid: str, by: str) -> None:
    """Give the customer EXTERNAL_USERID of CORP_ID to the associate TO_USERID, who must be their friend (ASG-4)."""
    runtime = open_runtime(load_settings(), application="reassign", pool_size=2)
    with runtime.engine.begin() as connection:
        tenants = load_tenants(connection, runtime.vault, corp_id=corp_id)
        if not tenants:
            raise click.ClickException(f"no corp {corp_id}; `guanxi corp list` shows those that are there")
        try:
            reassign(
                connection,
                tenants[-1],
                ExternalUserId(external_userid),
                UserId(to_userid),
                by=by,
                now=runtime.clock.now(),
            )
        except ReassignmentRefusedError as error:
            raise click.ClickException(str(error)) from None
        tenant = tenants[-1]
        subject = subject_of(connection, tenant, external_userid)
        change = Change("assignment.decided", *subject, after={"assigned_userid": to_userid})
        audited(connection, runtime, tenant, [change], by=by)
    enqueue_wakeup(make_queue(runtime.redis, WORK), WORK)
    click.echo(f"recorded: {external_userid} goes to {to_userid}; both associates will be told")
