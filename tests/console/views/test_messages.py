"""What a message leads to: sign in with WeCom, see all that it tells of, do what is to be done."""

from datetime import timedelta

import pytest
import requests
from playwright.sync_api import Page, expect

from services.notices.model import RELATION_LOST
from services.pool.entering import enter
from services.pool.giving import assign
from services.pool.model import Act, Entry
from services.pool.telling import tell_given
from services.reminders.model import NOT_KNOWN, Policy, Wish
from services.reminders.store import record_policy, record_wish
from services.sops.model import Attachment
from shared.ids import CustomerId, UserId
from tests.console.views.conftest import Office

LONG = "感谢您的光临。" * 200


def test_a_step_is_read_in_full_and_confirmed_on_a_phone(office: Office, phone: Page):
    """The message has room for a part of the words; the page has all of them, and confirms the step once (SOP-1, 4)."""
    office.step("{customer}您好！" + LONG, attachments=(Attachment("image", "material:17", "新品"),))
    phone.goto(office.link("LiNa"))
    phone.get_by_role("button", name="LiNa").click()
    expect(phone.get_by_text(LONG)).to_contain_text("顾客")
    expect(phone.get_by_text("image: 新品")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.get_by_role("button", name="完成").click()
    expect(phone.get_by_role("status")).to_have_text("已完成")
    expect(phone.get_by_role("button", name="完成")).to_have_count(0)
    assert office.rows("select state from sop_progress") == [("done",)]
    assert office.rows("select count(*) from fact where type = 'sop_step_done'") == [(1,)]
    assert office.rows("select actor, action from audit where action like 'sop_enrolment.step%'") == [
        ("associate:LiNa", "sop_enrolment.step_confirmed")
    ]


def test_pressing_twice_does_a_thing_once(office: Office):
    """Two presses, also from two tabs, make one task (LOSS-2)."""
    customer_id = office.shop.customers(1)[0]
    office.lose()
    office.shop.run("update external_contact set external_userid = 'wm0' where customer_id = :c", c=customer_id)
    office.shop.run("update relation set state = 'ended_by_customer', external_userid = 'wm0'")
    office.deliver()
    session = requests.Session()
    page = office.visit(office.link("LiNa"), userid="LiNa", session=session)
    assert "去挽回" in page.text
    ((id_,),) = office.rows("select id from outbox where notice = 'relation_lost'")
    told = {"page": id_, "here": "/c/0"}
    for _ in range(2):
        answer = session.post(f"{office.url}/messages/{id_}/win_back", data=told)
        assert answer.status_code == 200 and "已加入待办" in answer.text
    assert office.rows("select userid, made_by from customer_task") == [("LiNa", "associate:LiNa")]


def test_a_message_about_many_shows_them_all_page_by_page(office: Office):
    """`12 customers` leads to all twelve, and to more than fit on a page, each once (LOSS-2)."""
    office.lose(60)
    office.deliver()
    session = requests.Session()
    page = office.visit(office.link("LiNa"), userid="LiNa", session=session)
    assert "共 60 条" in page.text and page.text.count("<section") == 50
    (more,) = (line.split('href="?')[1].split('"')[0] for line in page.text.splitlines() if "?n=" in line)
    rest = office.visit(f"{page.url.split('?')[0]}?{more.replace('&amp;', '&')}", session=session)
    assert rest.text.count("<section") == 10
    shown = page.text + rest.text
    assert all(shown.count(f"<h3>wm{n} ") == 1 for n in range(60))


def test_customers_to_add_are_listed_searched_and_marked(office: Office, phone: Page):
    """The associate's own list: found by name, called, marked added or unreachable; "other" needs words (POOL-8)."""
    ids = given_out_of_the_pool(office, 3)
    office.deliver()
    phone.goto(office.link("LiNa"))
    phone.get_by_role("button", name="LiNa").click()
    expect(phone.locator("section")).to_have_count(3)
    phone.locator(f"#p{ids[0]}").get_by_role("button", name="已添加").click()
    expect(phone.locator("section")).to_have_count(2)
    second = phone.locator(f"#p{ids[1]}")
    second.get_by_label("联系不上的原因").select_option("other")
    second.get_by_role("button", name="联系不上").click()
    expect(phone.get_by_role("alert")).to_contain_text("请填写说明")
    second.get_by_label("联系不上的原因").select_option("other")
    second.get_by_label("说明").fill("已搬走")
    second.get_by_role("button", name="联系不上").click()
    expect(phone.locator("section")).to_have_count(1)
    phone.get_by_placeholder("姓名或手机号").fill("没有这个人")
    phone.get_by_role("button", name="查找").click()
    expect(phone.get_by_text("没有待添加的客户")).to_be_visible()
    found = dict(office.rows("select customer_id, status from pool_record"))
    assert found == {ids[0]: "added", ids[1]: "unreachable", ids[2]: "assigned"}


def given_out_of_the_pool(office: Office, count: int) -> list[int]:
    """So many people of the pool are LiNa's to add, and she is told."""
    ids, now = office.shop.shop.customers(count), office.runtime.clock.now()
    act = Act("operator", "test", now)
    with office.runtime.engine.begin() as connection:
        tenant = office.shop.tenant
        enter(connection, tenant, [Entry(CustomerId(one), "import", None) for one in ids], act)
        given = assign(connection, tenant, [CustomerId(one) for one in ids], UserId("LiNa"), act)
        told = tell_given(connection, tenant.id, after=timedelta(), now=now)
    office.record(*given.facts, *(one.fact for one in told))
    return ids


@pytest.mark.parametrize(("userid", "status"), [("LiNa", 200), ("ZhangWei", 404), ("WangFang", 200)])
def test_a_page_is_for_the_recipient_and_those_above(office: Office, userid: str, status: int):
    """Others learn nothing, not even that there is such a message."""
    office.shop.run("update associate set direct_leaders = '{WangFang}' where userid = 'LiNa'")
    office.lose()
    office.deliver()
    answer = office.visit(office.link("LiNa"), userid=userid)
    assert (answer.status_code, "wm0" in answer.text) == (status, status == 200)


def test_whoever_left_the_corp_is_nobody(office: Office):
    """A cookie of yesterday opens nothing for somebody who is gone."""
    office.lose()
    office.deliver()
    session = requests.Session()
    assert office.visit(office.link("LiNa"), userid="LiNa", session=session).status_code == 200
    office.shop.run("update associate set gone_at = now() where userid = 'LiNa'")
    assert "/wwlogin/" in office.visit(office.link("LiNa"), session=session).url
    office.shop.run("update associate set gone_at = null where userid = 'LiNa'")
    office.at(office.runtime.clock.now() + timedelta(hours=12, seconds=1))
    assert "/wwlogin/" in office.visit(office.link("LiNa"), session=session).url


def test_a_code_of_another_browser_signs_nobody_in(office: Office):
    """Who is sent a link with somebody's code is not signed in as them; nor is a used code good again."""
    office.lose()
    office.deliver()
    mine = requests.Session()
    mine.trust_env = False
    asked = mine.get(office.link("LiNa"))
    back = mine.post(asked.url, data={"userid": "ZhaoMin"}, allow_redirects=False).headers["Location"]
    assert office.visit(back).status_code == 400
    assert mine.get(back).status_code == 404  # signed in as ZhaoMin, whose message it is not
    assert mine.get(back).status_code == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [("/lost", 404), ("/lost?n=x", 404), ("/lost?n=99999999999999999999", 404), ("/lost?n=424242", 404),
     ("/signed-in", 400), ("/signed-in?state=../x&code=1", 400), ("/c/1", 404)],
)  # fmt: skip
def test_rubbish_gets_a_page_that_says_what_to_do(office: Office, path: str, status: int):
    """Never a trace, never a number that stands for something."""
    answer = office.visit(path)
    assert answer.status_code == status and 'role="alert"' in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_a_form_of_another_site_does_nothing(office: Office):
    """A page elsewhere that posts to ours, in the browser of somebody who is signed in."""
    office.step()
    session = requests.Session()
    office.visit(office.link("LiNa"), userid="LiNa", session=session)
    ((id_,),) = office.rows("select id from outbox")
    told, elsewhere = {"page": id_, "here": "/c/0"}, {"Origin": "https://elsewhere.example"}
    assert session.post(f"{office.url}/messages/{id_}/done", data=told, headers=elsewhere).status_code == 403
    assert office.rows("select state from sop_progress") == [("reminded",)]
    assert session.post(f"{office.url}/messages/{id_}/added", data=told).status_code == 404
    assert session.post(f"{office.url}/messages/{id_}/bogus", data=told).status_code == 404
    assert office.rows("select count(*) from card_press where state <> 'done'") == [(0,)]


