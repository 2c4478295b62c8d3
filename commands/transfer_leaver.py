"""`guanxi transfer leaver`: what a leaver left behind goes on by rule, after a look (TRF-6)."""

import click
import orjson
from rich.console import Console
from rich.table import Table

from commands.auditing import audited, writes
from commands.edit import corp_of
from commands.ids import a_text, an_id
from commands.transfer_words import REFUSALS
from services.intents.model import Source
from services.transfers.ask import Wish, ask_for_chats, ask_for_customers, left_behind_at
from services.transfers.candidates import load_left, load_team
from services.transfers.leavers import Policy, Proposal, propose
from services.transfers.model import Kind, TransferRefusedError
from services.transfers.plan import YEAR
from shared.audit import Change
from shared.ids import ExternalUserId, UserId
from shared.queue import WORK, enqueue_wakeup, make_queue
from shared.runtime import Runtime
from shared.tenants import Tenant


@click.command("leaver")
@click.argument("corp_id", type=an_id)
@click.argument("userid", type=an_id)
@click.option(
    "--policy",
    "policies",
    type=click.Choice([one.value for one in Policy]),
    multiple=True,
    required=True,
    help="Who gets it; may be repeated: the next is tried where one finds nobody.",
)
@click.option("--run", "checksum", metavar="CHECKSUM", help="Do it: exactly what a look with this checksum showed.")
@click.option("--by", type=a_text, metavar="NAME", help="Who wants it; needed with --run.")
@click.option("--json", "data", is_flag=True, help="The same as data.")
@writes("transfer.asked")
def command(
    corp_id: str, userid: str, *, policies: tuple[str, ...], checksum: str | None, by: str | None, data: bool
) -> None:
    """Propose who gets what USERID left behind; with --run, ask for it (TRF-6).

    friend: the associate who has been the customer's friend for longest. superior: the leaver's. outlet: the leaver's
    colleagues, by turns, so that their numbers differ by one at most.

    \b
    guanxi transfer leaver ww1 LiNa --policy friend --policy outlet
    guanxi transfer leaver ww1 LiNa --policy friend --policy outlet --run 3f2a91c04d7e --by Zhou
    """
    if checksum is not None and not by:
        raise click.UsageError("who wants it? --by NAME")
    runtime, tenant = corp_of(corp_id)
    with runtime.engine.begin() as connection:
        left = load_left(connection, tenant.id, UserId(userid))
        proposal = propose(left, [Policy(one) for one in policies], load_team(connection, tenant.id, UserId(userid)))
        left_at = left_behind_at(connection, tenant.id, UserId(userid))
    if not left:
        raise click.ClickException(
            f"{userid} left nothing behind that waits; see `guanxi transfer unassigned {corp_id}`"
        )
    if checksum is None:
        until = None if left_at is None else (left_at + YEAR).isoformat(timespec="seconds")
        _show(proposal, until=until, data=data)
        return
    if checksum != proposal.checksum:
        raise click.ClickException("what would be done has changed since; look again without --run")
    wish = Wish(by or "", Source.PERSON, f"policy: {', '.join(policies)}", departed=True)
    kept, refused = _run(runtime, tenant, UserId(userid), proposal, wish)
    enqueue_wakeup(make_queue(runtime.redis, WORK), WORK)
    click.echo(f"recorded: {kept} to be handed over, {refused} cannot be; `guanxi transfer list {corp_id}` shows them")
    raise SystemExit(1 if refused else 0)


def _show(proposal: Proposal, *, until: str | None, data: bool) -> None:
    counts = [(userid, policy.value, kind.value, n) for (userid, policy, kind), n in sorted(proposal.counts.items())]
    if data:
        told = {
            "checksum": proposal.checksum,
            "until": until,
            "takers": [dict(zip(("userid", "policy", "kind", "count"), row, strict=True)) for row in counts],
            "nobody": [f"{kind}/{key}" for kind, key in proposal.nobody],
        }
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
        return
    table = Table("new owner", "by", "what", "number")
    for row in counts:
        table.add_row(*map(str, row))
    Console().print(table)
    click.echo(
        f"for {len(proposal.nobody)} nobody was found; WeCom hands over until {until or 'one year after leaving'}"
    )
    click.echo(f"nothing is done yet: --run {proposal.checksum} does exactly this")


def _run(runtime: Runtime, tenant: Tenant, giver: UserId, proposal: Proposal, wish: Wish) -> tuple[int, int]:
    """How many are kept, and how many cannot be. One transaction per new owner: what is kept stays so."""
    kept = refused = 0
    for taker in sorted({userid for userid, _ in proposal.takers.values()}):
        mine = [place for place, (userid, _) in proposal.takers.items() if userid == taker]
        customers = [ExternalUserId(key) for kind, key in mine if kind is Kind.CUSTOMER]
        chats = [key for kind, key in mine if kind is Kind.CHAT]
        now = runtime.clock.now()
        try:
            with runtime.engine.begin() as connection:
                pair = {"from_userid": giver, "to_userid": taker}
                asked = [ask_for_customers(connection, tenant, customers, **pair, wish=wish, now=now)]
                asked.append(ask_for_chats(connection, tenant, chats, to_userid=taker, wish=wish, now=now))
                keys = [key for _, key in mine if not any(key in one.refused for one in asked)]
                after = {"from": giver, "to": taker, "keys": keys, "why": wish.reason}
                change = Change("transfer.asked", "associate", giver, after=after)
                audited(connection, runtime, tenant, [change] if keys else [], by=wish.author)
        except TransferRefusedError as error:
            click.echo(REFUSALS[error.refusal].said(tenant.language, who=error.who), err=True)
            refused += len(mine)
            continue
        kept += sum(one.kept for one in asked)
        refused += sum(len(one.refused) for one in asked)
    return kept, refused
