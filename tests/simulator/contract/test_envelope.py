"""The envelope of answers: errors, bodies accepted in part, what is left out, and what a later WeCom adds."""

import json

import pytest
import requests

CORP = "wwsimtest0001"


def post_raw(sim, path, body):
    """POST these bytes as they are."""
    query = {"access_token": sim.token}
    answer = requests.post(f"{sim.url}/cgi-bin/{path}", params=query, data=body, timeout=5)
    assert answer.status_code == 200
    return answer.json()


def befriend(sim, **rest):
    return sim.act("add", userid="LiNa", silent=True, **rest)["external_userid"]


LISTS = [
    ("externalcontact/get_follow_user_list", "GET", {"follow_user": []}),
    ("externalcontact/list", "GET", {"external_userid": []}),
    ("externalcontact/get", "GET", {"follow_user": []}),
    ("externalcontact/batch/get_by_user", "POST", {"external_contact_list": []}),
    ("user/list", "GET", {"userlist": []}),
    ("department/list", "GET", {"department": []}),
    ("department/simplelist", "GET", {"department_id": []}),
    ("getcallbackip", "GET", {"ip_list": []}),
]


@pytest.mark.parametrize(("path", "method", "empty"), LISTS)
def test_contact_04_an_error_carries_the_empty_list(sim, path, method, empty):
    """HTTP 200, the code, and the endpoint's list field with nothing in it: an empty list is not success."""
    sim.sim("faults", {"path": path, "errcode": 45009})
    found = sim.get(path) if method == "GET" else sim.post(path, {"userid_list": ["LiNa"]})
    assert found == {"errcode": 45009, "errmsg": found["errmsg"], **empty}


SOME_CODES = [40003, 40031, 40050, 40066, 40096, 40129, 41048, 41063, 45033, 48002, 50100, 60111, 81013, 84061, 90501]


def words(url, http):
    """The texts of some codes in this run, without their hints."""
    http.post(f"{url}/sim/faults", json=[{"path": "gettoken", "errcode": code} for code in SOME_CODES], timeout=5)
    found = [http.get(f"{url}/cgi-bin/gettoken", timeout=5).json()["errmsg"] for _ in SOME_CODES]
    return [text.split(", hint")[0] for text in found]


def test_contact_04_the_text_differs_between_calls_and_between_runs(sim, start_simulator):
    """The hint is never the same, and another run words codes differently, so that nobody can depend on it."""
    assert len({sim.get("user/get", userid="nobody")["errmsg"] for _ in range(3)}) == 3
    assert words(sim.url, sim.http) == words(sim.url, sim.http)
    assert words(sim.url, sim.http) != words(start_simulator()[1], sim.http)


def test_contact_05_a_get_on_a_post_endpoint_is_40058(sim):
    """The address alone does not say which method is meant."""
    found = sim.get("externalcontact/batch/get_by_user")
    assert (found["errcode"], found["external_contact_list"]) == (40058, [])


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"{", b'"text"', b'{"a', b"\xff\xfe{}"])
def test_contact_05_what_cannot_be_read_at_all_is_40058_with_the_warning(sim, body):
    """A body of which nothing can be read is refused, and the text says why."""
    found = post_raw(sim, "externalcontact/batch/get_by_user", body)
    assert found["errcode"] == 40058
    assert "Warning: wrong json format." in found["errmsg"]


def test_contact_05_a_broken_body_is_accepted_in_part(sim):
    """What stands before the break counts, the rest is lost, and only the errmsg tells."""
    external = befriend(sim)
    broken = f'{{"userid": "LiNa", "external_userid": "{external}", "remark": "new", "description": "lost }}'
    found = post_raw(sim, "externalcontact/remark", broken.encode())
    assert (found["errcode"], found["errmsg"]) == (0, "ok. Warning: wrong json format.")
    (pair,) = sim.corp("pairs?userid=LiNa")
    assert (pair["remark"], pair["description"]) == ("new", "")


def test_contact_05_a_number_in_quotes_counts_with_a_warning(sim):
    """A wrong type may be read as what was meant."""
    for _ in range(3):
        befriend(sim)
    found = sim.post("externalcontact/batch/get_by_user", {"userid_list": ["LiNa"], "limit": "2"})
    assert (found["errcode"], len(found["external_contact_list"])) == (0, 2)
    assert found["errmsg"] == "ok. Warning: wrong json format."
    found = sim.post("externalcontact/batch/get_by_user", {"userid_list": ["LiNa"], "limit": 2})
    assert (len(found["external_contact_list"]), found["errmsg"]) == (2, "ok")


