"""The platform itself: tokens, who may call what, trusted addresses, the envelope of errors, userids without case."""

import re

import pytest
import requests

CORP, SECRET, AGENT = "wwsimtest0001", "secret-one", 1000002
HINT = re.compile(
    r"^.+, hint: \[\d+_\d+_[0-9a-f]+\], from ip: (\S+), "
    r"more info at https://open\.work\.weixin\.qq\.com/devtool/query\?e=(-?\d+)$"
)


def put_corp(sim, *apps, **rest):
    """The corp with these apps beside the self-built one, which is signed in."""
    own = {"name": "Guanxi", "secret": SECRET, "agent_id": AGENT}
    sim.sim("corps", {"corp_id": CORP, "apps": [own, *apps], **rest})
    sim.sign_in()


def kind(name, **rest):
    return {"secret": f"secret-{name}", "agent_id": 0, "kind": name, **rest}


def code(sim, path, *, secret="", **query):
    """The errcode of a GET, with the token of a secret when one is named."""
    if secret:
        sim.sign_in(secret=secret)
    return sim.get(path, **query)["errcode"]


@pytest.mark.parametrize(
    ("query", "errcode"),
    [
        ({"corpsecret": SECRET}, 41002),
        ({"corpid": CORP}, 41004),
        ({"corpid": "wwnobody", "corpsecret": SECRET}, 40013),
        ({"corpid": CORP, "corpsecret": "wrong"}, 40001),
        ({"corpid": CORP, "corpsecret": "of-another-corp"}, 40091),
    ],
)
def test_platform_01_gettoken_says_what_is_wrong(sim, query, errcode):
    """Corp id missing or unknown, secret missing, unknown, or of another corp: five codes and no token."""
    sim.sim("corps", {"corp_id": "wwother", "apps": [{"secret": "of-another-corp", "agent_id": 1}]})
    found = requests.get(f"{sim.url}/cgi-bin/gettoken", params=query, timeout=5).json()
    assert found["errcode"] == errcode
    assert "access_token" not in found


def test_platform_01_the_answer_of_gettoken(sim):
    """errcode, errmsg, a token and the seconds it still lives, which shrink while the token stays."""
    query = {"corpid": CORP, "corpsecret": SECRET}
    sim.sim("clock", {"advance_s": 100})
    found = sim.get("gettoken", **query)
    assert found == {"errcode": 0, "errmsg": "ok", "access_token": sim.token, "expires_in": found["expires_in"]}
    assert 7090 <= found["expires_in"] <= 7101


def test_platform_01_a_secret_has_its_own_token(sim):
    """The end of one app's token does not touch another's."""
    one, two = sim.token, sim.sign_in(secret="secret-two")
    assert one != two
    assert sim.sim("tokens/revoke", {"secret": SECRET}) == {"revoked": 1}
    assert code(sim, "user/get", userid="LiNa") == 0
    sim.token = one
    assert code(sim, "user/get", userid="LiNa") == 40014


def test_platform_01_the_life_of_tokens_is_a_setting_of_the_corp(sim):
    """expires_in is what the corp was given, and the token is dead after it."""
    put_corp(sim, token_ttl_s=60)
    sim.sim("tokens/revoke", {})
    assert sim.get("gettoken", corpid=CORP, corpsecret=SECRET)["expires_in"] == 60
    sim.sign_in()
    sim.sim("clock", {"advance_s": 59})
    assert code(sim, "user/get", userid="LiNa") == 0
    sim.sim("clock", {"advance_s": 2})
    assert code(sim, "user/get", userid="LiNa") == 42001


@pytest.mark.parametrize(("expired", "errcode"), [(False, 40014), (True, 42001)])
def test_platform_01_a_token_may_end_early(sim, expired, errcode):
    """The platform kills a token: the next call says unknown or expired, and gettoken gives another."""
    old = sim.token
    assert sim.sim("tokens/revoke", {"corp_id": CORP, "expired": expired}) == {"revoked": 1}
    assert code(sim, "user/get", userid="LiNa") == errcode
    assert sim.sign_in() != old
    assert code(sim, "user/get", userid="LiNa") == 0


def test_platform_01_a_token_may_have_512_bytes(sim):
    """The longest token that WeCom allows works like any other."""
    sim.sim("settings", {"platform": {"long_tokens": True}})
    sim.sim("tokens/revoke", {})
    assert len(sim.sign_in()) == 512
    assert code(sim, "user/get", userid="LiNa") == 0


def test_platform_01_a_disabled_app_is_refused(sim):
    """Its secret gives no token and its living token no answer: 50003."""
    app = {"name": "Off", "secret": "secret-off", "agent_id": 9}
    put_corp(sim, app)
    sim.sign_in(secret="secret-off")
    sim.sim("corps", {"corp_id": CORP, "apps": [{**app, "disabled": True}]})
    assert code(sim, "user/get", userid="LiNa") == 50003
    assert sim.get("gettoken", corpid=CORP, corpsecret="secret-off")["errcode"] == 50003