def test_who_is_above_one_of_many_that_a_message_is_about_does_not_see_the_others(office: Office):
    """The administrator hears of two associates' losses in one; ZhaoMin leads one of the two (G9)."""
    office.shop.run("update associate set direct_leaders = '{ZhaoMin}' where userid = 'LiNa'")
    with office.runtime.engine.begin() as connection:
        policy, wish, now = Policy(administrators=(UserId("WangFang"),)), Wish(administrators=True), office.shop.now
        record_policy(connection, office.shop.tenant.id, policy, by="t", now=now)
        record_wish(connection, office.shop.tenant.id, RELATION_LOST, NOT_KNOWN, wish, by="t", now=now)
    office.lose(1, userid="LiNa")
    office.lose(1, userid="ZhangWei", first=7)
    office.deliver()
    told = office.rows("select recipient, about, state from outbox where recipient = 'WangFang' order by id")
    assert told == [("WangFang", "LiNa", "sent"), ("WangFang", "ZhangWei", "folded")]
    page = office.visit(office.link("WangFang"), userid="WangFang")
    assert (page.status_code, "wm0" in page.text, "wm7" in page.text) == (200, True, True)
    page = office.visit(office.link("WangFang"), userid="ZhaoMin")
    assert (page.status_code, "wm0" in page.text, "wm7" in page.text) == (404, False, False)
    assert office.visit(office.link("LiNa"), userid="ZhaoMin").status_code == 200
