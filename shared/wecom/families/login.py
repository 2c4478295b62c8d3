"""Members sign in with WeCom: the addresses they are sent to, and who they turn out to be."""

import re
from urllib.parse import quote, urlencode

from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import needed
from shared.wecom.payloads.login import MemberDetail, SignedIn

# A code is used up by the call that brought no answer, too.
USER = Api("auth/getuserinfo", Repeat.ONCE)
DETAIL = Api("auth/getuserdetail")
# Source: WeCom server API, pages 96441 and 98171.
IN_APP = "https://open.weixin.qq.com/connect/oauth2/authorize"
ON_WEB = "https://login.work.weixin.qq.com/wwlogin/sso/login"
BASE, PRIVATE = "snsapi_base", "snsapi_privateinfo"
_STATE = re.compile(r"[a-zA-Z0-9]{0,128}")


class Login:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def user(self, code: str) -> SignedIn:
        """Who came back with this code; it is good once, for 5 minutes (40029, 42003, 42022: start again).

        Source: WeCom server API, auth/getuserinfo.
        """
        limits.each(USER, code=code)
        return needed(USER, SignedIn, self._calls.get(USER, {"code": code}))

    def detail(self, user_ticket: str) -> MemberDetail:
        """The private fields that the member agreed to give (84014, 84015: ask again).

        Source: WeCom server API, auth/getuserdetail.
        """
        limits.each(DETAIL, user_ticket=user_ticket)
        return needed(DETAIL, MemberDetail, self._calls.post(DETAIL, {"user_ticket": user_ticket}))


def in_app_address(
    corp_id: str,
    redirect_uri: str,
    *,
    state: str = "",
    scope: str = BASE,
    agentid: int | None = None,
    base: str = IN_APP,
) -> str:
    """Where a page opened inside WeCom sends the browser. The host of `redirect_uri` must be the app's trusted domain.

    Raises:
        ValueError: `state` is not up to 128 letters and digits, or private fields are asked without `agentid`.

    Source: WeCom server API, page 96441.
    """
    if scope == PRIVATE and agentid is None:
        raise ValueError("snsapi_privateinfo without agentid would give the userid only")
    query: dict[str, str | int] = {
        "appid": corp_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": scope,
        "state": _checked_state(state),
    }
    if agentid is not None:
        query["agentid"] = agentid
    return f"{base}?{_encoded(query)}#wechat_redirect"


def web_address(
    corp_id: str, redirect_uri: str, *, agentid: int, state: str = "", lang: str | None = None, base: str = ON_WEB
) -> str:
    """Where any browser is sent: a code to scan. lang: zh or en. Who refuses comes back without a code.

    Source: WeCom server API, page 98171.
    """
    query: dict[str, str | int] = {
        "login_type": "CorpApp",
        "appid": corp_id,
        "agentid": agentid,
        "redirect_uri": redirect_uri,
        "state": _checked_state(state),
    }
    if lang is not None:
        query["lang"] = lang
    return f"{base}?{_encoded(query)}"


def _encoded(query: dict[str, str | int]) -> str:
    return urlencode(query, quote_via=quote, safe="")


def _checked_state(state: str) -> str:
    if not _STATE.fullmatch(state):
        raise ValueError("state must be up to 128 letters and digits")
    return state