def test_platform_02_failing_gettoken_calls_end_in_a_block_of_an_hour(sim):
    """Beyond so many failures in an hour also the right secret gets 45009, for 60 minutes."""
    sim.sim("settings", {"platform": {"gettoken_failures_per_hour": 5}})
    sim.sim("clock", {"offset_s": 0})
    wrong, right = {"corpid": CORP, "corpsecret": "wrong"}, {"corpid": CORP, "corpsecret": SECRET}
    assert [code(sim, "gettoken", **wrong) for _ in range(6)] == [40001] * 5 + [45009]
    assert code(sim, "gettoken", **right) == 45009
    sim.sim("clock", {"advance_s": 3590})
    assert code(sim, "gettoken", **right) == 45009
    sim.sim("clock", {"advance_s": 20})
    assert code(sim, "gettoken", **right) == 0


def test_platform_02_good_gettoken_calls_and_other_corps_do_not_count(sim):
    """Only failures of that corp id are counted; the default lets 2000 pass."""
    assert sim.sim("settings")["platform"]["gettoken_failures_per_hour"] == 2000
    sim.sim("settings", {"platform": {"gettoken_failures_per_hour": 1}})
    for _ in range(3):
        assert code(sim, "gettoken", corpid=CORP, corpsecret=SECRET) == 0
    assert [code(sim, "gettoken", corpid="wwnobody", corpsecret="x") for _ in range(2)] == [40013, 45009]
    assert code(sim, "gettoken", corpid=CORP, corpsecret=SECRET) == 0


MATRIX = [
    # path and query, then the code for: self-built, not callable for customers, system, contact sync
    ("user/get", {"userid": "LiNa"}, (0, 0, 0, 0)),
    ("externalcontact/get_follow_user_list", {}, (0, 48002, 0, 48002)),
    ("department/simplelist", {}, (0, 0, 0, 0)),
    ("get_jsapi_ticket", {}, (0, 0, 48002, 48002)),
]


@pytest.mark.parametrize(("path", "query", "codes"), MATRIX)
def test_platform_03_each_kind_of_secret_may_call_its_own(sim, path, query, codes):
    """Customers: the system app and callable apps. Tickets of pages: apps. Members: all."""
    other = {"secret": "secret-two", "agent_id": 2, "customer_contact": False}
    put_corp(sim, other, kind("system"), kind("directory"))
    secrets = (SECRET, "secret-two", "secret-system", "secret-directory")
    assert tuple(code(sim, path, secret=secret, **query) for secret in secrets) == codes


def test_platform_03_the_list_of_ids_is_for_contact_sync_alone(sim):
    """user/list_id gives 48002 to every other secret, with the empty list."""
    put_corp(sim, kind("system"), kind("directory"))
    for secret in (SECRET, "secret-system"):
        sim.sign_in(secret=secret)
        found = sim.post("user/list_id", {"limit": 10})
        assert (found["errcode"], found["dept_user"]) == (48002, [])
    sim.sign_in(secret="secret-directory")
    assert sim.post("user/list_id", {"limit": 10})["errcode"] == 0


def test_platform_03_only_apps_with_an_agent_send(sim):
    """message/send with a system or contact-sync secret is 48002."""
    put_corp(sim, kind("system"), kind("directory"))
    body = {"touser": "LiNa", "msgtype": "text", "text": {"content": "x"}, "agentid": 0}
    for secret in ("secret-system", "secret-directory"):
        sim.sign_in(secret=secret)
        assert sim.post("message/send", body)["errcode"] == 48002
    sim.sign_in()
    assert sim.post("message/send", {**body, "agentid": AGENT})["errcode"] == 0


DETAILS = [
    ("user/get", {"userid": "LiNa"}),
    ("user/simplelist", {"department_id": 1}),
    ("user/list", {"department_id": 1}),
    ("department/list", {}),
    ("department/get", {"id": 1}),
]


@pytest.mark.parametrize(("path", "query"), DETAILS)
def test_platform_03_contact_sync_reads_no_details_from_a_new_address(sim, path, query):
    """48009 from an address that was added since 2022-08-15; department/simplelist stays; other secrets are free."""
    put_corp(sim, kind("directory", new_ips=["127.0.0.1"]))
    assert code(sim, path, secret="secret-directory", **query) == 48009
    assert code(sim, "department/simplelist") == 0
    assert code(sim, path, secret=SECRET, **query) == 0
    put_corp(sim, kind("directory", new_ips=["10.0.0.1"]))
    assert code(sim, path, secret="secret-directory", **query) == 0


def test_platform_03_what_is_out_of_the_visible_range_is_60011(sim):
    """An app may not see a department outside its range."""
    put_corp(sim, {"secret": "secret-narrow", "agent_id": 3, "visible": ["LiNa"], "visible_departments": [3]})
    assert code(sim, "department/get", secret="secret-narrow", id=3) == 0
    assert code(sim, "department/get", id=2) == 60011


def test_platform_03_an_unknown_kind_of_secret_is_refused(sim):
    """The control API names the kinds that there are."""
    order = {"corp_id": CORP, "apps": [{"secret": "s", "agent_id": 1, "kind": "nonsense"}]}
    assert "app, directory, system, suite" in sim.sim("corps", order, status=400)["error"]


