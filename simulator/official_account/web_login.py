"""Web login: the only way to a nickname, with the user's consent. These calls find their account by themselves.

Source: WeChat Official Account guide, web authorisation.
"""

import secrets
from typing import Any

from simulator.official_account.book import Account, Follower
from simulator.official_account.calls import Call, Endpoint
from simulator.official_account.errors import RefusedError

TTL_S = 7200


def new_code(account: Account, follower: Follower, *, scope: str, now: float, life_s: int) -> str:
    code = secrets.token_urlsafe(24)
    account.codes[code] = {"openid": follower.openid, "scope": scope, "until": now + life_s, "used": False}
    return code


def access_token(call: Call) -> dict[str, Any]:
    """A code is used once; 40029 unknown, 40163 used, 42003 expired."""
    account, query = call.account, call.query
    if query.get("secret") != account.secret:
        raise RefusedError(40001)
    if query.get("grant_type") != "authorization_code":
        raise RefusedError(40002)
    if not query.get("code"):
        raise RefusedError(41008)
    code = account.codes.get(query["code"])
    if code is None:
        raise RefusedError(40029)
    if code["used"]:
        raise RefusedError(40163)
    if code["until"] <= call.now:
        raise RefusedError(42003)
    code["used"] = True
    token = secrets.token_urlsafe(64)
    account.web_tokens[token] = {**code, "until": call.now + TTL_S}
    follower = account.followers[code["openid"]]
    return {
        "access_token": token,
        "expires_in": TTL_S,
        "refresh_token": secrets.token_urlsafe(64),
        "openid": follower.openid,
        "scope": code["scope"],
        **_unionid(account, follower),
    }


def userinfo(call: Call) -> dict[str, Any]:
    account = call.account
    grant = account.web_tokens[call.query["access_token"]]
    if grant["until"] <= call.now:
        raise RefusedError(42001)
    if grant["scope"] != "snsapi_userinfo":
        raise RefusedError(48001)
    if grant["openid"] != call.query.get("openid"):
        raise RefusedError(40003)
    follower = account.followers[grant["openid"]]
    gone = {"sex": 0, "province": "", "city": "", "country": "", "privilege": []}
    picture = f"https://thirdwx.qlogo.example/mmopen/{follower.openid[-8:]}/132"
    told = {"openid": follower.openid, "nickname": follower.nickname, "headimgurl": picture}
    return {**told, **gone, **_unionid(account, follower)}


def _unionid(account: Account, follower: Follower) -> dict[str, Any]:
    return {"unionid": follower.unionid} if account.open_platform and follower.unionid else {}


BY_APPID = {"sns/oauth2/access_token": Endpoint("GET", access_token)}
BY_WEB_TOKEN = {"sns/userinfo": Endpoint("GET", userinfo)}
