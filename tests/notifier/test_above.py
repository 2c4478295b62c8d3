"""A loss goes from its fact to phones: the associate's, and the superior's where the customer's stage says so."""

from commands.demo_corp import SimulatedCorp
from services.notices.model import RELATION_LOST
from services.reminders.model import NOT_KNOWN, Wish
from services.reminders.store import record_wish
from shared.db.engine import run
from shared.ids import TenantId
from tests.notifier.desk import Desk

STAGE = 11


def shown(corp: SimulatedCorp, userid: str) -> list[str]:
    return [str(one) for one in corp.messages(userid)]


def test_a_loss_reaches_the_superior_where_the_stage_wants_it(desk: Desk) -> None:
    """Off for all but one stage: there both hear of it, each in words of their own (LOSS-2, LOSS-4)."""
    now = desk.runtime.clock.now()
    with desk.runtime.engine.begin() as connection:
        tenant_id = TenantId(1)
        run(
            connection,
            "insert into associate (tenant_id, userid, name, direct_leaders, observed_at, cause) values "
            "(:t, 'LiNa', '李娜', '{ZhaoMin}', :now, 'event'), (:t, 'ZhaoMin', '赵敏', '{}', :now, 'event') "
            "on conflict (tenant_id, userid) do update set name = excluded.name, "
            "direct_leaders = excluded.direct_leaders",
            t=tenant_id, now=now,
        )  # fmt: skip
        for number in (0, 1):
            values = {"t": tenant_id, "id": number + 1, "contact": f"wm{number}", "now": now}
            run(
                connection,
                "insert into customer (tenant_id, id, standing, created_at, updated_at) "
                "values (:t, :id, 'friend', :now, :now)",
                **values,
            )
            run(
                connection,
                "insert into external_contact (tenant_id, external_userid, customer_id, name, observed_at, cause) "
                "values (:t, :contact, :id, '陈晨', :now, 'event')",
                **values,
            )
        run(
            connection,
            "insert into customer_stage (tenant_id, line_id, customer_id, stage_id, entered_at, by_whom) "
            "values (:t, 1, 1, :stage, :now, 'test')",
            t=tenant_id, stage=STAGE, now=now,
        )  # fmt: skip
        record_wish(connection, tenant_id, RELATION_LOST, NOT_KNOWN, Wish(enabled=False), by="test", now=now)
        record_wish(connection, tenant_id, RELATION_LOST, STAGE, Wish(enabled=True, superior=True), by="test", now=now)
    desk.lose(2)
    while desk.notifier().deliver_due():
        pass
    assert desk.rows("select recipient, about, state from outbox order by id") == [
        ("LiNa", None, "sent"), ("ZhaoMin", "LiNa", "sent"),
    ]  # fmt: skip
    (to_associate,), (to_superior,) = shown(desk.corp, "LiNa"), shown(desk.corp, "ZhaoMin")
    assert "陈晨 已将您删除" in to_associate and "重新发送好友申请" in to_associate
    assert "陈晨 已将 李娜 删除" in to_superior
