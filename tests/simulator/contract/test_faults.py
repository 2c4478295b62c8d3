"""What goes wrong on purpose: bursts, dead tokens, cut connections, gateways, outages; and what a corp may not do."""

from collections import Counter

import orjson
import pytest
import requests

from simulator.api.calls import Request
from simulator.api.spoiling import spoiled

CORP, SECRET, AGENT = "wwsimtest0001", "secret-one", 1000002


def call(sim, path="user/get", **rest):
    """One GET on a connection of its own."""
    query = {"access_token": sim.token, "userid": "LiNa"}
    return requests.get(f"{sim.url}/cgi-bin/{path}", params=query, timeout=5, **rest)


def is_cut(sim, path="user/get"):
    try:
        call(sim, path)
    except requests.ConnectionError:
        return True
    return False


def befriend(sim, count, userid="LiNa"):
    return {sim.act("add", userid=userid, silent=True)["external_userid"] for _ in range(count)}


def walk(sim, *, cursor=""):
    """The rest of a walk over LiNa's customers: their ids, then the errcode and the cursor where it ended."""
    found = set()
    while True:
        page = sim.post("externalcontact/batch/get_by_user", {"userid_list": ["LiNa"], "limit": 2, "cursor": cursor})
        if page["errcode"]:
            return found, page["errcode"], cursor
        found |= {row["external_contact"]["external_userid"] for row in page["external_contact_list"]}
        cursor = page["next_cursor"]
        if not cursor:
            return found, 0, ""


