"""Third-party and delegated applications: tickets, tokens, installation, and the corp's side of it."""

from itertools import pairwise

import pytest
import requests
from lxml import etree

CORP, SUITE, SECRET = "wwsimtest0001", "ww2b9d0e64fa17c385", "suite-secret"
TOKEN, AES_KEY = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
PROVIDER = {"corp_id": "wwprovider001", "secret": "provider-secret"}
HALF_HOUR = 1800


@pytest.fixture
def suite(sim, inbox):
    """A suite whose command address is `inbox`, which says success."""
    inbox.answers.extend([(200, "success")] * 100)
    receiver = {"url": inbox.url, "token": TOKEN, "encoding_aes_key": AES_KEY}
    sim.sim("suites", {"suite_id": SUITE, "secret": SECRET, "receiver": receiver, "provider": PROVIDER})
    return sim


@pytest.fixture
def told(suite, inbox):
    """What the command address was told so far: a list of {tag: text}."""

    def read():
        assert suite.sim("callbacks/flush", {})["flushed"]
        pushed = [etree.fromstring(text) for text in inbox.plaintexts(SUITE)]
        return [{item.tag: (item.text or "").strip() for item in xml} for xml in pushed]

    return read


def ask(sim, api, body=None, **query):
    """A call of the service API, without an access token."""
    method = "GET" if body is None else "POST"
    answer = requests.request(method, f"{sim.url}/cgi-bin/service/{api}", params=query, json=body, timeout=5)
    assert answer.status_code == 200
    return answer.json()


def suite_token(sim, ticket=""):
    body = {"suite_id": SUITE, "suite_secret": SECRET, "suite_ticket": ticket or newest(sim)}
    return ask(sim, "get_suite_token", body)


def newest(sim):
    return sim.sim(f"suites/{SUITE}")["tickets"][-1]


def install(sim, **rest):
    """Install the suite in the corp; what get_permanent_code answers."""
    code = sim.act("install_suite", suite_id=SUITE, **rest)["auth_code"]
    return exchange(sim, code)


def exchange(sim, code):
    token = suite_token(sim)["suite_access_token"]
    return ask(sim, "get_permanent_code", {"auth_code": code}, suite_access_token=token)


def corp_token(sim, code, corp_id=CORP):
    body = {"auth_corpid": corp_id, "permanent_code": code}
    return ask(sim, "get_corp_token", body, suite_access_token=suite_token(sim)["suite_access_token"])


def test_platform_14_a_ticket_is_pushed_every_ten_minutes(suite, told):
    """One at once, then one every 600 s of the simulated clock; each differs; the answer success acknowledges."""
    for _ in range(2):
        suite.sim("clock", {"advance_s": 601})
    pushed = told()
    assert [list(item) for item in pushed] == [["SuiteId", "InfoType", "TimeStamp", "SuiteTicket"]] * 3
    assert {(item["SuiteId"], item["InfoType"]) for item in pushed} == {(SUITE, "suite_ticket")}
    times = sorted(int(item["TimeStamp"]) for item in pushed)
    assert [later - earlier for earlier, later in pairwise(times)] == [600, 600]
    assert len({item["SuiteTicket"] for item in pushed}) == 3
    assert suite.sim("callbacks")["failed"] == 0


def test_platform_14_a_ticket_is_good_for_half_an_hour(suite):
    """An older ticket that is not half an hour old still does, then it is 40085."""
    first = newest(suite)
    suite.sim("clock", {"advance_s": HALF_HOUR - 60})
    assert newest(suite) != first
    assert "suite_access_token" in suite_token(suite, first)
    suite.sim("clock", {"advance_s": 61})
    assert suite_token(suite, first)["errcode"] == 40085
    suite.sim("clock", {"advance_s": 300})
    by_hand = suite.sim(f"suites/{SUITE}/ticket", {})["suite_ticket"]
    suite.sim("clock", {"advance_s": HALF_HOUR - 2})
    assert "suite_access_token" in suite_token(suite, by_hand)
    suite.sim("clock", {"advance_s": 3})
    assert suite_token(suite, by_hand)["errcode"] == 40085


def test_platform_14_after_a_long_move_of_the_clock_only_living_tickets_are_pushed(suite, told):
    """A month passes in one step: the command address is not flooded with dead tickets."""
    suite.sim("clock", {"advance_s": 30 * 86_400})
    suite.sim("clock", {"advance_s": 1})
    assert 2 <= len(told()) <= 5
    assert "suite_access_token" in suite_token(suite)


