"""message/send: who gets the message, what is dropped or suppressed, and the record of it.

Source: WeCom server API, application messages (page 90236), frequency limits (page 90454).
"""

import hashlib
import secrets
from collections import deque
from typing import Any

import orjson

from simulator.api.calls import Call, Endpoint
from simulator.errors import ApiError
from simulator.messages.rules import displayed
from simulator.records import Delivery, Member

MEMBER_PER_MINUTE, MEMBER_PER_HOUR = 30, 1000
DUPLICATE_INTERVAL_S, MOST_DUPLICATE_INTERVAL_S = 1800, 4 * 3600
MOST_BODY_BYTES = 1_000_000


def _names(body: dict[str, Any], key: str, *, most: int, code: int) -> list[str]:
    text = body.get(key) or ""
    if not isinstance(text, str):
        raise ApiError(40058, detail=key)
    found = list(dict.fromkeys(item.strip() for item in text.split("|") if item.strip()))
    if len(found) > most:
        raise ApiError(code)
    return found


class Recipients:
    """Whom the message reaches, and the names that were not good."""

    def __init__(self, call: Call, body: dict[str, Any]) -> None:
        self.found: dict[str, Member] = {}
        self.bad_users: list[str] = []
        self.bad_parties: list[str] = []
        self.bad_tags: list[str] = []
        users = _names(body, "touser", most=1000, code=40032)
        parties = _names(body, "toparty", most=100, code=82002)
        tags = _names(body, "totag", most=100, code=82003)
        if not (users or parties or tags):
            raise ApiError(81012)
        in_scope = {key: item for key, item in call.corp.members.items() if not item.resigned and call.sees(item)}
        if users == ["@all"]:
            self.found = in_scope
            return
        for user in users:
            self._take_user(user, in_scope)
        for party in parties:
            self._take_party(party, call, in_scope)
        self.bad_tags = tags  # there are no member tags here

    def _take_user(self, user: str, in_scope: dict[str, Member]) -> None:
        member = in_scope.get(user.lower())
        if member is None:
            self.bad_users.append(user.lower())
        else:
            self.found[user.lower()] = member

    def _take_party(self, party: str, call: Call, in_scope: dict[str, Member]) -> None:
        if not party.isdecimal() or int(party) not in call.corp.departments:
            self.bad_parties.append(party)
            return
        inside = {item.department_id for item in call.corp.descendants(int(party))}
        self.found |= {key: item for key, item in in_scope.items() if inside & set(item.departments)}

    def report(self) -> dict[str, str]:
        return {
            "invaliduser": "|".join(self.bad_users),
            "invalidparty": "|".join(self.bad_parties),
            "invalidtag": "|".join(self.bad_tags),
        }


def _check_agent(call: Call, body: dict[str, Any]) -> None:
    if "agentid" not in body:
        raise ApiError(41011)
    if str(body["agentid"]) == str(call.app.agent_id):
        return
    others = {str(app.agent_id) for app in call.corp.apps.values()}
    raise ApiError(301002 if str(body["agentid"]) in others else 40056)


def _is_repeat(call: Call, body: dict[str, Any], *, now: float) -> bool:
    """True when the same request JSON was delivered within its interval; otherwise it is remembered."""
    if body.get("enable_duplicate_check") != 1:
        return False
    interval = body.get("duplicate_check_interval") or DUPLICATE_INTERVAL_S
    if not isinstance(interval, int):
        raise ApiError(40058, detail="duplicate_check_interval")
    digest = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).digest()
    key = (call.app.agent_id, digest)
    before = call.corp.sent_bodies.get(key)
    if before is not None and now - before < min(interval, MOST_DUPLICATE_INTERVAL_S):
        return True
    call.corp.sent_bodies[key] = now
    return False


def _overflows(call: Call, member: Member, *, now: float) -> bool:
    """Count one delivery to a member; True when it is beyond 30 a minute or 1000 an hour."""
    times = call.corp.flood.setdefault((call.app.agent_id, member.userid), deque())
    while times and times[0] <= now - 3600:
        times.popleft()
    if len(times) >= MEMBER_PER_HOUR:
        return True
    if len(times) >= MEMBER_PER_MINUTE and times[-MEMBER_PER_MINUTE] > now - 60:
        return True
    times.append(now)
    return False


def send(call: Call) -> dict[str, Any]:
    if len(call.body) > MOST_BODY_BYTES:
        raise ApiError(40206)
    body = call.json()
    _check_agent(call, body)
    shown = displayed(body)
    recipients = Recipients(call, body)
    if not recipients.found:
        raise ApiError(81013, more=recipients.report())
    now = call.world.now()
    repeat = _is_repeat(call, body, now=now)
    msgid = secrets.token_urlsafe(48)
    for member in recipients.found.values():
        delivery = Delivery(
            msgid=msgid,
            sequence=call.world.next_sequence(),
            agent_id=call.app.agent_id,
            userid=member.userid,
            msgtype=body["msgtype"],
            payload=body[body["msgtype"]],
            displayed=shown,
            at=int(now),
            dropped=not repeat and _overflows(call, member, now=now),
            duplicate=repeat,
        )
        call.corp.deliveries.append(delivery)
        call.corp.inboxes.setdefault(member.userid, []).append(delivery)
    return {**recipients.report(), "msgid": msgid}


ENDPOINTS = {"message/send": Endpoint("POST", send)}