def test_contact_42_a_burst_of_busy_answers_has_a_probability(sim):
    """-1 for a share of the calls of every API, with a dice that can be seeded; until it is cleared."""
    burst = {"path": "*", "errcode": -1, "probability": 0.3, "seed": 7}
    runs = []
    for _ in range(2):
        sim.sim("faults", [{"clear": True}, burst])
        runs.append([sim.get("user/get", userid="LiNa")["errcode"] for _ in range(40)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {0, -1}
    assert 4 <= runs[0].count(-1) <= 20
    sim.sim("faults", {"clear": True})
    assert {sim.get("department/list")["errcode"] for _ in range(20)} == {0}


def test_contact_42_a_burst_ends_after_so_many_refusals(sim):
    """`times` counts what was refused, for one corp if named; nothing is done meanwhile."""
    external = befriend(sim, 1).pop()
    sim.sim(
        "faults", {"path": "externalcontact/remark", "errcode": -1, "probability": 0.5, "times": 3, "corp_id": CORP}
    )
    body = {"userid": "LiNa", "external_userid": external, "remark": "x"}
    codes = Counter(sim.post("externalcontact/remark", body)["errcode"] for _ in range(40))
    assert codes == {0: 37, -1: 3}
    sim.sim("faults", {"path": "user/get", "errcode": -1, "corp_id": "wwother"})
    assert sim.get("user/get", userid="LiNa")["errcode"] == 0


@pytest.mark.parametrize(("expired", "errcode"), [(False, 40014), (True, 42001)])
def test_contact_42_a_token_dies_in_the_middle_of_a_walk_and_the_cursor_survives(sim, expired, errcode):
    """After n more calls the token is dead; with a new one the walk goes on from the same cursor."""
    everybody = befriend(sim, 9)
    sim.sim("faults", {"revoke_after": 2, "corp_id": CORP, "expired": expired})
    first, code, cursor = walk(sim)
    assert (code, bool(first), first < everybody) == (errcode, True, True)
    assert cursor
    sim.sign_in()
    rest, code, _ = walk(sim, cursor=cursor)
    assert (code, first | rest) == (0, everybody)


@pytest.mark.parametrize("where", ["before", "after"])
def test_contact_42_a_connection_is_cut_before_or_after_the_work(sim, where):
    """No answer either way; only with `after` the write was done."""
    external = befriend(sim, 1).pop()
    sim.sim("faults", {"path": "externalcontact/remark", "cut": where})
    body = {"userid": "LiNa", "external_userid": external, "remark": "done"}
    with pytest.raises(requests.ConnectionError):
        sim.post("externalcontact/remark", body)
    (pair,) = sim.corp("pairs?userid=LiNa")
    assert (pair["remark"] == "done") == (where == "after")
    assert sim.post("externalcontact/remark", body)["errcode"] == 0


def test_contact_42_a_write_is_accepted_and_the_answer_comes_too_late(sim):
    """The client times out, the write stands."""
    external = befriend(sim, 1).pop()
    sim.sim("faults", {"path": "externalcontact/remark", "hang_s": 2})
    body = {"userid": "LiNa", "external_userid": external, "remark": "done"}
    query = {"access_token": sim.token}
    with pytest.raises(requests.Timeout):
        requests.post(f"{sim.url}/cgi-bin/externalcontact/remark", params=query, json=body, timeout=0.3)
    assert [pair["remark"] for pair in sim.corp("pairs?userid=LiNa")] == ["done"]


def test_contact_42_a_gateway_answers_with_a_page(sim):
    """HTTP 502 with HTML, as often as told, and nothing is done."""
    sim.sim("faults", {"path": "user/get", "http_status": 502, "times": 2})
    for _ in range(2):
        answer = call(sim)
        assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")
        assert answer.text.startswith("<html>")
    assert call(sim).json()["errcode"] == 0


def test_contact_42_wecom_is_down(sim):
    """Every address under /cgi-bin is cut or a 502, gettoken and unknown ones too; then it is back."""
    paths = ("user/get", "gettoken", "externalcontact/nonsense")
    sim.sim("faults", {"down": "502"})
    assert [call(sim, path).status_code for path in paths] == [502, 502, 502]
    sim.sim("faults", {"down": "cut"})
    assert [is_cut(sim, path) for path in paths] == [True, True, True]
    sim.sim("faults", {"down": True, "seed": 1})
    assert {is_cut(sim) for _ in range(20)} == {True, False}
    sim.sim("faults", {"down": False})
    assert call(sim).json()["errcode"] == 0


def test_contact_42_tries_that_got_no_answer_are_counted(sim):
    """By what failed, beside the codes, so that a client's storm can be seen."""
    sim.sim("faults", [{"path": "user/get", "cut": "before"}, {"path": "user/get", "http_status": 502}])
    assert is_cut(sim)
    assert call(sim).status_code == 502
    sim.sim("faults", {"down": True})
    for _ in range(3):
        is_cut(sim)
    assert sim.sim("calls")["user/get"] == {"502": 1, "cut": 1, "down": 3}
    assert sim.sim("calls/rate?path=user/get")["real"]["codes"] == {"cut": 1, "502": 1, "down": 3}


def test_contact_42_answers_are_slow(sim):
    """Latency for one API, or for all of them; the one named counts more."""
    sim.sim("faults", [{"path": "*", "latency_ms": 300}, {"path": "department/list", "latency_ms": 0}])
    assert call(sim).elapsed.total_seconds() >= 0.3
    assert call(sim, "department/list").elapsed.total_seconds() < 0.3


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"errcode": -1}, "path"),
        ({"path": "user/get", "cut": "somewhere"}, "before or after"),
        ({"down": "maybe"}, "down is"),
        ({"nonsense": 1}, "unknown fault: nonsense"),
    ],
)
def test_contact_42_a_fault_that_makes_no_sense_is_refused(sim, fault, says):
    """400, and nothing is set."""
    assert says in sim.sim("faults", fault, status=400)["error"]
    shown = sim.sim("faults")
    assert [shown[name] for name in ("errors", "hangs", "cuts", "pages", "down")] == [{}, {}, {}, {}, ""]


CUSTOMER_READS = ["externalcontact/get_follow_user_list", "externalcontact/list", "externalcontact/get"]


@pytest.mark.parametrize("path", CUSTOMER_READS)
@pytest.mark.parametrize("reason", [610023, 610024])
def test_contact_43_a_frozen_corp_refuses_every_customer_call(sim, path, reason):
    """Over its capacity, or papers missing: customer management stands still, the directory does not."""
    apps = [{"secret": SECRET, "agent_id": AGENT}]
    sim.sim("corps", {"corp_id": CORP, "apps": apps, "frozen": reason})
    assert sim.get(path, userid="LiNa")["errcode"] == reason
    assert sim.get("user/get", userid="LiNa")["errcode"] == 0
    sim.sim("corps", {"corp_id": CORP, "apps": apps})
    assert sim.get("externalcontact/get_follow_user_list")["errcode"] == 0


