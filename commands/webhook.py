"""`guanxi webhook`: endpoints of the retailer's own systems."""

from datetime import datetime, timedelta

import click

from commands.auditing import audited, writes
from commands.corps import chosen_corp
from commands.ids import a_text, an_id
from commands.webhook_chosen import BY, ID, change, endpoint_of, in_pieces, noted, ring, runtime_of, tenant_of
from commands.webhook_deliveries import STATES, deliveries, resend, test
from services.notices.plan import REACTIONS, SILENT
from services.webhooks.model import ALL_CAUSES, USUAL_CAUSES, BadUrlError, EndpointState, checked_url, shown_url
from services.webhooks.queue import count_by_state
from services.webhooks.store import EndpointRow, add_endpoint, list_endpoints, new_secret, rotate_secret
from services.webhooks.walks import pull_forward
from shared.audit import Change
from shared.settings import resolve_secret

FACT_TYPES = sorted(fact.TYPE for fact in SILENT | set(REACTIONS))
ROTATION_H = 24


@click.group("webhook")
def command() -> None:
    """Tell the retailer's own systems of every fact, by signed HTTP (docs/webhooks.md).

    \b
    A receiver verifies each request with the secret that `add` prints; in Python, with the package standardwebhooks:
        from standardwebhooks import Webhook
        fact = Webhook("whsec_...").verify(request_body, request_headers)   # raises when it is not ours
    It answers 2xx within ten seconds, remembers `webhook-id` (a fact may come twice), and expects no order.
    """


@command.command("add")
@click.argument("corp_id", type=an_id)
@click.argument("url", type=a_text)
@click.option("--fact", "types", multiple=True, type=click.Choice(FACT_TYPES), metavar="TYPE",
              help="Only these, see docs/facts.md; may be repeated. Without it: all, also those to come.")  # fmt: skip
@click.option("--cause", "causes", multiple=True, type=click.Choice(ALL_CAUSES), default=USUAL_CAUSES,
              help="May be repeated. Without it: all but bootstrap, what a first sync finds.")  # fmt: skip
@BY
@writes("webhook.made")
def add(corp_id: str, url: str, *, types: tuple[str, ...], causes: tuple[str, ...], by: str) -> None:
    """Send the facts of CORP_ID to URL from now on. Prints the secret once; keep it in the receiver.

    \b
    Example:  guanxi webhook add ww0123456789abcdef https://crm.example.com/guanxi --by "Chen Jing"
    Only losses:  ... --fact relation_lost --fact customer_lost
    What happened before: `guanxi webhook resend ID --since TIME`.
    An address with a token in it can stay out of the shell's history: env:NAME reads it from the environment.
    """
    try:
        url = checked_url(resolve_secret(url))
    except BadUrlError as error:
        raise click.BadParameter(str(error), param_hint="URL") from None
    runtime = runtime_of()
    tenant, secret = chosen_corp(runtime, corp_id), new_secret()
    with runtime.engine.begin() as connection:
        id_ = add_endpoint(
            connection,
            tenant,
            url=url,
            secret=secret,
            fact_types=types or None,
            causes=causes,
            by=by,
            now=runtime.clock.now(),
        )
        after = {"url": shown_url(url), "facts": types, "causes": causes}
        audited(connection, runtime, tenant, [Change("webhook.made", "webhook_endpoint", str(id_), after=after)], by=by)
    click.echo(f"endpoint {id_}; its secret, shown only now:\n{secret}")
    click.echo(f"`guanxi webhook test {id_}` sends a trial", err=True)
    if url.startswith("http:"):
        click.echo("the address is not https: whoever is on the way can read the facts", err=True)


