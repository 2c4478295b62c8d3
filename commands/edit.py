"""`guanxi edit`."""

from collections.abc import Sequence

import click
from sqlalchemy import Connection

from commands.auditing import audited, subject_of, writes
from commands.ids import a_text, an_id
from services.intents.ask import ask
from services.intents.model import COMPANY, DESCRIPTION, PHONES, REMARK, TAG, Source, Wish, WishRefusedError
from services.notices.store import Caused, record_facts_and_notices
from services.persons.model import CUSTOMER
from services.persons.store import standing_for
from services.planning import Fact
from services.waiting.asking import ask_tags
from services.waiting.model import Why
from shared.audit import Change
from shared.ids import CustomerId, ExternalUserId, UserId
from shared.queue import WORK, enqueue_wakeup, make_queue
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.tenants import Tenant, load_tenants, may_push

MOST_DIGITS = 19
"""Of a customer's id."""


@click.command("edit")
@click.argument("corp_id", type=an_id)
@click.argument("external_userid", type=an_id)
@click.argument("userid", type=an_id, required=False)
@click.option("--remark", metavar="TEXT", help="What USERID calls the customer; at most 20 characters.")
@click.option("--description", metavar="TEXT", help="At most 150 characters.")
@click.option("--company", metavar="TEXT", help="Their company, of customers who use WeChat; at most 20 characters.")
@click.option("--phone", "phones", metavar="NUMBER", multiple=True, help="Replaces all numbers; may be repeated.")
@click.option("--no-phones", is_flag=True, help="Take all numbers away.")
@click.option("--tag", "tags", type=an_id, metavar="ID", multiple=True, help="Put a corp tag on; may be repeated.")
@click.option("--untag", "untags", type=an_id, metavar="ID", multiple=True, help="Take a corp tag off.")
@click.option("--by", type=a_text, metavar="NAME", required=True, help="Who wants it; stands in the history.")
@click.option("--why", type=a_text, metavar="TEXT", help="The reason; stands in the history.")
@writes("relation.wished")
def command(
    corp_id: str,
    external_userid: str,
    userid: str | None,
    *,
    remark: str | None,
    description: str | None,
    company: str | None,
    phones: tuple[str, ...],
    no_phones: bool,
    tags: tuple[str, ...],
    untags: tuple[str, ...],
    by: str,
    why: str | None,
) -> None:
    """Change in WeCom what the associate USERID's relation to the customer EXTERNAL_USERID of CORP_ID carries (TAG-2).

    Without USERID, --tag and --untag are about the customer as a whole: a tag goes to the relation of the associate
    whose customer this is, and waits where nobody is a friend yet; it is taken off all. Whoever is no WeCom contact, as
    in the pool, is named customer:ID.

    It is written soon, and counts when our own read shows it. An edit that the associate made and you have not seen
    stands: `guanxi intents` says so. A corp whose file has no `pushes = true` is observed only: nothing is written.
    """
    if userid is None:
        others = remark, description, company, *phones, no_phones or None
        if any(one is not None for one in others):
            raise click.UsageError("without USERID only tags can be changed: a remark is an associate's")
        _tag_whole(corp_id, external_userid, tags, untags, by=by, why=why)
        return
    runtime, tenant = corp_of(corp_id)
    wishes = [Wish(UserId(userid), f"{TAG}{one}", True) for one in tags]
    wishes += [Wish(UserId(userid), f"{TAG}{one}", False) for one in untags if one not in tags]
    texts = ((REMARK, remark), (DESCRIPTION, description), (COMPANY, company))
    wishes += [Wish(UserId(userid), name, text) for name, text in texts if text is not None]
    if phones or no_phones:
        wishes.append(Wish(UserId(userid), PHONES, phones))
    if not wishes:
        raise click.UsageError("nothing to change: name a remark, a description, a company, phones or tags")
    if phones and no_phones:
        raise click.UsageError("either --phone or --no-phones")
    with runtime.engine.begin() as connection:
        pushes = may_push(connection, tenant.id)
        try:
            facts = ask(
                connection,
                tenant,
                ExternalUserId(external_userid),
                wishes,
                author=by,
                source=Source.PERSON,
                reason=why,
                now=runtime.clock.now(),
            )
            tell(connection, runtime, tenant, facts, by=by)
            wanted = {f"{one.userid} {one.field}": one.desired for one in wishes}
            change = Change("relation.wished", *subject_of(connection, tenant, external_userid), after=wanted)
            audited(connection, runtime, tenant, [change], by=by)
        except WishRefusedError as error:
            raise click.ClickException(str(error)) from None
    _say_recorded(runtime, corp_id, len(wishes), pushes=pushes)


