"""A million rows in the outbox cost no more pages than ten thousand, whatever is asked of it (OUT-3)."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from services.assignment.model import CustomerReassigned
from services.notices.called import load_called
from services.notices.facing import change_cards
from services.notices.log import Sought, list_notifications
from services.notices.passing import pass_on
from services.notices.settled import Says, Settled
from services.notices.vanishing import take_back as take_back_by_facts
from services.reminders.model import Policy
from services.reminders.store import record_policy
from services.robots.model import recipient_of
from shared.db.engine import fetch_all, run
from shared.dead import retry_message
from shared.folding import Key, gather, last_told, put_off
from shared.ids import ExternalUserId, OutboxId, TenantId, UserId
from shared.outbox import CARDS, ROBOTS, Queue, expire, expire_robots, line_up, park_unknowable, recent_tries
from shared.tries import Outcome, begin_try, end_try, lease
from shared.withdrawing import close_late_recalls, finish_recall, take_recalls, withdraw, withdraw_untold
from tests.conftest import NOW

TENANT = TenantId(1)
LITTLE, MUCH = 10_000, 1_000_000
DAY, FEW_PAGES = timedelta(days=1), 10
FILL = """
insert into outbox (tenant_id, natural_key, notice, channel, recipient, state, next_try_at, first_fair_at, created_at,
  expires_at, settled_at, about, reason, folds, folded_into, recall, msgid, apart_s, attempts, body,
  fact_id)
select 1, 'k' || n, 'kind' || n % 10, 'wecom', 'p' || n % 500,
  case when n % 50 = 7 then 'withdrawn' when n % 10 = 3 then 'folded' when n % 20 = 5 then 'due' else 'sent' end,
  cast(:now as timestamptz) + case
    when n % 20 = 5 then interval '8 h' when n % 50 = 1 then interval '1 min' else -age end,
  cast(:now as timestamptz) + case when n % 20 = 5 then interval '8 h' else -age end,
  cast(:now as timestamptz) - age, cast(:now as timestamptz) - age + interval '500 days',
  case when n % 20 = 5 then null
    else cast(:now as timestamptz) - case when n % 50 = 1 then interval '10 min' else age end end,
  null, 'reason:' || n / 3, case when n % 20 = 2 then 2 else 1 end, case when n % 10 = 3 then n - 1 end,
  case when n % 50 = 1 then 'wanted' end, 'm' || n, 60, 1, '\\x00', n
from (select n, interval '300 days' * (:count - n) / :count as age from generate_series(1, :count) n) s
"""
FEW = """
insert into outbox (tenant_id, natural_key, notice, channel, recipient, state, next_try_at, first_fair_at, created_at,
  expires_at, settled_at, reason, recall, msgid, apart_s, fact_id)
select 1, what || n, what, channel, who || n % 3, state, cast(:now as timestamptz) - interval '1 min' * n,
  cast(:now as timestamptz) - interval '1 min' * n, :now, cast(:now as timestamptz) + valid, settled, what || ':' || n,
  recall, 'm', 60, 5000000 + n
from generate_series(1, 40) n cross join (values
  ('now', 'wecom', 'LiNa', 'due', interval '1 day', null, null),
  ('old', 'wecom', 'LiNa', 'due', interval '-1 day', null, null),
  ('bad', 'wecom', 'LiNa', 'dead', interval '1 day', cast(:now as timestamptz), null),
  ('untrue', 'wecom', 'LiNa', 'sent', interval '1 day', cast(:now as timestamptz), 'wanted'),
  ('late', 'wecom', 'LiNa', 'sent', interval '1 day', cast(:now as timestamptz) - interval '2 h', 'wanted'),
  ('said', 'robot', 'robot:', 'queued', interval '1 day', null, null),
  ('card', 'wecom_card', 'LiNa', 'queued', interval '1 day', null, null)
) w(what, channel, who, state, valid, settled, recall)
"""
QUEUES = """
insert into outbox (tenant_id, natural_key, notice, channel, recipient, state, next_try_at, created_at, expires_at)
select 1, 'q' || n, 'x', case when n % 2 = 0 then 'robot' else 'webhook' end,
  case when n % 2 = 0 then 'robot:77' else 'endpoint:' || n % 4 end, 'queued',
  cast(:now as timestamptz) - interval '1 d', :now, cast(:now as timestamptz) + interval '1 day'
