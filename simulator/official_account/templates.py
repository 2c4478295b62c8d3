"""Template messages and subscription notices: accepted at once, the result is told by an event.

Source: WeChat Official Account guide, template messages.
"""

import re
import secrets
from typing import Any

from simulator.official_account.book import Account, Follower, Sent, Template
from simulator.official_account.calls import OK, Call, Endpoint
from simulator.official_account.errors import RefusedError
from simulator.official_account.events import event, tell
from simulator.official_account.settings import OfficialSettings
from simulator.official_account.tokens import day_of
from simulator.world import World

MOST_TEMPLATES = 25
PLACEHOLDER = re.compile(r"\{\{(\w+)\.DATA\}\}")
THING_CHARACTERS = 20


def send(call: Call) -> dict[str, Any]:
    body = call.json()
    account, follower = call.account, call.known(body.get("touser"))
    template = _template(account, body.get("template_id"))
    if not follower.subscribed:
        raise RefusedError(43004)
    _check_values(call, template, body.get("data"))
    key = str(body.get("client_msg_id") or "")
    earlier = account.client_msg_ids.get(key)
    if key and earlier and call.now - earlier[0] < call.settings.client_msg_id_s:
        return {**OK, "msgid": earlier[1]}
    msgid = 3_480_000_000_000_000_000 + call.world.next_sequence()
    if key:
        account.client_msg_ids[key] = (call.now, msgid)
    sent = Sent(follower.openid, "template", "template", body, int(call.now), msgid, status="pending")
    account.sent.append(sent)
    world = call.world
    world.later(call.now + call.settings.template_report_after_s, lambda at: _report(world, account, sent, at))
    return {**OK, "msgid": msgid}


def _report(world: World, account: Account, sent: Sent, at: int) -> None:
    status = _outcome(account.followers[sent.openid], at=at, most=world.settings(OfficialSettings))
    sent.status = "" if status == "success" else status
    fields = event("TEMPLATESENDJOBFINISH", ("MsgID", sent.msgid), ("Status", status))
    tell(world, account, sent.openid, fields, at=at, answered=False)


def _outcome(follower: Follower, *, at: int, most: OfficialSettings) -> str:
    """The spelling of `failed: system failed`, with its blank, is as it was seen."""
    if follower.template_status:
        status, follower.template_status = follower.template_status, ""
        return status
    if follower.refuses or follower.blacklisted or not follower.subscribed:
        return "failed:user block"
    day = day_of(at)
    count = follower.templates_in[1] if follower.templates_in[0] == day else 0
    if most.template_per_user_per_day and count >= most.template_per_user_per_day:
        return "failed:freq limit"
    follower.templates_in = (day, count + 1)
    return "success"


def _template(account: Account, template_id: Any) -> Template:
    found = account.templates.get(template_id) if isinstance(template_id, str) else None
    if found is None:
        raise RefusedError(40037)
    return found


def _check_values(call: Call, template: Template, told: Any) -> None:
    """Each placeholder needs its value; 47003 for what does not fit is reported, not published."""
    if not isinstance(told, dict):
        raise RefusedError(47001)
    if not call.settings.check_template_values:
        return
    for key in PLACEHOLDER.findall(template.content):
        value = told.get(key)
        text = value.get("value") if isinstance(value, dict) else None
        if text is None or text == "":
            raise RefusedError(47003, detail=f"data.{key}.value is empty")
        if key.startswith("thing") and len(str(text)) > THING_CHARACTERS:
            raise RefusedError(47003, detail=f"data.{key}.value invalid")


def add(call: Call) -> dict[str, Any]:
    """The code for a 26th template is not published."""
    short = call.json().get("template_id_short")
    if not isinstance(short, str) or not short:
        raise RefusedError(40036)
    if len(call.account.templates) >= MOST_TEMPLATES:
        raise RefusedError(45026)
    template = Template(secrets.token_urlsafe(32), title=short, content="{{thing1.DATA}}\n{{time2.DATA}}")
    call.account.templates[template.template_id] = template
    return {**OK, "template_id": template.template_id}


def everything(call: Call) -> dict[str, Any]:
    rows = call.account.templates.values()
    return {
        "template_list": [
            {
                "template_id": item.template_id,
                "title": item.title,
                "primary_industry": "",
                "deputy_industry": "",
                "content": item.content,
                "example": "",
            }
            for item in rows
        ]
    }


def delete(call: Call) -> dict[str, Any]:
    del call.account.templates[_template(call.account, call.json().get("template_id")).template_id]
    return OK


def bizsend(call: Call) -> dict[str, Any]:
    """A subscription notice: each needs a consent that the follower gave before."""
    body = call.json()
    follower = call.known(body.get("touser"))
    template = _template(call.account, body.get("template_id"))
    _check_values(call, template, body.get("data"))
    if follower.refuses or follower.consents.get(template.template_id, 0) < 1:
        raise RefusedError(43101)
    follower.consents[template.template_id] -= 1
    call.account.sent.append(Sent(follower.openid, "notice", "subscribe", body, int(call.now)))
    return OK


ENDPOINTS = {
    "cgi-bin/message/template/send": Endpoint("POST", send, quota="message/template/send", service_only=True),
    "cgi-bin/template/api_add_template": Endpoint("POST", add, service_only=True),
    "cgi-bin/template/get_all_private_template": Endpoint("GET", everything, service_only=True),
    "cgi-bin/template/del_private_template": Endpoint("POST", delete, service_only=True),
    "cgi-bin/message/subscribe/bizsend": Endpoint("POST", bizsend),
}
