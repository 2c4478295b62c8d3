"""Who is behind a login code, what that member grants, and the tickets that pages are signed with.

Source: WeCom server API, login (pages 96442 and 96443), JS-SDK (page 96909).
"""

from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.customers.reading import readable
from simulator.errors import ApiError
from simulator.login.acts import PRIVATE
from simulator.login.book import CODE_LIFE_S, USER_TICKET_LIFE_S, Code, Console, LoginBook, UserTicket
from simulator.login.settings import LoginSettings

UNKNOWN_GENDER = "0"


def _redeem(call: Call) -> Code:
    """The visit behind the code, which is used up; ApiError 41008 missing, 40029 unknown, used, expired or not ours."""
    told, numbers = call.query.get("code", ""), call.settings(LoginSettings)
    if not told:
        raise ApiError(41008)
    code = call.book(LoginBook).codes.get(told)
    if code is None or (numbers.code_bound_to_app and code.agent_id not in (0, call.app.agent_id)):
        raise ApiError(40029)
    if code.used:
        raise ApiError(numbers.used_code)
    if call.world.now() >= code.at + CODE_LIFE_S:
        raise ApiError(numbers.expired_code)
    code.used = True
    return code


def _is_customer(call: Call, external_userid: str) -> bool:
    """Of a member in the app's visible range."""
    customer = call.corp.customers.get(external_userid)
    members = ((pair, call.corp.members[pair.userid.lower()]) for pair in (customer.pairs if customer else ()))
    return any(readable(call, pair) and member.serves_customers and call.sees(member) for pair, member in members)


def _user_ticket(call: Call, code: Code) -> dict[str, Any]:
    """Only after privateinfo, and for a member in the visible range."""
    member = call.corp.member(code.userid)
    if code.scope != PRIVATE or member is None or not call.sees(member):
        return {}
    ticket = UserTicket(call.world.now(), call.app.secret, member.userid, code.agreed)
    return {"user_ticket": call.book(LoginBook).put_user_ticket(ticket)}


def get_user_info(call: Call) -> dict[str, Any]:
    """A member, in the visible range or not; anybody else has an openid."""
    code = _redeem(call)
    if code.userid:
        return {"userid": code.userid, **_user_ticket(call, code)}
    known = code.external_userid and _is_customer(call, code.external_userid)
    return {"openid": code.openid, **({"external_userid": code.external_userid} if known else {})}


def old_get_user_info(call: Call) -> dict[str, Any]:
    """The former address: capitalised keys."""
    code = _redeem(call)
    if code.userid:
        return {"UserId": code.userid, "DeviceId": code.device}
    return {"OpenId": code.openid, "DeviceId": code.device}


def get_user_detail(call: Call) -> dict[str, Any]:
    """What the administrator selected and the member granted; gender and avatar are there always, unknown if not."""
    told = call.json().get("user_ticket")
    if not told:
        raise ApiError(40063, detail="user_ticket")
    ticket = call.book(LoginBook).user_tickets.get(str(told))
    member = call.corp.member(ticket.userid) if ticket else None
    if ticket is None or ticket.secret != call.app.secret or member is None or member.resigned:
        raise ApiError(84015)
    if call.world.now() >= ticket.at + USER_TICKET_LIFE_S:
        raise ApiError(84014)
    selected = call.book(LoginBook).consoles.get(call.app.agent_id, Console()).fields
    shown = {key: member.details[key] for key in sorted(selected & ticket.agreed & member.details.keys())}
    unknown = {"gender": UNKNOWN_GENDER, "avatar": call.settings(LoginSettings).default_avatar}
    return {"userid": member.userid, **unknown, **shown}


def _page_ticket(call: Call, kind: str, *, secret: str) -> dict[str, Any]:
    """Each kind is counted by itself."""
    now, numbers = call.world.now(), call.settings(LoginSettings)
    call.take(f"{kind} tickets by app", limit=numbers.tickets_per_app_hour, window="hour", per_app=True)
    call.take(f"{kind} tickets by corp", limit=numbers.tickets_per_corp_hour, window="hour")
    found = call.book(LoginBook).page_ticket(secret, now=now)
    return {"ticket": found.ticket, "expires_in": round(found.expires_at - now)}


def corp_ticket(call: Call) -> dict[str, Any]:
    """For wx.config: one for the corp."""
    return _page_ticket(call, "corp", secret="")


def app_ticket(call: Call) -> dict[str, Any]:
    """For wx.agentConfig: one for each app."""
    if call.query.get("type") != "agent_config":
        raise ApiError(40005)
    return _page_ticket(call, "app", secret=call.app.secret)


ENDPOINTS = {
    "auth/getuserinfo": Endpoint("GET", get_user_info, free_if_accepted=True),
    "user/getuserinfo": Endpoint("GET", old_get_user_info),
    "auth/getuserdetail": Endpoint("POST", get_user_detail),
    "get_jsapi_ticket": Endpoint("GET", corp_ticket),
    "ticket/get": Endpoint("GET", app_ticket),
}
