"""A due step as its associate reads it: the words ready to send, with the names of the moment."""

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from notifier.names import people_of
from notifier.render import render_card
from services.message_templates.model import DESCRIPTION_MOST
from services.notices.store import load_names, load_sources
from services.sops.check import StepDraft
from services.sops.model import Attachment, Trigger
from services.sops.saying import attached
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


ALL = tuple(Attachment(kind, f"material:{n}") for n, kind in enumerate(
    ("image", "image", "video", "link", "miniprogram", "file", "material", "image", "file")))  # fmt: skip


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh", "附件（见详情页）：3 张图片、1 个视频、1 个链接、1 个小程序、2 个文件、1 个素材"),
        ("en", "Attached, on the page: 3 images, 1 video, 1 link, 1 mini-program, 2 files, 1 material"),
    ],
)
def test_a_message_names_what_it_cannot_carry(shop: SopShop, language: str, said: str):
    """Attachments by number and kind, whole, beside content that is too long; no line where there are none (SOP-1)."""
    shop.shop.tenant = replace(shop.tenant, language=language)
    event = Trigger("event", event="visited")
    steps = StepDraft(None, "<字>" * 600, after_minutes=0, attachments=ALL), after(0, "plain")
    for n, step in enumerate(steps):
        shop.rule(f"r{n}", step, trigger=event)
    (a,) = shop.customers(1)
    shop.happen(a, "E1")
    shop.look()
    full, plain = cards(shop, "sop_step")
    assert f'<div class="gray">{said}</div>' in full["description"]
    assert len(full["description"]) <= DESCRIPTION_MOST
    assert full["description"].count("<div") == full["description"].count("</div>")
    assert plain["description"].count("<div") == 3
    assert attached((), language) == ""
