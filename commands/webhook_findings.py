"""What `guanxi doctor` says of webhook endpoints."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.webhooks.model import EndpointState
from services.webhooks.queue import count_by_state, oldest_waiting
from services.webhooks.store import EndpointRow, list_endpoints
from shared.vault import Vault

LATE = timedelta(minutes=1)
FAILING = timedelta(minutes=10)


def webhook_findings(connection: Connection, vault: Vault, *, now: datetime) -> tuple[list[str], str]:
    """What is wrong, each with what to do; and one line for when nothing is."""
    rows = list_endpoints(connection, vault)
    found = [told for row in rows for told in _findings(connection, row, now=now)]
    return found, f"{len(rows)} webhook endpoints, nothing waits for long" if rows else "no webhook endpoints"


def _findings(connection: Connection, row: EndpointRow, *, now: datetime) -> list[str]:
    name, found = f"webhook endpoint {row.id} of {row.corp_id}", []
    counts = count_by_state(connection, row.tenant_id, row.id)
    waiting, dead = counts.get("queued", 0), counts.get("dead", 0)
    oldest = oldest_waiting(connection, row.tenant_id, row.id)
    if row.state is EndpointState.DISABLED:
        found.append(
            f"{name} was disabled ({row.reason}), {waiting} wait: mend it, then `guanxi webhook resume {row.id}`"
        )
    elif row.state is EndpointState.ACTIVE and row.failing_since is not None and now - row.failing_since > FAILING:
        since = f"{row.failing_since:%Y-%m-%d %H:%M} UTC"
        found.append(f"{name} fails since {since}, {waiting} wait: `guanxi webhook test {row.id}` says how")
    elif row.state is EndpointState.ACTIVE and oldest is not None and now - oldest > LATE:
        late_s = (now - oldest).total_seconds()
        found.append(f"{name}: the oldest of {waiting} waits since {late_s:.0f} s: does a notifier run?")
    if dead:
        found.append(f"{name}: {dead} were given up: `guanxi webhook deliveries {row.id} --state dead`, "
                     f"`guanxi webhook resend {row.id} --dead`")  # fmt: skip
    return found
