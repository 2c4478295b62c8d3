"""Pages under rough hands: strangers, rubbish, sign-ins that are over, names that changed, WeCom that hangs."""

import socket
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from console.views.showing import origin_of
from console.views.signing_in import MOST_REFUSED, BusyError, Door
from notifier.robots import RobotLane
from services.associates.model import Renaming
from services.associates.record import Provenance
from services.notices.model import RELATION_LOST
from services.reminders.model import NOT_KNOWN, Policy, Wish
from services.reminders.store import record_policy, record_wish
from services.renames.store import rename
from services.robots.store import add_robot
from shared.errors import RetryableError
from shared.ids import UserId
from shared.wecom.clients import Clients
from shared.wecom.errors import UnreachableError
from tests.console.views.conftest import Office
from tests.console.views.test_messages import given_out_of_the_pool


def signed_in(office: Office, userid: str) -> requests.Session:
    session = requests.Session()
    assert office.visit(office.link(userid), userid=userid, session=session).status_code in (200, 404)
    return session


def press(office: Office, session: requests.Session, id_: object, key: str, **told: Any) -> requests.Response:
    told = {"page": id_, "here": "/c/0"} | told
    return session.post(f"{office.url}/messages/{id_}/{key}", data=told, allow_redirects=False)


def message_id(office: Office) -> object:
    return office.rows("select max(id) from outbox where channel = 'wecom'")[0][0]


def renamed(office: Office, old: str, new: str) -> None:
    with office.runtime.engine.begin() as connection:
        now = office.runtime.clock.now()
        rename(connection, office.shop.tenant, Renaming(UserId(old), UserId(new), now), Provenance("event"), now=now)


def test_what_people_type_is_refused_without_a_word_of_it_in_the_log(office: Office, capfd: pytest.CaptureFixture[str]):
    """A NUL, a reason that is none, a number beyond all: pages say so, and no trace names anybody (G8, G10)."""
    office.step()
    session, id_ = signed_in(office, "LiNa"), message_id(office)
    assert press(office, session, id_, "done", reason="13800138000 zhangsan\0").status_code == 400
    assert press(office, session, id_, "unreachable", reason="13800138000").status_code == 400
    assert press(office, session, "9" * 30, "done").status_code == 404
    office.shop.run("alter table card_press rename to card_press_gone")
    broken = press(office, session, id_, "done")
    office.shop.run("alter table card_press_gone rename to card_press")
    assert (broken.status_code, 'role="alert"' in broken.text) == (500, True)
    out, err = capfd.readouterr()
    assert "13800138000" not in out + err and "Traceback" not in broken.text
    assert "page.failed" in out + err


def test_a_press_after_the_sign_in_is_over_says_so(office: Office, phone: Page):
    """Not a page that stays as it was: what was to be done was not, and where to sign in stands there."""
    office.step()
    phone.goto(office.link("LiNa"))
    phone.get_by_role("button", name="LiNa").click()
    expect(phone.get_by_role("button", name="完成")).to_be_visible()
    office.at(office.runtime.clock.now() + timedelta(hours=13))
    phone.get_by_role("button", name="完成").click()
    expect(phone.get_by_role("alert")).to_contain_text("没有执行")
    phone.get_by_role("link", name="重试").click()
    phone.get_by_role("button", name="LiNa").click()
    phone.get_by_role("button", name="完成").click()
    expect(phone.get_by_role("status")).to_have_text("已完成")


def test_a_renamed_associate_goes_on_with_what_was_sent_to_them(office: Office):
    """Page and buttons are theirs under the new userid; what waits of the pool is told to them (ASG-11, POOL-7)."""
    office.step()
    path, id_ = office.link("LiNa"), message_id(office)
    given_out_of_the_pool(office, 1)
    office.corp.act({"do": "update_user", "userid": "LiNa", "new_userid": "LiNa.cd"})
    renamed(office, "LiNa", "LiNa.cd")
    office.deliver()
    assert office.rows("select recipient, state from outbox where notice = 'pool_given'") == [("LiNa.cd", "sent")]
    session = requests.Session()
    assert office.visit(path, userid="LiNa.cd", session=session).status_code == 200
    assert press(office, session, id_, "done").status_code == 303
    assert office.rows("select state from sop_progress") == [("done",)]


