"""One readable line for each event as it becomes a message, from the rows of a running demo.

For demos only: it names people, and what `guanxi up` prints ends up in logs; and it scans, which small tables bear.
"""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from shared.db.engine import Row, fetch_all
from shared.runtime import Runtime

WORDS = {
    "new_customer": "is told of a new customer",
    "relation_lost": "is told that a customer left",
    "reassigned_to_you": "is told that a customer is theirs now",
    "reassigned_away": "is told that a customer is a colleague's now",
}

EVENTS = """
select i.id, i.received_at, i.state, coalesce(nullif(i.change, ''), i.event) as what, e.userid, c.name, t.timezone
from inbox i join tenant t on t.id = i.tenant_id
left join lateral (select userid, subject_key from evidence where inbox_day = i.day and inbox_id = i.id
                   and tenant_id = i.tenant_id limit 1) e on true
left join request q on q.tenant_id = i.tenant_id and q.caused_by = 'inbox:' || to_char(i.day, 'YYYYMMDD') || '-' || i.id
left join external_contact c on c.tenant_id = i.tenant_id
                            and c.external_userid = coalesce(e.subject_key, q.subject_key)
where i.day >= :day and i.id > :last and i.state <> 'new' order by i.id limit 200
"""

MESSAGES = """
select o.id, o.settled_at, o.state, o.notice, o.recipient, o.settled_at - i.received_at as took, c.name, t.timezone
from outbox o join tenant t on t.id = o.tenant_id join fact f on f.tenant_id = o.tenant_id and f.id = o.fact_id
left join external_contact c on c.tenant_id = o.tenant_id and c.external_userid = f.payload ->> 'external_userid'
left join inbox i on f.caused_by = 'inbox:' || to_char(i.day, 'YYYYMMDD') || '-' || i.id and i.day >= :day
where o.channel <> 'webhook' and o.state <> 'due' and o.settled_at > :since and not o.id = any(:seen)
order by o.settled_at limit 200
"""


class LiveView:
    """Remembers what it has shown."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._last_event = 0
        self._since = runtime.clock.now()
        self._seen: list[int] = []
        with runtime.engine.begin() as connection:
            rows = fetch_all(connection, "select coalesce(max(id), 0) as id from inbox")
        self._last_event = int(rows[0]["id"])

    def lines(self) -> Iterator[str]:
        """What has happened since the last call, oldest first."""
        day = self._since.date()
        with self._runtime.engine.begin() as connection:
            events = fetch_all(connection, EVENTS, day=day, last=self._last_event)
            messages = fetch_all(connection, MESSAGES, day=day, since=self._since, seen=self._seen)
        if events:
            self._last_event = int(events[-1]["id"])
        self._seen = [*self._seen, *(int(row["id"]) for row in messages)][-1000:]
        moments = [(row["received_at"], _event(row)) for row in events]
        moments += [(row["settled_at"], _message(row)) for row in messages]
        yield from (line for _, line in sorted(moments, key=lambda m: m[0]))


def _event(row: Row) -> str:
    about = " · ".join(str(part) for part in (row["userid"], row["name"]) if part)
    note = "" if row["state"] == "routed" else f"  [{row['state']}]"
    return f"{_time(row['received_at'], row['timezone'])}  ⇐ {row['what'] or 'unreadable':<26} {about}{note}"


def _message(row: Row) -> str:
    took = f"  {row['took'].total_seconds() * 1000:.0f} ms after the event" if row["took"] else ""
    state = "" if row["state"] == "sent" else f"  [{row['state']}]"
    words = WORDS.get(row["notice"], row["notice"])
    return (
        f"{_time(row['settled_at'], row['timezone'])}  ⇒ {row['recipient']} {words}: {row['name'] or '?'}{took}{state}"
    )


def _time(moment: datetime, timezone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(timezone)):%H:%M:%S}"