def test_platform_14_the_suite_token_carries_no_errcode_and_stays_for_two_hours(suite):
    """Success is told by the missing errcode; a newer ticket gives the same token."""
    found = suite_token(suite)
    assert found.keys() == {"suite_access_token", "expires_in"}
    assert found["expires_in"] == 7200
    suite.sim("clock", {"advance_s": 3600})
    assert suite_token(suite)["suite_access_token"] == found["suite_access_token"]
    suite.sim("clock", {"advance_s": 3601})
    assert ask(suite, "get_pre_auth_code", suite_access_token=found["suite_access_token"])["errcode"] == 42009
    assert suite_token(suite)["suite_access_token"] != found["suite_access_token"]


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"suite_id": "wwnosuite"}, 40083),
        ({"suite_id": ""}, 41021),
        ({"suite_secret": "wrong"}, 40080),
        ({"suite_secret": ""}, 41024),
        ({"suite_ticket": "wrong"}, 40085),
        ({"suite_ticket": ""}, 41023),
    ],
)
def test_platform_14_what_a_suite_token_needs(suite, change, errcode):
    """Errors have the usual envelope, with errcode."""
    body = {"suite_id": SUITE, "suite_secret": SECRET, "suite_ticket": newest(suite), **change}
    found = ask(suite, "get_suite_token", body)
    assert found["errcode"] == errcode
    assert ", hint: [" in found["errmsg"]


def test_platform_14_an_installation_from_the_market_ends_in_a_token_of_the_corp(suite, told):
    """create_auth brings a code without the corp; the code gives a permanent code; that gives tokens like an app's."""
    suite.act("install_suite", suite_id=SUITE, state="inv_77", agent_id=7)
    event = next(item for item in told() if item["InfoType"] == "create_auth")
    assert list(event) == ["SuiteId", "AuthCode", "InfoType", "TimeStamp", "State"]
    found = exchange(suite, event["AuthCode"])
    assert (found["errcode"], found["state"]) == (0, "inv_77")
    assert found["auth_corp_info"]["corpid"] == CORP
    assert [(item["agentid"], item["auth_mode"]) for item in found["auth_info"]["agent"]] == [(7, 0)]
    again = corp_token(suite, found["permanent_code"])
    assert again.keys() == {"access_token", "expires_in"}
    assert again["access_token"] == found["access_token"]
    suite.token = again["access_token"]
    assert suite.get("user/get", userid="LiNa")["errcode"] == 0
    body = {"touser": "LiNa", "msgtype": "text", "text": {"content": "x"}, "agentid": 7}
    assert suite.post("message/send", body)["errcode"] == 0


def test_platform_14_an_auth_code_is_good_once_and_for_ten_minutes(suite):
    """A second exchange, and a late one, is 40078."""
    code = suite.act("install_suite", suite_id=SUITE)["auth_code"]
    assert "permanent_code" in exchange(suite, code)
    assert exchange(suite, code)["errcode"] == 40078
    suite.act("uninstall_suite", suite_id=SUITE)
    late = suite.act("install_suite", suite_id=SUITE, from_market=False)["auth_code"]
    suite.sim("clock", {"advance_s": 601})
    assert exchange(suite, late)["errcode"] == 40078


def test_platform_14_an_installation_on_the_providers_site_is_told_by_the_redirect_alone(suite, told):
    """No create_auth."""
    assert "auth_code" in suite.act("install_suite", suite_id=SUITE, from_market=False)
    assert {item["InfoType"] for item in told()} == {"suite_ticket"}


def test_platform_14_the_suite_hears_of_the_corps_customers_in_its_own_form(suite, told):
    """SuiteId, AuthCorpId and InfoType in place of ToUserName and Event; only in its visible range."""
    install(suite, visible=["LiNa"])
    suite.act("add", userid="LiNa")
    suite.act("add", userid="Wang")
    found = [item for item in told() if item["InfoType"] == "change_external_contact"]
    assert [(item["SuiteId"], item["AuthCorpId"], item["UserID"]) for item in found] == [(SUITE, CORP, "LiNa")]


def test_platform_14_an_uninstalled_suite_has_nothing_left(suite, told):
    """cancel_auth; the token is dead, the permanent code is 48004, and callbacks end."""
    found = install(suite)
    suite.act("uninstall_suite", suite_id=SUITE)
    assert told()[-1] == {**told()[-1], "InfoType": "cancel_auth", "AuthCorpId": CORP}
    suite.token = found["access_token"]
    assert suite.get("user/get", userid="LiNa")["errcode"] == 40014
    assert corp_token(suite, found["permanent_code"])["errcode"] == 48004
    suite.act("add", userid="LiNa")
    assert "change_external_contact" not in {item["InfoType"] for item in told()}
    assert suite.act("uninstall_suite", suite_id=SUITE, status=409)


def test_platform_14_a_changed_range_is_told_and_holds(suite, told):
    """change_auth; the token sees the new range, and a disabled app is 50003."""
    suite.token = install(suite)["access_token"]
    suite.act("change_suite", suite_id=SUITE, visible=["Wang"])
    assert "change_auth" in {item["InfoType"] for item in told()}
    assert suite.get("user/get", userid="LiNa")["errcode"] == 60111
    suite.act("change_suite", suite_id=SUITE, disabled=True)
    assert suite.get("user/get", userid="Wang")["errcode"] == 50003


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"auth_corpid": "wwnobody"}, 40013),
        ({"auth_corpid": ""}, 41002),
        ({"permanent_code": "wrong"}, 40084),
        ({"permanent_code": ""}, 41025),
    ],
)
def test_platform_14_what_a_corp_token_needs(suite, change, errcode):
    """Corp and permanent code, each missing or unknown."""
    body = {"auth_corpid": CORP, "permanent_code": install(suite)["permanent_code"], **change}
    token = suite_token(suite)["suite_access_token"]
    assert ask(suite, "get_corp_token", body, suite_access_token=token)["errcode"] == errcode