from generate_series(1, :count / 20) n
"""
TRIES = """
insert into attempt (tenant_id, parent_kind, parent_id, number, recipient, started_at, finished_at, outcome)
select tenant_id, 'outbox', id, 1, recipient, created_at, created_at, 'accepted' from outbox where channel = 'wecom'
"""


def fill(engine: Engine, count: int) -> None:
    with engine.begin() as connection:
        run(connection, "alter sequence outbox_id_seq restart with 1")
        for one in (FILL, FEW, QUEUES, TRIES):
            run(
                connection,
                one,
                **{name: value for name, value in (("now", NOW), ("count", count)) if f":{name}" in one},
            )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze outbox, attempt"))


class Meter:
    """Counts the pages that each statement of a connection touches, by explaining it before it is run."""

    def __init__(self, connection: Connection) -> None:
        self.pages, self.scans = Counter[str](), set[str]()
        event.listen(connection, "before_cursor_execute", self._explain)

    def _explain(self, _connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "outbox" not in statement and "attempt" not in statement:
            return
        with cursor.connection.cursor() as own:
            own.execute("savepoint explaining")
            own.execute("explain (analyze, buffers, format json) " + statement, parameters)
            found = own.fetchone()[0]
            own.execute("rollback to explaining")
        plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
        self.pages[statement] += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        self._look(plan)

    def _look(self, plan: dict[str, Any]) -> None:
        scanned = plan["Relation Name"] if plan["Node Type"] == "Seq Scan" else ""
        pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        if scanned.startswith(("outbox", "attempt")) and pages > FEW_PAGES:  # not an empty partition
            self.scans.add(scanned)
        for one in plan.get("Plans", ()):
            self._look(one)


def deliver(connection: Connection) -> None:
    """What a notifier asks of a batch, from its claim to the end of its tries."""
    held = lease(connection, limit=20, now=NOW, lease_s=60)
    assert held
    keys = {OutboxId(one.id): Key.of(one) for one in held[:3]}
    boss = Key("p6", "kind6", False, False)  # whoever has only heard of their own matters
    last_told(connection, TENANT, dict.fromkeys([*keys.values(), boss], timedelta(minutes=1)), now=NOW)
    park_unknowable(connection, now=NOW)
    expire_robots(connection, limit=1000, now=NOW)
    recent_tries(connection, TENANT, ["LiNa1", "p1"], since=NOW - timedelta(hours=1))
    gather(connection, TENANT, held, keys, now=NOW)
    number = begin_try(connection, held[0], body=b"x", counts_for="LiNa0", now=NOW)
    end_try(connection, held[0], number, Outcome("accepted", "sent", msgid="m"), now=NOW)
    put_off(connection, TENANT, [(Key.of(held[1]), NOW + DAY)], moves=True, now=NOW)
    line_up(connection, TENANT, Queue("LiNa2", NOW + DAY, 30, 60.0), told_together=["now"], now=NOW)


def recall(connection: Connection) -> None:
    assert close_late_recalls(connection, now=NOW) == 40
    (first, *_) = take_recalls(connection, limit=16, now=NOW, lease_s=60)
    finish_recall(connection, first, "done")


def take_back(connection: Connection) -> None:
    assert withdraw(connection, TENANT, dict.fromkeys(("now:1", "reason:3000", "nothing")), now=NOW)
    assert withdraw_untold(connection, TENANT, "select 'now:' || n from generate_series(2, 9) n", now=NOW) == 8


def hand_on(connection: Connection) -> None:
    """To administrators in somebody's place, again by hand, to another associate; cards of what was settled."""
    (bad,) = fetch_all(connection, "select id from outbox where tenant_id = 1 and natural_key = 'bad1'")
    record_policy(connection, TENANT, Policy(administrators=(UserId("Boss"),)), by="test", now=NOW)
    assert pass_on(connection, TENANT, bad["id"], now=NOW) == 1
    assert pass_on(connection, TENANT, bad["id"], now=NOW) == 0
    assert retry_message(connection, TENANT, bad["id"], now=NOW)
    (line,) = fetch_all(connection, "insert into stage_line (tenant_id, name, position, created_at) "
                        "values (1, 'x', 1, :now) returning id", now=NOW)  # fmt: skip
    (moved,) = fetch_all(connection, "insert into customer (tenant_id, assigned_userid, created_at, updated_at) "
                         "values (1, 'Wang', :now, :now) returning id", now=NOW)  # fmt: skip
    run(connection, "update outbox set reason = :reason where tenant_id = 1 and natural_key = 'now1'",
        reason=f"stage:{line['id']}:{moved['id']}")  # fmt: skip
    fact = CustomerReassigned(occurred_at=NOW, customer_id=moved["id"], external_userid=ExternalUserId("wm"),
                              from_userid=UserId("LiNa1"), to_userid=UserId("Wang"), why="operator")  # fmt: skip
    assert take_back_by_facts(connection, TENANT, [fact], [], now=NOW) == []
    told = fetch_all(connection, "select recipient from outbox where tenant_id = 1 and natural_key = 'now1'")
    assert [row["recipient"] for row in told] == ["Wang"]
    change_cards(connection, TENANT, {"reason:3000": Settled(Says.CAME_BACK, NOW)}, now=NOW)
    load_called(connection, TENANT, [OutboxId(bad["id"])])