def test_contact_05_a_missing_parameter_of_a_broken_body_is_missing(sim):
    """When the break comes before a required field, the code is that of the missing field, with the warning."""
    found = post_raw(sim, "externalcontact/remark", b'{"remark": "new", "userid": ')
    assert found["errcode"] == 40063
    assert "Warning: wrong json format." in found["errmsg"] or "userid" in found["errmsg"]


def test_contact_05_the_setting_refuses_every_broken_body(sim):
    """How far bodies are accepted is not published, so it can be switched off."""
    sim.sim("settings", {"platform": {"partial_json": False}})
    external = befriend(sim)
    broken = f'{{"userid": "LiNa", "external_userid": "{external}", "remark": "new",}}'.encode()
    assert post_raw(sim, "externalcontact/remark", broken)["errcode"] == 40058


def test_contact_05_required_fields_that_are_missing(sim):
    """40063, or the field's own code."""
    assert sim.post("externalcontact/batch/get_by_user", {})["errcode"] == 40063
    assert sim.get("externalcontact/list")["errcode"] == 40063
    assert sim.get("externalcontact/get")["errcode"] == 41035


def test_contact_06_optional_fields_are_absent_not_empty(sim):
    """A WeCom customer has no unionid, a WeChat one no corp; no state, no cursor: the keys are not there."""
    sim.act("add", userid="LiNa", silent=True, type=2, name="王", corp_name="某公司")
    plain = befriend(sim, unionid="")
    found = sim.get("externalcontact/get", external_userid=plain)
    assert (
        not {"unionid", "corp_name", "corp_full_name", "position", "external_profile"}
        & found["external_contact"].keys()
    )
    assert not {"state", "wechat_channels", "remark_corp_name"} & found["follow_user"][0].keys()
    assert "next_cursor" not in found


def objects(found):
    """Every object in an answer."""
    if isinstance(found, dict):
        yield found
        for value in found.values():
            yield from objects(value)
    elif isinstance(found, list):
        for value in found:
            yield from objects(value)


def test_contact_06_a_later_wecom_adds_fields_everywhere(sim):
    """In the future mode every object carries a field that nobody knows; what is known stays the same."""
    external = befriend(sim, state="booth")
    before = sim.get("externalcontact/get", external_userid=external)
    sim.sim("settings", {"platform": {"future": True, "future_share": 0.0}})
    after = sim.get("externalcontact/get", external_userid=external)
    unknown = after["future_field"]
    assert all(item["future_field"] == unknown for item in objects(after) if item is not unknown and item != unknown)
    known = json.loads(
        json.dumps(after), object_hook=lambda item: {k: v for k, v in item.items() if k != "future_field"}
    )
    assert known == before


def test_contact_06_a_later_wecom_has_numbers_that_nobody_knows(sim):
    """add_way 99 and a customer of type 99, in every family; codes of success and ids stay."""
    external = befriend(sim)
    sim.sim("settings", {"platform": {"future": True, "future_share": 1.0}})
    found = sim.get("externalcontact/get", external_userid=external)
    assert (found["errcode"], found["external_contact"]["external_userid"]) == (0, external)
    assert found["external_contact"]["type"] == 99
    assert found["follow_user"][0]["add_way"] == 99
    row = sim.post("externalcontact/batch/get_by_user", {"userid_list": ["LiNa"]})["external_contact_list"][0]
    assert row["follow_info"]["add_way"] == 99
    assert sim.get("user/get", userid="LiNa")["status"] == 99


def test_contact_06_the_world_is_as_before_when_the_future_is_over(sim):
    """The mode changes answers, not what is remembered."""
    external = befriend(sim)
    before = sim.get("externalcontact/get", external_userid=external)
    sim.sim("settings", {"platform": {"future": True, "future_share": 1.0}})
    sim.get("externalcontact/get", external_userid=external)
    sim.sim("settings", {"platform": {"future": False}})
    assert sim.get("externalcontact/get", external_userid=external) == before
