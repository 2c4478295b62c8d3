"""send_welcome_msg: once, within 20 seconds, before the two talk.

Source: WeCom server API, welcome messages (page 92137).
"""

from collections.abc import Hashable
from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.api.fields import text
from simulator.broadcasts.content import check_content
from simulator.errors import ApiError
from simulator.statistics.book import DayBook
from simulator.welcome.book import WelcomeBook, WelcomeCode
from simulator.welcome.settings import WelcomeSettings

# Another app is sending the welcome message now.
ANOTHER_IS_SENDING = 41096


def send_welcome_msg(call: Call) -> dict[str, Any]:
    asked = call.json()
    code = text(asked, "welcome_code")
    if not code:
        raise ApiError(41049)
    welcome = _usable(call, code)
    welcome.said = check_content(call, asked)
    welcome.agent_id, welcome.said_at = call.app.agent_id, int(call.world.now())
    return {}


def _usable(call: Call, code: str) -> WelcomeCode:
    """ApiError 41050 unknown, expired or out of scope, 41051 when the two have talked; a used code is a setting."""
    limits, welcome = call.settings(WelcomeSettings), call.book(WelcomeBook).codes.get(code)
    if welcome is None:
        raise ApiError(41050)
    if welcome.said:
        raise ApiError(limits.used_code)
    member = call.corp.member(welcome.userid)
    if call.world.now() >= welcome.at + limits.life_s or member is None or not call.sees(member):
        raise ApiError(41050)
    if call.book(DayBook).last_talk.get((welcome.userid, welcome.external_userid), 0) >= welcome.at:
        raise ApiError(41051)
    return welcome


def _code(call: Call) -> Hashable:
    return "welcome", str(call.json().get("welcome_code"))


ENDPOINTS = {
    "externalcontact/send_welcome_msg": Endpoint(
        "POST", send_welcome_msg, {}, True, holds=_code, when_held=ANOTHER_IS_SENDING
    )
}
