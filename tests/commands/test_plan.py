"""`guanxi plan` tells what a pass would do, field by field, and changes nothing."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
import responses
from click.testing import Result

from commands.demo_corp import CORP_ID, record_demo_corp
from tests.commands.conftest import Guanxi
from tests.sync_worker.conftest import Office

TABLES = ("external_contact", "relation", "customer", "fact", "request", "sync_run", "outbox", "evidence", "tag")
NAME, REMARK, PHONE = "王小明", "老顾客", "13800138000"


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Office:
    """A live corp with three old customers of LiNa's and one of WangFang's."""
    made = make_office()
    made.corp.add_customers(3, userids=["LiNa"])
    made.corp.act({"do": "add", "userid": "WangFang", "name": NAME, "silent": True, "at": 1_700_000_000})
    record_demo_corp(made.runtime)
    made.walk()
    return made


def contact_of(office: Office, userid: str) -> str:
    return next(pair["external_userid"] for pair in office.corp.pairs() if pair["userid"] == userid)


def state_of(office: Office) -> dict[str, Any]:
    return {table: office.rows(f"select * from {table} order by 1, 2, 3, 4") for table in TABLES}


def differences(result: Result) -> list[tuple[Any, ...]]:
    """(kind, what, part, fields that were known otherwise)"""
    return [
        (one["kind"], one["what"], one["part"], [change["field"] for change in one["changes"] if change["known"]])
        for one in orjson.loads(result.stdout)["differences"]
    ]


def test_when_all_is_as_in_wecom_nothing_differs(shop: Office, guanxi: Guanxi) -> None:
    """A corp that was just read is in line (G2)."""
    result = guanxi("plan", CORP_ID)
    assert result.exit_code == 0, result.output
    assert "nothing differs" in result.stdout


def test_an_edit_without_an_event_is_shown_and_nothing_is_changed(shop: Office, guanxi: Guanxi) -> None:
    """What no event told differs by field, and stays as it was here."""
    one = contact_of(shop, "WangFang")
    edit = {"do": "edit", "userid": "WangFang", "external_userid": one, "remark": REMARK, "mobiles": [PHONE]}
    shop.corp.act({**edit, "silent": True})
    before = state_of(shop)
    for arguments in (["--customer", one], ["--resource", "customers"], []):
        result = guanxi("plan", CORP_ID, *arguments, "--json")
        assert result.exit_code == 0, result.output
        assert differences(result) == [("relation", "changed", "WangFang", ["remark", "remark_mobiles"])]
        assert REMARK not in result.output and PHONE not in result.output
    assert state_of(shop) == before


def test_what_is_waited_for_is_said(shop: Office, guanxi: Guanxi) -> None:
    """WeCom is away for a moment: whoever looks on learns why nothing moves."""
    shop.corp.post("/sim/faults", {"path": "externalcontact/get_follow_user_list", "http_status": 502, "times": 3})
    result = guanxi("plan", CORP_ID, "--resource", "customers")
    assert result.exit_code == 0, result.output
    assert "waiting 1 s: externalcontact/get_follow_user_list" in result.stderr


def test_values_are_shown_on_demand_and_phones_never(shop: Office, guanxi: Guanxi) -> None:
    """A terminal may be watched: names take an option, phone numbers are never told (G10)."""
    one = contact_of(shop, "WangFang")
    edit = {"do": "edit", "userid": "WangFang", "external_userid": one, "remark": REMARK, "mobiles": [PHONE]}
    shop.corp.act({**edit, "silent": True})
    plain = guanxi("plan", CORP_ID, "--customer", one)
    shown = guanxi("plan", CORP_ID, "--customer", one, "--values")
    assert "fields: remark, remark_mobiles" in plain.stdout and REMARK not in plain.stdout
    assert "would tell relation_edited" in plain.stdout
    assert f"→ {REMARK}" in shown.stdout
    assert PHONE not in shown.stdout + guanxi("plan", CORP_ID, "--values", "--json").output


def test_a_customer_that_the_walk_lacks_would_be_read_by_itself(shop: Office, guanxi: Guanxi) -> None:
    """Absence is suspicious: nothing is concluded from a walk."""
    one = contact_of(shop, "WangFang")
    shop.corp.act({"do": "member_deletes", "userid": "WangFang", "external_userid": one, "silent": True})
    walked = guanxi("plan", CORP_ID, "--resource", "customers", "--json")
    assert differences(walked) == [("relation", "missing", "WangFang", [])]
    looked = guanxi("plan", CORP_ID, "--customer", one, "--json")
    assert differences(looked) == [("relation", "changed", "WangFang", ["state", "friendships"])]
    assert orjson.loads(looked.stdout)["differences"][0]["facts"] == ["relation_deleted"]


def test_those_whose_associate_is_out_of_sight_are_counted(shop: Office, guanxi: Guanxi) -> None:
    """Out of sight is no end, and is said in one line for each associate."""
    shop.corp.act({"do": "function_off", "userid": "LiNa", "silent": True})
    result = guanxi("plan", CORP_ID, "--resource", "customers")
    assert result.exit_code == 0, result.output
    assert "3 × relation LiNa is not judged" in result.stdout
    assert "3 relation out_of_sight" in result.stdout


def test_what_could_not_be_read_is_said_with_its_reason(shop: Office, guanxi: Guanxi) -> None:
    """Exit code 1, and the walk of the other parts goes on."""
    shop.corp.post("/sim/faults", {"path": "externalcontact/batch/get_by_user", "errcode": 48002})
    result = guanxi("plan", CORP_ID, "--resource", "customers")
    assert result.exit_code == 1
    assert "could not be read: LiNa, WangFang, ZhangWei, ZhaoMin: " in result.stdout and "48002" in result.stdout
    assert "missing" not in result.stdout


def test_a_list_of_chats_that_goes_round_is_not_read_to_its_end(shop: Office, guanxi: Guanxi) -> None:
    """However long the circle of cursors is, the plan ends and says so (G3)."""
    answers = [{"errcode": 0, "group_chat_list": [], "next_cursor": cursor} for cursor in "abababab"]
    answers.append({"errcode": 0, "group_chat_list": [], "next_cursor": ""})
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        for answer in answers:
            mocked.post(f"{shop.corp.simulator_url}/cgi-bin/externalcontact/groupchat/list", json=answer)
        mocked.add_passthru(shop.corp.simulator_url)
        result = guanxi("plan", CORP_ID, "--resource", "chats", "--json")
    told = orjson.loads(result.stdout)
    assert result.exit_code == 1
    assert {one["why"] for one in told["unread"]} == {"a cursor of WeCom's came a second time"}


def test_tags_and_chats_and_the_directory_are_compared_too(shop: Office, guanxi: Guanxi) -> None:
    """Every resource that is walked can be previewed, by the same planners."""
    shop.corp.act({"do": "create_tag_group", "group_name": "等级", "tags": ["会员"], "silent": True})
    shop.corp.act({"do": "update_user", "userid": "LiNa", "name": "李娜娜", "silent": True})
    made = shop.corp.act({"do": "create_chat", "owner": "LiNa", "name": "西湖店会员群", "silent": True})
    shop.corp.post("/sim/clock", {"advance_s": 2})
    result = guanxi("plan", CORP_ID, "--json")
    assert result.exit_code == 0, result.output
    found = {(kind, what) for kind, what, _, _ in differences(result)}
    assert {("tag", "new"), ("associate", "changed"), ("group_chat", "new")} <= found
    one = guanxi("plan", CORP_ID, "--chat", made["chat_id"], "--json")
    assert ("group_chat", "new") in {(kind, what) for kind, what, _, _ in differences(one)}


def test_the_limit_shows_fewer_and_counts_all(shop: Office, guanxi: Guanxi) -> None:
    """A long list does not fill a terminal or memory."""
    for pair in shop.corp.pairs():
        named = {"userid": pair["userid"], "external_userid": pair["external_userid"]}
        shop.corp.act({"do": "edit", **named, "remark": REMARK, "silent": True})
    result = guanxi("plan", CORP_ID, "--resource", "customers", "--limit", "1", "--json")
    told = orjson.loads(result.stdout)
    assert len(told["differences"]) == 1
    assert told["counts"] == [{"kind": "relation", "what": "changed", "count": 4}]


def test_wrong_use_is_exit_code_2(shop: Office, guanxi: Guanxi) -> None:
    """An unknown corp, or two wishes at once."""
    assert guanxi("plan", "ww-unknown").exit_code == 2
    assert guanxi("plan", CORP_ID, "--customer", "a", "--chat", "b").exit_code == 2
