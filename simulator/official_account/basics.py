"""Tokens, quotas and addresses of an official account.

Source: WeChat Official Account guide, get (stable) access token, clear quota, get callback address.
"""

from typing import Any

from simulator.official_account.book import Account, month_of
from simulator.official_account.calls import OK, Call, Endpoint
from simulator.official_account.errors import RefusedError


def token(call: Call) -> dict[str, Any]:
    if call.query.get("grant_type") != "client_credential":
        raise RefusedError(40002)
    _proven(call.account, call.query.get("secret", ""))
    value, ttl = call.account.tokens.new_classic(now=call.now, overlap_s=call.settings.classic_overlap_s)
    return {"access_token": value, "expires_in": ttl}


def stable_token(call: Call) -> dict[str, Any]:
    body = call.json()
    if body.get("grant_type") != "client_credential":
        raise RefusedError(40002)
    _proven(call.account, str(body.get("secret", "")))
    force = body.get("force_refresh") is True
    value, ttl = call.account.tokens.get_stable(now=call.now, force=force, day=call.day)
    return {"access_token": value, "expires_in": ttl}


def _proven(account: Account, secret: str) -> None:
    if not secret:
        raise RefusedError(41004)
    if secret != account.secret:
        raise RefusedError(40001)


def clear_quota(call: Call) -> dict[str, Any]:
    if call.json().get("appid") != call.account.appid:
        raise RefusedError(40013)
    call.account.quotas.clear(month=month_of(call.now))
    return OK


def quota_get(call: Call) -> dict[str, Any]:
    path = str(call.json().get("cgi_path", "")).removeprefix("/").removeprefix("cgi-bin/")
    return {**OK, "quota": call.account.quotas.left(path, day=call.day)}


def callback_ips(call: Call) -> dict[str, Any]:  # noqa: ARG001 - every endpoint has this shape
    return {"ip_list": ["127.0.0.1"]}


# These two find their account by appid and secret, all others by the token.
SIGN_IN = {
    "cgi-bin/token": Endpoint("GET", token, quota="token"),
    "cgi-bin/stable_token": Endpoint("POST", stable_token, quota="stable_token"),
}
ENDPOINTS = {
    "cgi-bin/clear_quota": Endpoint("POST", clear_quota),
    "cgi-bin/openapi/quota/get": Endpoint("POST", quota_get),
    "cgi-bin/getcallbackip": Endpoint("GET", callback_ips),
}
