"""The page, by its forms; the example shop; and looks that do not walk a million customers."""

import re
import time
from pathlib import Path

import pytest
import requests

CORP = "wwsimtest0001"


@pytest.fixture
def page(sim):
    """GET the page with a query; `page.press(path, **form)` presses a button and gives the page that follows."""

    class Page:
        def __call__(self, **query):
            answer = requests.get(f"{sim.url}/", params=query, timeout=10)
            assert answer.status_code == 200
            return answer.text

        def press(self, path, /, **form):
            answer = requests.post(f"{sim.url}/{path}", data=form, timeout=10)
            assert answer.status_code == 200
            return answer.text

        def do(self, do, **form):
            return self.press(f"corps/{CORP}/act", do=do, **form)

    return Page()


def test_the_example_shop_has_something_of_everything(sim, page):
    """People, relations, tags, chats, a leaver, messages, followers; the names that come back work; twice is once."""
    shop = sim.sim("demo", {})
    assert sim.sim("demo", {}) == shop
    query = {"corpid": shop["corp_id"], "corpsecret": shop["secret"]}
    token = requests.get(f"{sim.url}/cgi-bin/gettoken", params=query, timeout=5).json()["access_token"]
    found = requests.get(
        f"{sim.url}/cgi-bin/externalcontact/list", params={"access_token": token, "userid": "LiNa"}, timeout=5
    ).json()
    assert len(found["external_userid"]) > 10
    summary = sim.sim(f"corps/{shop['corp_id']}")
    assert (summary["members"], summary["customers"]) == (6, 66)
    for name in ("tags", "chats", "unassigned", "broadcasts", "moments"):
        assert sim.sim(f"corps/{shop['corp_id']}/look/{name}"), name
    assert sim.sim(f"corps/{shop['corp_id']}/look/contact_ways")["ways"]
    assert summary["pairs"]["active"] > 60
    shown = page(corp=shop["corp_id"])
    for text in ("江南百货", "李娜", "VIP", "西湖店新品群", "江南百货服务号"):
        assert text in shown
    assert sim.sim("accounts")[0]["followers"] == 5


def test_an_empty_simulator_offers_the_example(sim, page):
    """One button on the first page makes it."""
    sim.sim("reset", {})
    assert 'action="/demo"' in page()
    assert "江南百货" in page.press("demo")


def test_the_command_prints_the_names_of_its_example(start_simulator):
    """After the address come corp id, secret and agent id, which work."""
    child, url = start_simulator("--example")
    told = dict(child.stdout.readline().split() for _ in range(5))
    query = {"corpid": told["corp_id"], "corpsecret": told["secret"]}
    assert requests.get(f"{url}/cgi-bin/gettoken", params=query, timeout=5).json()["errcode"] == 0
    assert told["agent_id"].isdecimal()


def test_customers_are_found_by_name_and_by_id(sim, page):
    """At most fifty are shown; a search finds an older one."""
    sim.corp("customers/bulk", {"count": 80, "userids": ["LiNa"], "name_prefix": "客户"})
    first = page()
    assert first.count("<details>") == 50
    assert page(whom="客户7").count("<details>") == 11
    pair = next(item for item in sim.corp("pairs") if item["name"] == "客户1")
    assert page(whom=pair["external_userid"]).count("<details>") == 1
    assert page(whom="nobody").count("<details>") == 0


def test_members_are_found_and_fifty_are_shown(sim, page):
    """By name or userid; the number of the others is said."""
    sim.corp("members", [{"userid": f"seller{number}", "name": f"店员{number}"} for number in range(60)])
    assert "13 more are not shown" in page()
    found = page(who="店员59")
    assert "seller59" in found
    assert 'class="id">seller1<' not in found


def test_relations_are_made_changed_and_ended_by_buttons(sim, page):
    """Add, edit, delete from both sides; what is impossible is said and changes nothing."""
    page.do("add", userid="LiNa", name="张三", state="booth_a7", welcome="1")
    ids = {"userid": "LiNa", "external_userid": sim.corp("pairs")[0]["external_userid"]}
    page.do("edit", remark="老友", **ids)
    assert [(item["remark"], item["channel_state"]) for item in sim.corp("pairs")] == [("老友", "booth_a7")]
    page.do("customer_deletes", **ids)
    assert "deleted_by_customer" in page()
    assert "✗" in page.do("customer_deletes", **ids)
    page.do("member_deletes", **ids)
    assert [item["state"] for item in sim.corp("pairs")] == ["gone"]


def test_a_member_resigns_by_a_button(sim, page):
    """The row then says so."""
    assert "已离职 resigned" in page.do("resign", userid="Wang")


