"""`guanxi webhook test|deliveries|resend`: what is sent to an endpoint, and sending it again."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import click

from commands.auditing import BY, writes
from commands.webhook_chosen import ID, endpoint_of, in_pieces, noted, ring, runtime_of, tenant_of
from notifier.webhooks.post import make_http, post
from services.webhooks.body import render_body, trial_fact
from services.webhooks.model import EndpointState, natural_key
from services.webhooks.plan import accepted
from services.webhooks.queue import list_deliveries
from services.webhooks.resend import resend_since
from services.webhooks.store import EndpointRow, load_endpoint, load_listener
from services.webhooks.walks import requeue, resend_dead
from shared.ids import FactId
from shared.runtime import Runtime

MOST_NAMED = 1000
STATES = ("queued", "sent", "dead", "expired")


@click.command("test")
@ID
def test(number: int) -> None:
    """Send a signed trial (type webhook_test) to endpoint ID now, whatever its state, and say what it answered."""
    runtime = runtime_of()
    settings, now = runtime.settings, runtime.clock.now()
    row = endpoint_of(runtime, number)
    with runtime.engine.begin() as connection:
        endpoint = load_endpoint(connection, runtime.vault, row.id, now=now, closed_too=True)
    assert endpoint is not None
    message_id = f"test_{uuid4().hex}"
    body = render_body(replace(trial_fact(now), subject_key=str(row.id)), row.corp_id, message_id)
    timeout = (settings.webhook_connect_timeout_s, settings.webhook_read_timeout_s)
    with make_http(connections=1) as http:
        answer = post(http, endpoint, message_id=message_id, body=body, timeout=timeout, now=now)
    told = f"HTTP {answer.status}" if answer.status else "no answer"
    if not accepted(answer):
        raise click.ClickException(f"{told}{f': {answer.problem}' if answer.problem else ''}; 2xx would be success")
    click.echo(f"accepted: {told}")


@click.command("deliveries")
@ID
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def deliveries(number: int, *, state: str | None, limit: int) -> None:
    """List the newest deliveries of endpoint ID: queued, sent, dead (tries used up) or expired (waited too long)."""
    runtime = runtime_of()
    row = endpoint_of(runtime, number)
    with runtime.engine.begin() as connection:
        found = list_deliveries(connection, row.tenant_id, row.id, state=state, limit=limit)
    for one in found:
        name, tries = f"fact_{one['fact_id']}", f"{one['attempts']} tries"
        next_ = f"next {one['next_try_at']:%Y-%m-%d %H:%M:%S} UTC" if one["state"] == "queued" else ""
        since = f"{one['created_at']:%Y-%m-%d %H:%M:%S} UTC"
        cells = (
            f"{name:<14}",
            f"{one['type']:<24}",
            f"{one['state']:<8}",
            tries,
            since,
            next_,
            one["last_error"] or "",
        )
        click.echo("  ".join(cells).rstrip())
    if not found:
        click.echo("none")


@click.command("resend")
@ID
@click.option("--since", metavar="TIME", help="All facts recorded since: 2026-11-20 or 2026-11-20T08:30, corp's time.")
@click.option("--dead", is_flag=True, help="What was given up or has expired.")
@click.option("--fact", "facts", type=click.IntRange(1, 2**63 - 1), multiple=True, metavar="N", help="Of fact_N.")
@BY
@writes("webhook.resent")
def resend(number: int, *, since: str | None, dead: bool, facts: tuple[int, ...], by: str | None) -> None:
    """Send to endpoint ID again, under the same webhook-ids: a receiver that remembers them takes what it has not.

    \b
    After an outage of the receiver, or when a backup of it was restored:
        guanxi webhook resend 3 --since 2026-11-20T08:30
    """
    if (since is not None) + dead + bool(facts) != 1:
        raise click.UsageError("name one of --since, --dead, --fact")
    runtime = runtime_of()
    row = endpoint_of(runtime, number)
    with runtime.engine.begin() as connection:  # before: a resend may be cut short, and has then sent part of it
        after = {"since": since, "dead": dead, "facts": facts[:MOST_NAMED]}
        noted(connection, runtime, row, "webhook.resent", by=by, after=after)
    if since is not None:
        count = _since(runtime, row, _moment(since, tenant_of(runtime, row).timezone))
    elif dead:
        count = in_pieces(runtime, lambda connection, now: resend_dead(connection, row.tenant_id, row.id, now=now))
    else:
        keys = [natural_key(FactId(fact), row.id) for fact in facts]
        with runtime.engine.begin() as connection:
            count = requeue(connection, row.tenant_id, keys, now=runtime.clock.now())
    ring(runtime)
    click.echo(f"{count} wait for endpoint {number}")
    if row.state is not EndpointState.ACTIVE:
        click.echo(f"it is {row.state}: `guanxi webhook resume {number}` sends them", err=True)


def _since(runtime: Runtime, row: EndpointRow, at: datetime) -> int:
    with runtime.engine.begin() as connection:
        listener = load_listener(connection, row.id)
    assert listener is not None
    return resend_since(runtime.engine, row.tenant_id, listener, since=at, now=runtime.clock.now())


def _moment(text: str, timezone: str) -> datetime:
    """Of an ISO time; one without an offset is the corp's."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(timezone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter("write 2026-11-20 or 2026-11-20T08:30", param_hint="--since") from None
