"""Signing in, and what pages need."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.wecom.client import WeComClient
from shared.wecom.errors import UnreachableError, WeComTerminalError
from shared.wecom.families.login import PRIVATE, in_app_address, web_address
from shared.wecom.families.tickets import js_signature
from shared.wecom.payloads.login import MemberDetail, SignedIn
from tests.shared.wecom.conftest import Sim
from tests.shared.wecom.samples import answered

AGENT = 1_000_002
BACK = "https://crm.example.com/back?to=/c/1"


def visit(sim: Sim, **order: object) -> str:
    sim.corp("act", {"do": "set_login", "agent_id": AGENT, "trusted_domain": "crm.example.com", "fields": ["mobile"]})
    return sim.corp("act", {"do": "oauth", "agent_id": AGENT, "redirect_uri": BACK, **order})["code"]


def test_where_a_page_in_wecom_sends_the_browser():
    """The order of the vendor's example, everything encoded, and the mark that WeCom asks for at the end."""
    address = in_app_address("ww1", BACK, state="s1", agentid=AGENT, scope=PRIVATE)
    assert address == (
        "https://open.weixin.qq.com/connect/oauth2/authorize?appid=ww1"
        "&redirect_uri=https%3A%2F%2Fcrm.example.com%2Fback%3Fto%3D%2Fc%2F1&response_type=code"
        "&scope=snsapi_privateinfo&state=s1&agentid=1000002#wechat_redirect"
    )
    assert in_app_address("ww1", "https://a.example/?q=a b").count("%20") == 1
    assert "agentid" not in in_app_address("ww1", BACK)


def test_where_any_browser_is_sent():
    """A code to scan."""
    address = web_address("ww1", BACK, agentid=AGENT, state="s1", lang="zh")
    assert address.startswith(
        "https://login.work.weixin.qq.com/wwlogin/sso/login?login_type=CorpApp&appid=ww1&agentid="
    )
    query = parse_qs(urlsplit(address).query)
    assert (query["redirect_uri"], query["state"], query["lang"]) == ([BACK], ["s1"], ["zh"])


@pytest.mark.parametrize("state", ["a b", "ä", "x" * 129, "a\n", "a-b"])
def test_a_state_that_wecom_would_refuse_is_an_error(state: str):
    """Up to 128 letters and digits."""
    for make in (
        lambda: in_app_address("ww1", BACK, state=state),
        lambda: web_address("w", BACK, agentid=1, state=state),
    ):
        with pytest.raises(ValueError, match="128 letters and digits"):
            make()


def test_private_fields_need_the_app():
    """WeCom would give the userid only, without a word."""
    with pytest.raises(ValueError, match="agentid"):
        in_app_address("ww1", BACK, scope=PRIVATE)


def test_a_member_signs_in_once_per_code(sim: Sim, client: WeComClient):
    """The ticket leads to what the member agreed to give."""
    sim.corp("members", [{"userid": "LiNa", "name": "李娜", "mobile": "13900000001"}])
    code = visit(sim, userid="LiNa", scope=PRIVATE, agrees=["mobile"])
    who = client.login.user(code)
    assert (who.userid, who.openid) == ("LiNa", None)
    assert who.user_ticket
    detail = client.login.detail(who.user_ticket)
    assert (detail.userid, detail.mobile, detail.email) == ("LiNa", "13900000001", None)
    with pytest.raises(WeComTerminalError) as caught:
        client.login.user(code)
    assert caught.value.code in {40029, 42022}


def test_who_is_no_member_has_an_openid(sim: Sim, client: WeComClient):
    """A customer also has an external_userid."""
    whale = sim.corp("act", {"do": "add", "userid": "LiNa", "name": "Whale", "silent": True})["external_userid"]
    who = client.login.user(visit(sim, external_userid=whale))
    assert (who.userid, who.external_userid, who.user_ticket) == (None, whale, None)
    assert who.openid
    stranger = client.login.user(visit(sim, stranger="somebody"))
    assert (stranger.userid, stranger.external_userid) == (None, None)


def test_old_capitals_and_linked_corps(client: WeComClient):
    """Both spellings are read; a linked corp's member comes with the corp's id."""
    old = {"errcode": 0, "UserId": "LiNa", "DeviceId": "d"}
    with answered("auth/getuserinfo", old, {"OpenId": "o"}, {"userid": "wwOther/LiNa"}) as asked:
        assert client.login.user("c") == SignedIn("LiNa", None, None, None, "d")  # type: ignore[arg-type]
        assert client.login.user("c") == SignedIn(None, None, "o", None, None)
        assert client.login.user("c").userid == "wwOther/LiNa"
    assert asked.queries == [{"code": "c"}] * 3
    with answered("auth/getuserdetail", {"errcode": 0, "userid": "LiNa", "gender": "0"}) as asked:
        assert client.login.detail("t") == MemberDetail("LiNa", "0", *[None] * 6)  # type: ignore[arg-type]
    assert asked.bodies == [b'{"user_ticket":"t"}']


def test_two_tickets_for_two_purposes_each_fetched_once(sim: Sim, make_client: Callable[..., WeComClient]):
    """One value per purpose for all processes, kept like a token: WeCom allows few fetches an hour (G7)."""
    one, other = make_client(), make_client()
    assert one.js_tickets.corp() == other.js_tickets.corp() == one.js_tickets.corp()
    assert one.js_tickets.agent() == other.js_tickets.agent()
    assert one.js_tickets.corp() != one.js_tickets.agent()
    assert (sim.calls("get_jsapi_ticket"), sim.calls("ticket/get")) == ({"0": 1}, {"0": 1})


def test_a_ticket_without_its_lifetime_is_no_answer(client: WeComClient):
    """Nobody would know when to fetch the next."""
    with answered("ticket/get", {"ticket": "t", "expires_in": 7200}) as asked:
        assert client.js_tickets.agent() == "t"
    assert asked.queries == [{"type": "agent_config"}]
    with answered("get_jsapi_ticket", {"ticket": "t"}), pytest.raises(UnreachableError):
        client.js_tickets.corp()


def test_the_signature_of_the_published_example():
    """The vendor's own vector; what follows # is not signed."""
    ticket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"
    for url in ("http://mp.weixin.qq.com?params=value", "http://mp.weixin.qq.com?params=value#top"):
        signature = js_signature(ticket, noncestr="Wm3WZYTPz0wzccnW", timestamp=1414587457, url=url)
        assert signature == "0f9de62fce790f9a083d5c99e95740ceb90c27ed"