def test_platform_04_system_secrets_do_not_work_in_corps_made_since_december_2023(sim):
    """48002 for the system app's secret, nothing for the self-built app."""
    put_corp(sim, kind("system"), made_since_2023_12=True)
    path = "externalcontact/get_follow_user_list"
    assert code(sim, path, secret="secret-system") == 48002
    assert code(sim, path, secret=SECRET) == 0
    put_corp(sim, kind("system"))
    assert code(sim, path, secret="secret-system") == 0


def test_platform_05_calls_from_addresses_that_are_not_trusted_are_60020(sim):
    """The list belongs to the app; the errmsg shows the address that WeCom saw; gettoken is free."""
    put_corp(sim, {"secret": "secret-listed", "agent_id": 4, "trusted_ips": ["203.0.113.9"]})
    sim.sign_in(secret="secret-listed")
    found = sim.get("user/get", userid="LiNa")
    assert found["errcode"] == 60020
    assert HINT.match(found["errmsg"])[1] == "127.0.0.1"
    assert code(sim, "user/get", secret=SECRET, userid="LiNa") == 0


def test_platform_05_a_header_may_stand_for_the_address_when_told_so(sim):
    """X-Simulated-Ip counts only after the setting."""
    put_corp(sim, {"secret": "secret-listed", "agent_id": 4, "trusted_ips": ["203.0.113.9"]})
    sim.sign_in(secret="secret-listed")
    sim.http.headers["X-Simulated-Ip"] = "203.0.113.9"
    assert code(sim, "user/get", userid="LiNa") == 60020
    sim.sim("settings", {"platform": {"ip_header": True}})
    assert code(sim, "user/get", userid="LiNa") == 0
    sim.http.headers["X-Simulated-Ip"] = "198.51.100.7"
    assert HINT.match(sim.get("user/get", userid="LiNa")["errmsg"])[1] == "198.51.100.7"


KNOWN = [-1, 6000, 40031, 40077, 40144, 40168, 41009, 41037, 41063, 41087, 41211, 42027, 42051, 43012, 45036, 48011]
KNOWN += [49008, 50002, 60010, 60257, 81017, 82102, 84084, 86216, 90208, 90514, 301007, 610018, 610024, 701099, 845003]


def test_platform_06_every_code_has_hint_address_and_link(sim):
    """HTTP 200, an errmsg of one shape with a text of its own, and headers that repeat the body."""
    sim.sim("faults", [{"path": "user/get", "errcode": code} for code in KNOWN])
    for errcode in KNOWN:
        query = {"access_token": sim.token, "userid": "LiNa"}
        answer = sim.http.get(f"{sim.url}/cgi-bin/user/get", params=query, timeout=5)
        body = answer.json()
        assert (answer.status_code, body["errcode"]) == (200, errcode)
        assert HINT.match(body["errmsg"]).groups() == ("127.0.0.1", str(errcode))
        assert body["errmsg"].rstrip(". ").split(",")[0].strip(" .").lower() != "error"
        assert answer.headers["Error-Code"] == str(errcode)
        assert answer.headers["Error-Msg"] == body["errmsg"]


def test_platform_06_success_has_the_headers_too(sim):
    """Error-Code 0 and Error-Msg ok."""
    query = {"access_token": sim.token, "userid": "LiNa"}
    answer = sim.http.get(f"{sim.url}/cgi-bin/user/get", params=query, timeout=5)
    assert (answer.headers["Error-Code"], answer.headers["Error-Msg"]) == ("0", "ok")
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"


def test_platform_16_userids_have_no_case(sim):
    """Reads find a member in any spelling and answer in the spelling of the directory."""
    assert sim.get("user/get", userid="LINA")["userid"] == "LiNa"
    external = sim.act("add", userid="lina")["external_userid"]
    assert sim.get("externalcontact/list", userid="lInA")["external_userid"] == [external]
    follower = sim.get("externalcontact/get", external_userid=external)["follow_user"]
    assert [item["userid"] for item in follower] == ["LiNa"]
    sim.corp("members", [{"userid": "LINA", "position": "店长"}])
    assert sim.sim(f"corps/{CORP}")["members"] == 3


def test_platform_16_the_visible_range_has_no_case_either(sim):
    """A range that names lina shows LiNa, however a call spells it."""
    put_corp(sim, {"secret": "secret-narrow", "agent_id": 3, "visible": ["lina"]})
    assert code(sim, "user/get", secret="secret-narrow", userid="LINA") == 0
    assert code(sim, "user/get", userid="ZhaoMin") == 60111


def test_platform_16_message_answers_are_lower_cased(sim):
    """invaliduser repeats what was asked for in lower case; a member in another spelling gets it once."""
    body = {"touser": "LINA|lina|NoBody", "msgtype": "text", "text": {"content": "x"}, "agentid": AGENT}
    found = sim.post("message/send", body)
    assert (found["errcode"], found["invaliduser"]) == (0, "nobody")
    assert [item["userid"] for item in sim.corp("messages")] == ["LiNa"]
