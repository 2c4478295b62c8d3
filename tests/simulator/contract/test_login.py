"""Codes of logins, what members grant, and the tickets and signatures of pages."""

import hashlib

import pytest

from simulator.login.signing import signature_of

CORP, AGENT, OTHER = "wwsimtest0001", 1000002, 1000003
HOME = "https://crm.example.com:8443"
DETAILS = {"mobile": "139", "gender": "2", "email": "l@example.com", "avatar": "https://img.example.com/a/0"}


@pytest.fixture
def login(sim):
    """The first app trusts crm.example.com:8443 and may ask for mobile and gender."""
    sim.act("set_login", agent_id=AGENT, trusted_domain="crm.example.com:8443", fields=["mobile", "gender", "avatar"])
    return sim


def visit(sim, *, status=200, **order):
    """Open the authorize page of the first app."""
    return sim.act("oauth", **{"agent_id": AGENT, "redirect_uri": f"{HOME}/back", **order}, status=status)


def who(sim, code):
    return sim.get("auth/getuserinfo", code=code)


def private(sim, **order):
    """The user ticket after a login with consent."""
    return who(sim, visit(sim, userid="LiNa", scope="snsapi_privateinfo", **order)["code"])["user_ticket"]


def test_platform_12_the_visitor_is_sent_back_with_code_and_state(login):
    """The address keeps its own query; who refuses brings no code."""
    found = visit(login, userid="LiNa", state="abc1", redirect_uri=f"{HOME}/back?to=3")
    assert found["redirect"] == f"{HOME}/back?to=3&code={found['code']}&state=abc1"
    assert len(found["code"]) <= 512
    assert visit(login, userid="LiNa", state="abc1", refuses=True)["redirect"] == f"{HOME}/back?state=abc1"


@pytest.mark.parametrize(
    "address",
    [
        "https://crm.example.com/back",
        "https://crm.example.com:8444/back",
        "https://evil.example/crm.example.com:8443",
        "crm.example.com:8443/back",
    ],
)
def test_platform_12_the_domain_with_its_port_must_be_trusted(login, address):
    """Otherwise there is an error page: 50001. An app without a trusted domain has no login."""
    assert "50001" in visit(login, userid="LiNa", redirect_uri=address, status=409)["error"]
    assert "50001" in visit(login, userid="LiNa", agent_id=OTHER, status=409)["error"]


@pytest.mark.parametrize("state", ["a" * 129, "a-b", "中"])
def test_platform_12_a_state_is_short_and_plain(login, state):
    """Up to 128 letters and digits."""
    visit(login, userid="LiNa", state=state, status=409)


def test_platform_12_a_code_works_once_and_for_five_minutes(login):
    """40029 afterwards, or the table's own codes when that is set; 41008 without a code."""
    first = visit(login, userid="LiNa")["code"]
    assert who(login, first) == {"errcode": 0, "errmsg": "ok", "userid": "LiNa"}
    late = visit(login, userid="LiNa")["code"]
    in_time = visit(login, userid="LiNa")["code"]
    login.sim("clock", {"advance_s": 290})
    assert who(login, in_time)["errcode"] == 0
    login.sim("clock", {"advance_s": 11})
    assert [who(login, code)["errcode"] for code in (first, late, "made-up")] == [40029, 40029, 40029]
    login.sim("settings", {"login": {"expired_code": 42003, "used_code": 42022}})
    assert [who(login, code)["errcode"] for code in (first, late, "made-up")] == [42022, 42003, 40029]
    assert login.get("auth/getuserinfo")["errcode"] == 41008


def test_platform_12_another_app_cannot_use_a_code(login):
    """Unless that is set: WeCom does not say."""
    code = visit(login, userid="LiNa")["code"]
    login.sign_in(secret="secret-two")
    assert who(login, code)["errcode"] == 40029
    login.sim("settings", {"login": {"code_bound_to_app": False}})
    assert who(login, code)["userid"] == "LiNa"


def test_platform_12_a_customer_has_an_openid_and_an_external_userid(login):
    """The openid is the one that convert_to_openid gives."""
    customer = login.act("add", userid="LiNa")["external_userid"]
    found = who(login, visit(login, external_userid=customer)["code"])
    assert found.keys() == {"errcode", "errmsg", "openid", "external_userid"}
    openid = login.post("externalcontact/convert_to_openid", {"external_userid": customer})["openid"]
    assert (found["external_userid"], found["openid"]) == (customer, openid)


def test_platform_12_a_customer_of_nobody_in_range_is_a_stranger(login):
    """external_userid is there only for customers of members whom the app sees."""
    customer = login.act("add", userid="Wang")["external_userid"]
    apps = [{"secret": "secret-one", "agent_id": AGENT, "visible": ["LiNa"]}]
    login.sim("corps", {"corp_id": CORP, "apps": apps})
    assert who(login, visit(login, external_userid=customer)["code"]).keys() == {"errcode", "errmsg", "openid"}


