"""What stands between us and WeCom now, for people: closed APIs, outages, refused tokens."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from shared.db.engine import fetch_all


def load_obstacles(connection: Connection, *, now: datetime) -> Iterator[str]:
    """One sentence each, with until when; nothing when all is well."""
    for row in fetch_all(
        connection,
        "select scope, api, closed_until from api_budget where closed_until > :now order by closed_until",
        now=now,
    ):
        yield f"WeCom closed {row['api']} for {row['scope']} until {_clock(row['closed_until'])} (45009)"
    for row in fetch_all(connection, "select egress, failures from circuit where open_until is not null"):
        yield f"WeCom does not answer from address {row['egress']!r} ({row['failures']} calls); it is probed"
    for row in fetch_all(
        connection,
        "select t.corp_id, c.app, c.kind, c.refused_reason, c.refused_until from credential c "
        "join tenant t on t.id = c.tenant_id where c.refused_until > :now order by t.corp_id, c.app",
        now=now,
    ):
        what, until = f"{row['kind']} of {row['corp_id']}/{row['app']}", _clock(row["refused_until"])
        yield f"WeCom gave no {what}: {row['refused_reason']}; asked again at {until}, see `guanxi corp check`"


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"