@pytest.mark.parametrize("path", CUSTOMER_READS)
def test_contact_43_an_app_that_is_not_callable_is_48002(sim, path):
    """For every customer API, whatever it asks for."""
    sim.sign_in(secret="secret-two")
    assert sim.get(path, userid="LiNa")["errcode"] == 48002


def test_contact_43_an_address_that_is_not_trusted_is_60020_for_customers_too(sim):
    """With the endpoint's empty list."""
    apps = [{"secret": SECRET, "agent_id": AGENT, "trusted_ips": []}]
    sim.sim("corps", {"corp_id": CORP, "apps": apps})
    found = sim.get("externalcontact/list", userid="LiNa")
    assert (found["errcode"], found["external_userid"]) == (60020, [])


def test_contact_43_a_member_leaves_in_the_middle_of_a_walk(sim):
    """The next page, and every later call that names the member, is 60111."""
    befriend(sim, 6)
    body = {"userid_list": ["LiNa", "Wang"], "limit": 2}
    page = sim.post("externalcontact/batch/get_by_user", body)
    sim.act("resign", userid="LiNa")
    body["cursor"] = page["next_cursor"]
    assert sim.post("externalcontact/batch/get_by_user", body)["errcode"] == 60111
    assert sim.get("externalcontact/list", userid="LiNa")["errcode"] == 60111


def test_contact_43_a_provider_gets_nothing_of_members_without_a_licence(sim):
    """Some without: they are listed and the rest is there. All without: 701008. Self-built apps use no licences."""
    befriend(sim, 1)
    befriend(sim, 2, userid="Wang")
    own = {"secret": SECRET, "agent_id": AGENT}
    sim.sim("corps", {"corp_id": CORP, "apps": [own, {"secret": "provider", "agent_id": 5, "kind": "suite"}]})
    sim.corp("members", [{"userid": "LiNa", "licensed": False}])
    body = {"userid_list": ["LiNa", "Wang"]}
    sim.sign_in(secret="provider")
    found = sim.post("externalcontact/batch/get_by_user", body)
    assert found["fail_info"] == {"unlicensed_userid_list": ["LiNa"]}
    assert {row["follow_info"]["userid"] for row in found["external_contact_list"]} == {"Wang"}
    assert sim.post("externalcontact/batch/get_by_user", {"userid_list": ["LiNa"]})["errcode"] == 701008
    sim.sign_in()
    found = sim.post("externalcontact/batch/get_by_user", body)
    assert {row["follow_info"]["userid"] for row in found["external_contact_list"]} == {"LiNa", "Wang"}
    assert "fail_info" not in found


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("empty", {"group_chat_list": []}),
        ("no_cursor", {"group_chat_list": [{"chat_id": "wrC", "status": 0}]}),
        ("same_cursor", {"next_cursor": "c7"}),
        ({"group_chat_list": None, "extra": 1}, {"extra": 1}),
    ],
)
def test_an_answer_of_success_can_be_wrong(how: object, expected: dict[str, object]):
    """What a client must not believe: an emptied list, a missing or a repeated cursor."""
    body = {"errcode": 0, "group_chat_list": [{"chat_id": "wrC", "status": 0}], "next_cursor": "c8"}
    request = Request("POST", "externalcontact/groupchat/list", {}, b'{"cursor":"c7"}', "127.0.0.1")
    found = orjson.loads(spoiled(body, how, request))
    assert {key: found.get(key) for key in expected} == expected
    if how in ("empty", "no_cursor"):
        assert "next_cursor" not in found


def test_garbage_is_no_json():
    """An answer that breaks off in the middle."""
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(spoiled({"errcode": 0, "rows": [1, 2]}, "garbage", Request("GET", "x", {}, b"", "")))