def test_platform_12_a_stranger_has_an_openid_only(login):
    """The same one each time."""
    codes = [visit(login, stranger=name)["code"] for name in ("a", "a", "b")]
    first, again, other = (who(login, code) for code in codes)
    assert first.keys() == {"errcode", "errmsg", "openid"}
    assert first == again != other


def test_platform_12_a_member_out_of_range_logs_in_without_ticket(login):
    """Silently yes, with consent there is an error page."""
    apps = [{"secret": "secret-one", "agent_id": AGENT, "visible": ["Wang"]}]
    login.sim("corps", {"corp_id": CORP, "apps": apps})
    assert who(login, visit(login, userid="LiNa")["code"])["userid"] == "LiNa"
    visit(login, userid="LiNa", scope="snsapi_privateinfo", status=409)


def test_platform_12_consent_needs_the_app_in_the_address(login):
    """Without agent_id the login is the silent one."""
    code = visit(login, userid="LiNa", scope="snsapi_privateinfo", agent_id=0)["code"]
    assert "user_ticket" not in who(login, code)
    assert len(private(login)) <= 512


def test_platform_12_the_web_login_gives_the_userid_only(login):
    """No user_ticket, and members only."""
    code = visit(login, userid="LiNa", web=True, scope="snsapi_privateinfo")["code"]
    assert who(login, code) == {"errcode": 0, "errmsg": "ok", "userid": "LiNa"}
    visit(login, stranger="a", web=True, status=409)


def test_platform_12_details_need_selection_and_consent(login):
    """A field comes when both said yes; gender and avatar come anyway, as unknown. There is no name."""
    login.corp("members", [{"userid": "LiNa", **DETAILS}])
    found = login.post("auth/getuserdetail", {"user_ticket": private(login, agrees=["mobile", "email", "gender"])})
    default = login.sim("settings")["login"]["default_avatar"]
    assert found == {
        "errcode": 0,
        "errmsg": "ok",
        "userid": "LiNa",
        "mobile": "139",
        "gender": "2",
        "avatar": default,
    }
    nothing = login.post("auth/getuserdetail", {"user_ticket": private(login)})
    assert (nothing["gender"], nothing["avatar"], "mobile" in nothing) == ("0", default, False)


def test_platform_12_a_user_ticket_lives_half_an_hour(login):
    """84014 afterwards; 84015 for one that was made up or belongs to another app. It may be used again."""
    ticket = private(login)
    login.sim("clock", {"advance_s": 1790})
    assert login.post("auth/getuserdetail", {"user_ticket": ticket})["errcode"] == 0
    assert login.post("auth/getuserdetail", {"user_ticket": "made-up"})["errcode"] == 84015
    assert login.post("auth/getuserdetail", {})["errcode"] == 40063
    login.sign_in(secret="secret-two")
    assert login.post("auth/getuserdetail", {"user_ticket": ticket})["errcode"] == 84015
    login.sign_in()
    login.sim("clock", {"advance_s": 11})
    assert login.post("auth/getuserdetail", {"user_ticket": ticket})["errcode"] == 84014


def test_platform_12_a_login_outlives_a_new_userid(login):
    """Codes and user tickets of before speak of the member by the new userid."""
    ticket, code = private(login), visit(login, userid="LiNa")["code"]
    login.act("update_user", userid="LiNa", new_userid="li.na")
    assert login.post("auth/getuserdetail", {"user_ticket": ticket})["userid"] == "li.na"
    assert who(login, code)["userid"] == "li.na"


def test_platform_12_the_former_address_has_capitalised_keys(login):
    """UserId and DeviceId, or OpenId and DeviceId."""
    member = login.get("user/getuserinfo", code=visit(login, userid="LiNa")["code"])
    assert (member["UserId"], member.keys()) == ("LiNa", {"errcode", "errmsg", "UserId", "DeviceId"})
    stranger = login.get("user/getuserinfo", code=visit(login, stranger="a")["code"])
    assert stranger.keys() == {"errcode", "errmsg", "OpenId", "DeviceId"}


def test_platform_12_valid_codes_do_not_count_against_the_limit(login):
    """Only refused ones do, and a block does not stop a valid code."""
    login.sim("limits", {"per_minute": 2})
    assert [who(login, visit(login, userid="LiNa")["code"])["errcode"] for _ in range(4)] == [0] * 4
    assert [who(login, "made-up")["errcode"] for _ in range(3)] == [40029, 40029, 45009]
    assert who(login, visit(login, userid="LiNa")["code"])["errcode"] == 0


def signed(ticket, *, url=f"{HOME}/side", fragment=""):
    """A page's signature, made here as a client makes it."""
    text = f"jsapi_ticket={ticket}&noncestr=n0nce&timestamp=1790000000&url={url}"
    signature = hashlib.sha1(text.encode()).hexdigest()
    return {"signature": signature, "noncestr": "n0nce", "timestamp": 1790000000, "url": url + fragment}


def opened(sim, **order):
    return sim.act("open_page", **order)["errcode"]


def corp_ticket(sim):
    return sim.get("get_jsapi_ticket")["ticket"]