def speak(connection: Connection) -> None:
    rests = [recipient_of(77)]
    assert len(lease(connection, ROBOTS, limit=20, now=NOW, lease_s=60, without=rests)) == 20
    assert len(lease(connection, CARDS, limit=20, now=NOW, lease_s=60)) == 20


def look(connection: Connection) -> None:
    month = NOW - 30 * DAY
    for sought in (
        Sought(),
        Sought(state="dead"),
        Sought(state="refused"),
        Sought(notice="bad"),
        Sought(notice="never"),
        Sought(recipient="LiNa1"),
        Sought(until=NOW - 200 * DAY),
        Sought(since=month, until=month + DAY),
        Sought(state="dead", since=month),
    ):
        rows = list_notifications(connection, TENANT, sought, before=None, limit=20)
        if len(rows) == 20:
            list_notifications(connection, TENANT, sought, before=rows[-1]["id"], limit=20)


WORK: list[Callable[[Connection], object]] = [
    deliver,
    lambda connection: expire(connection, limit=100, now=NOW),
    recall,
    take_back,
    hand_on,
    speak,
    look,
]


def measured(engine: Engine, count: int) -> tuple[Counter[str], set[str]]:
    fill(engine, count)
    pages, scans = Counter[str](), set[str]()
    for work in WORK:
        with engine.connect() as connection, connection.begin() as transaction:
            meter = Meter(connection)
            work(connection)
            transaction.rollback()
        pages += meter.pages
        scans |= meter.scans
    with engine.begin() as connection:
        run(connection, "truncate outbox, attempt")
    return pages, scans


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_what_a_statement_touches_does_not_grow_with_the_outbox(engine: Engine):
    """Of the notifier, recalls, withdrawing, robots, cards and the log: thrice the pages at most, no table read."""
    little, _ = measured(engine, LITTLE)
    much, scans = measured(engine, MUCH)
    grown = {sql: (little[sql], pages) for sql, pages in much.items() if pages > 3 * little[sql] + 100}
    assert not grown, "\n".join(f"{pages}: {sql}" for sql, pages in grown.items())
    assert not scans
