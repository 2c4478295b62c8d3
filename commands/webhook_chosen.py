"""Which endpoint a command of `guanxi webhook` means, and what they all do."""

from collections.abc import Callable, Mapping
from datetime import datetime

import click
from sqlalchemy import Connection

from commands.auditing import audited
from commands.ids import a_text
from services.webhooks.model import EndpointState
from services.webhooks.store import EndpointRow, change_state, list_endpoints
from shared.audit import Change
from shared.ids import EndpointId
from shared.queue import NOTIFY, enqueue_wakeup, make_queue
from shared.runtime import Runtime, open_runtime
from shared.settings import load_settings
from shared.tenants import Tenant, load_tenant

BY = click.option("--by", type=a_text, metavar="NAME", required=True, help="Who wants it; stands in the row.")
ID = click.argument("number", type=click.IntRange(1, 2**31 - 1), metavar="ID")


def runtime_of() -> Runtime:
    return open_runtime(load_settings(), application="webhook", pool_size=2)


def endpoint_of(runtime: Runtime, number: int) -> EndpointRow:
    """
    Raises:
        UsageError: there is none with this number.
    """
    with runtime.engine.begin() as connection:
        rows = list_endpoints(connection, runtime.vault, endpoint_id=EndpointId(number))
    if not rows:
        raise click.UsageError(f"no endpoint {number}; `guanxi webhook list` shows those that are there")
    return rows[0]


def tenant_of(runtime: Runtime, row: EndpointRow) -> Tenant:
    with runtime.engine.begin() as connection:
        tenant = load_tenant(connection, runtime.vault, row.tenant_id)
    assert tenant is not None
    return tenant


def change(runtime: Runtime, row: EndpointRow, state: EndpointState, *, reason: str | None = None, by: str) -> None:
    with runtime.engine.begin() as connection:
        change_state(connection, row.id, state, reason=reason, by=by, now=runtime.clock.now())
        noted(connection, runtime, row, f"webhook.{state.value}", by=by, after={"reason": reason})


def noted(
    connection: Connection,
    runtime: Runtime,
    row: EndpointRow,
    action: str,
    *,
    by: str | None,
    after: Mapping[str, object] | None = None,
) -> None:
    """A line in the audit about an endpoint."""
    tenant = load_tenant(connection, runtime.vault, row.tenant_id)
    assert tenant is not None
    audited(connection, runtime, tenant, [Change(action, "webhook_endpoint", str(row.id), after=after or {})], by=by)


def in_pieces(runtime: Runtime, piece: Callable[[Connection, datetime], int]) -> int:
    """Each in a commit of its own, until there is nothing left; how many rows in all."""
    now, count = runtime.clock.now(), 0
    while True:
        with runtime.engine.begin() as connection:
            done = piece(connection, now)
        count += done
        if not done:
            return count


def ring(runtime: Runtime) -> None:
    enqueue_wakeup(make_queue(runtime.redis, NOTIFY), NOTIFY)