@command.command("list")
@click.argument("corp_id", type=an_id, required=False)
def list_(corp_id: str | None) -> None:
    """List the endpoints (of CORP_ID) with what waits for each; addresses without their query."""
    runtime = runtime_of()
    tenant_id = chosen_corp(runtime, corp_id).id if corp_id else None
    with runtime.engine.begin() as connection:
        rows = list_endpoints(connection, runtime.vault, tenant_id=tenant_id)
        counts = {row.id: count_by_state(connection, row.tenant_id, row.id) for row in rows}
    for row in rows:
        count, wanted = counts[row.id], "all facts" if row.fact_types is None else ", ".join(row.fact_types)
        causes = "all but bootstrap" if set(row.causes) == set(USUAL_CAUSES) else ", ".join(row.causes)
        last = f"{row.accepted_at:%Y-%m-%d %H:%M} UTC" if row.accepted_at else "never"
        click.echo(f"{row.id}  {row.corp_id}  {shown_url(row.url)}")
        click.echo(f"   {_stated(row, runtime.clock.now())}; last accepted: {last}")
        click.echo(f"   {' '.join(f'{count.get(state, 0)} {state},' for state in STATES)} by {row.made_by}")
        click.echo(f"   {wanted}; causes: {causes}")
    if not rows:
        click.echo("no endpoints; `guanxi webhook add` makes one")


def _stated(row: EndpointRow, now: datetime) -> str:
    if row.state is not EndpointState.ACTIVE:
        return f"{row.state}: {row.reason}" if row.reason else str(row.state)
    if row.failing_since is None:
        return "active"
    closed = f", asked again at {row.closed_until:%H:%M:%S} UTC" if row.closed_until and row.closed_until > now else ""
    return f"failing since {row.failing_since:%Y-%m-%d %H:%M} UTC{closed}"


@command.command("pause")
@ID
@click.option("--why", type=a_text, metavar="TEXT", help="The reason; `list` shows it.")
@BY
@writes("webhook.paused")
def pause(number: int, *, why: str | None, by: str) -> None:
    """Send nothing to endpoint ID until `resume`; what happens meanwhile waits (GUANXI_WEBHOOK_KEEP_S)."""
    runtime = runtime_of()
    change(runtime, endpoint_of(runtime, number), EndpointState.PAUSED, reason=why, by=by)
    click.echo(f"endpoint {number} is paused; `guanxi webhook resume {number}` goes on")


@command.command("resume")
@ID
@BY
@writes("webhook.active")
def resume(number: int, *, by: str) -> None:
    """Call endpoint ID again, which was paused, or disabled by itself: all that waits goes out now."""
    runtime = runtime_of()
    row = endpoint_of(runtime, number)
    change(runtime, row, EndpointState.ACTIVE, by=by)
    in_pieces(runtime, lambda connection, now: pull_forward(connection, row.tenant_id, row.id, now=now))
    ring(runtime)
    click.echo(f"endpoint {number} is active")


@command.command("rotate")
@ID
@click.option("--keep-hours", type=click.IntRange(0, 24 * 30), default=ROTATION_H, show_default=True,
              help="So long the secret of before signs too.")  # fmt: skip
@BY
@writes("webhook.rotated")
def rotate(number: int, *, keep_hours: int, by: str) -> None:
    """Give endpoint ID another secret and print it once. Meanwhile requests carry two signatures, either is valid."""
    runtime = runtime_of()
    row, secret, now = endpoint_of(runtime, number), new_secret(), runtime.clock.now()
    tenant = tenant_of(runtime, row)
    until = now + timedelta(hours=keep_hours)
    with runtime.engine.begin() as connection:
        rotate_secret(connection, tenant, row.id, secret=secret, until=until, by=by, now=now)
        noted(connection, runtime, row, "webhook.rotated", by=by)
    click.echo(f"the secret of endpoint {number}, shown only now; the old one signs too until {until:%Y-%m-%d %H:%M} "
               f"UTC:\n{secret}")  # fmt: skip


@command.command("remove")
@ID
@BY
@click.confirmation_option(prompt="What waits for it is dropped, its history goes. Remove the endpoint?")
@writes("webhook.removed")
def remove(number: int, *, by: str) -> None:
    """Remove endpoint ID for good, with what waits for it. `pause` keeps it."""
    runtime = runtime_of()
    change(runtime, endpoint_of(runtime, number), EndpointState.REMOVED, by=by)
    click.echo(f"endpoint {number} is removed; its rows are deleted within minutes")


for one in (test, deliveries, resend):
    command.add_command(one)
