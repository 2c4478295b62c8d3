"""Tokens and the envelope of errors."""

import requests

SECRETS = {"corpid": "wwsimtest0001", "corpsecret": "secret-one"}


def test_a_valid_token_is_handed_out_again(sim):
    """While a token is valid, gettoken returns the same one."""
    assert sim.sign_in() == sim.sign_in()


def test_each_secret_has_its_own_token(sim):
    """Tokens of two apps of a corp differ."""
    assert sim.sign_in() != sim.sign_in(secret="secret-two")


def test_gettoken_refuses_what_it_does_not_know(sim):
    """Unknown corp is 40013, wrong secret 40001."""
    assert sim.get("gettoken", corpid="wwnobody", corpsecret="x")["errcode"] == 40013
    assert sim.get("gettoken", **{**SECRETS, "corpsecret": "wrong"})["errcode"] == 40001


def test_a_token_is_missing_unknown_or_expired(sim):
    """41001, 40014 and 42001 tell the three cases apart."""
    good = sim.token
    sim.token = ""
    assert sim.get("user/get", userid="LiNa")["errcode"] == 41001
    sim.token = "nonsense"
    assert sim.get("user/get", userid="LiNa")["errcode"] == 40014
    sim.token = good
    sim.sim("clock", {"advance_s": 7201})
    assert sim.get("user/get", userid="LiNa")["errcode"] == 42001
    assert sim.sign_in() != good


def test_a_revoked_token_is_unknown_and_the_next_one_is_new(sim):
    """WeCom may kill a token early; the next call says 40014."""
    old = sim.token
    assert sim.sim("tokens/revoke", {"corp_id": "wwsimtest0001"}) == {"revoked": 1}
    assert sim.get("user/get", userid="LiNa")["errcode"] == 40014
    assert sim.sign_in() != old


def test_an_error_is_http_200_with_hint_ip_link_and_the_empty_list(sim):
    """The envelope of errors: errcode, errmsg of a fixed shape, and the endpoint's list field, empty."""
    found = sim.get("externalcontact/list", userid="LiNa")
    assert found["errcode"] == 84061
    assert found["external_userid"] == []
    assert ", hint: [" in found["errmsg"]
    assert ", from ip: 127.0.0.1, " in found["errmsg"]
    assert found["errmsg"].endswith("more info at https://open.work.weixin.qq.com/devtool/query?e=84061")


def test_a_get_on_a_post_endpoint_is_refused(sim):
    """GET instead of POST is 40058."""
    assert sim.get("externalcontact/batch/get_by_user")["errcode"] == 40058


def test_an_app_outside_customer_contact_is_forbidden(sim):
    """An app that is not listed as callable gets 48002."""
    sim.sign_in(secret="secret-two")
    assert sim.get("externalcontact/get_follow_user_list")["errcode"] == 48002


def test_what_is_not_simulated_is_404(sim):
    """A path that does not exist here cannot be taken for an answer of WeCom."""
    assert requests.get(f"{sim.url}/cgi-bin/externalcontact/nonsense", timeout=5).status_code == 404