def test_platform_14_a_permanent_code_of_another_suite_is_48003(suite):
    """Suites of one provider do not share codes."""
    code = install(suite)["permanent_code"]
    suite.sim("suites", {"suite_id": "wwsuite2", "secret": "s2"})
    ticket = suite.sim("suites/wwsuite2")["tickets"][-1]
    body = {"suite_id": "wwsuite2", "suite_secret": "s2", "suite_ticket": ticket}
    token = ask(suite, "get_suite_token", body)["suite_access_token"]
    body = {"auth_corpid": CORP, "permanent_code": code}
    assert ask(suite, "get_corp_token", body, suite_access_token=token)["errcode"] == 48003


def test_platform_14_calls_of_the_service_need_a_suite_token(suite):
    """41022 missing, 40082 unknown."""
    for api, body in (("get_pre_auth_code", None), ("get_permanent_code", {"auth_code": "x"}), ("get_corp_token", {})):
        assert ask(suite, api, body)["errcode"] == 41022
        assert ask(suite, api, body, suite_access_token="wrong")["errcode"] == 40082


def test_platform_14_a_pre_auth_code_opens_a_session(suite):
    """set_session_info takes it until it expires: 40077 unknown, 42007 too old."""
    token = suite_token(suite)["suite_access_token"]
    found = ask(suite, "get_pre_auth_code", suite_access_token=token)
    assert (found["errcode"], found["expires_in"]) == (0, 1200)
    body = {"pre_auth_code": found["pre_auth_code"], "session_info": {"auth_type": 1}}
    assert ask(suite, "set_session_info", body, suite_access_token=token)["errcode"] == 0
    wrong = {**body, "pre_auth_code": "wrong"}
    assert ask(suite, "set_session_info", wrong, suite_access_token=token)["errcode"] == 40077
    suite.sim("clock", {"advance_s": 1201})
    assert ask(suite, "set_session_info", body, suite_access_token=token)["errcode"] == 42007


def test_platform_14_a_provider_has_a_token_of_its_own(suite):
    """get_provider_token: corp id and secret of the provider."""
    body = {"corpid": PROVIDER["corp_id"], "provider_secret": PROVIDER["secret"]}
    found = ask(suite, "get_provider_token", body)
    assert (found["errcode"], found["expires_in"]) == (0, 7200)
    assert ask(suite, "get_provider_token", body)["provider_access_token"] == found["provider_access_token"]
    assert ask(suite, "get_provider_token", {**body, "provider_secret": "wrong"})["errcode"] == 40001
    assert ask(suite, "get_provider_token", {**body, "corpid": "wwnobody"})["errcode"] == 40013


def test_platform_14_a_delegated_apps_permanent_code_is_a_secret(suite, told):
    """Plain gettoken takes it; on `get secret again` the old one dies when the new code is exchanged."""
    code = install(suite)["permanent_code"]
    assert suite.get("gettoken", corpid=CORP, corpsecret=code)["errcode"] == 40001
    suite.act("uninstall_suite", suite_id=SUITE)
    receiver = {"url": "http://127.0.0.1:9/", "token": TOKEN, "encoding_aes_key": AES_KEY}
    suite.sim("suites", {"suite_id": SUITE, "secret": SECRET, "delegated": True, "receiver": receiver})
    first = install(suite)["permanent_code"]
    assert suite.get("gettoken", corpid=CORP, corpsecret=first)["errcode"] == 0
    renewed = suite.act("reset_permanent_code", suite_id=SUITE)["auth_code"]
    second = exchange(suite, renewed)["permanent_code"]
    assert suite.get("gettoken", corpid=CORP, corpsecret=second)["errcode"] == 0
    assert suite.get("gettoken", corpid=CORP, corpsecret=first)["errcode"] == 40001


def test_platform_14_a_new_configuration_of_the_corp_keeps_what_suites_installed(suite):
    """Putting the corp again replaces its own apps only."""
    suite.token = install(suite)["access_token"]
    suite.sim("corps", {"corp_id": CORP, "apps": [{"secret": "secret-one", "agent_id": 1}]})
    assert suite.get("user/get", userid="LiNa")["errcode"] == 0


def test_platform_14_a_providers_address_has_wider_limits(suite):
    """40,000 a minute where a corp's own app has 20,000: here 4 and 2."""
    token, own = install(suite)["access_token"], suite.token
    suite.sim("limits", {"ip_per_minute": 2, "provider_ip_per_minute": 4})
    suite.token = token
    assert [suite.get("user/get", userid="LiNa")["errcode"] for _ in range(4)] == [0] * 4
    suite.token = own
    assert suite.get("user/get", userid="LiNa")["errcode"] == 45009