def test_a_customer_is_sent_into_a_chat(sim, page):
    """A chat is made, the customer joins it, and it is renamed."""
    customer = sim.act("add", userid="LiNa", name="张三")["external_userid"]
    page.do("create_chat", owner="LiNa", name="新品群")
    chat = sim.corp("look/chats")[0]
    assert "新品群" in page.do("join_chat", chat_id=chat["chat_id"], members=customer, scene="3")
    page.do("rename_chat", chat_id=chat["chat_id"], name="老友群")
    after = sim.corp("look/chats")[0]
    assert (after["name"], [item["userid"] for item in after["members"]]) == ("老友群", ["LiNa", customer])


def test_a_transfer_is_refused_and_agreed_by_buttons(sim, page):
    """Those that wait are shown with both answers."""
    made = [sim.act("add", userid="LiNa")["external_userid"] for _ in range(2)]
    order = {"handover_userid": "LiNa", "takeover_userid": "ZhaoMin", "external_userid": made}
    assert sim.post("externalcontact/transfer_customer", order)["errcode"] == 0
    assert page().count('value="agree_transfer"') == 2
    page.do("agree_transfer", external_userid=made[0])
    assert page.do("refuse_transfer", external_userid=made[1]).count('value="agree_transfer"') == 0
    assert sorted(item["status"] for item in sim.corp("look/transfers")) == [1, 3]


def test_messages_are_cards_with_what_became_of_them(sim, page):
    """A repeat and a recalled one are marked; text from a message is never markup."""
    body = {"touser": "LiNa", "msgtype": "text", "agentid": 1000002, "text": {"content": "<script>x</script>回访"}}
    sent = sim.post("message/send", {**body, "enable_duplicate_check": 1})
    sim.post("message/send", {**body, "enable_duplicate_check": 1})
    found = page()
    assert "重复 duplicate" in found
    assert "<script>" not in found
    sim.post("message/recall", {"msgid": sent["msgid"]})
    assert "已撤回 recalled" in page()


def test_the_clock_moves_by_buttons(sim, page):
    """A minute, an hour, a day."""
    for seconds in (60, 3600, 86400):
        page.press("clock", advance_s=str(seconds))
    assert sim.sim("clock")["offset_s"] == 60 + 3600 + 86400


def test_faults_are_set_shown_and_cleared(sim, page):
    """By path and code, by share of callbacks; the calls of each API stand there with their codes and rate."""
    assert "callbacks.drop" in page.press("faults", drop="0.5")
    page.press("faults", path="user/get", errcode="-1", times="1")
    assert sim.get("user/get", userid="LiNa")["errcode"] == -1
    assert sim.get("user/get", userid="LiNa")["errcode"] == 0
    row = re.search(r">user/get</td>.*?</tr>", page(), re.DOTALL).group()
    assert re.findall(r"(-?\d+)</span> × (\d+)", row) == [("-1", "1"), ("0", "1")]
    assert "<td>2</td>" in row
    assert "callbacks.drop" not in page.press("faults", clear="1")


def test_searches_stay_when_a_button_is_pressed(sim, page):
    """The forms give back what was searched for."""
    sim.act("add", userid="LiNa", name="张三")
    sim.act("add", userid="LiNa", name="李四")
    after = page.press(f"corps/{CORP}/act", do="add", userid="Wang", name="王五", _whom="张三")
    assert after.count("<details>") == 1


def test_followers_write_and_leave_by_buttons(sim, page):
    """The account's part of the page acts, too."""
    sim.sim("accounts", {"appid": "wx1", "secret": "s", "name": "服务号"})
    assert "张三" in page.press("accounts/wx1/act", do="follow", nickname="张三")
    openid = sim.sim("accounts/wx1/followers")[0]["openid"]
    page.press("accounts/wx1/act", do="message", openid=openid, content="在吗")
    page.press("accounts/wx1/act", do="unfollow", openid=openid)
    assert sim.sim("accounts")[0]["followers"] == 0


def test_the_page_is_fast_with_many_customers(sim, page):
    """A hundred thousand relations are counted once, not at each look; a search looks at names only."""
    sim.corp("customers/bulk", {"count": 100_000, "userids": ["LiNa", "ZhaoMin"]})
    assert "100,000" in page()
    began = time.monotonic()
    for _ in range(5):
        page()
    assert time.monotonic() - began < 1.5
    assert sim.sim(f"corps/{CORP}")["pairs"] == {"active": 100_000}


def test_the_example_of_the_documentation_runs(sim, capsys):
    """What docs/simulator.md shows works as it stands, with another address."""
    text = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(example.replace("http://127.0.0.1:8760", sim.url), "docs/simulator.md", "exec"), {})
    assert "张三成为你的客户" in capsys.readouterr().out


def test_the_documentation_links_to_pages_that_are_there():
    """Every part that the index names has its page."""
    docs = Path(__file__).parents[2] / "docs"
    linked = re.findall(r"\]\((simulator/\w+\.md)\)", (docs / "simulator.md").read_text(encoding="utf-8"))
    assert linked
    assert [name for name in linked if not (docs / name).exists()] == []
