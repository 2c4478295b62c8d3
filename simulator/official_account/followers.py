"""Followers: the list, what may be known of one, remark, blacklist.

Source: WeChat Official Account guide, followers, user info, blacklist.
"""

from itertools import islice
from typing import Any

from simulator.official_account.book import Account, Follower
from simulator.official_account.calls import OK, Call, Endpoint
from simulator.official_account.errors import RefusedError

PAGE = 10_000
BATCH = 100
BLACKLIST_BATCH = 20
REMARK_CHARACTERS = 30


def page_of(openids: list[str], *, after: str) -> dict[str, Any]:
    """One page beyond an openid: the last full page still has next_openid, the empty page after it no `data`."""
    try:
        start = openids.index(after) + 1 if after else 0
    except ValueError:
        raise RefusedError(40003) from None
    found = openids[start : start + PAGE]
    if not found:
        return {"count": 0, "next_openid": ""}
    return {"count": len(found), "data": {"openid": found}, "next_openid": found[-1]}


def user_get(call: Call) -> dict[str, Any]:
    account, after = call.account, call.query.get("next_openid", "")
    start = 0
    if after:
        start = call.known(after).position + 1
        if not start:
            raise RefusedError(40003)
    found = list(islice(account.present(start), PAGE))
    return {"total": account.subscribed, **page_of(found, after="")}


def view(account: Account, follower: Follower, *, empty_keys: bool) -> dict[str, Any]:
    """What may be known: no nickname and no picture, and for somebody who left almost nothing."""
    unionid = {"unionid": follower.unionid} if account.open_platform and follower.unionid else {}
    if not follower.subscribed:
        return {"subscribe": 0, "openid": follower.openid, **unionid}
    gone = {"nickname": "", "sex": 0, "city": "", "province": "", "country": "", "headimgurl": ""}
    return {
        "subscribe": 1,
        "openid": follower.openid,
        **(gone if empty_keys else {}),
        "language": "zh_CN",
        "subscribe_time": follower.subscribe_time,
        **unionid,
        "remark": follower.remark,
        "groupid": follower.tags[0] if follower.tags else 0,
        "tagid_list": follower.tags,
        "subscribe_scene": follower.scene,
        "qr_scene": follower.qr_scene,
        "qr_scene_str": follower.qr_scene_str,
    }


def user_info(call: Call) -> dict[str, Any]:
    follower = call.known(call.query.get("openid"))
    return view(call.account, follower, empty_keys=call.settings.empty_profile_keys)


def batchget(call: Call) -> dict[str, Any]:
    """That one bad openid fails the whole call, and 40032 for too many, is not published."""
    asked = call.json().get("user_list")
    if not isinstance(asked, list) or not all(isinstance(item, dict) for item in asked):
        raise RefusedError(40031)
    if not 1 <= len(asked) <= BATCH:
        raise RefusedError(40032)
    found = [call.known(item.get("openid")) for item in asked]
    empty_keys = call.settings.empty_profile_keys
    return {"user_info_list": [view(call.account, item, empty_keys=empty_keys) for item in found]}


def updateremark(call: Call) -> dict[str, Any]:
    """The code for a remark that is too long is not published."""
    body = call.json()
    follower, remark = call.known(body.get("openid")), str(body.get("remark", ""))
    if not follower.subscribed:
        raise RefusedError(43004)
    if len(remark) >= REMARK_CHARACTERS:
        raise RefusedError(45002)
    follower.remark = remark
    return OK


def getblacklist(call: Call) -> dict[str, Any]:
    black = [item.openid for item in call.account.followers.values() if item.blacklisted]
    return {"total": len(black), **page_of(black, after=str(call.json().get("begin_openid") or ""))}


def _blacklisting(value: bool) -> Any:
    def run(call: Call) -> dict[str, Any]:
        found = [call.known(item) for item in call.openids(call.json(), most=BLACKLIST_BATCH)]
        for follower in found:
            follower.blacklisted = value
        return OK

    return run


ENDPOINTS = {
    "cgi-bin/user/get": Endpoint("GET", user_get, quota="user/get"),
    "cgi-bin/user/info": Endpoint("GET", user_info, quota="user/info"),
    "cgi-bin/user/info/batchget": Endpoint("POST", batchget, quota="user/info"),
    "cgi-bin/user/info/updateremark": Endpoint("POST", updateremark, quota="user/info/updateremark"),
    "cgi-bin/tags/members/getblacklist": Endpoint("POST", getblacklist),
    "cgi-bin/tags/members/batchblacklist": Endpoint("POST", _blacklisting(True)),
    "cgi-bin/tags/members/batchunblacklist": Endpoint("POST", _blacklisting(False)),
}