def app_ticket(sim):
    return sim.get("ticket/get", type="agent_config")["ticket"]


def start_an_hour(sim):
    """The windows of limits turn with the clock."""
    sim.sim("clock", {"advance_s": 3600 - sim.sim("clock")["now"] % 3600})
    sim.sign_in()


def test_platform_13_the_published_signature_comes_out():
    """SHA-1 over the four in their order; what follows # does not count."""
    ticket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"
    rest = {"noncestr": "Wm3WZYTPz0wzccnW", "timestamp": "1414587457"}
    url = "http://mp.weixin.qq.com?params=value"
    assert signature_of(ticket, url=url, **rest) == "0f9de62fce790f9a083d5c99e95740ceb90c27ed"
    assert signature_of(ticket, url=f"{url}#top", **rest) == "0f9de62fce790f9a083d5c99e95740ceb90c27ed"


def test_platform_13_there_are_two_kinds_of_tickets(sim):
    """One for wx.config, one for wx.agentConfig of each app; both for 7200 s, and the same while they are valid."""
    first = sim.get("get_jsapi_ticket")
    assert (first["errcode"], first["expires_in"]) == (0, 7200)
    own = sim.get("ticket/get", type="agent_config")
    assert (own["expires_in"], own["ticket"] != first["ticket"]) == (7200, True)
    assert (corp_ticket(sim), app_ticket(sim)) == (first["ticket"], own["ticket"])
    sim.sign_in(secret="secret-two")
    assert (corp_ticket(sim) == first["ticket"], app_ticket(sim) == own["ticket"]) == (True, False)
    sim.sim("clock", {"advance_s": 7000})
    later = sim.get("get_jsapi_ticket")
    assert (later["ticket"], 190 <= later["expires_in"] <= 200) == (first["ticket"], True)
    sim.sim("clock", {"advance_s": 201})
    sim.sign_in()
    assert corp_ticket(sim) != first["ticket"]
    assert sim.get("ticket/get", type="jsapi")["errcode"] == 40005
    assert sim.get("ticket/get")["errcode"] == 40005


def test_platform_13_a_page_opens_with_the_right_ticket(sim):
    """For wx.config the corp's, for wx.agentConfig the app's; the fragment does not count."""
    assert opened(sim, **signed(corp_ticket(sim), fragment="#top")) == 0
    assert opened(sim, agent_id=AGENT, **signed(app_ticket(sim))) == 0


def test_platform_13_the_wrong_ticket_is_42012(sim):
    """The other kind, another app's, one that has expired."""
    assert opened(sim, agent_id=AGENT, **signed(corp_ticket(sim))) == 42012
    own = app_ticket(sim)
    assert opened(sim, **signed(own)) == 42012
    assert opened(sim, agent_id=OTHER, **signed(own)) == 42012
    sim.sim("clock", {"advance_s": 7201})
    assert opened(sim, agent_id=AGENT, **signed(own)) == 42012


@pytest.mark.parametrize("wrong", [{"url": f"{HOME}/other"}, {"noncestr": "other"}, {"timestamp": 1}])
def test_platform_13_a_wrong_signature_is_40093(sim, wrong):
    """Each of the four counts."""
    assert opened(sim, **{**signed(corp_ticket(sim)), **wrong}) == 40093


def test_platform_13_tickets_are_fetched_a_hundred_times_an_hour_by_an_app(sim):
    """Then 45009 for an hour; another app goes on, the other kind too, until the corp has had 400."""
    start_an_hour(sim)
    assert [sim.get("get_jsapi_ticket")["errcode"] for _ in range(101)] == [0] * 100 + [45009]
    assert sim.get("ticket/get", type="agent_config")["errcode"] == 0
    sim.sign_in(secret="secret-two")
    assert sim.get("get_jsapi_ticket")["errcode"] == 0
    sim.sim("clock", {"advance_s": 3601})
    sim.sign_in()
    assert sim.get("get_jsapi_ticket")["errcode"] == 0


def test_platform_13_and_four_hundred_times_by_a_corp(sim):
    """All apps together; lowered here."""
    assert sim.sim("settings")["login"]["tickets_per_corp_hour"] == 400
    sim.sim("settings", {"login": {"tickets_per_corp_hour": 4}})
    start_an_hour(sim)
    codes = []
    for secret in ("secret-one", "secret-two", "secret-one"):
        sim.sign_in(secret=secret)
        codes += [sim.get("get_jsapi_ticket")["errcode"] for _ in range(2)]
    assert codes == [0, 0, 0, 0, 45009, 45009]


def test_platform_13_only_apps_fetch_tickets(sim):
    """The contact-sync secret gets 48002."""
    sim.sim("corps", {"corp_id": CORP, "apps": [{"secret": "sync", "agent_id": 0, "kind": "directory"}]})
    sim.sign_in(secret="sync")
    assert sim.get("get_jsapi_ticket")["errcode"] == 48002
    assert sim.get("ticket/get", type="agent_config")["errcode"] == 48002
