"""A customer gets another associate, is blacklisted or deleted while a reminder of them waits."""

from datetime import timedelta

import pytest

from services.assignment.model import CustomerReassigned, CustomerUnassigned
from services.blacklist.model import CustomerBlacklisted
from services.erasing.store import erase
from services.planning import Fact
from services.reminders.model import Policy, Wish
from services.stages.model import CustomerStageChanged
from services.watching.model import CustomerNotContacted
from shared.db.engine import fetch_all, run
from shared.ids import CustomerId, ExternalUserId, UserId
from tests.notifier.desk import Desk
from tests.notifier.test_folding import EVENING, NIGHT, TENANT, set_policy, wish

LINA, WANG = UserId("LiNa"), UserId("WangFang")
ANNA = ExternalUserId("wmAnna")
DAY_S = 86_400


def customer(desk: Desk) -> CustomerId:
    """Li Na's, for long."""
    with desk.runtime.engine.begin() as connection:
        (row,) = fetch_all(
            connection,
            "insert into customer (tenant_id, standing, assigned_userid, assigned_at, created_at, updated_at) "
            "values (1, 'friend', 'LiNa', :then, :then, :then) returning id",
            then=EVENING - timedelta(days=60),
        )
    return CustomerId(row["id"])


def assign(desk: Desk, customer_id: CustomerId, *userids: UserId | None) -> None:
    """Li Na's customer is one's after the other's, in one commit."""
    with desk.runtime.engine.begin() as connection:
        run(connection, "update customer set assigned_userid = :userid", userid=userids[-1])
    facts: list[Fact] = []
    now, had = desk.runtime.clock.now(), LINA
    for one in userids:
        whose = {"occurred_at": now, "customer_id": customer_id, "external_userid": ANNA, "from_userid": had}
        if one is None:
            facts.append(CustomerUnassigned(**whose))
        else:
            facts.append(CustomerReassigned(**whose, to_userid=one, why="operator"))
            had = one
    desk.record(*facts)


def not_contacted(desk: Desk, customer_id: CustomerId) -> None:
    now = desk.runtime.clock.now()
    since = (now - timedelta(days=30)).isoformat()
    desk.record(
        CustomerNotContacted(
            occurred_at=now, customer_id=customer_id, external_userid=ANNA, userid=LINA, stage_id=None, since=since,
            source=None, days=30, number=1,
        )
    )  # fmt: skip


def stage_changed(desk: Desk, customer_id: CustomerId) -> None:
    """Told a day later."""
    wish(desk, "stage_changed", Wish(enabled=True, delay_s=DAY_S))
    with desk.runtime.engine.begin() as connection:
        (line,) = fetch_all(
            connection,
            "insert into stage_line (tenant_id, name, position, created_at) values (1, '购车', 1, :now) returning id",
            now=EVENING,
        )
    desk.record(
        CustomerStageChanged(
            occurred_at=desk.runtime.clock.now(), customer_id=customer_id, line_id=line["id"], from_stage_id=None,
            to_stage_id=1, why="hand",
        )
    )  # fmt: skip


def told(desk: Desk, notice: str) -> list[tuple[object, ...]]:
    return desk.rows(f"select recipient, state from outbox where notice = '{notice}' order by id")


@pytest.mark.parametrize("how", ["reassigned", "unassigned", "blacklisted"])
def test_nobody_is_to_contact_who_is_not_theirs_or_blacklisted(desk: Desk, how: str) -> None:
    """The reminder waited for the end of quiet hours (STG-2, CUS-10)."""
    desk.stop_the_clock(EVENING)
    set_policy(desk, Policy(quiet=NIGHT))
    one = customer(desk)
    not_contacted(desk, one)
    if how == "blacklisted":
        desk.record(CustomerBlacklisted(occurred_at=EVENING, customer_id=one, entry_id=1))
    else:
        assign(desk, one, WANG if how == "reassigned" else None)
    desk.deliver(after_s=11 * 3600)
    assert told(desk, "not_contacted") == [("LiNa", "withdrawn")]


@pytest.mark.parametrize(
    ("userids", "becomes"),
    [
        ((WANG,), ("WangFang", "sent")),
        ((UserId("ZhaoMin"), WANG), ("WangFang", "sent")),
        ((WANG, LINA), ("LiNa", "sent")),
        ((None,), ("LiNa", "withdrawn")),
    ],
)
def test_a_delayed_change_of_stage_is_told_to_whoever_has_the_customer(
    desk: Desk, userids: tuple[UserId | None, ...], becomes: tuple[str, str]
) -> None:
    """Whoever had them when it was queued hears nothing (STG-3)."""
    desk.stop_the_clock(EVENING)
    one = customer(desk)
    stage_changed(desk, one)
    assign(desk, one, *userids)
    desk.deliver(after_s=DAY_S + 60)
    assert told(desk, "stage_changed") == [becomes]


def test_what_waits_of_who_is_deleted_is_told_no_more(desk: Desk) -> None:
    """Of their stage a day later, of their silence in the morning (CUS-8)."""
    desk.stop_the_clock(EVENING)
    set_policy(desk, Policy(quiet=NIGHT))
    one = customer(desk)
    stage_changed(desk, one)
    not_contacted(desk, one)
    with desk.runtime.engine.begin() as connection:
        erase(connection, TENANT, [one], now=EVENING)
    desk.deliver(after_s=DAY_S + 12 * 3600)
    assert desk.rows("select state from outbox") == [("withdrawn",), ("withdrawn",)]
