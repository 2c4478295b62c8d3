"""Whoever locks several things locks them in one order: two at once wait for each other's end, never for each other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection, Engine

from commands.waiting import wait_for
from services.customers.model import RelationLost
from services.message_cards.model import Press
from services.message_cards.presses import NewPress, record_presses, sealed_code
from services.message_cards.pressing import task_id_for
from services.persons.store import lock_customers
from shared.db.engine import fetch_all, fetch_one, run
from shared.directory import Directory
from shared.ids import CustomerId, ExternalUserId, OutboxId, TenantId, UserId
from shared.outbox import Delivery, enqueue
from shared.tenants import load_tenants
from shared.withdrawing import Recall, finish_recall, withdraw
from sync_worker.presses import act_upon_presses
from tests.conftest import NOW
from tests.notifier.desk import Desk

LI, SHOP = UserId("LiNa"), ExternalUserId("wmShopper")
TENANT = TenantId(1)
WAITING = (
    "select count(*) as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' "
    "and state = 'active'"
)


def meanwhile(engine: Engine, mine: Connection, work: Callable[[], object], then: Callable[[], object]) -> None:
    """`work` in a thread, until it waits for what `mine` holds; then, on that connection, `then` and its end."""
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(work)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watching:
            wait_for(lambda: fetch_all(watching, WAITING)[0]["n"] > 0, "the other one to wait")
        # Less than PostgreSQL waits before it looks for a deadlock: the other one would be ended, and simply try again.
        run(mine, "set local lock_timeout = '500ms'")
        then()
        mine.commit()
        other.result()


def test_a_press_waits_for_the_customer_without_holding_the_card(desk: Desk) -> None:
    """A worker that holds the customer takes the notice back while its card is being pressed: both come to an end."""
    engine, now = desk.runtime.engine, desk.runtime.clock.now()
    with engine.begin() as connection:
        tenant = load_tenants(connection, desk.runtime.vault)[0]
        row = fetch_one(connection, "insert into customer (tenant_id, created_at, updated_at) values (:t, :now, :now) "
                        "returning id", t=tenant.id, now=now)  # fmt: skip
        assert row is not None
        customer_id = CustomerId(row["id"])
        run(connection, "insert into external_contact (tenant_id, external_userid, customer_id, cause, observed_at) "
            "values (:t, :c, :id, 'event', :now)", t=tenant.id, c=SHOP, id=customer_id, now=now)  # fmt: skip
    desk.record(RelationLost(occurred_at=now, userid=LI, external_userid=SHOP, evidenced=True))
    desk.deliver()
    ((id_, reason),) = desk.rows("select id, reason from outbox where channel = 'wecom'")
    press = Press(task_id_for(tenant, OutboxId(int(str(id_)))), "win_back", LI, "1000002", "code", {})
    with engine.begin() as connection:
        record_presses(
            connection, [NewPress(tenant.id, press, sealed_code(tenant.cipher, press), b"1", now, "event:1")], now=now
        )
    with engine.connect() as mine:
        lock_customers(mine, tenant.id, [customer_id])
        meanwhile(
            engine,
            mine,
            lambda: act_upon_presses(desk.runtime, Directory(desk.runtime.vault)),
            lambda: withdraw(mine, tenant.id, {str(reason): None}, now=now),
        )
    assert desk.rows("select state, attempts from card_press") == [("done", 0)]
    assert desk.rows("select count(*) from customer_task") == [(1,)]


def test_what_is_recalled_together_is_locked_in_the_order_of_ids(engine: Engine) -> None:
    """As whoever withdraws does, wherever the rows lie: the first of these was written again, behind the second."""
    with engine.begin() as connection:
        rows = [Delivery(f"k{n}", None, "x", "wecom", "LiNa", [], NOW, reason=f"r{n}") for n in (1, 2)]
        enqueue(connection, TENANT, rows, now=NOW)
        (first, second) = [row["id"] for row in fetch_all(connection, "select id from outbox order by id")]
        run(connection, "update outbox set state = 'sent', recall = 'wanted', settled_at = :now", now=NOW)
    with engine.begin() as connection:
        sql = "update outbox set state = 'folded', folded_into = :second where id = :first"
        run(connection, sql, first=first, second=second)

    def finish() -> None:
        with engine.begin() as connection:
            finish_recall(connection, Recall(TENANT, OutboxId(second), "x", "m", NOW), "done")

    with engine.connect() as mine:
        run(mine, "select 1 from outbox where id = :id for update", id=first)
        meanwhile(engine, mine, finish, lambda: run(mine, "select 1 from outbox where id = :id for update", id=second))
    with engine.begin() as connection:
        assert {row["recall"] for row in fetch_all(connection, "select recall from outbox")} == {"done"}
