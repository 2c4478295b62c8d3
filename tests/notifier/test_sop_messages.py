"""A due step as its associate reads it: the words ready to send, with the names of the moment."""

from datetime import timedelta

import orjson
import pytest

from notifier.names import people_of
from notifier.render import render_card
from services.message_templates.model import DESCRIPTION_MOST
from services.notices.store import load_names, load_sources
from services.sops.model import Trigger
from shared.clock import FixedClock
from tests.services.rules.shop import open_shop
from tests.services.sops.sopping import SopShop, after

TEXT = "{customer}您好，我是{outlet}的{associate}（{shop}）。<b>"


@pytest.fixture
def shop(engine, vault, clock: FixedClock, redis_url: str) -> SopShop:
    return SopShop(open_shop(engine, vault, clock, redis_url))


def cards(shop: SopShop, notice: str) -> list[dict[str, str]]:
    with shop.runtime.engine.begin() as connection:
        rows = shop.rows("select id from outbox where notice = :n order by id", n=notice)
        sources = load_sources(connection, shop.tenant, [row[0] for row in rows])
        people = people_of(load_names(connection, shop.tenant, list(sources.values())))
        return [
            orjson.loads(render_card(shop.tenant, one, people, agent_id=1, console_url="https://x"))["textcard"]
            for _, one in sorted(sources.items())
        ]


def test_a_due_step_is_rendered_with_the_names_of_the_moment(shop: SopShop):
    """Content with its variables replaced and escaped, within WeCom's limits however long it is (SOP-1)."""
    shop.run("insert into outlet (tenant_id, department_id, name, observed_at) values (:t, 11, '南京西路店', :now)",
             t=shop.tenant.id, now=shop.now)  # fmt: skip
    shop.run("insert into associate (tenant_id, userid, name, main_department_id, observed_at) "
             "values (:t, 'LiNa', '李娜', 11, :now)", t=shop.tenant.id, now=shop.now)  # fmt: skip
    event = Trigger("event", event="visited")
    shop.rule("新客 <一>", after(0, TEXT), trigger=event, overdue_after_s=60)
    shop.rule("长", after(0, "<字>" * 600), trigger=event)
    (a,) = shop.customers(1)
    shop.happen(a, "E1")
    shop.look()
    short, long = cards(shop, "sop_step")
    assert short["title"] == f"SOP 提醒：新客 <一> · 顾客{a}"
    assert f"顾客{a}您好，我是南京西路店的李娜（Example Retail）。&lt;b&gt;" in short["description"]
    assert len(long["description"]) <= DESCRIPTION_MOST
    shop.wait(timedelta(minutes=1))
    (late,) = cards(shop, "sop_overdue")
    assert "您的 SOP 步骤" in late["description"]