def _tag_whole(
    corp_id: str, named: str, tags: Sequence[str], untags: Sequence[str], *, by: str, why: str | None
) -> None:
    add, remove = list(dict.fromkeys(tags)), [one for one in dict.fromkeys(untags) if one not in tags]
    if not add and not remove:
        raise click.UsageError("nothing to change: name tags, or the associate USERID")
    runtime, tenant = corp_of(corp_id)
    wanted = Why(by, Source.PERSON, why)
    with runtime.engine.begin() as connection:
        pushes, customer_id = may_push(connection, tenant.id), _customer(connection, tenant, named)
        now = runtime.clock.now()
        try:
            asked = ask_tags(connection, tenant, customer_id, add=add, remove=remove, why=wanted, now=now)
        except WishRefusedError as error:
            raise click.ClickException(str(error)) from None
        tell(connection, runtime, tenant, asked.facts, by=by)
        wished = {f"{one.userid} {one.field}": one.desired for wishes in asked.wished.values() for one in wishes}
        after = {**wished, "waiting": list(asked.kept)}
        change = Change("relation.wished", CUSTOMER, str(customer_id), {"waiting": list(asked.ended)}, after)
        audited(connection, runtime, tenant, [change], by=by)
    _say_recorded(runtime, corp_id, len(wished), pushes=pushes)
    if add and not wished:
        click.echo(f"no associate is a friend yet: {len(add)} wait until one is, and are put on then")


def _customer(connection: Connection, tenant: Tenant, named: str) -> CustomerId:
    kind, _, number = named.partition(":")
    if kind == CUSTOMER and number.isascii() and number.isdecimal() and len(number) < MOST_DIGITS:
        found = standing_for(connection, tenant.id, CustomerId(int(number)))
    else:
        kind, key = subject_of(connection, tenant, named)
        found = CustomerId(int(key)) if kind == CUSTOMER else None
    if found is None:
        raise click.ClickException(f"no customer {named}; give an external_userid, or customer:ID")
    return found


def _say_recorded(runtime: Runtime, corp_id: str, count: int, *, pushes: bool) -> None:
    enqueue_wakeup(make_queue(runtime.redis, WORK), WORK)
    click.echo(f"recorded: {count} wished for; `guanxi intents {corp_id}` shows what becomes of it")
    if not pushes:
        click.echo("the corp is observed only: it is kept, and written when its file says `pushes = true`", err=True)


def tell(connection: Connection, runtime: Runtime, tenant: Tenant, facts: Sequence[Fact], *, by: str) -> None:
    """Record facts that an operator brought about."""
    caused = [Caused(fact, "operator", f"operator:{by}") for fact in facts]
    now, ttl_s = runtime.clock.now(), runtime.settings.message_ttl_s
    record_facts_and_notices(connection, tenant, caused, now=now, ttl_s=ttl_s)


def corp_of(corp_id: str) -> tuple[Runtime, Tenant]:
    """
    Raises:
        ClickException: there is no such corp.
    """
    runtime = open_runtime(load_settings(), application="edit", pool_size=2)
    with runtime.engine.begin() as connection:
        tenants = load_tenants(connection, runtime.vault, corp_id=corp_id)
    if not tenants:
        raise click.ClickException(f"no corp {corp_id}; `guanxi corp list` shows those that are there")
    return runtime, tenants[-1]