def test_an_associate_and_their_superior_make_one_task(office: Office):
    """Both have the message, and both press; the second sees what was done (LOSS-2)."""
    office.shop.run("update associate set direct_leaders = '{WangFang}' where userid = 'LiNa'")
    with office.runtime.engine.begin() as connection:
        wish = Wish(superior=True)
        record_wish(connection, 1, RELATION_LOST, NOT_KNOWN, wish, by="t", now=office.runtime.clock.now())
    (customer_id,) = office.shop.customers(1)
    office.lose()
    office.shop.run("update external_contact set external_userid = 'wm0' where customer_id = :c", c=customer_id)
    office.shop.run("update relation set state = 'ended_by_customer', external_userid = 'wm0'")
    office.deliver()
    for id_, who in office.rows("select id, recipient from outbox order by id"):
        assert press(office, signed_in(office, str(who)), id_, "win_back").status_code == 303
    assert office.rows("select count(*) from customer_task") == [(1,)]
    shown = office.visit(office.link("WangFang"), session=signed_in(office, "WangFang")).text
    assert "已加入待办" in shown and "去挽回" not in shown
    assert office.rows("select distinct origin is not null from audit where actor like 'associate:%'") == [(True,)]


def test_what_a_robot_says_leads_to_a_page_for_administrators(office: Office):
    """In the group everybody sees the link; the page is for those who are told (LOSS-2)."""
    key = office.corp.act({"do": "make_robot", "name": "运营群"})["key"]
    with office.runtime.engine.begin() as connection:
        now = office.runtime.clock.now()
        record_policy(connection, 1, Policy(administrators=(UserId("WangFang"),)), by="t", now=now)
        record_wish(connection, 1, RELATION_LOST, NOT_KNOWN, Wish(administrators=True), by="t", now=now)
        add_robot(connection, office.shop.tenant, name="运营群", key=key, notices=[RELATION_LOST], enabled=True, by="t",
                  now=now)  # fmt: skip
    office.lose()
    lane = RobotLane(office.runtime, Clients(office.runtime, connections=2))
    while lane.speak_due():
        pass
    ((id_,),) = office.rows("select id from outbox where channel = 'robot'")
    assert office.visit(f"/c/0?n={id_}", userid="WangFang").status_code == 200
    assert office.visit(f"/c/0?n={id_}", userid="LiNa").status_code == 404


def test_signs_of_markup_in_names_are_read_as_they_are(office: Office):
    """Escaped once, by the page."""
    (customer_id,) = office.shop.customers(1)
    office.lose()
    sql = "update external_contact set name = 'A & B <c> d', external_userid = 'wm0' where customer_id = :c"
    office.shop.run(sql, c=customer_id)
    office.shop.run("update relation set external_userid = 'wm0', remark = ''")
    office.deliver()
    page = office.visit(office.link("LiNa"), userid="LiNa").text
    assert "&amp;amp;" not in page and "&amp;lt;" not in page and page.count("A &amp; B &lt;c&gt; d") == 4


def test_a_long_list_says_how_long_it_is(office: Office):
    """Whoever has more to add than a page shows is told so (POOL-8)."""
    given_out_of_the_pool(office, 205)
    office.deliver()
    page = office.visit(office.link("LiNa"), userid="LiNa").text
    assert page.count("<section") == 200 and "共 205 条" in page


def test_strangers_cannot_spend_the_corps_calls(office: Office):
    """Made-up codes are asked of WeCom some times a minute, whoever brings them."""
    office.lose()
    office.deliver()
    session = requests.Session()
    session.trust_env = False
    state = session.get(office.link("LiNa"), allow_redirects=False).headers["Location"].split("state=")[1].split("&")[0]
    codes = [
        session.get(f"{office.url}/signed-in?code=x{n}&state={state}").status_code for n in range(MOST_REFUSED + 3)
    ]
    assert codes == [403] * MOST_REFUSED + [503] * 3


def test_some_threads_are_left_while_wecom_hangs(office: Office):
    """Sign-ins wait in few threads; the others are told to come again, and whoever is signed in goes on."""
    office.lose()
    office.deliver()
    with socket.create_server(("127.0.0.1", 0)) as hole:  # takes connections, says nothing
        away = f"http://127.0.0.1:{hole.getsockname()[1]}"
        settings = office.runtime.settings.model_copy(update={"wecom_base_url": away, "console_threads": 4})
        door = Door(replace(office.runtime, settings=settings))
        failed = (UnreachableError, RetryableError)
        first = threading.Thread(target=pytest.raises, args=(failed, door.ask, office.shop.tenant, "x"))
        first.start()
        hole.accept()  # it waits for its answer
        with pytest.raises(BusyError):
            door.ask(office.shop.tenant, "y")
        first.join()


@pytest.mark.parametrize(
    ("url", "origin"),
    [("HTTPS://Example.com:443", "https://example.com"), ("http://LOCALHOST:80/x", "http://localhost"),
     ("https://a:8443", "https://a:8443"), ("http://[::1]:8780", "http://[::1]:8780"), ("null", "://")],
)  # fmt: skip
def test_an_origin_is_compared_as_browsers_name_it(url: str, origin: str):
    """However the operator wrote the console's address."""
    assert origin_of(url) == origin
